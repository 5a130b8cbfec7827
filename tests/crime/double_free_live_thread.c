/* SPDX-License-Identifier: MIT */
/* double_free_live_thread.c - the second thread still sleeps when the process ends */
#include "crime.h"

int main(void)
{
	char *p;

	accomplice_start();
	p = crime_block(SMALL_SIZE);
	expect_report("free", p);
	crime_free(p);
	accomplice_free(p);
	return live_on();
}
