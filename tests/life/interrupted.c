/*
 * interrupted.c - a signal handler uses malloc, at any instruction of libbuddy
 *
 *   interrupted [CALL|all [SEED]]
 *
 * Each call is first single-stepped in a child, to find the instructions of libbuddy that it
 * executes.  Some of these are chosen at random (all with BUDDY_SOAK=1, which takes a quarter of an
 * hour).  For each of them a new child is interrupted there by a handler that allocates, asks for
 * memory to be given back, or forks.  Then the call goes on, and the child checks its heap.
 */
#include "life.h"
#include "trace.h"

#include <buddy/slab.h>
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	SAMPLES = 40, /* of each call, for each handler */
	HANG_SECONDS = 30,
	KEPT_SIZE = 500,
	SPAN = 1 << 20, /* bytes of libbuddy's file, at most */
};

/* Not dprintf(), which takes a buffer from malloc. */
static void say(const char *format, ...)
{
	char text[200];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	CHECK(write(STDOUT_FILENO, text, (size_t)length) == length, "cannot write");
}

/* ---- what the handler does ---- */

static void use(size_t size, unsigned int key)
{
	char *a = keep(malloc(size)), *b = keep(malloc(size / 2 + 1));

	CHECK(a && b, "no memory");
	fill(a, size, key);
	fill(b, size / 2 + 1, key + 1);
	a = keep(realloc(a, 2 * size));
	CHECK(a && filled(a, size, key) && filled(b, size / 2 + 1, key + 1),
	      "a block is not what it was");
	free(a);
	free(b);
}

/* Weak: they are there only if the library under test is libbuddy. */
#pragma weak buddy_kmem_cache_create
#pragma weak buddy_kmem_cache_alloc
#pragma weak buddy_kmem_cache_free
#pragma weak buddy_kmem_cache_shrink
#pragma weak buddy_kmem_cache_destroy

static struct kmem_cache *cache; /* NULL: the call uses none */

/* NULL is allowed: a handler can wait for nothing, so there may be no object for it. */
static void use_cache(unsigned int count, gfp_t gfp)
{
	void *objects[100];

	for (unsigned int i = 0; i < count; i++) {
		objects[i] = buddy_kmem_cache_alloc(cache, gfp);
		CHECK(objects[i] || gfp == GFP_NOWAIT, "no object");
		if (objects[i])
			fill(objects[i], KEPT_SIZE, i);
	}
	for (unsigned int i = 0; i < count; i++) {
		CHECK(!objects[i] || filled(objects[i], KEPT_SIZE, i),
		      "an object is not what it was");
		buddy_kmem_cache_free(cache, objects[i]);
	}
}

static void use_sizes(void)
{
	for (size_t size = 16; size < 400000; size *= 4)
		use(size, (unsigned int)size);
	if (cache)
		use_cache(5, GFP_NOWAIT);
}

static void trim(void)
{
	malloc_trim(0);
}

static void have_child_that(void (*act)(void))
{
	pid_t child = fork();

	if (child == 0) {
		alarm(HANG_SECONDS);
		act();
		_exit(0);
	}
	expect_success(child, "a child forked in the handler");
}

static void have_child(void)
{
	have_child_that(use_sizes);
}

static void *use_as_thread(void *unused)
{
	use_sizes();
	return unused;
}

static void run_thread(void *(*fn)(void *))
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, fn, NULL) == 0, "no thread");
	pthread_join(thread, NULL);
}

static void use_in_thread(void)
{
	run_thread(use_as_thread);
	use_sizes();
}

static void have_child_with_thread(void)
{
	have_child_that(use_in_thread);
}

static const struct {
	const char *name;
	void (*run)(void);
} handlers[] = {
	{"allocates", use_sizes},
	{"trims", trim},
	{"forks", have_child},
	{"forks a child that starts a thread", have_child_with_thread},
};

#define NR_HANDLERS (sizeof(handlers) / sizeof(*handlers))

static unsigned int handler; /* index */

static void interrupt(int signal)
{
	int saved_errno = errno;

	(void)signal;
	handlers[handler].run();
	errno = saved_errno;
}

/* ---- what it interrupts ---- */

static void *kept; /* a block that the program holds meanwhile */

static void keep_a_block(void)
{
	kept = keep(malloc(KEPT_SIZE));
	CHECK(kept, "no memory");
	fill(kept, KEPT_SIZE, 9);
}

