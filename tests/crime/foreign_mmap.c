/* SPDX-License-Identifier: MIT */
/* foreign_mmap.c - a mapping of the program */
#include "crime.h"
#include <sys/mman.h>

int main(void)
{
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		skip("no mapping to be had");
	p[0] = 1;
	expect_report("free", p);
	crime_free(p);
	/* Would fault if free() had unmapped it. */
	p[0]++;
	return live_on() || p[0] != 2;
}
