/* SPDX-License-Identifier: MIT */
/*
 * aligned.c - aligned requests
 *
 * Imitates numeric buffers, I/O buffers and cache-line-sized structs: a churn in which each block
 * asks for an alignment from 32 bytes to 64 KiB, the small ones far more often.  Allocators that
 * over-allocate and cut pay in memory; those with naturally aligned classes pay nothing.
 */
#include "bench.h"

enum {
	LIVE = 2000,
	SMALLEST = 16,
	LARGEST = 4096,
	FIRST_SHIFT = 5, /* 32 bytes */
	LAST_SHIFT = 16, /* 64 KiB */
};

struct block {
	void *p;
	uint32_t size;
};

static uint64_t steps;
static struct bench_mix sizes, alignments;

/* Each doubling of the alignment half as often as the one before. */
static void mix_alignments(void)
{
	struct bench_rng rng = bench_rng_seed(LAST_SHIFT);

	for (size_t i = 0; i < BENCH_MIX_SIZES; i++) {
		unsigned int shift = FIRST_SHIFT;

		while (shift < LAST_SHIFT && bench_rng_below(&rng, 2))
			shift++;
		alignments.sizes[i] = UINT32_C(1) << shift;
	}
}

static void *aligned_block(size_t alignment, size_t size)
{
	void *p;

	if (posix_memalign(&p, alignment, size) != 0)
		bench_no_memory(size);
	p = bench_hide(p);
	if ((uintptr_t)p % alignment != 0)
		bench_damage("not aligned as asked for", p, size);
	bench_stamp(p, size);
	return p;
}

static void replace(struct block *block, struct bench_rng *rng)
{
	if (block->p)
		bench_free(block->p, block->size);
	block->size = bench_mix_draw(&sizes, rng);
	block->p = aligned_block(bench_mix_draw(&alignments, rng), block->size);
}

static void aligned_work(unsigned int id, void *shared)
{
	struct bench_rng rng = bench_rng_seed(id);
	struct block *blocks = bench_table(LIVE * sizeof(*blocks));

	(void)shared;
	for (uint64_t i = 0; i < steps; i++)
		replace(&blocks[bench_rng_below(&rng, LIVE)], &rng);
	for (size_t i = 0; i < LIVE; i++) {
		if (blocks[i].p)
			bench_free(blocks[i].p, blocks[i].size);
	}
}

int main(int argc, char **argv)
{
	struct bench_load load = bench_parse_load(argc, argv, 1);

	steps = bench_scaled(3000000, load.work);
	bench_mix_doublings(&sizes, SMALLEST, LARGEST);
	mix_alignments();
	struct bench_span span = bench_crew((unsigned int)load.threads, aligned_work, NULL);

	bench_print_span(span, steps * load.threads, (unsigned int)load.threads);
}
