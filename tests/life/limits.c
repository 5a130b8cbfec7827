/*
 * limits.c - a program under RLIMIT_AS or RLIMIT_DATA
 *
 * limits as|data MIB	starts the program anew under the limit, uses malloc, runs out of
 *			memory and recovers
 * limits late-HOW MIB	sets RLIMIT_AS while the program runs, by setrlimit, by prlimit or
 *			from another process; threads must still start
 */
#include "exhaust.h"
#include "life.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LATE_THREADS = 4, LATE_BLOCKS = 64 };

static size_t mib(const char *text)
{
	return strtoul(text, NULL, 10) << 20;
}

static void start_limited(char **argv, int resource)
{
	size_t bytes = mib(argv[2]);
	struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};

	CHECK(setrlimit(resource, &limit) == 0, "cannot set the limit");
	run_again(argv[0], "inside", argv[2]);
}

static void inside(const char *limit)
{
	ordinary_use(mib(limit) / 4);
	exhaust(mib(limit));
	ordinary_use(mib(limit) / 4);
}

static void limit_from_outside(const struct rlimit *limit)
{
	pid_t parent = getpid(), child = fork();

	if (child == 0)
		_exit(prlimit(parent, RLIMIT_AS, limit, NULL) == 0 ? 0 : 1);
	expect_success(child, "prlimit from another process");
}

static void set_late(const char *how, size_t bytes)
{
	struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};

	if (strcmp(how, "late-setrlimit") == 0)
		CHECK(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
	else if (strcmp(how, "late-prlimit") == 0)
		CHECK(prlimit(0, RLIMIT_AS, &limit, NULL) == 0, "prlimit");
	else
		limit_from_outside(&limit);
}

static void *late_thread(void *argument)
{
	void *blocks[LATE_BLOCKS];

	(void)argument;
	for (size_t i = 0; i < LATE_BLOCKS; i++) {
		blocks[i] = malloc(1 + i * 1000);
		CHECK(blocks[i], "malloc in a thread under a late limit gave NULL");
		memset(blocks[i], 1, 1 + i * 1000);
	}
	for (size_t i = 0; i < LATE_BLOCKS; i++)
		free(blocks[i]);
	return NULL;
}

/* All this works with the C library's malloc: the limit is far above what the program uses. */
static void run_late(const char *how, size_t bytes)
{
	pthread_t threads[LATE_THREADS];
	void *before = malloc(3 << 20), *large;

	CHECK(before, "malloc gave NULL");
	ordinary_use(8 << 20);
	set_late(how, bytes);
	for (int i = 0; i < LATE_THREADS; i++) {
		int error = pthread_create(&threads[i], NULL, late_thread, NULL);

		CHECK(error == 0, "no thread under a late RLIMIT_AS: error %d", error);
	}
	for (int i = 0; i < LATE_THREADS; i++)
		pthread_join(threads[i], NULL);
	large = malloc(bytes / 8);
	CHECK(large, "no %zu bytes under a late RLIMIT_AS of %zu", bytes / 8, bytes);
	memset(large, 1, bytes / 8);
	free(large);
	free(before);
	ordinary_use(8 << 20);
}

int main(int argc, char **argv)
{
	require_libbuddy();
	CHECK(argc == 3, "usage: limits as|data|late-setrlimit|late-prlimit|late-outside MIB");
	if (strcmp(argv[1], "as") == 0)
		start_limited(argv, RLIMIT_AS);
	if (strcmp(argv[1], "data") == 0)
		start_limited(argv, RLIMIT_DATA);
	if (strcmp(argv[1], "inside") == 0)
		inside(argv[2]);
	else
		run_late(argv[1], mib(argv[2]));
	return 0;
}
