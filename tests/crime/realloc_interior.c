/* SPDX-License-Identifier: MIT */
/* realloc_interior.c - realloc of a pointer into a block */
#include "crime.h"

int main(void)
{
	char *p = crime_block(LARGE_SIZE);

	expect_report("realloc", p + 4096);
	crime_free(crime_realloc(p + 4096, 1000));
	if (live_on())
		return 1;
	expect_unharmed(p, LARGE_SIZE);
	crime_free(p);
	return 0;
}
