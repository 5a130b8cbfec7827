/* SPDX-License-Identifier: MIT */
/* foreign_noncanonical.c - an address that no memory can have */
#include "crime.h"
#include <stdint.h>

int main(void)
{
	void *p = (void *)(UINTPTR_MAX - 4095); /* NOLINT: that is the crime */

	expect_report("free", p);
	crime_free(p);
	return live_on();
}
