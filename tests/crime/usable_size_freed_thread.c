/* SPDX-License-Identifier: MIT */
/* usable_size_freed_thread.c - malloc_usable_size of a small object that another thread freed */
#include "crime.h"

enum { OTHERS = 12 }; /* a thread's first frees do not go into its cache */

int main(void)
{
	char *others[OTHERS], *p;

	accomplice_start();
	crime_blocks(others, OTHERS);
	p = crime_block(SMALL_SIZE);
	expect_report("malloc_usable_size", p);
	for (int i = 0; i < OTHERS; i++)
		accomplice_free(others[i]);
	accomplice_free(p);
	if (crime_usable_size(p))
		return 1;
	return live_on();
}
