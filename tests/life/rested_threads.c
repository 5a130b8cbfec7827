/*
 * rested_threads.c - a child of fork does not copy what threads that have ended left behind
 */
#include "life.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 1000, STACK = 128 << 10 /* the least on aarch64 */, TOLERANCE_KIB = 512 };

static pthread_barrier_t all_there;

/* libbuddy has seen each of them when all have come to the barrier. */
static void *use_heap(void *argument)
{
	(void)argument;
	for (size_t size = 16; size < 40000; size *= 3)
		free(keep(malloc(size)));
	pthread_barrier_wait(&all_there);
	return NULL;
}

static void run_threads(void)
{
	static pthread_t threads[THREADS];
	pthread_attr_t attr;

	CHECK(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, STACK) == 0 &&
		      pthread_barrier_init(&all_there, NULL, THREADS) == 0,
	      "no attributes");
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], &attr, use_heap, NULL) == 0, "no thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* What this process has written to since it was forked, in KiB. */
static size_t private_kib(void)
{
	char line[256];
	size_t kib = 0;
	FILE *f = fopen("/proc/self/smaps_rollup", "r");

	if (!f)
		skip("no /proc/self/smaps_rollup");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Dirty: %zu", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* Fork a child that uses the heap.  Return: how much it has written to, in KiB. */
static size_t child_kib(void)
{
	size_t kib = 0;
	int fds[2];
	pid_t child;

	CHECK(pipe(fds) == 0, "no pipe");
	child = fork();
	if (child == 0) {
		free(keep(malloc(100000)));
		kib = private_kib();
		verify("in a child");
		_exit(write(fds[1], &kib, sizeof(kib)) != sizeof(kib));
	}
	expect_success(child, "a child of fork");
	CHECK(read(fds[0], &kib, sizeof(kib)) == sizeof(kib), "no answer");
	close(fds[0]);
	close(fds[1]);
	return kib;
}

int main(void)
{
	size_t before, after;

	require_libbuddy();
	before = child_kib();
	run_threads();
	after = child_kib();
	CHECK(after <= before + TOLERANCE_KIB,
	      "a child wrote to %zu KiB, and to %zu without threads", after, before);
	return 0;
}
