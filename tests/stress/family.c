/*
 * family.c - trees of processes and threads, grown at random
 *
 * A member of the family, a process or a thread, uses the heap, starts threads, has children by
 * fork() and by what skips its handlers, waits for some of them, and ends.  So forks come from
 * first threads and others, from threads that have used the heap and that have not, beside threads
 * at work and after them; and in a child any thread may come to the heap first.
 */
#include "block.h"
#include "claim.h"
#include "clock.h"
#include "heap.h"
#include "report.h"
#include "sanitizer.h"
#include "supervise.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	GENERATIONS = 4,
	KIN_MAX = 8,	   /* threads and children that a member has at a time */
	PROCESSES_MAX = 40, /* of a family at a time */
	BLOCKS = 400,
	BLOCKS_FEW = 60,
	BLOCK_SIZE_MAX = 100000,
	STEPS_MAX = 20,
	SHORT_SECONDS = 4,
	SOAK_SECONDS = 200,

	FAMILY_COUNTER = 0,
};

struct member {
	struct block blocks[BLOCKS];
	unsigned int block_count; /* it uses */
	struct rng rng;
	unsigned int generation;
	unsigned int steps;
	bool libc_in_order; /* no lost thread has a lock of the C library */
	pthread_t threads[KIN_MAX];
	pid_t children[KIN_MAX];
	unsigned int thread_count, child_count;
};

static atomic_int *processes;	/* of the family, on a page that all share */
static atomic_int threads_here; /* of this process, but for its first */

static struct member *member_new(struct rng *rng, unsigned int generation, bool libc_in_order)
{
	struct member *member = mmap(NULL, sizeof(*member), PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (member == MAP_FAILED)
		fail("cannot map a member");
	member->rng = rng_stream(rng_next(rng), 1);
	member->generation = generation;
	member->libc_in_order = libc_in_order;
	member->steps = 3 + rng_below(rng, STEPS_MAX - 3);
	member->block_count = rng_one_in(rng, 3) ? BLOCKS : 1 + rng_below(rng, BLOCKS_FEW);
	return member;
}

static void give_back(struct member *member, struct block *block)
{
	block_free(block, &member->rng);
	block->mem = NULL;
}

static void use_heap(struct member *member, unsigned int times)
{
	while (times--) {
		struct block *block = &member->blocks[rng_below(&member->rng, member->block_count)];
		size_t size = block_random_size(&member->rng) % BLOCK_SIZE_MAX;

		if (block->mem)
			give_back(member, block);
		else
			block_alloc(block, size, &member->rng);
	}
}

static void free_all(struct member *member)
{
	for (int i = 0; i < BLOCKS; i++)
		if (member->blocks[i].mem)
			give_back(member, &member->blocks[i]);
}

static void live(struct member *member);

static void *thread_main(void *argument)
{
	struct member *member = argument;

	live(member);
	free_all(member);
	munmap(member, sizeof(*member));
	atomic_fetch_sub(&threads_here, 1);
	return NULL;
}

static void start_thread(struct member *member)
{
	struct member *next;

	if (!member->libc_in_order || !can_start_threads_in_child ||
	    member->generation == GENERATIONS || member->thread_count == KIN_MAX)
		return;
	next = member_new(&member->rng, member->generation + 1, true);
	atomic_fetch_add(&threads_here, 1);
	if (pthread_create(&member->threads[member->thread_count++], NULL, thread_main, next) != 0)
		fail("cannot start a thread");
}

static void join_thread(struct member *member)
{
	if (member->thread_count)
		pthread_join(member->threads[--member->thread_count], NULL);
}

static _Noreturn void be_child(struct member *parent, bool libc_in_order)
{
	struct member *member =
		member_new(&parent->rng, parent->generation + 1, libc_in_order);
	bool frees_inherited = rng_one_in(&member->rng, 2);

	atomic_store(&threads_here, 0);
	live(member);
	free_all(member);
	if (frees_inherited)
		free_all(parent);
	if (rng_one_in(&member->rng, 3))
		heap_verify("at the end of a child");
	atomic_fetch_sub(processes, 1);
	_exit(EXIT_SUCCESS);
}

static void have_child(struct member *member)
{
	bool alone = atomic_load(&threads_here) == 0;
	pid_t child;

	if (member->generation == GENERATIONS || member->child_count == KIN_MAX ||
	    atomic_load(processes) >= PROCESSES_MAX)
		return;
	atomic_fetch_add(processes, 1);
	switch (rng_below(&member->rng, member->libc_in_order ? 8 : 2)) {
	case 0:
		child = _Fork();
		if (child == 0)
			be_child(member, member->libc_in_order && alone);
		break;
	case 1:
		/* The C library does not know of it, and may have locked anything. */
		child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
		if (child == 0)
			be_child(member, false);
		break;
	default:
		child = fork();
		if (child == 0)
			be_child(member, true);
	}
	if (child > 0)
		member->children[member->child_count++] = child;
	else
		atomic_fetch_sub(processes, 1);
}

static void wait_for_child(struct member *member)
{
	int status;
	pid_t child;

	if (!member->child_count)
		return;
	child = member->children[--member->child_count];
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			fail("waitpid of %d fails with %d", (int)child, errno);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
		fail("child %d ended with status %#x", (int)child, (unsigned int)status);
}

static void step(struct member *member)
{
	switch (rng_below(&member->rng, 12)) {
	case 0:
		use_heap(member, rng_below(&member->rng, 3000));
		break;
	case 1:
	case 2:
	case 3:
		use_heap(member, rng_below(&member->rng, 40));
		break;
	case 4:
		start_thread(member);
		break;
	case 5:
	case 6:
		have_child(member);
		break;
	case 7:
		join_thread(member);
		break;
	case 8:
		wait_for_child(member);
		break;
	case 9:
		if (rng_one_in(&member->rng, 4))
			heap.malloc_trim(0);
		break;
	case 10:
		if (rng_one_in(&member->rng, 4))
			heap_verify("in a family");
		break;
	default:
		sched_yield();
	}
}

static void live(struct member *member)
{
	while (member->steps--)
		step(member);
	while (member->child_count)
		wait_for_child(member);
	while (member->thread_count)
		join_thread(member);
}

/* This process never has a second thread: each family begins with the child of one alone. */
static int run(void *argument)
{
	struct rng rng = rng_stream(*(const uint64_t *)argument, 1);
	uint64_t end = now_ms() + (soaking() ? SOAK_SECONDS : SHORT_SECONDS) * UINT64_C(1000);
	struct member *founder;
	unsigned long families = 0;

	heap_find();
	claim_init();
	processes = mmap(NULL, sizeof(*processes), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (processes == MAP_FAILED)
		fail("cannot map a page");
	founder = member_new(&rng, 0, true);
	do {
		use_heap(founder, rng_below(&rng, 2000));
		have_child(founder);
		wait_for_child(founder);
		progress(FAMILY_COUNTER);
		families++;
	} while (now_ms() < end);
	progress_done(FAMILY_COUNTER);
	free_all(founder);
	heap_verify("at the end");
	say("%lu families", families);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *skipped = "forks of threaded parents are beyond this sanitizer";

	return supervise_seeded("family", argc, argv, can_fork ? NULL : skipped, run);
}
