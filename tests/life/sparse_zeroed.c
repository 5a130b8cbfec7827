/*
 * sparse_zeroed.c - large blocks of calloc of which little is touched cost little
 *
 * Also where the memory was freed before, untouched or with something in it.
 */
#include "life.h"

#include <stdlib.h>
#include <unistd.h>

enum { MIB = 1 << 20, STEP = 4 << 20, ROUNDS = 4, ALLOWED_KIB = 48 << 10 };

/* Touch one page in each STEP, which must be zero and is not afterwards. */
static void touch(char *block, size_t size)
{
	for (size_t at = 0; at < size; at += STEP) {
		CHECK(!block[at], "byte %zu of calloc's memory is %d", at, block[at]);
		block[at] = 0x5a;
	}
	CHECK(!block[size - 1], "the last byte of calloc's memory is %d", block[size - 1]);
	block[size - 1] = 1;
}

static void use(size_t size)
{
	size_t before = resident_kib(), after;

	for (int round = 0; round < ROUNDS; round++) {
		char *block = keep(malloc(size));

		CHECK(block, "malloc of %zu bytes gave NULL", size);
		block[size / 2] = 1;
		free(block);
		block = keep(calloc(1, size));
		CHECK(block, "calloc of %zu bytes gave NULL", size);
		touch(block, size);
		after = resident_kib();
		free(block);
		CHECK(after < before + ALLOWED_KIB,
		      "round %d: %zu KiB are resident with a block of %zu, %zu were", round, after,
		      size, before);
	}
}

int main(void)
{
	require_libbuddy();
	use((size_t)100 * MIB);
	use((size_t)777 * MIB + 12345);
	/* A machine with less memory and swap refuses that. */
	if ((size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE) > (size_t)4096 * MIB)
		use((size_t)4096 * MIB);
	verify("at the end");
	return 0;
}
