/* SPDX-License-Identifier: MIT */
/* foreign_number.c - a small number that was taken for a pointer */
#include "crime.h"

int main(void)
{
	void *p = (void *)0x1230; /* NOLINT: that is the crime */

	expect_report("free", p);
	crime_free(p);
	return live_on();
}
