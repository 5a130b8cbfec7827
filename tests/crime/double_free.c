/* SPDX-License-Identifier: MIT */
/* double_free.c - the same small object, twice in a row */
#include "crime.h"

int main(void)
{
	char *p = crime_block(SMALL_SIZE);

	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	return live_on();
}
