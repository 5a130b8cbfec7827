/*
 * large_tls.c - a program with a megabyte of thread-local storage: memory goes back while it does
 * nothing
 *
 * Thread-local storage lies on the stacks of threads, that of libbuddy's background thread too.
 */
#include "life.h"
#include <stdlib.h>
#include <time.h>

#define BLOCKS 20000
#define BLOCK_SIZE 5000
#define WAIT_S 60 /* it takes a few seconds on an idle machine */

static __thread char large[1 << 20];

int main(void)
{
	static void *block[BLOCKS];
	const struct timespec tick = {.tv_nsec = 250000000};
	size_t before, bound;

	require_libbuddy();
	*(volatile char *)large = 1;
	before = resident_kib();
	for (int i = 0; i < BLOCKS; i++) {
		block[i] = malloc(BLOCK_SIZE);
		CHECK(block[i], "no memory");
		fill(block[i], BLOCK_SIZE, (unsigned int)i);
	}
	bound = before + (resident_kib() - before) / 4;
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
	for (int ticks = 0; resident_kib() >= bound; ticks++) {
		CHECK(ticks < WAIT_S * 4, "%zu KiB resident %d s after all was freed, %zu before",
		      resident_kib(), WAIT_S, before);
		nanosleep(&tick, NULL);
	}
	return 0;
}
