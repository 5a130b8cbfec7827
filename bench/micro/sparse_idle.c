/* SPDX-License-Identifier: MIT */
/*
 * sparse_idle.c - a heap of which a tenth survives, then a program that does nothing
 *
 * Blocks of 1 to 8 KB are built, 256 MiB of them, and nine in ten are freed, at random: nearly
 * every slab, span or region of an allocator has a survivor in it.  Resident memory is read at
 * chosen moments of the following ten seconds, in which nobody calls the allocator.  Then what was
 * freed is built anew, which pays for what was given back.
 *
 *	rss_kib@SECONDS, kept_percent   see idle.h
 *	live_percent      of what was asked for that is in use still: kept_percent cannot be less
 *	first_burst, next_burst   seconds of the spike and of its repetition
 */
#include "idle.h"

enum {
	SPIKE_BYTES = 256 << 20,
	SMALLEST = 1000,
	LARGEST = 8000,
	STAYS_EVERY = 10,
};

struct block {
	void *p; /* NULL: free */
	uint64_t size;
};

struct heap {
	struct block *blocks;
	size_t count;
	uint64_t asked, live; /* bytes */
};

static void size_blocks(struct heap *heap, uint64_t bytes, struct bench_rng *rng)
{
	heap->blocks = bench_table((bytes / SMALLEST + 1) * sizeof(*heap->blocks));
	for (; heap->asked < bytes; heap->count++) {
		uint64_t size = SMALLEST + bench_rng_below(rng, LARGEST - SMALLEST);

		heap->blocks[heap->count].size = size;
		heap->asked += size;
	}
}

/* Every block that is free is built.  Return: the seconds that took. */
static double build(struct heap *heap)
{
	double began = bench_now();

	for (size_t i = 0; i < heap->count; i++) {
		if (!heap->blocks[i].p)
			heap->blocks[i].p = bench_malloc(heap->blocks[i].size);
	}
	return bench_now() - began;
}

static void thin_out(struct heap *heap, struct bench_rng *rng)
{
	for (size_t i = 0; i < heap->count; i++) {
		if (bench_rng_below(rng, STAYS_EVERY) == 0) {
			heap->live += heap->blocks[i].size;
		} else {
			bench_free(heap->blocks[i].p, heap->blocks[i].size);
			heap->blocks[i].p = NULL;
		}
	}
}

static void drop(struct heap *heap)
{
	for (size_t i = 0; i < heap->count; i++)
		bench_free(heap->blocks[i].p, heap->blocks[i].size);
}

int main(int argc, char **argv)
{
	uint64_t work = 100, before, peak;
	const struct bench_arg args[] = {
		{.key = "work", .number = &work},
	};
	struct bench_rng rng = bench_rng_seed(1);
	struct heap heap = {0};
	struct idle_watch seen;

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	size_blocks(&heap, idle_bytes("sparse_idle", SPIKE_BYTES, work), &rng);
	before = bench_rss_kib();
	double first = build(&heap);

	peak = bench_rss_kib();
	thin_out(&heap, &rng);
	idle_watch(&seen);
	double next = build(&heap);

	idle_print(&seen, heap.asked, before, peak);
	printf("live_percent %.3f\n", 100.0 * (double)heap.live / (double)heap.asked);
	printf("first_burst %.6f\nnext_burst %.6f\n", first, next);
	drop(&heap);
}
