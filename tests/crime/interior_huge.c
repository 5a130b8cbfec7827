/* SPDX-License-Identifier: MIT */
/* interior_huge.c - a pointer into a block of many MiB */
#include "crime.h"

int main(void)
{
	char *p = crime_block(HUGE_SIZE);

	expect_report("free", p + (2 << 20));
	crime_free(p + (2 << 20));
	if (live_on())
		return 1;
	expect_unharmed(p, HUGE_SIZE);
	crime_free(p);
	return 0;
}
