/*
 * vfork_child.c - a child of vfork() uses malloc, and its parent is served as before when it has
 * ended
 *
 *   vfork_child thread        it is the first to want memory in the thread that called vfork()
 *   vfork_child background    it allocates when the heap wants a background thread
 *   vfork_child pass          it calls malloc_trim() while threads of its parent sleep
 *   vfork_child lone          its parent is a child of a program of one thread, and has not called
 *                             libbuddy itself
 *   vfork_child threads       the same of a program that has had others; _Fork() runs no handlers
 *   vfork_child first         it is the first of its program to want memory
 */
#include "life.h"

#include <buddy/buddy.h>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CELLS = 6, STEPS = 2000000, CHILD_BLOCKS = 3000 };

static const struct timespec tick = {.tv_nsec = 100000000};

/* ---- the first to want memory in its thread ---- */

static atomic_int stage;

/* Finds a block that two threads have at the same time. */
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
	for (int i = 0; i < CHILD_BLOCKS; i++)
		CHECK(keep(malloc(3000)), "no memory");
	for (int i = 0; i < 12; i++)
		nanosleep(&tick, NULL);
	allocate_in_child(CHILD_BLOCKS);
	expect_given_back(fill_and_free(), NULL);
}

/* ---- a pass ---- */

/* ISO C has no cast from void * to a function pointer. */
static int (*find_cache_stats(void))(int, struct buddy_cache_stats *)
{
	void *symbol = dlsym(RTLD_DEFAULT, "buddy_cache_stats");
	int (*function)(int, struct buddy_cache_stats *);

	CHECK(symbol, "no buddy_cache_stats()");
	memcpy(&function, &symbol, sizeof(function));
	return function;
}

/* How many times objects went back to slabs in STEPS pairs of malloc and free. */
static unsigned long ways_to_slabs(void)
{
	int (*cache_stats)(int, struct buddy_cache_stats *) = find_cache_stats();
	unsigned long flushes[2] = {0, 0};
	struct buddy_cache_stats c;

	for (int after = 0; after < 2; after++) {
		for (int i = 0; after && i < STEPS; i++)
			free(keep(malloc(64)));
		for (int i = 0; cache_stats(i, &c) == 0; i++)
			flushes[after] += c.flushes;
	}
	return flushes[1] - flushes[0];
}

static void *sleep_through_it(void *unused)
{
	unsigned long before = ways_to_slabs(), after;

	stage = 1;
	while (stage < 2)
		nanosleep(&tick, NULL);
	after = ways_to_slabs();
	CHECK(before < STEPS / 100 && after < STEPS / 100,
	      "of %d frees %lu went to slabs, and %lu before", STEPS, after, before);
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

/* ---- of a process that has not been in libbuddy ---- */

static void *trim(void *unused)
{
	for (int i = 0; i < 4; i++)
		malloc_trim(0);
	return unused;
}

static void run_thread(void *(*fn)(void *), void (*meanwhile)(void))
{
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, fn, NULL), "no thread");
	meanwhile();
	pthread_join(thread, NULL);
}

static void wait_a_while(void)
{
	nanosleep(&tick, NULL);
}

static void churn_too(void)
{
	churn(1);
}

static void churn_beside_another(void)
{
	run_thread(another, churn_too);
}

/*
 * The first thread, which sleeps, must not be taken for gone: its block would be that of one of two
 * new threads, the one that trimmed leaving its own for the other.
 */
static void test_first(void)
{
	allocate_in_child(CHILD_BLOCKS);
	run_thread(trim, wait_a_while);
	run_thread(another, churn_beside_another);
}

static void test_child(pid_t (*make_child)(void))
{
	pid_t child;

	free(keep(malloc(48)));
	child = make_child();
	if (child == 0) {
		test_first();
		verify("in the child");
		_exit(0);
	}
	expect_success(child, "a child");
}

static void test_lone(void)
{
	test_child(fork);
}

static void test_threads(void)
{
	run_thread(trim, wait_a_while);
	test_child(_Fork);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	require_libbuddy();
	if (!strcmp(what, "thread"))
		test_thread();
	else if (!strcmp(what, "background"))
		test_background();
	else if (!strcmp(what, "lone"))
		test_lone();
	else if (!strcmp(what, "threads"))
		test_threads();
	else if (!strcmp(what, "first"))
		test_first();
	else
		test_pass();
	verify("at the end");
	return 0;
}
