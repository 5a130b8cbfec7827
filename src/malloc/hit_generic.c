/* SPDX-License-Identifier: MIT */
/*
 * hit_generic.c - malloc and free without a hand-written hit: for other machines, and for builds
 * with the thread sanitizer, which sees neither restartable sequences nor what a fence orders
 *
 * Every cursor is disabled here, so these go straight to the slow path, which uses the sheaves
 * under the task's lock.
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

void *hit_take(struct cursor *c)
{
	(void)c;
	return NULL;
}

bool hit_put(struct cursor *c, void *obj)
{
	(void)c;
	(void)obj;
	return false;
}

void *own_malloc(size_t size) __attribute__((alias("malloc"), visibility("hidden"), malloc,
					     alloc_size(1), nothrow, leaf));
void own_free(void *ptr) __attribute__((alias("free"), visibility("hidden"), nothrow, leaf));

/* Weak: a program that is linked with the archive may define its own. */
BUDDY_API void *_Znwm(size_t size) __attribute__((weak));

BUDDY_API void *_Znwm(size_t size)
{
	return new_slow(size);
}

/* All of these are free(): the page map tells all that it needs to know of a block. */
#define IS_FREE(name) BUDDY_API void name(void *ptr) __attribute__((alias("free"), nothrow, leaf))

IS_FREE(cfree);
IS_FREE(free_sized);
IS_FREE(free_aligned_sized);
IS_FREE(_ZdlPv) __attribute__((weak));
IS_FREE(_ZdlPvSt11align_val_t) __attribute__((weak));
