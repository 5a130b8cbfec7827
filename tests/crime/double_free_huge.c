/* SPDX-License-Identifier: MIT */
/* double_free_huge.c - a block of many MiB, twice */
#include "crime.h"

int main(void)
{
	char *p = crime_block(HUGE_SIZE);

	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	return live_on();
}
