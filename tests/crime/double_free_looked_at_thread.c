/* SPDX-License-Identifier: MIT */
/* double_free_looked_at_thread.c - a small object, by its owner and by a thread that lives on */
#include "crime.h"

enum { OTHERS = 12 }; /* a thread's first frees do not go into its cache */

int main(void)
{
	char *others[OTHERS], *p;

	accomplice_start();
	crime_blocks(others, OTHERS);
	p = crime_block(SMALL_SIZE);
	expect_report("free", p);
	for (int i = 0; i < OTHERS; i++)
		crime_free(others[i]);
	crime_free(p);
	accomplice_free(p);
	live_on_without();
}
