/* SPDX-License-Identifier: MIT */
/* realloc_foreign.c - realloc of a static variable */
#include "crime.h"

static _Alignas(16) char variable[64];

int main(void)
{
	expect_report("realloc", variable);
	crime_free(crime_realloc(variable, 1000));
	return live_on();
}
