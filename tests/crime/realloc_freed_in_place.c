/* SPDX-License-Identifier: MIT */
/* realloc_freed_in_place.c - realloc of a small object that was freed, to a size that fits */
#include "crime.h"

int main(void)
{
	char *p = crime_block(SMALL_SIZE), *q = crime_block(SMALL_SIZE);

	/* A thread's first frees go to the slab. */
	for (int i = 0; i < 100; i++)
		crime_free(crime_block(SMALL_SIZE));
	if (crime_realloc(q, SMALL_SIZE - 8) != q)
		return 1;
	crime_free(q);
	expect_report("realloc", p);
	crime_free(p);
	if (crime_realloc(p, SMALL_SIZE - 8))
		return 1;
	return live_on();
}
