/* SPDX-License-Identifier: MIT */
/* double_free_looked_at.c - a small object, not twice in a row, with slab_debug=F */
#include "crime.h"

int main(void)
{
	char *p = crime_block(SMALL_SIZE), *q = crime_block(SMALL_SIZE);

	expect_report("free", p);
	crime_free(p);
	crime_free(q);
	crime_free(p);
	live_on_without();
}
