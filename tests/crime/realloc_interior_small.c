/* SPDX-License-Identifier: MIT */
/* realloc_interior_small.c - realloc of a pointer into a small object */
#include "crime.h"

int main(void)
{
	char *p = crime_block(SMALL_SIZE);

	expect_report("realloc", p + 16);
	crime_free(crime_realloc(p + 16, 1000));
	if (live_on())
		return 1;
	expect_unharmed(p, SMALL_SIZE);
	crime_free(p);
	return 0;
}
