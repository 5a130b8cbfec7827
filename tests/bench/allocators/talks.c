/* SPDX-License-Identifier: MIT */
/* talks.c - an allocator under which a program gives out something else than under glibc */
#include "fake.h"

#include <unistd.h>

__attribute__((constructor)) static void talk(void)
{
	static const char words[] = "an allocator speaks\n";

	if (write(STDOUT_FILENO, words, sizeof(words) - 1) < 0)
		_exit(1);
}

void *malloc(size_t size)
{
	return __libc_malloc(size);
}

void free(void *block)
{
	__libc_free(block);
}
