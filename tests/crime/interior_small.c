/* SPDX-License-Identifier: MIT */
/* interior_small.c - a pointer into a small object, aligned as objects are */
#include "crime.h"

int main(void)
{
	char *p = crime_block(SMALL_SIZE);

	expect_report("free", p + 16);
	crime_free(p + 16);
	if (live_on())
		return 1;
	expect_unharmed(p, SMALL_SIZE);
	crime_free(p);
	return 0;
}
