/*
 * fork_at_start.c - a signal handler forks while its thread starts libbuddy's background thread
 *
 * The child has no background thread, and must start its own.  The program's own pthread_create(),
 * which libbuddy calls, sends the signal.
 */
#include "life.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* A thread that asks for memory starts the background thread. */
static void ask(void)
{
	free(keep(malloc(100000)));
}

int main(void)
{
	require_libbuddy();
	signal(SIGUSR1, fork_here);
	fill_and_free();
	if (is_child) {
		expect_given_back(fill_and_free(), ask);
		_exit(0);
	}
	CHECK(child > 0, "no background thread was started, or no child made");
	expect_success(child, "the child of a handler that came when a thread was started");
	return 0;
}
