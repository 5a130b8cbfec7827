/* SPDX-License-Identifier: MIT */
/* interior_large_page.c - the page in which a block of pages begins */
#include "crime.h"

#include <stdint.h>

enum { SIZE = 42000, TRIES = 100 };

int main(void)
{
	char *p = NULL, *page;

	/* Some block will begin behind the start of its page; all are kept, so that they differ. */
	for (int i = 0; i < TRIES && !((uintptr_t)p & 4095); i++)
		p = crime_block(SIZE);
	page = (char *)((uintptr_t)p & ~(uintptr_t)4095);
	expect_report("free", page);
	crime_free(page);
	if (page == p || live_on())
		return 1;
	expect_unharmed(p, SIZE);
	crime_free(p);
	return 0;
}
