/* SPDX-License-Identifier: MIT */
/* foreign_stack.c - a local variable */
#include "crime.h"

int main(void)
{
	_Alignas(16) char local[64] = "not from malloc";

	expect_report("free", local);
	crime_free(local);
	return live_on();
}
