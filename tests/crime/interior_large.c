/* SPDX-License-Identifier: MIT */
/* interior_large.c - a pointer to a later page of a block of pages */
#include "crime.h"

int main(void)
{
	char *p = crime_block(LARGE_SIZE);

	expect_report("free", p + 8192);
	crime_free(p + 8192);
	if (live_on())
		return 1;
	expect_unharmed(p, LARGE_SIZE);
	crime_free(p);
	return 0;
}
