/*
 * thread_end.c - malloc and free in a thread that is already ending
 *
 * Destructors of thread-specific data run for PTHREAD_DESTRUCTOR_ITERATIONS rounds, after those of
 * C++ thread_local objects; libbuddy's own destructor comes somewhere in between.  What others
 * allocate after it must be as good as any, and nothing may be lost.
 */
#include "life.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

enum {
	KEYS = 8,
	ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS,
	BLOCKS = 60,
	WARM_UP = 50,
	THREADS = 200,
	LIVE_TOLERANCE = 256 << 10,
	RESIDENT_TOLERANCE_KIB = 4 << 10,
};

struct batch {
	int round;
	unsigned char *blocks[BLOCKS];
};

/* The C library's hook behind C++ thread_local; it has no header. */
int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *dso);
extern void *__dso_handle;

static pthread_key_t keys[KEYS];
static int rounds_seen[KEYS];

static size_t block_size(int round, int i)
{
	return (size_t)(1 + i * i * (round + 1) / 4);
}

static struct batch *batch_new(int round)
{
	struct batch *batch = malloc(sizeof(*batch));

	CHECK(batch, "malloc at thread end gave NULL");
	batch->round = round;
	for (int i = 0; i < BLOCKS; i++) {
		batch->blocks[i] = malloc(block_size(round, i));
		CHECK(batch->blocks[i], "malloc at thread end gave NULL");
		fill(batch->blocks[i], block_size(round, i), (unsigned int)i);
	}
	return batch;
}

static void batch_free(struct batch *batch)
{
	for (int i = 0; i < BLOCKS; i++) {
		CHECK(filled(batch->blocks[i], block_size(batch->round, i), (unsigned int)i),
		      "a block changed while its thread ended");
		free(batch->blocks[i]);
	}
	free(batch);
}

/* Free the batch of the round before and, but in the last round, leave another for the next. */
static void key_destructor(void *value)
{
	struct batch *batch = value;
	int round = batch->round + 1;
	int number = batch->round;

	batch_free(batch);
	__atomic_fetch_add(&rounds_seen[number], 1, __ATOMIC_RELAXED);
	if (round >= ROUNDS)
		return;
	for (int i = 0; i < KEYS; i++) {
		if (!pthread_getspecific(keys[i])) {
			pthread_setspecific(keys[i], batch_new(round));
			return;
		}
	}
}

static void thread_local_destructor(void *object)
{
	batch_free(object);
	batch_free(batch_new(2));
}

static void *thread_main(void *argument)
{
	(void)argument;
	for (int i = 0; i < KEYS; i++)
		pthread_setspecific(keys[i], batch_new(0));
	__cxa_thread_atexit_impl(thread_local_destructor, batch_new(1), &__dso_handle);
	return NULL;
}

/* A thread whose first use of malloc is in a destructor. */
static void late_destructor(void *value)
{
	(void)value;
	batch_free(batch_new(3));
}

static pthread_key_t late_key;

static void *late_thread_main(void *argument)
{
	pthread_setspecific(late_key, argument);
	return NULL;
}

static void run_threads(int count)
{
	for (int i = 0; i < count; i++) {
		pthread_t early, late;

		CHECK(pthread_create(&early, NULL, thread_main, NULL) == 0, "no thread");
		CHECK(pthread_create(&late, NULL, late_thread_main, &late_key) == 0, "no thread");
		pthread_join(early, NULL);
		pthread_join(late, NULL);
	}
}

static void *last_thread(void *argument)
{
	pthread_join(*(pthread_t *)argument, NULL);
	ordinary_use(1 << 20);
	verify("after the main thread ended");
	exit(0);
}

int main(void)
{
	static pthread_t main_thread;
	size_t live, resident;
	pthread_t thread;

	require_libbuddy();
	for (int i = 0; i < KEYS; i++)
		CHECK(pthread_key_create(&keys[i], key_destructor) == 0, "no key");
	CHECK(pthread_key_create(&late_key, late_destructor) == 0, "no key");
	run_threads(WARM_UP);
	live = live_bytes();
	resident = resident_kib();
	run_threads(THREADS);
	verify("after threads with destructors");
	CHECK(rounds_seen[ROUNDS - 1] > 0, "the last round of destructors was never reached");
	CHECK(live_bytes() <= live + LIVE_TOLERANCE, "live bytes grew from %zu to %zu", live,
	      live_bytes());
	CHECK(resident_kib() <= resident + RESIDENT_TOLERANCE_KIB,
	      "resident memory grew from %zu to %zu KiB", resident, resident_kib());

	/* The main thread may end before the process does. */
	main_thread = pthread_self();
	CHECK(pthread_create(&thread, NULL, last_thread, &main_thread) == 0, "no thread");
	thread_main(NULL);
	pthread_exit(NULL);
}
