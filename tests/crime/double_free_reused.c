/* SPDX-License-Identifier: MIT */
/* double_free_reused.c - a small object twice in a row, then two of its size: not the same twice */
#include "crime.h"

#define OTHERS 4

int main(void)
{
	char *others[OTHERS], *p, *first, *second;

	for (int i = 0; i < OTHERS; i++)
		others[i] = crime_block(SMALL_SIZE);
	p = crime_block(SMALL_SIZE);
	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	first = crime_block(SMALL_SIZE);
	second = crime_block(SMALL_SIZE);
	if (first == second)
		return 1;
	crime_free(first);
	crime_free(second);
	for (int i = 0; i < OTHERS; i++)
		crime_free(others[i]);
	return live_on();
}
