/* SPDX-License-Identifier: MIT */
/* double_free_thread.c - a small object, by its owner and by a thread that then ends */
#include "crime.h"

int main(void)
{
	char *p;

	accomplice_start();
	p = crime_block(SMALL_SIZE);
	expect_report("free", p);
	crime_free(p);
	accomplice_free(p);
	accomplice_end();
	return live_on();
}
