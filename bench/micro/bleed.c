/* SPDX-License-Identifier: MIT */
/*
 * bleed.c - a server whose objects are freed by other threads and whose threads come and go
 *
 * Each generation of threads replaces random blocks in the tables that the generation before
 * left, and then ends.  The table moves on to another lane each time, so most frees are of
 * blocks that a thread allocated which is gone.  Allocators whose memory belongs to threads must
 * adopt it or lose it.
 */
#include "bench.h"

enum {
	LIVE = 2000, /* blocks of each lane */
	SMALLEST = 16,
	LARGEST = 1000,
	STEPS = 40000, /* of each thread in its life */
};

struct block {
	void *p;
	uint32_t size;
};

struct lane {
	struct block *blocks;
	struct bench_rng rng;
};

static struct bench_mix mix;
static struct lane lanes[BENCH_MAX_THREADS];

static void replace(struct block *block, struct bench_rng *rng)
{
	if (block->p)
		bench_free(block->p, block->size);
	block->size = bench_mix_draw(&mix, rng);
	block->p = bench_malloc(block->size);
}

static void *live_one_life(void *arg)
{
	struct lane *lane = arg;

	for (int i = 0; i < STEPS; i++)
		replace(&lane->blocks[bench_rng_below(&lane->rng, LIVE)], &lane->rng);
	return NULL;
}

static void start_thread(pthread_t *thread, struct lane *lane)
{
	if (pthread_create(thread, NULL, live_one_life, lane) != 0)
		bench_no_memory(sizeof(*lane));
}

/* Every lane gets the table of its neighbour. */
static void pass_tables_on(unsigned int threads)
{
	struct block *first = lanes[0].blocks;

	for (unsigned int i = 0; i + 1 < threads; i++)
		lanes[i].blocks = lanes[i + 1].blocks;
	lanes[threads - 1].blocks = first;
}

static void run_generation(unsigned int threads)
{
	pthread_t thread[BENCH_MAX_THREADS];

	for (unsigned int i = 0; i < threads; i++)
		start_thread(&thread[i], &lanes[i]);
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	pass_tables_on(threads);
}

int main(int argc, char **argv)
{
	struct bench_load load = bench_parse_load(argc, argv, 2);

	bench_mix_uniform(&mix, SMALLEST, LARGEST);
	for (unsigned int i = 0; i < load.threads; i++) {
		lanes[i].blocks = bench_table(LIVE * sizeof(*lanes[i].blocks));
		lanes[i].rng = bench_rng_seed(i);
	}
	uint64_t generations = bench_scaled(150, load.work);
	double cpu = bench_cpu_seconds(), began = bench_now();

	for (uint64_t i = 0; i < generations; i++)
		run_generation((unsigned int)load.threads);
	struct bench_span span = {bench_now() - began, bench_cpu_seconds() - cpu};

	bench_print_span(span, generations * STEPS * load.threads, (unsigned int)load.threads);
}
