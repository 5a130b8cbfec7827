/* SPDX-License-Identifier: MIT */
/*
 * libc_names.c - the C library's second names for malloc and its relatives
 *
 * glibc exports them, and wrappers that define malloc themselves call them to reach the real one.
 * Blocks from them are freed with free(), so they have to be ours too.
 */
#include "base/compiler.h"
#include "malloc/internal.h"
#include <malloc.h>
#include <stdlib.h>

BUDDY_API void *__libc_malloc(size_t size);
BUDDY_API void *__libc_calloc(size_t n, size_t size);
BUDDY_API void *__libc_realloc(void *ptr, size_t size);
BUDDY_API void __libc_free(void *ptr);
BUDDY_API void *__libc_memalign(size_t align, size_t size);
BUDDY_API void *__libc_valloc(size_t size);
BUDDY_API void *__libc_pvalloc(size_t size);

BUDDY_API void *__libc_malloc(size_t size)
{
	return own_malloc(size);
}

BUDDY_API void *__libc_calloc(size_t n, size_t size)
{
	return calloc(n, size);
}

/* own_: the program's realloc() may be what calls this. */
BUDDY_API void *__libc_realloc(void *ptr, size_t size)
{
	return own_realloc(ptr, size);
}

BUDDY_API void __libc_free(void *ptr)
{
	own_free(ptr);
}

BUDDY_API void *__libc_memalign(size_t align, size_t size)
{
	return memalign(align, size);
}

BUDDY_API void *__libc_valloc(size_t size)
{
	return valloc(size);
}

BUDDY_API void *__libc_pvalloc(size_t size)
{
	return pvalloc(size);
}
