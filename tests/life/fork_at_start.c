/*
 * fork_at_start.c - a signal handler forks while its thread starts libbuddy's background thread:
 * the child has none, and starts its own
 *
 * The signal is sent by this program's pthread_create(), which libbuddy calls.
 */
#include "life.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 20000, BLOCK = 5000 };

static const struct timespec tick = {.tv_nsec = 100000000};
static volatile sig_atomic_t is_child;
static pid_t child;
static bool armed = true;

static int (*next_pthread_create(void))(pthread_t *, const pthread_attr_t *, void *(*)(void *),
					void *)
{
	void *symbol = dlsym(RTLD_NEXT, "pthread_create");
	int (*function)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	memcpy(&function, &symbol, sizeof(function));
	return function;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	int err = next_pthread_create()(thread, attr, fn, arg);

	if (armed)
		pthread_kill(pthread_self(), SIGUSR1);
	armed = false;
	return err;
}

static void fork_here(int signo)
{
	pid_t pid = fork();

	(void)signo;
	if (!pid)
		is_child = 1;
	else
		child = pid;
}

static size_t use_and_free(void)
{
	static void *block[BLOCKS];
	size_t full;

	for (int i = 0; i < BLOCKS; i++) {
		block[i] = malloc(BLOCK);
		CHECK(block[i], "no memory");
		memset(block[i], 1, BLOCK);
	}
	full = resident_kib();
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
	return full;
}

static void expect_all_back(void)
{
	size_t full = use_and_free(), left = 0;

	for (int i = 0; i < 150; i++) {
		nanosleep(&tick, NULL);
		free(keep(malloc(100000))); /* a thread is started by who asks for memory */
		left = resident_kib();
		if (left < full / 3)
			return;
	}
	CHECK(false, "%zu KiB of %zu stay", left, full);
}

int main(void)
{
	require_libbuddy();
	signal(SIGUSR1, fork_here);
	use_and_free();
	if (is_child) {
		expect_all_back();
		_exit(0);
	}
	CHECK(child > 0, "no background thread was started, or no child made");
	expect_success(child, "the child of a handler that came when a thread was started");
	return 0;
}
