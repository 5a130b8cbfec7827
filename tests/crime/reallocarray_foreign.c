/* SPDX-License-Identifier: MIT */
/* reallocarray_foreign.c - reallocarray of a static variable */
#include "crime.h"

static _Alignas(16) char variable[64];

int main(void)
{
	expect_report("reallocarray|realloc", variable);
	crime_free(crime_reallocarray(variable, 10, 100));
	return live_on();
}
