/*
 * threads_at_once.c - hundreds of threads that find nothing free at the same moment
 *
 * What the first of them takes into use has to serve the others as well.  If each took a piece for
 * itself, the heap would grow to many times what it holds.
 */
#include "life.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

enum {
	THREADS = 400,
	BLOCKS = 16,
	BLOCK_SIZE = 64 << 10,
	MOST_ARENA = 2, /* times what is held; a heap of one thread has 1.0 */
};

static pthread_barrier_t start, done, end;

static void *thread_main(void *argument)
{
	void *blocks[BLOCKS];

	pthread_barrier_wait(&start);
	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(BLOCK_SIZE);
		CHECK(blocks[i], "malloc gave NULL");
		fill(blocks[i], 1, (unsigned int)i);
	}
	pthread_barrier_wait(&done);
	pthread_barrier_wait(&end);
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	return argument;
}

int main(void)
{
	static pthread_t threads[THREADS];
	pthread_barrier_t *const barriers[] = {&start, &done, &end};
	struct mallinfo2 info;

	require_libbuddy();
	for (size_t i = 0; i < sizeof(barriers) / sizeof(barriers[0]); i++)
		pthread_barrier_init(barriers[i], NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, thread_main, NULL) == 0,
		      "cannot start thread %d", i);
	pthread_barrier_wait(&start);
	pthread_barrier_wait(&done);
	info = mallinfo2();
	verify("while all threads hold their blocks");
	pthread_barrier_wait(&end);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK(info.uordblks >= (size_t)THREADS * BLOCKS * BLOCK_SIZE, "only %zu bytes were in use",
	      info.uordblks);
	CHECK(info.arena <= MOST_ARENA * info.uordblks, "%zu bytes for %zu in use", info.arena,
	      info.uordblks);
	return 0;
}
