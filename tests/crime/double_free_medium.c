/* SPDX-License-Identifier: MIT */
/* double_free_medium.c - a block of some pages, twice */
#include "crime.h"

int main(void)
{
	char *p = crime_block(100000);

	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	return live_on();
}
