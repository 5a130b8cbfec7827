/* SPDX-License-Identifier: MIT */
/* double_free_looked_at.c - a small object, not twice in a row: every free is to be looked at */
#include "crime.h"
#include <unistd.h>

int main(void)
{
	char *p = crime_block(SMALL_SIZE), *q = crime_block(SMALL_SIZE);

	expect_report("free", p);
	crime_free(p);
	crime_free(q);
	crime_free(p);
	/* Nothing follows that would come across it. */
	_exit(write(STDOUT_FILENO, "lived on\n", 9) != 9);
}
