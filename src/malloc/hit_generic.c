/* SPDX-License-Identifier: MIT */
/*
 * hit_generic.c - malloc and free without a hand-written hit: other machines, and builds for the
 * thread sanitizer, which sees neither restartable sequences nor what a fence orders
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

BUDDY_API void *_Znwm(size_t size);
BUDDY_API void *_Znam(size_t size);

BUDDY_API void *_Znwm(size_t size)
{
	return new_slow(size);
}

BUDDY_API void *_Znam(size_t size)
{
	return new_slow(size);
}

/* All of these are free(): the page map knows size and alignment. */
#define IS_FREE(name) BUDDY_API void name(void *ptr) __attribute__((alias("free"), nothrow, leaf))

IS_FREE(cfree);
IS_FREE(free_sized);
IS_FREE(free_aligned_sized);
IS_FREE(_ZdlPv);
IS_FREE(_ZdaPv);
IS_FREE(_ZdlPvm);
IS_FREE(_ZdaPvm);
IS_FREE(_ZdlPvRKSt9nothrow_t);
IS_FREE(_ZdaPvRKSt9nothrow_t);
IS_FREE(_ZdlPvSt11align_val_t);
IS_FREE(_ZdaPvSt11align_val_t);
IS_FREE(_ZdlPvmSt11align_val_t);
IS_FREE(_ZdaPvmSt11align_val_t);
IS_FREE(_ZdlPvSt11align_val_tRKSt9nothrow_t);
IS_FREE(_ZdaPvSt11align_val_tRKSt9nothrow_t);
