/* SPDX-License-Identifier: MIT */
/* interior_large_odd.c - a pointer to the second 16 bytes of a block of pages */
#include "crime.h"

int main(void)
{
	char *p = crime_block(LARGE_SIZE);

	expect_report("free", p + 16);
	crime_free(p + 16);
	if (live_on())
		return 1;
	expect_unharmed(p, LARGE_SIZE);
	crime_free(p);
	return 0;
}
