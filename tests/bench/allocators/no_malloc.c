/* SPDX-License-Identifier: MIT */
/* no_malloc.c - a library that loads, and is no allocator */
int not_malloc(void);

int not_malloc(void)
{
	return 0;
}
