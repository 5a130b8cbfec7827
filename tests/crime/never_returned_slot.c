/* SPDX-License-Identifier: MIT */
/* never_returned_slot.c - a place for an object that malloc has not handed out yet */
#include "crime.h"
#include <stdint.h>

int main(void)
{
	char *p = crime_block(SMALL_SIZE);
	/* In the same page, and aligned like p. */
	char *neighbour = (char *)((uintptr_t)p ^ 1024);

	expect_report("free", neighbour);
	crime_free(neighbour);
	if (live_on())
		return 1;
	expect_unharmed(p, SMALL_SIZE);
	crime_free(p);
	return 0;
}
