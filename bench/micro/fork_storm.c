/* SPDX-License-Identifier: MIT */
/*
 * fork_storm.c - a process with a heap forks many children, all of which allocate
 *
 * Imitates servers that fork for each request or for a snapshot.  A child writes to the pages it
 * gets from and gives to the allocator, and every such page is copied: designs that keep their
 * state apart from the objects, or that lock and rebuild little at a fork, are ahead.  A second
 * thread of the parent allocates all the while.
 */
#include "bench.h"

#include <stdatomic.h>
#include <sys/wait.h>

enum {
	HEAP_BLOCKS = 100000, /* of the parent */
	CHILD_BLOCKS = 3000,
	TOGETHER = 4, /* children alive at a time */
	BASE_FORKS = 300,
	SMALLEST = 16,
	LARGEST = 512,
};

struct block {
	void *p;
	uint32_t size;
};

static struct bench_mix mix;
static struct block *heap;
static atomic_bool stop;

static void fill(struct block *blocks, size_t count, struct bench_rng *rng)
{
	for (size_t i = 0; i < count; i++) {
		blocks[i].size = bench_mix_draw(&mix, rng);
		blocks[i].p = bench_malloc(blocks[i].size);
	}
}

static void empty(struct block *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bench_free(blocks[i].p, blocks[i].size);
}

/* Allocate anew, and free a part of what was inherited. */
_Noreturn static void child_main(uint64_t number)
{
	static struct block blocks[CHILD_BLOCKS];
	struct bench_rng rng = bench_rng_seed(number);
	uint32_t from = bench_rng_below(&rng, HEAP_BLOCKS - CHILD_BLOCKS);

	fill(blocks, CHILD_BLOCKS, &rng);
	empty(heap + from, CHILD_BLOCKS);
	empty(blocks, CHILD_BLOCKS);
	_exit(0);
}

static void wait_for_one(void)
{
	int status;

	if (wait(&status) < 0 || status != 0) {
		fprintf(stderr, "check failed: a child ended with status %#x\n",
			(unsigned int)status);
		exit(BENCH_EXIT_DAMAGE);
	}
}

static void fork_children(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		if (i >= TOGETHER)
			wait_for_one();
		pid_t child = fork();

		if (child == 0)
			child_main(i);
		if (child < 0)
			bench_no_memory(0);
	}
	for (uint64_t i = 0; i < (count < TOGETHER ? count : TOGETHER); i++)
		wait_for_one();
}

/* A thread that is somewhere in the allocator at most forks; it sleeps now and then. */
static void *bystander(void *arg)
{
	struct bench_rng rng = bench_rng_seed(HEAP_BLOCKS);
	struct block blocks[100];

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		for (int i = 0; i < 20; i++) {
			fill(blocks, BENCH_COUNT(blocks), &rng);
			empty(blocks, BENCH_COUNT(blocks));
		}
		nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
	}
	return arg;
}

int main(int argc, char **argv)
{
	uint64_t work = 100;
	pthread_t thread;
	struct bench_rng rng = bench_rng_seed(0);
	const struct bench_arg args[] = {
		{.key = "work", .number = &work},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	uint64_t forks = bench_scaled(BASE_FORKS, work);

	bench_mix_uniform(&mix, SMALLEST, LARGEST);
	heap = bench_table(HEAP_BLOCKS * sizeof(*heap));
	fill(heap, HEAP_BLOCKS, &rng);
	if (pthread_create(&thread, NULL, bystander, NULL) != 0)
		bench_no_memory(0);
	double cpu = bench_cpu_seconds(), began = bench_now();

	fork_children(forks);
	struct bench_span span = {bench_now() - began, bench_cpu_seconds() - cpu};

	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	empty(heap, HEAP_BLOCKS);
	bench_print_span(span, forks, 1);
}
