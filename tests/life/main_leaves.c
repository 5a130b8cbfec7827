/*
 * main_leaves.c - a program whose first thread leaves by pthread_exit() ends with its last thread
 *
 * Though libbuddy's background thread exists.  Its atexit() handlers run in a thread of its own.
 */
#include "life.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_S 20
/* In blocks that are not mappings: enough for the background thread to start. */
#define LARGE ((size_t)80 << 20)
#define BLOCK 5000

static const struct timespec tick = {.tv_nsec = 20000000};

static void grow_and_shrink(void)
{
	static void *block[LARGE / BLOCK];

	for (size_t i = 0; i < LARGE / BLOCK; i++) {
		block[i] = malloc(BLOCK);
		CHECK(block[i], "no memory");
	}
	for (size_t i = 0; i < LARGE / BLOCK; i++)
		free(block[i]);
}

static void at_end(void)
{
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	if (sigismember(&blocked, SIGTERM))
		_exit(3);
	_exit(5);
}

static void *worker(void *delay)
{
	for (uintptr_t i = 0; i < (uintptr_t)delay; i++)
		nanosleep(&tick, NULL);
	free(keep(malloc(100)));
	return NULL;
}

static void *grow_later(void *delay)
{
	worker(delay);
	grow_and_shrink();
	return worker(delay);
}

static void start(void *(*fn)(void *), uintptr_t ticks)
{
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, fn, (void *)ticks), "no thread");
}

static void alone(void)
{
	grow_and_shrink();
}

static void with_a_thread(void)
{
	grow_and_shrink();
	start(worker, 0);
}

static void with_a_thread_that_stays(void)
{
	grow_and_shrink();
	start(worker, 75);
}

static void with_a_thread_that_outlives_the_activity(void)
{
	grow_and_shrink();
	start(worker, 500);
}

/* As in a daemon that has just forked: its first thread has needed no slow path yet. */
static void with_a_thread_that_does_the_work(void)
{
	start(grow_later, 5);
}

static void expect_end(const char *what, void (*work)(void))
{
	pid_t child = fork();
	int status;

	if (!child) {
		atexit(at_end);
		work();
		pthread_exit(NULL);
	}
	for (int i = 0; i < WAIT_S * 50; i++) {
		pid_t done = waitpid(child, &status, WNOHANG);

		if (done) {
			CHECK(done == child && WIFEXITED(status) && WEXITSTATUS(status) == 5,
			      "%s: status %x", what, (unsigned int)status);
			return;
		}
		nanosleep(&tick, NULL);
	}
	kill(child, SIGKILL);
	CHECK(false, "%s: still there after %d s", what, WAIT_S);
}

int main(void)
{
	require_libbuddy();
	free(keep(malloc(100)));
	expect_end("alone", alone);
	expect_end("with a thread", with_a_thread);
	expect_end("with a thread that stays", with_a_thread_that_stays);
	expect_end("with a thread that outlives the activity",
		   with_a_thread_that_outlives_the_activity);
	expect_end("with a thread that does the work", with_a_thread_that_does_the_work);
	return 0;
}
