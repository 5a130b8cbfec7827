/* SPDX-License-Identifier: MIT */
/* crashes_at_once.c - an allocator that ends every program, the runner's probe as well */
#include "fake.h"

#include <signal.h>

void *malloc(size_t size)
{
	raise(SIGABRT);
	return __libc_malloc(size);
}
