/* SPDX-License-Identifier: MIT */
/* double_free_mapping.c - a block that the heap has no place for, twice */
#include "crime.h"
#include <stdlib.h>

int main(void)
{
	void *(*volatile get)(size_t, size_t) = aligned_alloc;
	char *p = get(HUGE_SIZE, LARGE_SIZE);

	if (!p)
		skip("no aligned memory to be had");
	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	return live_on();
}
