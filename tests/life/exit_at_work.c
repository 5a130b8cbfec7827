/*
 * exit_at_work.c - a program ends while its threads are at work
 *
 * The check for double frees at the end must find nothing wrong with theirs.
 */
#include "life.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PROGRAMS 60
#define THREADS 4
#define BLOCKS 1024

static void *churn(void *arg)
{
	static void *blocks[THREADS][BLOCKS];
	unsigned int id = (unsigned int)(uintptr_t)arg, random = id;
	void **mine = blocks[id];

	for (;;) {
		unsigned int i;

		random = random * 1103515245 + 12345;
		i = random >> 16 & (BLOCKS - 1);
		free(mine[i]);
		mine[i] = malloc(1 + (random >> 8) % 2000);
	}
	return NULL;
}

static _Noreturn void program(unsigned int number)
{
	struct timespec wait = {.tv_nsec = 10000000 + number * 500000l};
	pthread_t thread;

	alarm(60);
	for (uintptr_t id = 0; id < THREADS; id++)
		CHECK(!pthread_create(&thread, NULL, churn, (void *)id), "no thread");
	nanosleep(&wait, NULL);
	exit(0);
}

int main(void)
{
	char said[512];
	ssize_t length;
	int fd[2];

	require_libbuddy();
	for (unsigned int i = 0; i < PROGRAMS; i++) {
		pid_t child;

		CHECK(!pipe(fd), "no pipe");
		child = fork();
		CHECK(child >= 0, "no child");
		if (!child) {
			dup2(fd[1], 2);
			program(i);
		}
		close(fd[1]);
		length = read(fd[0], said, sizeof(said) - 1);
		said[length > 0 ? length : 0] = '\0';
		close(fd[0]);
		expect_success(child, "a program whose threads are at work");
		CHECK(!said[0], "it said: %s", said);
	}
	return 0;
}
