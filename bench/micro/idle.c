/* SPDX-License-Identifier: MIT */
/*
 * idle.c - a spike of memory, then a program that does nothing
 *
 * Four threads build 1 GiB of 64-byte objects and free them.  Two of the threads end, the others
 * sleep; from then on nobody calls the allocator.  Resident memory is read at chosen moments of
 * the following ten seconds.  Then the same burst comes again, and what it pays for memory that
 * was given back is measured beside it.
 *
 *	rss_kib@SECONDS, kept_percent   see idle.h
 *	first_burst, next_burst   seconds of the spike and of its repetition
 */
#include "idle.h"

enum {
	ENDING = 2, /* threads that end after the spike */
	SLEEPING = 2,
	THREADS = ENDING + SLEEPING,
	OBJECT = 64,
};

/* The objects hold one another: no table of the benchmark's own disturbs the figure. */
struct object {
	struct object *next;
	char rest[OBJECT - 16];
	uint64_t stamp; /* last, as the list needs the first word: both ends are looked at */
};
static_assert(sizeof(struct object) == OBJECT, "the row says 64 bytes");

static struct {
	uint64_t objects; /* of each thread */
	pthread_barrier_t filled, freed, wake;
} spike;

static struct object *build(uint64_t count)
{
	struct object *list = NULL;

	for (uint64_t i = 0; i < count; i++) {
		struct object *object = bench_hide(malloc(sizeof(*object)));

		if (!object)
			bench_no_memory(sizeof(*object));
		object->next = list;
		object->stamp = bench_tag(object, i);
		list = object;
	}
	return list;
}

static void tear_down(struct object *list, uint64_t count)
{
	while (list) {
		struct object *next = list->next;

		if (list->stamp != bench_tag(list, --count))
			bench_damage("object changed", list, sizeof(*list));
		free(list);
		list = next;
	}
}

static void burst(void)
{
	struct object *list = build(spike.objects);

	pthread_barrier_wait(&spike.filled);
	tear_down(list, spike.objects);
	pthread_barrier_wait(&spike.freed);
}

/* A thread that ends after one burst, its caches full. */
static void *mayfly(void *arg)
{
	burst();
	return arg;
}

/* A thread that sleeps in the kernel until the second burst. */
static void *sleeper(void *arg)
{
	burst();
	pthread_barrier_wait(&spike.wake);
	burst();
	return arg;
}

static void start(pthread_t *thread, unsigned int count, void *(*life)(void *))
{
	for (unsigned int i = 0; i < count; i++) {
		if (pthread_create(&thread[i], NULL, life, NULL) != 0)
			bench_no_memory(0);
	}
}

static void join(const pthread_t *thread, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
}

/* The main thread's part of a burst that has begun: wait, and see how much memory it takes. */
static double watch_burst(double began, uint64_t *ret_peak)
{
	pthread_barrier_wait(&spike.filled);
	*ret_peak = bench_rss_kib();
	pthread_barrier_wait(&spike.freed);
	return bench_now() - began;
}

int main(int argc, char **argv)
{
	uint64_t work = 100, peak, next_peak;
	struct idle_watch seen;
	pthread_t ending[ENDING], sleeping[SLEEPING];
	const struct bench_arg args[] = {
		{.key = "work", .number = &work},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	spike.objects = idle_bytes("idle", UINT64_C(1) << 30, work) / OBJECT / THREADS;
	pthread_barrier_init(&spike.filled, NULL, THREADS + 1);
	pthread_barrier_init(&spike.freed, NULL, THREADS + 1);
	pthread_barrier_init(&spike.wake, NULL, SLEEPING + 1);

	uint64_t before = bench_rss_kib();
	double began = bench_now();

	start(ending, ENDING, mayfly);
	start(sleeping, SLEEPING, sleeper);
	double first = watch_burst(began, &peak);

	join(ending, ENDING);
	idle_watch(&seen);

	began = bench_now();
	pthread_barrier_wait(&spike.wake);
	start(ending, ENDING, mayfly);
	double next = watch_burst(began, &next_peak);

	join(ending, ENDING);
	join(sleeping, SLEEPING);
	idle_print(&seen, spike.objects * THREADS * OBJECT, before, peak);
	printf("first_burst %.6f\nnext_burst %.6f\n", first, next);
}
