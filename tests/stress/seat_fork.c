/*
 * seat_fork.c - children of a worker, forked while the other workers go on
 *
 * The child owns the forking seat's blocks as they were: it checks every one, frees some and
 * allocates more, starts a thread and forks again.  It touches nothing that another thread of
 * the parent may have been in the middle of, mailboxes above all.
 */
#include "seat.h"

#include "clock.h"
#include "heap.h"
#include "report.h"
#include "sanitizer.h"
#include "supervise.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHILD_BLOCKS = 200,
	THREAD_BLOCKS = 300,
	FORK_EVERY_MS = 120, /* of all seats together: each fork copies the page tables */
	DEPTH = 2,
};

static void wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) != child)
		if (errno != EINTR)
			fail("waitpid: errno %d", errno);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
		fail("forked child %d ended with status %#x", (int)child, (unsigned int)status);
}

static void *child_thread(void *argument)
{
	struct rng *rng = argument;
	struct block blocks[THREAD_BLOCKS];

	for (int i = 0; i < THREAD_BLOCKS; i++)
		block_alloc(&blocks[i], rng_below(rng, 3000), rng);
	for (int i = 0; i < THREAD_BLOCKS; i++)
		block_free(&blocks[i], rng);
	return NULL;
}

static void run_child_thread(struct rng *rng)
{
	struct rng other = rng_stream(rng_next(rng), 2);
	pthread_t thread;

	if (pthread_create(&thread, NULL, child_thread, &other) != 0)
		fail("a forked child cannot start a thread");
	pthread_join(thread, NULL);
}

static void churn_inherited(struct seat *seat)
{
	struct block blocks[CHILD_BLOCKS];

	for (int i = 0; i < CHILD_BLOCKS; i++)
		block_alloc(&blocks[i], block_random_size(&seat->rng) % (1 << 20), &seat->rng);
	for (unsigned int i = 0; i < seat->slot_count; i++)
		if (seat->slots[i].mem && rng_one_in(&seat->rng, 2))
			block_free(&seat->slots[i], &seat->rng);
	for (int i = 0; i < CHILD_BLOCKS; i++)
		block_free(&blocks[i], &seat->rng);
}

static void fork_child(struct seat *seat, int depth);

static _Noreturn void child_life(struct seat *seat, int depth)
{
	seat->rng = rng_stream(rng_next(&seat->rng), (uint64_t)getpid());
	progress(seat->number);
	for (unsigned int i = 0; i < seat->slot_count; i++)
		if (seat->slots[i].mem)
			block_check(&seat->slots[i]);
	heap_verify("in a child just forked");
	churn_inherited(seat);
	progress(seat->number);
	if (can_start_threads_in_child && rng_one_in(&seat->rng, 3))
		run_child_thread(&seat->rng);
	if (depth < DEPTH && rng_one_in(&seat->rng, 3))
		fork_child(seat, depth + 1);
	heap_verify("at the end of a forked child");
	progress(seat->number);
	_exit(EXIT_SUCCESS);
}

static void fork_child(struct seat *seat, int depth)
{
	pid_t child = fork();

	if (child < 0) {
		/* A full process table says nothing about the heap. */
		if (errno == EAGAIN || errno == ENOMEM)
			return;
		fail("fork: errno %d", errno);
	}
	if (child == 0)
		child_life(seat, depth);
	wait_for(child);
}

void seat_fork(struct seat *seat)
{
	if (!table.forks || now_ms() < seat->next_fork)
		return;
	fork_child(seat, 1);
	seat->forks++;
	seat->next_fork = now_ms() + rng_below(&seat->rng, 2 * FORK_EVERY_MS * table.seat_count);
}
