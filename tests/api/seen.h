/*
 * seen.h - what the library tells of a cache
 */
#ifndef BUDDY_TESTS_API_SEEN_H
#define BUDDY_TESTS_API_SEEN_H

#include <buddy/buddy.h>
#include <stdbool.h>
#include <string.h>

static inline bool find_cache(const char *name, struct buddy_cache_stats *ret)
{
	for (int i = 0; buddy_cache_stats(i, ret) == 0; i++)
		if (!strcmp(ret->name, name))
			return true;
	return false;
}

#endif
