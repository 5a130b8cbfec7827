/*
 * left_locks.c - locks held by a thread that was lost in a fork are free for any child
 *
 *     left_locks namespaces      a child with the process id of its parent
 *     left_locks generations     children of so many forks that generation numbers repeat
 *
 * The locks are held by a thread in malloc_trim().  libbuddy gives memory back through madvise();
 * this program has its own, in which the thread stays.
 */
#include "life.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BLOCKS = 1000, GENERATIONS = 260, SECONDS = 60 };

static atomic_bool stay, is_inside;

int madvise(void *addr, size_t len, int advice)
{
	if (atomic_load(&stay)) {
		atomic_store(&is_inside, true);
		while (atomic_load(&stay))
			usleep(1000);
	}
	return (int)syscall(SYS_madvise, addr, len, advice);
}

static void *trim(void *argument)
{
	malloc_trim(0);
	return argument;
}

/* Memory that malloc_trim() gives back, too little for other threads to make passes. */
static void make_garbage(void)
{
	static void *blocks[BLOCKS];

	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = memset(malloc(4000), i, 4000);
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
}

static void hold_locks(pthread_t *thread)
{
	make_garbage();
	atomic_store(&stay, true);
	CHECK(pthread_create(thread, NULL, trim, NULL) == 0, "no thread");
	while (!atomic_load(&is_inside))
		usleep(1000);
}

static void let_go(pthread_t thread)
{
	atomic_store(&stay, false);
	pthread_join(thread, NULL);
}

/* Process 1 of a namespace ignores signals for which it has no handler. */
static void give_up(int signal)
{
	(void)signal;
	_exit(1);
}

static void limit_time(void)
{
	signal(SIGALRM, give_up);
	alarm(SECONDS);
}

/* In the child, where the thread that holds the locks does not exist. */
static void use_locks(void)
{
	atomic_store(&stay, false);
	malloc_trim(0);
	ordinary_use_alone(1 << 20);
	malloc_trim(0);
	verify("in a child");
}

/* ---- the same process id ---- */

static void enter_namespace(void)
{
	if (unshare(CLONE_NEWPID) && unshare(CLONE_NEWUSER | CLONE_NEWPID))
		skip("no namespace of process ids: errno %d", errno);
}

static _Noreturn void first_of_namespace(void)
{
	pthread_t thread;
	pid_t child;

	limit_time();
	CHECK(getpid() == 1, "process %d", (int)getpid());
	free(keep(malloc(100000)));
	hold_locks(&thread);
	enter_namespace();
	child = fork();
	if (child == 0) {
		limit_time();
		CHECK(getpid() == 1, "process %d", (int)getpid());
		use_locks();
		_exit(0);
	}
	expect_success(child, "a child with its parent's id");
	let_go(thread);
	_exit(0);
}

static void test_namespaces(void)
{
	pid_t child;

	enter_namespace();
	child = fork();
	if (child == 0)
		first_of_namespace();
	expect_success(child, "the first process of a namespace");
}

/* ---- many forks ---- */

/* Fork a child that uses the heap.  Return: whether this is the child. */
static bool is_child(void)
{
	pid_t child = fork();

	if (child == 0) {
		limit_time();
		free(keep(malloc(100000)));
		return true;
	}
	expect_success(child, "a child");
	return false;
}

static void test_generations(void)
{
	pthread_t thread;
	int number = 0;

	hold_locks(&thread);
	while (number < GENERATIONS && is_child())
		number++;
	/* The next child of one of these has the generation number that the locks have. */
	if (number > 250 && number < 260 && is_child())
		use_locks();
	if (number)
		_exit(0);
	let_go(thread);
}

int main(int argc, char **argv)
{
	require_libbuddy();
	free(keep(malloc(100000))); /* so that the first child knows that it is one */
	if (argc > 1 && !strcmp(argv[1], "namespaces"))
		test_namespaces();
	else
		test_generations();
	return 0;
}
