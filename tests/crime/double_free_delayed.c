/* SPDX-License-Identifier: MIT */
/* double_free_delayed.c - the same small object twice, with thousands of honest frees between */
#include "crime.h"

#define OTHERS 5000

int main(void)
{
	static char *others[OTHERS];
	char *p;

	crime_blocks(others, OTHERS / 2);
	p = crime_block(SMALL_SIZE);
	crime_blocks(others + OTHERS / 2, OTHERS / 2);
	expect_report("free", p);
	crime_free(p);
	for (int i = 0; i < OTHERS; i++)
		crime_free(others[i]);
	crime_free(p);
	return live_on();
}
