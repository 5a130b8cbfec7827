/* SPDX-License-Identifier: MIT */
/* crashes.c - an allocator that ends its program by a signal in the middle of its work */
#include "fake.h"

#include <signal.h>

void *malloc(size_t size)
{
	if (fake_call() == FAKE_GOES_WRONG)
		raise(SIGSEGV);
	return __libc_malloc(size);
}

void free(void *block)
{
	__libc_free(block);
}
