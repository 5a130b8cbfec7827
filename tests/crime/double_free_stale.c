/* SPDX-License-Identifier: MIT */
/* double_free_stale.c - an old pointer frees what has a new owner, who frees it too */
#include "crime.h"

int main(void)
{
	char *held[64], *stale = crime_block(SMALL_SIZE), *owned = NULL;
	int n = 0;

	crime_free(stale);
	/* The next few objects of the class: one of them is likely the same memory. */
	while (n < 64 && !owned) {
		held[n] = crime_block(SMALL_SIZE);
		if (held[n] == stale)
			owned = held[n];
		else
			n++;
	}
	if (!owned)
		skip("the memory was not used again");
	expect_report("free", owned);
	crime_free(stale);
	crime_free(owned);
	while (n)
		crime_free(held[--n]);
	return live_on();
}
