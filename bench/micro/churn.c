/* SPDX-License-Identifier: MIT */
/*
 * churn.c - a live set of random sizes in which a random block is replaced at each step
 *
 * Imitates a server in its steady state.  The block freed is rarely the one wanted next, so
 * size classes drift against each other: allocators that keep one free list per page or slab
 * leave their hit path often, and large sizes show who gives pages back too early.
 */
#include "bench.h"

enum spread { SPREAD_UNIFORM, SPREAD_DOUBLINGS };
static const char *const spread_names[] = {"uniform", "doublings"};

struct block {
	void *p;
	uint32_t size;
};

struct churn {
	uint64_t live, steps;
	struct bench_mix mix;
};

static struct churn churn = {.live = 5000};

static void churn_replace(struct block *block, struct bench_rng *rng)
{
	if (block->p)
		bench_free(block->p, block->size);
	block->size = bench_mix_draw(&churn.mix, rng);
	block->p = bench_malloc(block->size);
}

static void churn_work(unsigned int id, void *shared)
{
	struct bench_rng rng = bench_rng_seed(id);
	struct block *blocks = bench_table(churn.live * sizeof(*blocks));

	(void)shared;
	for (uint64_t i = 0; i < churn.live; i++)
		churn_replace(&blocks[i], &rng);
	for (uint64_t i = 0; i < churn.steps; i++)
		churn_replace(&blocks[bench_rng_below(&rng, (uint32_t)churn.live)], &rng);
	for (uint64_t i = 0; i < churn.live; i++)
		bench_free(blocks[i].p, blocks[i].size);
}

int main(int argc, char **argv)
{
	uint64_t threads = 1, work = 100, min = 8, max = 1000, steps = 10000000;
	const char *spread = "uniform";
	const struct bench_arg args[] = {
		{.key = "threads", .number = &threads}, {.key = "work", .number = &work},
		{.key = "live", .number = &churn.live}, {.key = "steps", .number = &steps},
		{.key = "min", .number = &min},		{.key = "max", .number = &max},
		{.key = "spread", .text = &spread},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	if (bench_choice(spread, spread_names, BENCH_COUNT(spread_names)) == SPREAD_UNIFORM)
		bench_mix_uniform(&churn.mix, (uint32_t)min, (uint32_t)max);
	else
		bench_mix_doublings(&churn.mix, (uint32_t)min, (uint32_t)max);
	churn.steps = bench_scaled(steps, work);
	struct bench_span span = bench_crew((unsigned int)threads, churn_work, NULL);

	bench_print_span(span, (churn.steps + churn.live) * threads, (unsigned int)threads);
}
