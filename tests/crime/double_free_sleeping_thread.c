/* SPDX-License-Identifier: MIT */
/*
 * double_free_sleeping_thread.c - a small object, twice by a thread that has both in its cache and
 * sleeps when the process ends: nobody else comes across them
 */
#include "crime.h"

enum { OTHERS = 12 }; /* a thread's first frees do not go into its cache */

int main(void)
{
	char *others[OTHERS], *p;

	accomplice_start();
	crime_blocks(others, OTHERS);
	p = crime_block(SMALL_SIZE);
	expect_report("free", p);
	for (int i = 1; i < OTHERS; i++)
		accomplice_free(others[i]);
	accomplice_free(p);
	accomplice_free(others[0]);
	accomplice_free(p);
	return live_on();
}
