/*
 * errno_kept.c - malloc() and free() that succeed leave errno alone, whatever else fails
 *
 *   errno_kept free      there is no memory for what the C library keeps of a thread
 *   errno_kept malloc    no more threads can be started
 */
#include "life.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	UNTOUCHED = 1234,
	KEYS = 40,	/* more than the C library has room for without allocating */
	NOBODY = 61234, /* a user without other threads */
	BLOCKS = 8000,
	SIZE = 20000, /* BLOCKS of this size make the heap large enough for a background thread */
};

static int begin[2];

static void *free_first(void *block)
{
	static int seen;
	char byte;

	CHECK(read(begin[0], &byte, 1) == 1, "nobody said when");
	errno = UNTOUCHED;
	free(block);
	seen = errno;
	return &seen;
}

static void no_more_memory(void)
{
	const struct rlimit none = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};

	CHECK(setrlimit(RLIMIT_AS, &none) == 0, "setrlimit: errno %d", errno);
	for (size_t size = 1 << 20; size >= 16; size /= 2)
		while (keep(malloc(size)))
			continue;
}

/* libbuddy's own key comes after these, since nothing has used malloc yet. */
static void test_free(void)
{
	pthread_key_t key;
	pthread_t thread;
	void *seen;

	for (int i = 0; i < KEYS; i++)
		CHECK(pthread_key_create(&key, NULL) == 0, "no key");
	CHECK(pipe(begin) == 0, "no pipe");
	CHECK(pthread_create(&thread, NULL, free_first, malloc(100)) == 0, "no thread");
	no_more_memory();
	CHECK(write(begin[1], "", 1) == 1, "no word to the thread");
	pthread_join(thread, &seen);
	CHECK(*(int *)seen == UNTOUCHED, "errno %d after free()", *(int *)seen);
}

static void test_malloc(void)
{
	const struct rlimit one = {.rlim_cur = 1, .rlim_max = 1};

	if (getuid() == 0 && setuid(NOBODY) != 0)
		skip("root may always start threads");
	CHECK(setrlimit(RLIMIT_NPROC, &one) == 0, "setrlimit: errno %d", errno);
	for (int i = 0; i < BLOCKS; i++) {
		void *block;

		errno = UNTOUCHED;
		block = keep(malloc(SIZE));
		CHECK(block, "no memory");
		CHECK(errno == UNTOUCHED, "errno %d after malloc() number %d", errno, i);
		memset(block, 1, SIZE);
	}
}

int main(int argc, char **argv)
{
	CHECK(argc == 2, "usage: errno_kept free|malloc");
	if (strcmp(argv[1], "free") == 0)
		test_free();
	else
		test_malloc();
	require_libbuddy();
	return 0;
}
