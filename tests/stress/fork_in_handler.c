/*
 * fork_in_handler.c - forks from a signal handler that interrupted malloc
 *
 * Threads churn memory while a timer interrupts each of them every millisecond or sooner; the
 * handler forks.  The child leaves at once, or allocates and frees first, on top of whatever was
 * interrupted.  With "return" as argument it returns from the handler instead, lets the
 * interrupted call finish and goes on.
 */
#include "churner.h"
#include "claim.h"
#include "clock.h"
#include "heap.h"
#include "report.h"
#include "sanitizer.h"
#include "supervise.h"
#include "ticker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WORKERS_MAX = 2,
	OUTSTANDING_MAX = 8,
	CHILD_BLOCKS = 48,
	CHILD_STEPS = 300,
	TICK_MAX_US = 1000,
	SHORT_SECONDS = 3,
	SOAK_SECONDS = 10,
	SOAK_REPEATS = 20,
	ROUND_MS = 1000,

	/* progress counters: a worker's, and one that stands still when no child ends */
	WORKER_COUNTER = 0,
	CHILD_COUNTER = 8,
};

enum child_kind { LEAVE, ALLOCATE, FREE_INHERITED, CHILD_KINDS };

struct worker {
	struct churner *churner;
	struct rng handler_rng;
	struct ticker ticker;
	pthread_t thread;
};

static struct worker workers[WORKERS_MAX];
static unsigned int worker_count;
static _Thread_local struct worker *self;
static uint64_t round_end;
static atomic_int outstanding;
static atomic_ulong forks;
static bool children_return;
static volatile sig_atomic_t is_child;
static _Thread_local volatile sig_atomic_t is_verifying;

static void allocate_some(struct rng *rng)
{
	struct block blocks[CHILD_BLOCKS];

	for (int i = 0; i < CHILD_BLOCKS; i++)
		block_alloc(&blocks[i], rng_below(rng, 4000), rng);
	for (int i = 0; i < CHILD_BLOCKS; i++)
		block_free(&blocks[i], rng);
}

/* What a child does inside the handler; only a child that shall go on returns from here. */
static void child_in_handler(struct rng rng)
{
	/* The C library's malloc must not be called on top of itself. */
	enum child_kind kind = heap.is_buddy ? rng_below(&rng, CHILD_KINDS) : LEAVE;

	/* To finish a walk over structures that were mended meanwhile is asked too much. */
	if (children_return && !is_verifying) {
		is_child = 1;
		return;
	}
	if (kind == FREE_INHERITED)
		churner_clear(self->churner);
	if (kind != LEAVE)
		allocate_some(&rng);
	_exit(EXIT_SUCCESS);
}

static void tick(int signal)
{
	int saved_errno = errno;
	pid_t pid = -1;

	(void)signal;
	if (!is_child && atomic_load(&outstanding) < OUTSTANDING_MAX) {
		struct rng child_rng = rng_stream(rng_next(&self->handler_rng), 3);

		atomic_fetch_add(&outstanding, 1);
		pid = fork();
		if (pid == 0)
			child_in_handler(child_rng);
		else if (pid < 0)
			atomic_fetch_sub(&outstanding, 1);
		else
			atomic_fetch_add(&forks, 1);
	}
	if (pid != 0)
		ticker_arm(&self->ticker, 1 + rng_below(&self->handler_rng, TICK_MAX_US));
	errno = saved_errno;
}

/* A child that returned from the handler: the interrupted call is done, life goes on. */
static _Noreturn void finish_child(struct churner *churner)
{
	for (int i = 0; i < CHILD_STEPS; i++)
		churner_step(churner);
	heap_verify("in a child that returned from the handler");
	churner_clear(churner);
	_exit(EXIT_SUCCESS);
}

static bool reap_one(int flags)
{
	int status;
	pid_t pid = waitpid(-1, &status, flags);

	if (pid <= 0)
		return false;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
		fail("child %d forked in a handler ended with status %#x", (int)pid,
		     (unsigned int)status);
	atomic_fetch_sub(&outstanding, 1);
	progress(CHILD_COUNTER);
	return true;
}

static void reap_children(void)
{
	while (reap_one(WNOHANG))
		continue;
	if (atomic_load(&outstanding) == 0)
		progress(CHILD_COUNTER);
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	struct churner *churner = worker->churner;

	self = worker;
	ticker_create(&worker->ticker);
	ticker_arm(&worker->ticker, 1);
	for (unsigned long steps = 0; is_child || now_ms() < round_end; steps++) {
		churner_step(churner);
		if (is_child)
			finish_child(churner);
		progress(churner->number);
		if (steps % 64 == 0)
			reap_children();
		if (steps % 50000 == 0) {
			is_verifying = 1;
			heap_verify("in a thread that ticks");
			is_verifying = 0;
		}
	}
	ticker_delete(&worker->ticker);
	/* The last tick may have come after the last look. */
	if (is_child)
		finish_child(churner);
	progress_done(churner->number);
	return NULL;
}

static void run_workers(void)
{
	round_end = now_ms() + ROUND_MS;
	for (unsigned int i = 1; i < worker_count; i++)
		if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) != 0)
			fail("cannot start a worker");
	worker_main(&workers[0]);
	for (unsigned int i = 1; i < worker_count; i++)
		pthread_join(workers[i].thread, NULL);
	while (atomic_load(&outstanding) > 0)
		reap_one(0);
	progress_done(CHILD_COUNTER);
	for (unsigned int i = 0; i < worker_count; i++)
		churner_clear(workers[i].churner);
	heap_verify("at rest after a round");
}

static void torture(unsigned int seconds)
{
	uint64_t end = now_ms() + seconds * UINT64_C(1000);
	struct heap_level first, now;

	run_workers();
	first = heap_level();
	do {
		run_workers();
		now = heap_check_growth(first);
	} while (now_ms() < end);
	say("%lu forks so far, live bytes %zu then %zu, resident %zu then %zu MiB",
	    (unsigned long)forks, first.live, now.live, first.resident >> 20, now.resident >> 20);
}

struct arguments {
	uint64_t seed;
	bool children_return;
};

static int run(void *argument)
{
	const struct arguments *arguments = argument;
	uint64_t seed = arguments->seed;
	unsigned int repeats = soaking() ? SOAK_REPEATS : 1;

	heap_find();
	claim_init();
	children_return = arguments->children_return;
	ticker_handler(tick, /* on_stack= */ false);
	/* The C library's own malloc bears such forks as long as there is one thread. */
	worker_count = heap.is_buddy ? WORKERS_MAX : 1;
	for (unsigned int i = 0; i < worker_count; i++) {
		workers[i].churner = churner_map(WORKER_COUNTER + i, rng_stream(seed, 1 + i));
		workers[i].handler_rng = rng_stream(seed, 100 + i);
	}
	while (repeats--)
		torture(soaking() ? SOAK_SECONDS : SHORT_SECONDS);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.seed = fresh_seed()};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "return") == 0)
			arguments.children_return = true;
		else
			arguments.seed = strtoull(argv[i], NULL, 0);
	}
	if (!can_use_handlers) {
		say("skipped: this sanitizer holds signals back");
		return EXIT_SKIPPED;
	}
	report_seed("fork_in_handler", arguments.seed);
	return supervise(run, &arguments);
}
