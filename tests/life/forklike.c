/*
 * forklike.c - children that are made without fork's handlers
 *
 * vfork shares the parent's memory, posix_spawn is a vfork with an exec, and _Fork and a raw clone
 * copy the process but skip pthread_atfork.  Such a child may be made while other threads are in
 * the middle of malloc, and must be able to use what it inherited and to allocate.
 */
#include "life.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BLOCKS = 1000, ROUNDS = 24, CHURNERS = 2, CHURN_SLOTS = 200, CHILD_SECONDS = 60 };

extern char **environ;

static unsigned char *inherited[BLOCKS];
static atomic_bool stop;

static size_t block_size(unsigned int i)
{
	return 1 + i * 37 % 5000;
}

static void *churn(void *argument)
{
	void *slots[CHURN_SLOTS] = {0};
	unsigned int step = (unsigned int)(uintptr_t)argument;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		unsigned int slot = step * 2654435761u % CHURN_SLOTS;

		free(slots[slot]);
		slots[slot] = malloc(step++ * 7919 % 40000);
	}
	for (int i = 0; i < CHURN_SLOTS; i++)
		free(slots[i]);
	return NULL;
}

static void make_inheritance(void)
{
	for (unsigned int i = 0; i < BLOCKS; i++) {
		inherited[i] = malloc(block_size(i));
		CHECK(inherited[i], "malloc gave NULL");
		fill(inherited[i], block_size(i), i);
	}
}

static void check_inheritance(void)
{
	for (unsigned int i = 0; i < BLOCKS; i++)
		CHECK(filled(inherited[i], block_size(i), i), "inherited block %u changed", i);
}

/* What a child with its own copy of the memory does; the alarm turns a hang into a failure. */
static _Noreturn void copied_child(void)
{
	alarm(CHILD_SECONDS);
	check_inheritance();
	for (unsigned int i = 0; i < BLOCKS; i += 2)
		free(inherited[i]);
	ordinary_use_alone(2 << 20);
	for (unsigned int i = 1; i < BLOCKS; i += 2)
		free(inherited[i]);
	verify("in a child that skipped the handlers");
	_exit(0);
}

static void test_Fork(void)
{
	pid_t child = _Fork();

	if (child == 0)
		copied_child();
	expect_success(child, "a child of _Fork");
}

static void test_clone(void)
{
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (child == 0)
		copied_child();
	expect_success(child, "a child of clone");
}

/* A child of such a child, and one by fork proper after it. */
static void test_grandchildren(void)
{
	pid_t child = _Fork();

	if (child == 0) {
		alarm(CHILD_SECONDS);
		ordinary_use_alone(1 << 20);
		test_clone();
		child = fork();
		if (child == 0)
			copied_child();
		expect_success(child, "a child of a child of _Fork");
		_exit(0);
	}
	expect_success(child, "a child of _Fork with children");
}

/*
 * POSIX allows a child of vfork only exec and _exit.  Programs allocate there all the same, and
 * with the C library's malloc it works, since the memory is the parent's.
 */
static void test_vfork(void)
{
	static void *volatile left_by_child;
	pid_t child = vfork();

	if (child == 0) {
		for (unsigned int i = 0; i < 100; i++)
			free(keep(malloc(block_size(i))));
		left_by_child = malloc(100);
		_exit(0);
	}
	expect_success(child, "a child of vfork");
	CHECK(left_by_child, "malloc in a child of vfork gave NULL");
	free(left_by_child);
	check_inheritance();
}

static void test_vfork_exec(const char *program)
{
	pid_t child = vfork();

	if (child == 0) {
		execl(program, program, "spawned", NULL);
		_exit(1);
	}
	expect_success(child, "a program executed after vfork");
}

static void test_spawn(char *program)
{
	char *argv[] = {program, "spawned", NULL};
	pid_t child;

	CHECK(posix_spawn(&child, program, NULL, NULL, argv, environ) == 0, "posix_spawn");
	expect_success(child, "a spawned program");
}

static void test_popen(void)
{
	CHECK(system("exit 0") == 0, "system()");
}

int main(int argc, char **argv)
{
	pthread_t churners[CHURNERS];

	require_libbuddy();
	if (argc > 1 && strcmp(argv[1], "spawned") == 0) {
		ordinary_use(1 << 20);
		return 0;
	}
	make_inheritance();
	for (uintptr_t i = 0; i < CHURNERS; i++)
		CHECK(pthread_create(&churners[i], NULL, churn, (void *)i) == 0, "no thread");
	for (int round = 0; round < ROUNDS; round++) {
		test_Fork();
		test_clone();
		test_grandchildren();
		test_vfork();
		if (round % 10 == 0) {
			test_vfork_exec(argv[0]);
			test_spawn(argv[0]);
			test_popen();
		}
	}
	atomic_store(&stop, true);
	for (int i = 0; i < CHURNERS; i++)
		pthread_join(churners[i], NULL);
	check_inheritance();
	verify("after all children");
	return 0;
}
