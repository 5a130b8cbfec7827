/* SPDX-License-Identifier: MIT */
/* leaves.c - an allocator that takes itself out of the environment of what its program starts */
#include "fake.h"

#include <stdlib.h>

__attribute__((constructor)) static void leave(void)
{
	unsetenv("LD_PRELOAD");
}

void *malloc(size_t size)
{
	return __libc_malloc(size);
}

void free(void *block)
{
	__libc_free(block);
}
