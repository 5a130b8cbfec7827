/*
 * sparse.c - a heap of which few blocks are left gives its pages back: at once if asked to, and by
 * itself while the program does nothing, or nothing but free
 */
#include "life.h"
#include <malloc.h>
#include <stdlib.h>
#include <time.h>

#define BLOCKS 20000
#define STAYS_ONE_OF 8
#define WAIT_S 60 /* it takes seven seconds on an idle machine */

static struct {
	char *mem;
	size_t size;
} block[BLOCKS];

static size_t live;

/* Blocks of 1 to 8 KB, of which one in so many stays, wherever it lies. */
static void build_and_thin_out(unsigned int key)
{
	for (unsigned int i = 0; i < BLOCKS; i++) {
		block[i].size = 1000 + i * 7919u % 7000;
		block[i].mem = malloc(block[i].size);
		CHECK(block[i].mem, "no memory");
		fill(block[i].mem, block[i].size, key + i);
	}
	live = 0;
	for (unsigned int i = 0; i < BLOCKS; i++) {
		if (i * 2654435761u >> 16 & (STAYS_ONE_OF - 1)) {
			free(block[i].mem);
			block[i].mem = NULL;
		} else {
			live += block[i].size;
		}
	}
}

static void check_and_drop(unsigned int key)
{
	for (unsigned int i = 0; i < BLOCKS; i++) {
		if (!block[i].mem)
			continue;
		CHECK(filled(block[i].mem, block[i].size, key + i), "block %u has changed", i);
		free(block[i].mem);
	}
}

int main(void)
{
	const struct timespec tick = {.tv_nsec = 250000000};
	size_t before, full, now, bound;
	int ticks = 0;

	require_libbuddy();
	before = resident_kib();
	build_and_thin_out(1);
	full = resident_kib();
	/* Two pages for each block left, which are twice its size, and what is cached. */
	bound = before + 5 * live / 2048;
	CHECK(bound < full / 2, "%zu KiB are no tight bound of %zu", bound, full);
	CHECK(malloc_trim(0) == 1, "malloc_trim() found nothing");
	now = resident_kib();
	CHECK(now < bound, "%zu KiB resident after malloc_trim(), %zu live, %zu before", now,
	      live / 1024, full);
	verify("after malloc_trim()");
	check_and_drop(1);

	build_and_thin_out(2);
	while (resident_kib() >= bound) {
		CHECK(ticks++ < WAIT_S * 4,
		      "%zu KiB resident after %d s of nothing, %zu live; %u threads",
		      resident_kib(), WAIT_S, live / 1024, count_threads());
		nanosleep(&tick, NULL);
	}
	verify("after some seconds of nothing");

	/* The background thread sleeps; nothing is allocated from here on. */
	check_and_drop(2);
	bound = before + live / 2048;
	for (ticks = 0; resident_kib() >= bound; ticks++) {
		CHECK(ticks < WAIT_S * 4, "%zu KiB resident %d s after all was freed, %zu before",
		      resident_kib(), WAIT_S, before);
		nanosleep(&tick, NULL);
	}
	return 0;
}
