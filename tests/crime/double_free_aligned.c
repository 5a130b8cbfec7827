/* SPDX-License-Identifier: MIT */
/* double_free_aligned.c - an object with an alignment of its own, twice */
#include "crime.h"
#include <stdlib.h>

int main(void)
{
	void *(*volatile get)(size_t, size_t) = aligned_alloc;
	char *p = get(65536, 100);

	if (!p)
		skip("no aligned memory to be had");
	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	return live_on();
}
