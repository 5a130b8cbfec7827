/* SPDX-License-Identifier: MIT */
/* honest.c - no crime: nothing may be reported, and options are read all the same */
#include "crime.h"

int main(void)
{
	char *p = crime_block(SMALL_SIZE);

	crime_free(p);
	return live_on();
}
