/*
 * many_threads.c - ten thousand threads, each freeing memory of another
 *
 * Each thread frees the blocks that the one before it left, leaves blocks for the next one and
 * ends.  Neither resident memory nor live bytes may grow with the number of threads.
 */
#include "life.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	THREADS = 10000,
	AT_ONCE = 8,
	WARM_UP = 1000,
	BLOCKS = 40,
	LIVE_TOLERANCE = 512 << 10,
	RESIDENT_TOLERANCE_KIB = 8 << 10,
};

struct legacy {
	unsigned char *blocks[BLOCKS];
};

/* What the last thread left, for each place; only the thread in that place uses it. */
static struct legacy places[AT_ONCE];

static size_t block_size(int i)
{
	return (size_t)(16 + i * i * 8);
}

static void *thread_main(void *argument)
{
	struct legacy *legacy = argument;

	for (int i = 0; i < BLOCKS; i++) {
		unsigned char *old = legacy->blocks[i];

		CHECK(!old || filled(old, block_size(i), (unsigned int)i),
		      "a block changed after its thread had gone");
		legacy->blocks[i] = malloc(block_size(i));
		CHECK(legacy->blocks[i], "malloc gave NULL");
		fill(legacy->blocks[i], block_size(i), (unsigned int)i);
		free(old);
	}
	return NULL;
}

static void run_threads(int count)
{
	pthread_t threads[AT_ONCE];

	for (int done = 0; done < count; done += AT_ONCE) {
		/* The places rotate, so that a thread's heir is started at another index. */
		for (int i = 0; i < AT_ONCE; i++)
			CHECK(pthread_create(&threads[i], NULL, thread_main,
					     &places[(i + done / AT_ONCE) % AT_ONCE]) == 0,
			      "cannot start thread %d", done + i);
		for (int i = 0; i < AT_ONCE; i++)
			pthread_join(threads[i], NULL);
	}
}

int main(void)
{
	size_t live, resident;

	require_libbuddy();
	run_threads(WARM_UP);
	live = live_bytes();
	resident = resident_kib();
	run_threads(THREADS - WARM_UP);
	verify("after ten thousand threads");
	CHECK(live_bytes() <= live + LIVE_TOLERANCE, "live bytes grew from %zu to %zu", live,
	      live_bytes());
	CHECK(resident_kib() <= resident + RESIDENT_TOLERANCE_KIB,
	      "resident memory grew from %zu to %zu KiB", resident, resident_kib());
	return 0;
}
