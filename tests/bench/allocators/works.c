/* SPDX-License-Identifier: MIT */
/* works.c - an allocator with nothing wrong about it */
#include "fake.h"

void *malloc(size_t size)
{
	return __libc_malloc(size);
}

void free(void *block)
{
	__libc_free(block);
}
