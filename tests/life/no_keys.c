/*
 * no_keys.c - threads end in a program that has used up all keys of thread-specific data
 *
 * libbuddy has no key then, and is not told that they end.
 */
#include "life.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 4000, BLOCKS = 100, RESIDENT_TOLERANCE_KIB = 8 << 10 };

static void *use(void *unused)
{
	void *blocks[BLOCKS];

	(void)unused;
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = malloc((size_t)(1 + 20 * i));
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	return NULL;
}

static void run_threads(int count)
{
	for (int i = 0; i < count; i++) {
		pthread_t thread;

		CHECK(pthread_create(&thread, NULL, use, NULL) == 0, "no thread");
		pthread_join(thread, NULL);
	}
}

/* Nothing before this has used malloc. */
int main(void)
{
	pthread_key_t key;
	size_t resident;

	while (pthread_key_create(&key, NULL) == 0)
		continue;
	require_libbuddy();
	run_threads(THREADS / 10);
	resident = resident_kib();
	run_threads(THREADS);
	CHECK(resident_kib() <= resident + RESIDENT_TOLERANCE_KIB,
	      "resident memory grew from %zu to %zu KiB", resident, resident_kib());
	verify("after threads that ended unseen");
	return 0;
}
