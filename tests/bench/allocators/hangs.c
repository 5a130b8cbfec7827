/* SPDX-License-Identifier: MIT */
/* hangs.c - an allocator that never comes back */
#include "fake.h"

#include <unistd.h>

void *malloc(size_t size)
{
	while (fake_call() >= FAKE_GOES_WRONG)
		pause();
	return __libc_malloc(size);
}

void free(void *block)
{
	__libc_free(block);
}
