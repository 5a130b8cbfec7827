/* SPDX-License-Identifier: MIT */
/* crashes_in_children.c - an allocator that does not survive the end of a forked child */
#include "fake.h"

#include <signal.h>
#include <unistd.h>

static pid_t parent;

__attribute__((constructor)) static void begin(void)
{
	parent = getpid();
}

__attribute__((destructor)) static void end(void)
{
	if (getpid() != parent)
		raise(SIGSEGV);
}

void *malloc(size_t size)
{
	return __libc_malloc(size);
}

void free(void *block)
{
	__libc_free(block);
}
