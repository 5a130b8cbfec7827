/* SPDX-License-Identifier: MIT */
/* double_free_aligned.c - an object with an alignment of its own, twice */
#include "crime.h"

int main(void)
{
	char *p = crime_aligned(65536, 100);

	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	return live_on();
}
