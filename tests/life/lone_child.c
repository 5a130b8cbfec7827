/*
 * lone_child.c - in the child of a program of one thread, new threads are the first to want memory
 *
 * The allocator has not noticed the fork yet, since all that the program's thread takes is at hand.
 * What that thread has must stay its own, though the allocator does not hear of it.
 *
 *   lone_child             the program never had another thread
 *   lone_child later       it had some before; children of fork() and _Fork() by turns
 */
#include "life.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHILDREN = 12, THREADS = 6, BLOCKS = 2000, ROUNDS = 20, SIZES = 900 };

/* Blocks of many sizes, filled, checked and freed. */
static void churn(unsigned int key)
{
	void **blocks = keep(calloc(BLOCKS, sizeof(*blocks)));

	for (int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < BLOCKS; i++) {
			blocks[i] = keep(malloc(16 + i % SIZES));
			CHECK(blocks[i], "no memory");
			fill(blocks[i], 16 + i % SIZES, key + i);
		}
		for (unsigned int i = 0; i < BLOCKS; i++) {
			CHECK(filled(blocks[i], 16 + i % SIZES, key + i),
			      "a block is not what it was");
			free(blocks[i]);
		}
	}
	free(blocks);
}

static void *churn_beside(void *unused)
{
	(void)unused;
	churn(1000000);
	return NULL;
}

static void start_threads(pthread_t threads[THREADS])
{
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, churn_beside, NULL) == 0, "no thread");
}

static void join_threads(const pthread_t threads[THREADS])
{
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* So that what pthread_create() allocates is at hand as well. */
static void have_all_at_hand(void)
{
	static void *blocks[64];

	for (size_t size = 16; size <= 4096; size += 16) {
		for (int i = 0; i < 64; i++)
			blocks[i] = keep(malloc(size));
		for (int i = 0; i < 64; i++)
			free(blocks[i]);
	}
}

static void be_a_child(pid_t (*make_child)(void), bool of_child)
{
	pthread_t threads[THREADS];

	if (of_child) {
		pid_t child = make_child();

		CHECK(child >= 0, "no child");
		if (child) {
			expect_success(child, "the child's child");
			return;
		}
	}
	start_threads(threads);
	usleep(100);
	churn(0);
	join_threads(threads);
	verify("at the end of a child");
}

static void have_had_threads(void)
{
	pthread_t threads[THREADS];

	start_threads(threads);
	join_threads(threads);
}

int main(int argc, char **argv)
{
	bool later = argc > 1 && strcmp(argv[1], "later") == 0;

	require_libbuddy();
	if (later)
		have_had_threads();
	have_all_at_hand();
	for (int i = 0; i < CHILDREN; i++) {
		pid_t (*make_child)(void) = later && i & 2 ? _Fork : fork;
		pid_t child = make_child();

		CHECK(child >= 0, "no child");
		if (!child) {
			be_a_child(make_child, /* of_child= */ i & 1);
			_exit(0);
		}
		expect_success(child, "a child");
	}
	return 0;
}