static void check_heap(void)
{
	CHECK(!kept || filled(kept, KEPT_SIZE, 9), "a block is not what it was");
	use_sizes();
	verify("in the end");
}

static void allocate(size_t size, unsigned int count)
{
	void *blocks[1000];

	for (unsigned int i = 0; i < count; i++)
		blocks[i] = keep(malloc(size));
	for (unsigned int i = 0; i < count; i++)
		free(blocks[i]);
}

/* The first call of the process: no task, no heap. */
static void first(void)
{
	trace_mark();
	allocate(100, 1);
	trace_mark();
}

static void first_large(void)
{
	trace_mark();
	allocate(100000, 1);
	trace_mark();
}

static void *first_of_thread(void *unused)
{
	first();
	return unused;
}

static void *end_of_thread(void *unused)
{
	for (size_t size = 100; size < 400; size++)
		allocate(size, 1);
	trace_mark();
	return unused;
}

static void thread_begins(void)
{
	keep_a_block();
	run_thread(first_of_thread);
}

static void thread_ends(void)
{
	keep_a_block();
	run_thread(end_of_thread);
}

static void small(void)
{
	keep_a_block();
	trace_mark();
	allocate(KEPT_SIZE, 60);
	trace_mark();
}

static void pages(void)
{
	keep_a_block();
	trace_mark();
	allocate(4000, 60);
	trace_mark();
}

static void large(void)
{
	keep_a_block();
	trace_mark();
	allocate(300000, 1);
	allocate(50000, 2);
	trace_mark();
}

static void resized(void)
{
	void *mem;

	keep_a_block();
	trace_mark();
	mem = keep(malloc(10));
	for (size_t size = 20; size < 300000; size *= 7)
		mem = keep(realloc(mem, size));
	free(mem);
	trace_mark();
}

static void aligned(void)
{
	void *mem;

	keep_a_block();
	trace_mark();
	for (size_t align = 64; align <= 1 << 21; align <<= 5) {
		mem = keep(aligned_alloc(align, 5000));
		free(mem);
	}
	trace_mark();
}

/* If objects that a handler took have not come back, destroying the cache ends the program. */
static void cached(void)
{
	struct kmem_cache *ended;

	keep_a_block();
	if (!buddy_kmem_cache_create)
		return;
	ended = cache = buddy_kmem_cache_create("interrupted", KEPT_SIZE, 0, 0, NULL);
	CHECK(cache, "no cache");
	trace_mark();
	use_cache(60, GFP_KERNEL);
	buddy_kmem_cache_shrink(cache);
	use_cache(1, GFP_KERNEL);
	trace_mark();
	cache = NULL;
	buddy_kmem_cache_destroy(ended);
}

static void trimmed(void)
{
	keep_a_block();
	allocate(1500, 900);
	trace_mark();
	malloc_trim(0);
	trace_mark();
}

/*
 * Every 64th slow path asks whether a background thread is needed.  That one is to be among the
 * child's.
 */
enum { SLOW_PATHS_BEFORE = 50, SLOW_PATHS_OF_CHILD = 16 };

static void take_slow_paths(unsigned int count)
{
	while (count--)
		allocate(40000, 1);
}

static void use_as_child(void)
{
	trace_mark();
	allocate(KEPT_SIZE, 1);
	take_slow_paths(SLOW_PATHS_OF_CHILD);
	trace_mark();
}

static void begin_thread(void)
{
	run_thread(first_of_thread);
}

static unsigned int seconds; /* after which a call hangs; 0: never */

static void in_child(pid_t child, void (*fn)(void))
{
	if (child == 0) {
		alarm(seconds);
		fn();
		check_heap();
		_exit(0);
	}
	expect_success(child, "the child");
}

/* The child of a program of one thread, with a heap that may want a background thread. */
static void lone_child(void)
{
	void *mem = keep(malloc(9 << 20));

	keep_a_block();
	memset(mem, 1, 9 << 20);
	take_slow_paths(SLOW_PATHS_BEFORE);
	in_child(fork(), use_as_child);
	free(mem);
}

static void thread_of_lone_child(void)
{
	keep_a_block();
	in_child(fork(), begin_thread);
}

static bool enough; /* atomic */

static void *keep_at_it(void *unused)
{
	while (!__atomic_load_n(&enough, __ATOMIC_RELAXED)) {
		use(300, 1);
		use(5000, 2);
		usleep(100);
	}
	return unused;
}

