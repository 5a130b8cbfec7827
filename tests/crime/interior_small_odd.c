/* SPDX-License-Identifier: MIT */
/* interior_small_odd.c - a pointer into a small object, aligned to nothing */
#include "crime.h"

int main(void)
{
	char *p = crime_block(SMALL_SIZE);

	expect_report("free", p + 1);
	crime_free(p + 1);
	if (live_on())
		return 1;
	expect_unharmed(p, SMALL_SIZE);
	crime_free(p);
	return 0;
}
