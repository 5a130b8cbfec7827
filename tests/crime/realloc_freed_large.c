/* SPDX-License-Identifier: MIT */
/* realloc_freed_large.c - realloc of a block of pages that was freed */
#include "crime.h"

int main(void)
{
	char *p = crime_block(LARGE_SIZE);

	expect_report("realloc", p);
	crime_free(p);
	crime_free(crime_realloc(p, 2 * LARGE_SIZE));
	return live_on();
}
