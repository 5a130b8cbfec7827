/* SPDX-License-Identifier: MIT */
/* interior_mapping.c - a pointer into a block that the heap has no place for */
#include "crime.h"

int main(void)
{
	char *p = crime_aligned(HUGE_SIZE, LARGE_SIZE);

	expect_report("free", p + 8192);
	crime_free(p + 8192);
	if (live_on())
		return 1;
	p[8192] = 1;
	crime_free(p);
	return 0;
}
