/*
 * handler_child.c - a signal handler interrupts a call of libbuddy and forks; in the child it
 * starts a thread that wants memory, before it returns into the call
 *
 * A constructor raises the signal: the call has a block of pages in hand that is not a slab yet.
 * The thread must be given neither that block nor what the interrupted thread has at hand.  When
 * the call is over, the child is a child like any other.
 *
 *   handler_child            fork() calls libbuddy's handler, which notices the child
 *   handler_child unnoticed  _Fork() does not, and the thread is the first to come in
 */
#include "bytes.h"

#include <buddy/buddy.h>
#include <buddy/page_alloc.h>
#include <buddy/slab.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 3000, SMALL = 2000, SECONDS = 60, PAGE = 4096 };

#define MAGIC UINT64_C(0x600dc0de600dc0de)

static volatile sig_atomic_t armed, in_child;
static bool unnoticed;
static char *pages[PAGES], *small[SMALL];

static void fail(const char *what)
{
	dprintf(STDERR_FILENO, "handler_child: %s\n", what);
	_exit(1);
}

/* Must not wait for the thread that started it, which waits for this one. */
static void *take_memory(void *unused)
{
	for (int i = 0; i < PAGES; i++) {
		pages[i] = buddy_get_free_pages(GFP_KERNEL, 0);
		if (pages[i])
			memset(pages[i], 0xee, PAGE);
	}
	for (int i = 0; i < SMALL; i++) {
		small[i] = malloc(16 + (size_t)i);
		if (!small[i])
			fail("no memory for the thread");
		memset(small[i], 0xdd, 16 + (size_t)i);
	}
	for (int i = 0; i < SMALL; i += 2) {
		free(small[i]);
		small[i] = NULL;
	}
	return unused;
}

static void start_thread_and_wait(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, take_memory, NULL) || pthread_join(thread, NULL))
		fail("no thread");
}

static void fork_here(int signo)
{
	pid_t child;
	int status;

	(void)signo;
	child = unnoticed ? _Fork() : fork();
	if (child < 0)
		fail("no child");
	if (!child) {
		in_child = 1;
		alarm(SECONDS);
		start_thread_and_wait();
		return;
	}
	if (waitpid(child, &status, 0) != child || status)
		fail("the child did not end well");
}

static void make(void *object)
{
	if (armed) {
		armed = 0;
		raise(SIGUSR1);
	}
	*(uint64_t *)object = MAGIC;
}

/* After the call: what the thread was given is unharmed, and new threads are served as usual. */
static void check_child(void)
{
	for (int i = 0; i < PAGES; i++)
		if (pages[i] && !all_bytes(pages[i], PAGE, 0xee))
			fail("a page of the thread's is not what it was");
	for (int i = 0; i < SMALL; i++)
		if (small[i] && !all_bytes(small[i], 16 + (size_t)i, 0xdd))
			fail("a block of the thread's is not what it was");
	start_thread_and_wait();
	if (buddy_verify())
		fail("buddy_verify() found something");
}

static void *idle(void *unused)
{
	free(malloc(3));
	for (;;)
		pause();
	return unused;
}

/* Also what pthread_create() asks for. */
static void have_all_at_hand(void)
{
	for (size_t size = 16; size < 2000; size += 16)
		free(malloc(size));
}

int main(int argc, char **argv)
{
	struct kmem_cache *cache = buddy_kmem_cache_create("made", 64, 0, 0, make);
	uint64_t *object;
	pthread_t thread;

	if (!cache || pthread_create(&thread, NULL, idle, NULL))
		fail("no cache or no thread");
	usleep(10000);
	unnoticed = argc > 1 && !strcmp(argv[1], "unnoticed");
	have_all_at_hand();
	signal(SIGUSR1, fork_here);
	armed = 1;
	object = buddy_kmem_cache_alloc(cache, GFP_KERNEL);
	if (armed || !object)
		fail("nothing was constructed");
	if (in_child)
		check_child();
	if (*object != MAGIC)
		fail("the object is not as constructed");
	_exit(0);
}
