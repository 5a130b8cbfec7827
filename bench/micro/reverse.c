/* SPDX-License-Identifier: MIT */
/*
 * reverse.c - batches of mixed sizes, freed in reverse while a part of them stays
 *
 * Imitates phases of a compiler or an interpreter: much is built, most is dropped in the
 * opposite order, some survives into the next phase.  The batch is deeper than thread caches,
 * so whole slabs empty and fill again, and the survivors keep some of them from emptying.
 */
#include "bench.h"

enum {
	BATCH = 20000,
	STAYS_EVERY = 32, /* one of so many survives one batch longer */
	SMALLEST = 8,
	LARGEST = 512,
};

struct block {
	void *p;
	uint32_t size;
};

static uint64_t batches;
static struct bench_mix mix;

static void free_if_there(struct block *block)
{
	if (block->p)
		bench_free(block->p, block->size);
	block->p = NULL;
}

static void batch(struct block *blocks, struct block *survivors, struct bench_rng *rng)
{
	for (size_t i = 0; i < BATCH; i++) {
		blocks[i].size = bench_mix_draw(&mix, rng);
		blocks[i].p = bench_malloc(blocks[i].size);
	}
	for (size_t i = BATCH; i-- > 0;) {
		struct block *survivor = &survivors[i / STAYS_EVERY];

		if (i % STAYS_EVERY == 0) {
			free_if_there(survivor);
			*survivor = blocks[i];
		} else {
			bench_free(blocks[i].p, blocks[i].size);
		}
	}
}

static void reverse_work(unsigned int id, void *shared)
{
	struct bench_rng rng = bench_rng_seed(id);
	struct block *blocks = bench_table(BATCH * sizeof(*blocks));
	struct block *survivors = bench_table((BATCH / STAYS_EVERY + 1) * sizeof(*survivors));

	(void)shared;
	for (uint64_t i = 0; i < batches; i++)
		batch(blocks, survivors, &rng);
	for (size_t i = 0; i <= BATCH / STAYS_EVERY; i++)
		free_if_there(&survivors[i]);
}

int main(int argc, char **argv)
{
	struct bench_load load = bench_parse_load(argc, argv, 1);

	batches = bench_scaled(500, load.work);
	bench_mix_uniform(&mix, SMALLEST, LARGEST);
	struct bench_span span = bench_crew((unsigned int)load.threads, reverse_work, NULL);

	bench_print_span(span, batches * BATCH * load.threads, (unsigned int)load.threads);
}
