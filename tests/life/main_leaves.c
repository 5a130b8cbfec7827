/*
 * main_leaves.c - a program whose first thread leaves by pthread_exit() ends with its last thread,
 * though libbuddy's background thread is there, and runs its atexit() handlers in a thread of its
 * own
 */
#include "life.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_S 20
#define LARGE ((size_t)80 << 20) /* in blocks that are no mappings: the background thread starts   \
				  */
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

/* @delay: of a second thread, in ticks. */
static void leave(bool second, uintptr_t delay)
{
	pthread_t thread;

	atexit(at_end);
	grow_and_shrink();
	if (second)
		CHECK(!pthread_create(&thread, NULL, worker, (void *)delay), "no thread");
	pthread_exit(NULL);
}

static void expect_end(const char *what, bool second, uintptr_t delay)
{
	pid_t child = fork();
	int status;

	if (!child)
		leave(second, delay);
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
	expect_end("alone", false, 0);
	expect_end("with a thread", true, 0);
	expect_end("with a thread that stays", true, 75);
	expect_end("with a thread that outlives the activity", true, 500);
	return 0;
}
