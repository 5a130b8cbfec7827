/*
 * zeroed.c - calloc's memory is zero even if memory cannot be given back
 *
 * zeroed locked	the program locks parts of its blocks with mlock and frees them as they are
 * zeroed locked_all	mlockall, for what is there and what is to come
 * zeroed refused	madvise gives EPERM
 * zeroed ignored	madvise gives 0 and does nothing, as under older qemu-user
 */
#include "life.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { NR_LARGE = 24, NR_SMALL = 4000, ROUNDS = 6, LOCKED_BYTES = 16 << 10 };

/* From 40 KB to 10 MB, and one in eight of whole huge pages. */
static size_t large_size(unsigned int i)
{
	return i % 8 == 7 ? (size_t)(i / 8 + 1) << 21 : (size_t)40000 << i % 8;
}

static size_t small_size(unsigned int i)
{
	return 100 + i * 37 % 9000;
}

static void expect_zero(const char *block, size_t size, unsigned int round)
{
	for (size_t i = 0; i < size; i++)
		CHECK(!block[i], "byte %zu of %zu from calloc is %d in round %u", i, size, block[i],
		      round);
}

static void *zeroed(size_t size, unsigned int round)
{
	void *block = calloc(1, size);

	CHECK(block, "calloc of %zu bytes gave NULL", size);
	expect_zero(block, size, round);
	memset(block, 0x5a, size);
	return block;
}

/* Lock a part in the middle of a block, which stays locked when the block is freed. */
static void lock_part(char *block, size_t size)
{
	CHECK(mlock(block + size / 2, LOCKED_BYTES) == 0, "mlock: errno %d", errno);
}

static char own[LOCKED_BYTES];

static void use_zeroed(bool locking)
{
	static char *large[NR_LARGE], *small[NR_SMALL];

	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < NR_LARGE; i++)
			large[i] = zeroed(large_size(i + round), round);
		for (unsigned int i = 0; i < NR_SMALL; i++)
			small[i] = zeroed(small_size(i + round), round);
		for (unsigned int i = round % 2; locking && i < NR_LARGE; i += 2)
			lock_part(large[i], large_size(i + round));
		for (unsigned int i = 0; i < NR_LARGE; i++)
			free(large[i]);
		for (unsigned int i = 0; i < NR_SMALL; i++)
			free(small[i]);
		malloc_trim(0);
		verify("after malloc_trim()");
	}
}

int main(int argc, char **argv)
{
	static const int madvise_call = SYS_madvise;
	const char *how = argc > 1 ? argv[1] : "";

	require_libbuddy();
	if (strcmp(how, "locked_all") == 0) {
		if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
			skip("mlockall: errno %d", errno);
	} else if (strcmp(how, "refused") == 0) {
		refuse_calls(&madvise_call, 1, EPERM);
	} else if (strcmp(how, "ignored") == 0) {
		refuse_calls(&madvise_call, 1, 0);
	} else if (strcmp(how, "locked") == 0) {
		if (mlock(own, sizeof(own)) != 0)
			skip("no memory can be locked: errno %d", errno);
	} else {
		CHECK(false, "usage: zeroed locked|locked_all|refused|ignored");
	}
	use_zeroed(strcmp(how, "locked") == 0);
	return 0;
}
