/* SPDX-License-Identifier: MIT */
/* double_free_looked_at_far.c - a small object, with more frees between than a thread keeps */
#include "crime.h"

enum { OTHERS = 5000 };

int main(void)
{
	static char *others[OTHERS];
	char *p = crime_block(SMALL_SIZE);

	crime_blocks(others, OTHERS);
	expect_report("free", p);
	crime_free(p);
	for (int i = 0; i < OTHERS; i++)
		crime_free(others[i]);
	crime_free(p);
	live_on_without();
}
