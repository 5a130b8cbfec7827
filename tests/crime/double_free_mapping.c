/* SPDX-License-Identifier: MIT */
/* double_free_mapping.c - a block that the heap has no place for, twice */
#include "crime.h"

int main(void)
{
	char *p = crime_aligned(HUGE_SIZE, LARGE_SIZE);

	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	return live_on();
}
