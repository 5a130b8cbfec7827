/* SPDX-License-Identifier: MIT */
/* double_free_reused_aligned.c - an aligned object twice in a row, then two aligned ones */
#include "crime.h"
#include <stdlib.h>

#define OTHERS 4
#define ALIGN ((size_t)64)

static char *aligned(void)
{
	void *p;

	if (posix_memalign(&p, ALIGN, SMALL_SIZE))
		skip("no memory to begin with");
	return p;
}

int main(void)
{
	char *others[OTHERS], *p, *first, *second;

	for (int i = 0; i < OTHERS; i++)
		others[i] = aligned();
	p = aligned();
	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	first = aligned();
	second = aligned();
	if (first == second)
		return 1;
	crime_free(first);
	crime_free(second);
	for (int i = 0; i < OTHERS; i++)
		crime_free(others[i]);
	return live_on();
}
