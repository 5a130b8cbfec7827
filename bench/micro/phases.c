/* SPDX-License-Identifier: MIT */
/*
 * phases.c - a program whose size mix changes from phase to phase
 *
 * Each phase fills the heap with blocks of its own sizes and then drops nine of ten of them at
 * random, so that holes are left everywhere.  The next phase wants other sizes.  Memory that
 * stays bound to a size class, or to a slab with one live block in it, is lost to it: the peak
 * of resident memory is the figure of this row, time stands beside it.
 */
#include "bench.h"

enum {
	PHASE_BYTES = 64 << 20,
	STAYS_EVERY = 10,
};

struct block {
	void *p;
	uint32_t size;
};

/* A table of the blocks of one phase, survivors moved to its front. */
struct phase {
	struct block *blocks;
	size_t count;
};

static const struct {
	uint32_t min, max;
} sizes[] = {{16, 64}, {512, 2048}, {96, 160}, {8192, 65536}, {24, 400}, {3000, 6000}, {200, 300}};

enum { PHASES = BENCH_COUNT(sizes) };

static uint64_t bytes_per_phase;

static void fill(struct phase *phase, const struct bench_mix *mix, struct bench_rng *rng)
{
	for (uint64_t got = 0; got < bytes_per_phase; phase->count++) {
		struct block *block = &phase->blocks[phase->count];

		block->size = bench_mix_draw(mix, rng);
		block->p = bench_malloc(block->size);
		got += block->size;
	}
}

static void thin_out(struct phase *phase, struct bench_rng *rng)
{
	size_t stayed = 0;

	for (size_t i = 0; i < phase->count; i++) {
		if (bench_rng_below(rng, STAYS_EVERY) == 0)
			phase->blocks[stayed++] = phase->blocks[i];
		else
			bench_free(phase->blocks[i].p, phase->blocks[i].size);
	}
	bench_table_cut(&phase->blocks[stayed], &phase->blocks[phase->count]);
	phase->count = stayed;
}

static void drop(struct phase *phase)
{
	for (size_t i = 0; i < phase->count; i++)
		bench_free(phase->blocks[i].p, phase->blocks[i].size);
	phase->count = 0;
}

static uint64_t run_phases(struct phase *phases, const struct bench_mix *mixes)
{
	struct bench_rng rng = bench_rng_seed(1);
	uint64_t blocks = 0;

	for (size_t i = 0; i < PHASES; i++) {
		fill(&phases[i], &mixes[i], &rng);
		blocks += phases[i].count;
		thin_out(&phases[i], &rng);
	}
	for (size_t i = 0; i < PHASES; i++)
		drop(&phases[i]);
	return blocks;
}

int main(int argc, char **argv)
{
	uint64_t work = 100;
	const struct bench_arg args[] = {
		{.key = "work", .number = &work},
	};
	static struct bench_mix mixes[PHASES];
	struct phase phases[PHASES] = {0};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	bytes_per_phase = bench_scaled(PHASE_BYTES, work);
	for (size_t i = 0; i < PHASES; i++) {
		bench_mix_uniform(&mixes[i], sizes[i].min, sizes[i].max);
		phases[i].blocks = bench_table((bytes_per_phase / sizes[i].min + 1) *
					       sizeof(*phases[i].blocks));
	}
	double cpu = bench_cpu_seconds(), began = bench_now();
	uint64_t blocks = run_phases(phases, mixes);
	struct bench_span span = {bench_now() - began, bench_cpu_seconds() - cpu};

	bench_print_span(span, blocks, 1);
}
