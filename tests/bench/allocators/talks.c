/* SPDX-License-Identifier: MIT */
/* talks.c - an allocator that speaks where the program does, and of figures that are none */
#include "fake.h"

#include <unistd.h>

__attribute__((constructor)) static void talk(void)
{
	static const char words[] = "an allocator speaks\n"
				    "hit_rate nan\nper_cent inf\nseconds 1e400\n";

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
