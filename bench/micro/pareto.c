/* SPDX-License-Identifier: MIT */
/*
 * pareto.c - Pareto-distributed sizes with a large live set
 *
 * Imitates a big heap of mostly small objects with a few large ones among them.  The live set is
 * larger than the caches of the processor, so the row shows what touching the metadata of an
 * old block costs, how densely small objects lie, and what the long tail wastes.
 */
#include "bench.h"

#include <math.h>

enum {
	LIVE = 200000,
	SMALLEST = 16,
	LARGEST = 64 * 1024,
};

static const double shape = 1.1; /* the tail index: mean about 100 bytes below the cap */

struct block {
	void *p;
	uint32_t size;
};

static uint64_t steps;
static struct bench_mix mix;

static void mix_pareto(void)
{
	struct bench_rng rng = bench_rng_seed(LARGEST);

	for (size_t i = 0; i < BENCH_MIX_SIZES; i++) {
		double size = SMALLEST / pow(bench_rng_unit(&rng), 1 / shape);

		mix.sizes[i] = size > LARGEST ? LARGEST : (uint32_t)size;
	}
}

static void replace(struct block *block, struct bench_rng *rng)
{
	if (block->p)
		bench_free(block->p, block->size);
	block->size = bench_mix_draw(&mix, rng);
	block->p = bench_malloc(block->size);
}

static void pareto_work(unsigned int id, void *shared)
{
	struct bench_rng rng = bench_rng_seed(id);
	struct block *blocks = bench_table(LIVE * sizeof(*blocks));

	(void)shared;
	for (size_t i = 0; i < LIVE; i++)
		replace(&blocks[i], &rng);
	for (uint64_t i = 0; i < steps; i++)
		replace(&blocks[bench_rng_below(&rng, LIVE)], &rng);
	for (size_t i = 0; i < LIVE; i++)
		bench_free(blocks[i].p, blocks[i].size);
}

int main(int argc, char **argv)
{
	struct bench_load load = bench_parse_load(argc, argv, 1);

	steps = bench_scaled(2000000, load.work);
	mix_pareto();
	struct bench_span span = bench_crew((unsigned int)load.threads, pareto_work, NULL);

	bench_print_span(span, (steps + LIVE) * load.threads, (unsigned int)load.threads);
}
