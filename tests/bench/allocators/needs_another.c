/* SPDX-License-Identifier: MIT */
/* needs_another.c - an allocator that works, where the library is found that it needs */
#include "fake.h"

int not_malloc(void); /* of no_malloc.c */

void *malloc(size_t size)
{
	return __libc_malloc(size + (size_t)not_malloc());
}

void free(void *block)
{
	__libc_free(block);
}
