/* SPDX-License-Identifier: MIT */
/* usable_size_freed_large.c - the size of a block of pages that was freed */
#include "crime.h"

int main(void)
{
	char *p = crime_block(LARGE_SIZE);

	expect_report("malloc_usable_size", p);
	crime_free(p);
	if (crime_usable_size(p))
		return 1;
	return live_on();
}
