/* SPDX-License-Identifier: MIT */
/* double_free_before_exit.c - the last two things the program does */
#include "crime.h"
#include <stdlib.h>

int main(void)
{
	char *p;

	if (live_on())
		return 1;
	p = crime_block(SMALL_SIZE);
	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	exit(0);
}
