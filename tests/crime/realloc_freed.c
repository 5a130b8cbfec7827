/* SPDX-License-Identifier: MIT */
/* realloc_freed.c - realloc of a small object that was freed */
#include "crime.h"

int main(void)
{
	char *p = crime_block(SMALL_SIZE), *q;

	/* A freed object in a cache looks alive; then realloc frees it, and that is seen later. */
	expect_report("realloc|free", p);
	crime_free(p);
	q = crime_realloc(p, 1000);
	crime_free(q);
	return live_on();
}
