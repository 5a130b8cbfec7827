/* SPDX-License-Identifier: MIT */
/* interior_mapping.c - a pointer into a block that the heap has no place for */
#include "crime.h"
#include <stdlib.h>

int main(void)
{
	void *(*volatile get)(size_t, size_t) = aligned_alloc;
	char *p = get(HUGE_SIZE, LARGE_SIZE);

	if (!p)
		skip("no aligned memory to be had");
	expect_report("free", p + 8192);
	crime_free(p + 8192);
	if (live_on())
		return 1;
	p[8192] = 1;
	crime_free(p);
	return 0;
}
