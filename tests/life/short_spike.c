/*
 * short_spike.c - a program that needs 24 MiB for a moment and then waits has them no more
 *
 * All of it is over before the program is a second old, and no call is made after that: only the
 * background thread can give the memory back.
 */
#include "life.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 24000, SIZE = 1000, LEFT_KIB = 4 << 10, TENTHS = 150 };

static char *blocks[BLOCKS];

int main(void)
{
	size_t before, after;

	require_libbuddy();
	before = resident_kib();
	for (size_t i = 0; i < BLOCKS; i++) {
		blocks[i] = keep(malloc(SIZE));
		CHECK(blocks[i], "no memory");
		memset(blocks[i], 1, SIZE);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	for (int i = 0; i < TENTHS; i++) {
		usleep(100000);
		after = resident_kib();
		if (after <= before + LEFT_KIB)
			return 0;
	}
	CHECK(0, "%zu KiB resident, %zu before", after, before);
}
