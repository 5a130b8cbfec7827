/* SPDX-License-Identifier: MIT */
/*
 * double_free_reused_at_once.c - the first object of its size twice in a row, then two of that size
 *
 * The thread has been given as many as it can have at hand, so there is no room for the second.
 */
#include "crime.h"

int main(void)
{
	char *p = crime_block(SMALL_SIZE), *first, *second;

	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	first = crime_block(SMALL_SIZE);
	second = crime_block(SMALL_SIZE);
	if (first == second)
		return 1;
	crime_free(first);
	crime_free(second);
	return live_on();
}
