/* SPDX-License-Identifier: MIT */
/*
 * hit_generic.c - malloc and free on machines without a hand-written hit
 *
 * Every cursor is disabled there, so these go straight to the slow path, whose sheaves serve.
 */
#include "malloc/internal.h"
#include <stdlib.h>

BUDDY_API void *malloc(size_t size)
{
	return malloc_slow(size);
}

BUDDY_API void free(void *ptr)
{
	free_slow(ptr);
}

void *hit_pop(u8 map_value)
{
	(void)map_value;
	return NULL;
}
