/*
 * vfork_child.c - a child of vfork() allocates, and its parent is served as before when it has
 * ended
 *
 *   vfork_child thread        it is the first to want memory in the thread that has called vfork()
 *   vfork_child background    by then the heap is one that wants a background thread
 *   vfork_child pass          it asks for memory back, while the threads of its parent sleep
 */
#include "life.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CELLS = 6, STEPS = 2000000, BLOCKS = 20000, BLOCK = 5000, CHILD_BLOCKS = 3000 };

static const struct timespec tick = {.tv_nsec = 100000000};

/* ---- the first to want memory in its thread ---- */

static atomic_int stage;

/* What is handed out to two threads at once shows. */
static void churn(uintptr_t tag)
{
	for (int step = 0; step < STEPS; step++) {
		uintptr_t *cells[CELLS];

		for (int i = 0; i < CELLS; i++) {
			cells[i] = keep(malloc(48));
			*cells[i] = tag;
		}
		for (int i = 0; i < CELLS; i++)
			CHECK(*cells[i] == tag, "a block of thread %zu is another's too", tag);
		for (int i = 0; i < CELLS; i++)
			free(cells[i]);
	}
}

static void allocate_in_child(int blocks)
{
	static void *block[CHILD_BLOCKS]; /* the parent's */
	pid_t child = vfork();

	if (child == 0) {
		for (int i = 0; i < blocks; i++)
			block[i] = malloc(3000);
		_exit(0);
	}
	expect_success(child, "a child of vfork");
	for (int i = 0; i < blocks; i++)
		free(block[i]);
}

static void *first_in_child(void *unused)
{
	allocate_in_child(1);
	free(keep(malloc(48)));
	stage = 1;
	while (stage < 2)
		nanosleep(&tick, NULL);
	churn(1);
	return unused;
}

static void *another(void *unused)
{
	churn(2);
	return unused;
}

static void test_thread(void)
{
	pthread_t threads[2];

	CHECK(!pthread_create(&threads[0], NULL, first_in_child, NULL), "no thread");
	while (stage < 1)
		nanosleep(&tick, NULL);
	for (int i = 0; i < 3; i++)
		malloc_trim(0);
	CHECK(!pthread_create(&threads[1], NULL, another, NULL), "no thread");
	stage = 2;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* ---- when the heap wants a background thread ---- */

static void test_background(void)
{
	static void *block[BLOCKS];
	size_t full, left = 0;

	for (int i = 0; i < CHILD_BLOCKS; i++)
		CHECK(keep(malloc(3000)), "no memory");
	for (int i = 0; i < 12; i++)
		nanosleep(&tick, NULL);
	allocate_in_child(CHILD_BLOCKS);
	for (int i = 0; i < BLOCKS; i++) {
		block[i] = malloc(BLOCK);
		CHECK(block[i], "no memory");
		memset(block[i], 1, BLOCK);
	}
	full = resident_kib();
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
	for (int i = 0; i < 150; i++) {
		nanosleep(&tick, NULL);
		left = resident_kib();
		if (left < full / 3)
			return;
	}
	CHECK(false, "%zu KiB of %zu stay", left, full);
}

/* ---- a pass ---- */

static double ns_a_pair(void)
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < STEPS; i++)
		free(keep(malloc(64)));
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
	       STEPS;
}

static void *sleep_through_it(void *unused)
{
	double before = ns_a_pair(), after;

	stage = 1;
	while (stage < 2)
		nanosleep(&tick, NULL);
	after = ns_a_pair();
	CHECK(after < 4 * before, "malloc and free take %.0f ns, and %.0f before", after, before);
	return unused;
}

static void test_pass(void)
{
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, sleep_through_it, NULL), "no thread");
	while (stage < 1)
		nanosleep(&tick, NULL);
	for (int i = 0; i < 3; i++) {
		pid_t child = vfork();

		if (child == 0) {
			malloc_trim(0);
			_exit(0);
		}
		expect_success(child, "a child of vfork");
	}
	stage = 2;
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	require_libbuddy();
	if (!strcmp(what, "thread"))
		test_thread();
	else if (!strcmp(what, "background"))
		test_background();
	else
		test_pass();
	verify("at the end");
	return 0;
}
