/* SPDX-License-Identifier: MIT */
/* usable_size_foreign.c - the size of a static variable */
#include "crime.h"

static _Alignas(16) char variable[64];

int main(void)
{
	expect_report("malloc_usable_size", variable);
	/* A program that is told 0 writes nothing. */
	if (crime_usable_size(variable))
		return 1;
	return live_on();
}
