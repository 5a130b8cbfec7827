/*
 * fork_torture.c - forks from threads, while others hold stdio locks and churn memory
 *
 * Rounds of about a second: stream threads, churners and forkers run together; then all stop,
 * all blocks are freed, and the heap's own totals and the resident memory must be what they
 * were after the first round.  Each round also forks a line of generations: every child adopts
 * and frees what the lost threads held, must then hold no more than was lost in the making,
 * and runs threads of its own before it forks the next.
 */
#include "churner.h"
#include "claim.h"
#include "clock.h"
#include "heap.h"
#include "report.h"
#include "sanitizer.h"
#include "streams.h"
#include "supervise.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHURNERS = 3,
	FORKERS = 2,
	GENERATIONS = 6,
	CHILD_STEPS = 100,
	SHORT_SECONDS = 3,
	SOAK_SECONDS = 10,
	SOAK_REPEATS = 20,
	ROUND_MS = 1000,

	/* progress counters */
	CHURNER_COUNTER = 0,
	FORKER_COUNTER = 8,
	STREAM_COUNTER = 16,
	MAIN_COUNTER = 32,
};

static struct churner *churners[CHURNERS];
static struct churner *forkers[FORKERS];
static atomic_bool stop;
static atomic_ulong forks;

static void wait_for(pid_t child, const char *what)
{
	int status;

	while (waitpid(child, &status, 0) != child)
		if (errno != EINTR)
			fail("waitpid: errno %d", errno);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
		fail("%s %d ended with status %#x", what, (int)child, (unsigned int)status);
}

static pid_t fork_or_rest(void)
{
	pid_t child = fork();

	if (child < 0 && errno != EAGAIN && errno != ENOMEM)
		fail("fork: errno %d", errno);
	if (child > 0)
		atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
	return child;
}

static void grandchild(struct churner *own)
{
	pid_t child = fork_or_rest();

	if (child < 0)
		return;
	if (child > 0) {
		wait_for(child, "grandchild");
		return;
	}
	for (int i = 0; i < CHILD_STEPS; i++)
		churner_step(own);
	churner_check(own);
	_exit(EXIT_SUCCESS);
}

/* Allocates, starts a thread and forks again, on the inherited slots of the forker. */
static _Noreturn void child(struct churner *own)
{
	own->rng = rng_stream(rng_next(&own->rng), (uint64_t)getpid());
	churner_check(own);
	for (int i = 0; i < CHILD_STEPS; i++)
		churner_step(own);
	progress(own->number);
	if (can_start_threads_in_child) {
		churner_start(own);
		streams_use_own();
		churner_stop(own);
	}
	progress(own->number);
	grandchild(own);
	progress(own->number);
	heap_verify("in a child of the torture");
	churner_clear(own);
	_exit(EXIT_SUCCESS);
}

static void *forker_main(void *argument)
{
	struct churner *own = argument;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		pid_t pid = fork_or_rest();

		if (pid == 0)
			child(own);
		if (pid > 0)
			wait_for(pid, "child");
		for (int i = 0; i < CHILD_STEPS; i++)
			churner_step(own);
		progress(own->number);
	}
	progress_done(own->number);
	return NULL;
}

/* What a forked line may lose: the block in the making of each thread it left behind. */
static size_t lost_in_the_making(int generation)
{
	return (size_t)generation * CHURNERS * 2 * CHURNER_SIZE_MAX;
}

/*
 * One generation: alone after the fork, it frees what the churners of its parent held, looks
 * for lost memory, and becomes a threaded parent itself.
 */
static void generation(int number, size_t live_before)
{
	pid_t pid;

	if (number > GENERATIONS)
		return;
	for (int i = 0; i < CHURNERS; i++)
		churner_start(churners[i]);
	sleep_ms(20);
	pid = fork_or_rest();
	if (pid == 0) {
		size_t live;

		progress(MAIN_COUNTER);
		for (int i = 0; i < CHURNERS; i++)
			churner_clear(churners[i]);
		heap_verify("in a generation that freed its inheritance");
		live = heap_live_bytes();
		if (heap.is_buddy &&
		    live > live_before + lost_in_the_making(number) + LIVE_TOLERANCE)
			fail("generation %d has %zu live bytes, the first had %zu", number, live,
			     live_before);
		if (can_start_threads_in_child)
			generation(number + 1, live_before);
		_exit(EXIT_SUCCESS);
	}
	for (int i = 0; i < CHURNERS; i++)
		churner_stop(churners[i]);
	if (pid > 0)
		wait_for(pid, "generation");
}

static void start_all(pthread_t *forker_threads)
{
	atomic_store(&stop, false);
	for (int i = 0; i < CHURNERS; i++)
		churner_start(churners[i]);
	streams_start(STREAM_COUNTER);
	for (int i = 0; i < FORKERS; i++)
		if (pthread_create(&forker_threads[i], NULL, forker_main, forkers[i]) != 0)
			fail("cannot start a forker");
}

static void stop_all(const pthread_t *forker_threads)
{
	atomic_store(&stop, true);
	for (int i = 0; i < FORKERS; i++)
		pthread_join(forker_threads[i], NULL);
	for (int i = 0; i < CHURNERS; i++)
		churner_stop(churners[i]);
	streams_stop();
}

static void free_all(void)
{
	for (int i = 0; i < CHURNERS; i++)
		churner_clear(churners[i]);
	for (int i = 0; i < FORKERS; i++)
		churner_clear(forkers[i]);
}

static void torture_round(void)
{
	pthread_t forker_threads[FORKERS];

	start_all(forker_threads);
	for (int ms = 0; ms < ROUND_MS; ms += 50) {
		sleep_ms(50);
		progress(MAIN_COUNTER);
		if (ms % 250 == 0)
			heap_verify("during the torture");
	}
	stop_all(forker_threads);
	free_all();
	heap_verify("at rest after a round of torture");
}

/* A run of some seconds; the first round is the measure for those after it. */
static void torture(unsigned int seconds)
{
	uint64_t end = now_ms() + seconds * UINT64_C(1000);
	struct heap_level first, now;

	torture_round();
	first = heap_level();
	do {
		generation(1, first.live);
		torture_round();
		now = heap_check_growth(first);
	} while (now_ms() < end);
	say("%lu forks so far, live bytes %zu then %zu, resident %zu then %zu MiB",
	    (unsigned long)forks, first.live, now.live, first.resident >> 20, now.resident >> 20);
}

static int run(void *argument)
{
	uint64_t seed = *(const uint64_t *)argument;
	unsigned int repeats = soaking() ? SOAK_REPEATS : 1;

	heap_find();
	claim_init();
	for (unsigned int i = 0; i < CHURNERS; i++)
		churners[i] = churner_map(CHURNER_COUNTER + i, rng_stream(seed, 1 + i));
	for (unsigned int i = 0; i < FORKERS; i++)
		forkers[i] = churner_map(FORKER_COUNTER + i, rng_stream(seed, 100 + i));
	while (repeats--)
		torture(soaking() ? SOAK_SECONDS : SHORT_SECONDS);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *skipped = "forks of threaded parents are beyond this sanitizer";

	return supervise_seeded("fork_torture", argc, argv, can_fork ? NULL : skipped, run);
}
