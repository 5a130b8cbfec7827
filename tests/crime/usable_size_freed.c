/* SPDX-License-Identifier: MIT */
/* usable_size_freed.c - the size of a small object that was freed and is back in its slab */
#include "crime.h"

int main(void)
{
	char *p = crime_block(SMALL_SIZE);

	if (crime_usable_size(p) < SMALL_SIZE)
		return 1;
	expect_report("malloc_usable_size", p);
	crime_free(p);
	if (crime_usable_size(p))
		return 1;
	return live_on();
}
