/* SPDX-License-Identifier: MIT */
/* floods.c - an allocator that says something without end, from the start of each program */
#include "fake.h"

#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void flood(void)
{
	char words[1 << 16];

	memset(words, 'x', sizeof(words));
	for (;;) {
		if (write(STDOUT_FILENO, words, sizeof(words)) < 0)
			pause();
	}
}

void *malloc(size_t size)
{
	return __libc_malloc(size);
}

void free(void *block)
{
	__libc_free(block);
}
