/*
 * own_clock.c - a program with a clock_gettime() of its own, like that of libfaketime
 *
 * It asks for memory while it holds a lock, and its time stands still.  libbuddy must not call it,
 * and gives memory back all the same.
 */
#include "life.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static volatile unsigned int calls;

int clock_gettime(clockid_t id, struct timespec *ret_time)
{
	(void)id;
	CHECK(pthread_mutex_lock(&lock) == 0, "asked for the time while it is being told");
	calls++;
	free(keep(malloc(100000)));
	*ret_time = (struct timespec){.tv_sec = 1000000};
	pthread_mutex_unlock(&lock);
	return 0;
}

int main(void)
{
	struct timespec t;

	require_libbuddy();
	expect_given_back(fill_and_free(), NULL);
	CHECK(calls == 0, "asked for the time %u times", calls);
	clock_gettime(CLOCK_MONOTONIC, &t);
	CHECK(calls == 1 && t.tv_sec == 1000000, "this clock is not the program's");
	verify("at the end");
	return 0;
}