static void beside_threads(pid_t (*make_child)(void), void (*fn)(void))
{
	pthread_t threads[2];

	keep_a_block();
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&threads[i], NULL, keep_at_it, NULL) == 0, "no thread");
	take_slow_paths(SLOW_PATHS_BEFORE);
	in_child(make_child(), fn);
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* _Fork() runs no handlers, so the child's first slow path does the repair. */
static void child_of_threads(void)
{
	beside_threads(_Fork, use_as_child);
}

static void thread_of_child(void)
{
	beside_threads(_Fork, begin_thread);
}

static void leave(void)
{
	for (size_t size = 100; size < 400; size++)
		allocate(size, 1);
	trace_mark();
	exit(0);
}

static void exits(void)
{
	keep_a_block();
	in_child(fork(), leave);
}

static const struct {
	const char *name;
	void (*run)(void);
} calls[] = {
	{"first", first}, /* executes more than the next one: the start of the library */
	{"thread_begins", thread_begins},
	{"first_large", first_large},
	{"thread_ends", thread_ends},
	{"small", small},
	{"pages", pages},
	{"large", large},
	{"resized", resized},
	{"aligned", aligned},
	{"cached", cached},
	{"trimmed", trimmed},
	{"lone_child", lone_child},
	{"thread_of_lone_child", thread_of_lone_child},
	{"child_of_threads", child_of_threads},
	{"thread_of_child", thread_of_child},
	{"exits", exits},
};

#define NR_CALLS (sizeof(calls) / sizeof(*calls))

static unsigned int call; /* index */
static unsigned int instructions[NR_CALLS];

static void make_call(void)
{
	signal(SIGUSR1, interrupt);
	alarm(seconds);
	calls[call].run();
	check_heap();
}

/* ---- where ---- */

static uintptr_t base; /* of libbuddy */
static bool visited[SPAN];

static void visit(uintptr_t address)
{
	if (address - base < SPAN)
		visited[address - base] = true;
}

static unsigned int walk(void)
{
	unsigned int count = 0;

	memset(visited, 0, sizeof(visited));
	seconds = 0;
	CHECK(trace_walk(make_call, visit) == 0, "%s goes wrong without a handler",
	      calls[call].name);
	for (size_t i = 0; i < SPAN; i++)
		count += visited[i];
	CHECK(count > 100, "%s came to %u instructions of libbuddy", calls[call].name, count);
	return count;
}

static bool interrupt_at(size_t offset)
{
	bool reached;
	int status;

	seconds = HANG_SECONDS;
	status = trace_signal(make_call, base + offset, SIGUSR1, &reached);
	CHECK(status == 0,
	      "%s, interrupted at %#zx of libbuddy by a handler that %s: %s, status %#x",
	      calls[call].name, offset, handlers[handler].name,
	      WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "hangs" : "fails",
	      (unsigned int)status);
	return reached;
}

/* Not every instruction that was executed in the walk is reached again, beside other threads. */
static void interrupt_everywhere(bool all)
{
	unsigned int count = walk(), left = count, wanted = all ? count : SAMPLES, reached = 0;

	for (size_t i = 0; i < SPAN; i++) {
		if (!visited[i] || (unsigned int)rand() % left-- >= wanted)
			continue;
		wanted--;
		for (handler = 0; handler < NR_HANDLERS; handler++)
			reached += interrupt_at(i);
	}
	CHECK(reached, "%s was interrupted nowhere", calls[call].name);
	say("%s: %u instructions, %u interruptions\n", calls[call].name, count, reached);
	instructions[call] = count;
}

/* Nothing here allocates, since the children's first call has to be the first of the process. */
int main(int argc, char **argv)
{
	const char *only = argc > 1 && strcmp(argv[1], "all") ? argv[1] : NULL;
	unsigned int seed = argc > 2 ? (unsigned int)atoi(argv[2]) : (unsigned int)time(NULL);
	bool all = getenv("BUDDY_SOAK") != NULL, known = !only;
	Dl_info info;

	require_libbuddy();
	trace_required();
	CHECK(dladdr((void *)(uintptr_t)malloc, &info), "who has malloc?");
	base = (uintptr_t)info.dli_fbase;
	srand(seed);
	say("seed %u\n", seed);
	for (call = 0; call < NR_CALLS; call++) {
		if (only && strcmp(only, calls[call].name))
			continue;
		known = true;
		interrupt_everywhere(all);
	}
	CHECK(known, "usage: interrupted [CALL|all [SEED]]");
	CHECK(only || instructions[0] > instructions[1], "%s is not", calls[0].name);
	return 0;
}
