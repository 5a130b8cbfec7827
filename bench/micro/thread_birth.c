/* SPDX-License-Identifier: MIT */
/*
 * thread_birth.c - threads that are born, allocate, leave something behind and die
 *
 * Imitates a thread for each request.  What a thread's first allocations cost, what its end
 * costs, and whether the memory around the blocks it leaves is used again.  The remainder lives
 * until some later thread frees it.
 */
#include "bench.h"

enum {
	BLOCKS = 400,	 /* of one thread */
	LEFT_EVERY = 16, /* one of so many stays */
	LEFT = BLOCKS / LEFT_EVERY,
	GRAVEYARD = 200, /* threads whose remainder is alive */
	SMALLEST = 16,
	LARGEST = 2048,
};

struct block {
	void *p;
	uint32_t size;
};

struct life {
	struct bench_rng rng;
	struct block left[LEFT];
};

static struct bench_mix mix;

static void free_left(struct life *life)
{
	for (size_t i = 0; i < LEFT; i++) {
		if (life->left[i].p)
			bench_free(life->left[i].p, life->left[i].size);
		life->left[i].p = NULL;
	}
}

static void *live(void *arg)
{
	struct life *life = arg;
	struct block blocks[BLOCKS];

	free_left(life);
	for (size_t i = 0; i < BLOCKS; i++) {
		blocks[i].size = bench_mix_draw(&mix, &life->rng);
		blocks[i].p = bench_malloc(blocks[i].size);
	}
	for (size_t i = 0; i < BLOCKS; i++) {
		if (i % LEFT_EVERY == 0)
			life->left[i / LEFT_EVERY] = blocks[i];
		else
			bench_free(blocks[i].p, blocks[i].size);
	}
	return NULL;
}

static void born_and_gone(struct life *lives, unsigned int together)
{
	pthread_t thread[BENCH_MAX_THREADS];

	for (unsigned int i = 0; i < together; i++) {
		if (pthread_create(&thread[i], NULL, live, &lives[i]) != 0)
			bench_no_memory(sizeof(struct life));
	}
	for (unsigned int i = 0; i < together; i++)
		pthread_join(thread[i], NULL);
}

int main(int argc, char **argv)
{
	struct bench_load load = bench_parse_load(argc, argv, 1);

	size_t places = GRAVEYARD * load.threads;
	struct life *lives = bench_table(places * sizeof(*lives));

	for (size_t i = 0; i < places; i++)
		lives[i].rng = bench_rng_seed(i);
	bench_mix_doublings(&mix, SMALLEST, LARGEST);

	uint64_t births = bench_scaled(6000, load.work);
	double cpu = bench_cpu_seconds(), began = bench_now();

	for (uint64_t i = 0; i < births; i++)
		born_and_gone(&lives[i % GRAVEYARD * load.threads], (unsigned int)load.threads);
	struct bench_span span = {bench_now() - began, bench_cpu_seconds() - cpu};

	for (size_t i = 0; i < places; i++)
		free_left(&lives[i]);
	bench_print_span(span, births * load.threads, (unsigned int)load.threads);
}
