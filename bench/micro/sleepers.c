/* SPDX-License-Identifier: MIT */
/*
 * sleepers.c - many threads that once touched every size class and then sleep
 *
 * Imitates a server with a thread for each client.  A thousand threads each allocate and free a
 * few blocks of every size up to 32 KiB and then wait.  What their caches hold is lost to the
 * rest of the program unless somebody takes it back from a thread that does not run.
 *
 *	kib_per_thread@SECONDS   resident memory for each thread, its stack not counted
 *	kib_per_thread           the same at the end
 */
#include "bench.h"

enum {
	THREADS = 1000,
	OF_EACH_SIZE = 1,
	FIRST_SHIFT = 3, /* 8 bytes */
	LAST_SHIFT = 14, /* sizes end at twice this, 32 KiB */
	STEPS = 4,	 /* sizes in each doubling */
	STACK = 64 << 10,
};

static const double moments[] = {0, 0.5, 1, 2, 3, 5, 7, 10};

static pthread_barrier_t ready, begin, touched, wake;

static void touch(size_t size)
{
	void *blocks[OF_EACH_SIZE];

	for (size_t i = 0; i < OF_EACH_SIZE; i++)
		blocks[i] = bench_malloc(size);
	for (size_t i = 0; i < OF_EACH_SIZE; i++)
		bench_free(blocks[i], size);
}

static void touch_every_size(void)
{
	for (unsigned int shift = FIRST_SHIFT; shift <= LAST_SHIFT; shift++) {
		for (size_t step = 1; step <= STEPS; step++)
			touch(((size_t)1 << shift) + ((size_t)step << shift) / STEPS);
	}
}

static void *thread_main(void *arg)
{
	char stack[4 * BENCH_OS_PAGE];

	/* What the calls will use of the stack must be there before memory is read. */
	memset(stack, 1, sizeof(stack));
	bench_hide(stack);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&begin);
	touch_every_size();
	pthread_barrier_wait(&touched);
	pthread_barrier_wait(&wake);
	return arg;
}

static void start(pthread_t *threads, size_t count)
{
	pthread_attr_t small_stack;

	pthread_attr_init(&small_stack);
	pthread_attr_setstacksize(&small_stack, STACK);
	for (size_t i = 0; i < count; i++) {
		if (pthread_create(&threads[i], &small_stack, thread_main, NULL) != 0)
			bench_no_memory(STACK);
	}
	pthread_attr_destroy(&small_stack);
}

int main(int argc, char **argv)
{
	static pthread_t threads[THREADS * 10];
	uint64_t work = 100, rss[BENCH_COUNT(moments)];
	const struct bench_arg args[] = {
		{.key = "work", .number = &work},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	uint64_t count = bench_scaled(THREADS, work);

	if (count > BENCH_COUNT(threads))
		count = BENCH_COUNT(threads);
	pthread_barrier_t *const barriers[] = {&ready, &begin, &touched, &wake};

	for (size_t i = 0; i < BENCH_COUNT(barriers); i++)
		pthread_barrier_init(barriers[i], NULL, (unsigned int)count + 1);
	start(threads, count);
	pthread_barrier_wait(&ready);
	uint64_t before = bench_rss_kib();
	double began = bench_now();

	pthread_barrier_wait(&begin);
	pthread_barrier_wait(&touched);
	double seconds = bench_now() - began, slept = bench_now();

	for (size_t i = 0; i < BENCH_COUNT(moments); i++) {
		bench_sleep_until(slept + moments[i]);
		rss[i] = bench_rss_kib();
	}
	pthread_barrier_wait(&wake);
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);

	double each = 0;

	for (size_t i = 0; i < BENCH_COUNT(moments); i++) {
		each = rss[i] > before ? (double)(rss[i] - before) / (double)count : 0;
		printf("kib_per_thread@%g %.3f\n", moments[i], each);
	}
	printf("kib_per_thread %.3f\n", each);
	printf("threads %" PRIu64 "\nseconds %.6f\n", count, seconds);
}
