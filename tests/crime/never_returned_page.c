/* SPDX-License-Identifier: MIT */
/* never_returned_page.c - an address of the heap where no memory is in use */
#include "crime.h"

#define AWAY ((size_t)1 << 30)

int main(void)
{
	char *p = crime_block(SMALL_SIZE);

	expect_report("free", p + AWAY);
	crime_free(p + AWAY);
	if (live_on())
		return 1;
	expect_unharmed(p, SMALL_SIZE);
	crime_free(p);
	return 0;
}
