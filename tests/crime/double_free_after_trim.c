/* SPDX-License-Identifier: MIT */
/* double_free_after_trim.c - the second time after malloc_trim gave the memory back */
#include "crime.h"
#include <malloc.h>

#define OTHERS 5000

int main(void)
{
	static char *others[OTHERS];
	char *p;

	for (int i = 0; i < OTHERS; i++)
		others[i] = crime_block(SMALL_SIZE);
	p = others[OTHERS / 2];
	expect_report("free", p);
	for (int i = 0; i < OTHERS; i++)
		crime_free(others[i]);
	malloc_trim(0);
	crime_free(p);
	return live_on();
}
