/*
 * workload.c - ordinary use of malloc, for tests that change its surroundings
 */
#include "life.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TICKS = 500 };

/* With a heap that would start it at once.  A joined thread may still be listed for a while. */
static void expect_no_background_thread(void)
{
	const struct timespec tick = {.tv_nsec = 10000000};

	fill_and_free();
	for (int ticks = 0; count_threads() > 1; ticks++) {
		CHECK(ticks < TICKS, "%u threads, though there is to be no background thread",
		      count_threads());
		nanosleep(&tick, NULL);
	}
}

int main(void)
{
	const char *options = getenv("BUDDY_OPTIONS");
	pid_t child;

	require_libbuddy();
	ordinary_use(64 << 20);
	child = fork();
	if (child == 0) {
		ordinary_use(16 << 20);
		_exit(0);
	}
	expect_success(child, "a forked child");
	ordinary_use(64 << 20);
	if (options && strstr(options, "background_threads=off"))
		expect_no_background_thread();
	return 0;
}
