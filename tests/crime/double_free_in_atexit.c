/* SPDX-License-Identifier: MIT */
/* double_free_in_atexit.c - a handler at exit frees what main has freed */
#include "crime.h"
#include <stdlib.h>

static char *p;

static void handler(void)
{
	crime_free(p);
}

int main(void)
{
	p = crime_block(SMALL_SIZE);
	if (atexit(handler))
		skip("no handler to be had");
	expect_report("free", p);
	crime_free(p);
	return live_on();
}
