/*
 * bytes.h - what is in a block
 */
#ifndef BUDDY_TESTS_API_BYTES_H
#define BUDDY_TESTS_API_BYTES_H

#include <stdbool.h>
#include <stddef.h>

static inline bool all_bytes(const void *mem, size_t size, unsigned char value)
{
	const unsigned char *p = mem;

	for (size_t i = 0; i < size; i++)
		if (p[i] != value)
			return false;
	return true;
}

#endif
