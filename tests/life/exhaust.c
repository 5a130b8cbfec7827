/*
 * exhaust.c - take memory until there is none
 */
#include "exhaust.h"

#include "life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCKS_MAX = 1 << 15, SMALL_BLOCKS = 100, SMALL = 100, FIXED_PART = 24 << 20 };

static unsigned char *blocks[BLOCKS_MAX];

/* Allocate blocks of one size until there are no more; touch a byte at each end. */
static unsigned int take_all(size_t size)
{
	unsigned int count;

	for (count = 0; count < BLOCKS_MAX; count++) {
		errno = 0;
		blocks[count] = malloc(size);
		if (!blocks[count])
			break;
		blocks[count][0] = (unsigned char)count;
		blocks[count][size - 1] = (unsigned char)(count >> 8);
	}
	CHECK(count < BLOCKS_MAX, "%u blocks of %zu bytes and no end", count, size);
	CHECK(errno == ENOMEM, "malloc gave NULL with errno %d after %u blocks", errno, count);
	return count;
}

static void check_and_free(size_t size, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		CHECK(blocks[i][0] == (unsigned char)i &&
			      blocks[i][size - 1] == (unsigned char)(i >> 8),
		      "block %u of %zu bytes changed", i, size);
		free(blocks[i]);
	}
}

/* What must hold while no large block is left. */
static void check_exhausted(size_t size, size_t limit)
{
	void *small[SMALL_BLOCKS], *mem = &mem, *unchanged = mem;
	unsigned char *moved;

	for (int i = 0; i < SMALL_BLOCKS; i++) {
		small[i] = malloc(SMALL);
		CHECK(small[i], "no %d bytes, although only blocks of %zu ran out", SMALL, size);
	}
	errno = 0;
	CHECK(!calloc(limit / 16, 16) && errno == ENOMEM, "calloc beyond the limit");
	CHECK(posix_memalign(&mem, 4096, limit) == ENOMEM && mem == unchanged,
	      "posix_memalign beyond the limit");
	errno = 0;
	moved = realloc(blocks[0], limit);
	CHECK(!moved && errno == ENOMEM, "realloc beyond the limit");
	for (int i = 0; i < SMALL_BLOCKS; i++)
		free(small[i]);
}

/*
 * A sanity bound: code, stacks and the heap's own structures take a fixed part, and awkward sizes
 * may cost a buddy allocator up to half of the rest.
 */
static size_t usable_at_least(size_t limit)
{
	return (limit - FIXED_PART) / 2;
}

void exhaust(size_t limit)
{
	static const size_t sizes[] = {1 << 20, 300 << 10, 40 << 10};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		unsigned int first = take_all(sizes[i]), second;

		printf("%u blocks of %zu bytes: %zu of %zu MiB\n", first, sizes[i],
		       first * sizes[i] >> 20, limit >> 20);
		fflush(stdout);
		CHECK(first * sizes[i] >= usable_at_least(limit),
		      "only %u blocks of %zu bytes within %zu", first, sizes[i], limit);
		check_exhausted(sizes[i], limit);
		check_and_free(sizes[i], first);
		verify("after memory had run out");
		second = take_all(sizes[i]);
		CHECK(second >= first - first / 10,
		      "%u blocks of %zu bytes at first, only %u after all were freed", first,
		      sizes[i], second);
		check_and_free(sizes[i], second);
	}
}
