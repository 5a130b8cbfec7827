/* SPDX-License-Identifier: MIT */
/*
 * contents.c - what stands in a block
 */
#include "contents.h"
#include "cell.h"
#include <string.h>

#define FULL_CHECK ((size_t)8 << 10)
#define FULL_ZERO_CHECK ((size_t)1 << 20)

static size_t next_probe(size_t i, size_t size)
{
	if (size <= FULL_CHECK || i < FULL_CHECK / 2 || i + FULL_CHECK / 2 >= size)
		return i + 1;
	i += size <= ((size_t)8 << 20) ? 1021 : ((size_t)1 << 16) + 13;
	return i < size - FULL_CHECK / 2 ? i : size - FULL_CHECK / 2;
}

/* Vast blocks exist as address space only; their middle would cost a page for each probe. */
static size_t probe_limit(size_t size)
{
	return size <= ((size_t)128 << 20) ? size : FULL_CHECK;
}

static unsigned char pattern(size_t i, unsigned char seed)
{
	return (unsigned char)(i ^ (i >> 8) ^ (i >> 17) ^ seed);
}

void fill(void *block, size_t size, unsigned char seed)
{
	unsigned char *p = block;

	size = probe_limit(size);
	for (size_t i = 0; i < size; i = next_probe(i, size))
		p[i] = pattern(i, seed);
}

bool filled(const void *block, size_t size, size_t upto, unsigned char seed)
{
	const unsigned char *p = block;

	size = probe_limit(size);
	for (size_t i = 0; i < size && i < upto; i = next_probe(i, size))
		if (p[i] != pattern(i, seed))
			return false;
	return true;
}

bool all_zero(const void *block, size_t size)
{
	const unsigned char *p = block;
	const size_t step = size <= FULL_ZERO_CHECK ? 1 : 64;

	size = probe_limit(size);
	for (size_t i = 0; i < size; i += step)
		if (p[i])
			return false;
	return !size || !p[size - 1];
}

void make_dirty(size_t size)
{
	void *p;

	if (size > ((size_t)64 << 20) + 4096)
		return;
	p = fn_malloc(size);
	if (p)
		memset(p, 0xa5, fn_usable_size(p));
	fn_free(p);
}
