/*
 * cancel.c - threads cancelled while they use malloc
 *
 * Deferred cancellation acts only at cancellation points.  malloc must not be one: a cancellation
 * point inside it could end the thread with a lock held or a block lost.
 */
#include "life.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS = 400, WARM_UP = 40, SLOTS = 64, LIVE_TOLERANCE = 256 << 10 };

static void free_slots(void *argument)
{
	void **slots = argument;

	for (int i = 0; i < SLOTS; i++)
		free(slots[i]);
}

/* Sizes up to some MiB, so that system calls happen inside malloc and free too. */
static size_t step_size(unsigned int step)
{
	return step % 50 ? step * 7919 % 20000 : step * 104729 % (3 << 20);
}

static void *thread_main(void *argument)
{
	void *slots[SLOTS] = {0};
	unsigned int step = (unsigned int)(uintptr_t)argument;

	pthread_cleanup_push(free_slots, slots);
	for (;;) {
		unsigned int slot = step * 2654435761u % SLOTS;

		free(slots[slot]);
		slots[slot] = NULL;
		slots[slot] = malloc(step_size(step++));
		if (step % 64 == 0)
			pthread_testcancel();
	}
	pthread_cleanup_pop(1);
	return NULL;
}

static void run_threads(int count)
{
	for (int i = 0; i < count; i++) {
		const struct timespec pause = {.tv_nsec = i * 7919 % 3000 * 1000};
		pthread_t thread;
		void *result;

		CHECK(pthread_create(&thread, NULL, thread_main, (void *)(uintptr_t)i) == 0,
		      "no thread");
		nanosleep(&pause, NULL);
		pthread_cancel(thread);
		pthread_join(thread, &result);
		CHECK(result == PTHREAD_CANCELED, "the thread was not cancelled");
	}
}

int main(void)
{
	size_t live;

	require_libbuddy();
	run_threads(WARM_UP);
	live = live_bytes();
	run_threads(THREADS);
	verify("after cancelled threads");
	CHECK(live_bytes() <= live + LIVE_TOLERANCE, "live bytes grew from %zu to %zu", live,
	      live_bytes());
	ordinary_use(16 << 20);
	return 0;
}
