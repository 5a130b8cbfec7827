/*
 * short_spike.c - a program that needs 24 MiB for a moment and then waits has them no more
 *
 * All of it is over before the program is a second old, and no call is made after that: only the
 * background thread can give the memory back.
 */
#include "life.h"

enum { LEFT_KIB = 4 << 10 };

int main(void)
{
	size_t before;

	require_libbuddy();
	before = resident_kib();
	fill_and_free_blocks(24000, 1000);
	expect_resident_below(before + LEFT_KIB, NULL);
	return 0;
}
