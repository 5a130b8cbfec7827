/* SPDX-License-Identifier: MIT */
/* double_free_large.c - a block of pages, twice */
#include "crime.h"

int main(void)
{
	char *p = crime_block(LARGE_SIZE);

	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	return live_on();
}
