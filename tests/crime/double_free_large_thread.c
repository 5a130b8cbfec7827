/* SPDX-License-Identifier: MIT */
/* double_free_large_thread.c - a block of pages, by its owner and by another thread */
#include "crime.h"

int main(void)
{
	char *p;

	accomplice_start();
	p = crime_block(LARGE_SIZE);
	expect_report("free", p);
	crime_free(p);
	accomplice_free(p);
	accomplice_end();
	return live_on();
}
