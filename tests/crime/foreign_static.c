/* SPDX-License-Identifier: MIT */
/* foreign_static.c - a static variable */
#include "crime.h"

static _Alignas(16) char variable[64];

int main(void)
{
	expect_report("free", variable);
	crime_free(variable);
	return live_on();
}
