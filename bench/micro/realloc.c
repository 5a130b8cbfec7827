/* SPDX-License-Identifier: MIT */
/*
 * realloc.c - blocks that grow
 *
 * kind=bytes: strings that grow by a few bytes at a time.  Most calls fit into the block as it
 * is; what counts is how fast that is seen.
 * kind=factor: vectors that grow by half.  Each step is a copy, unless the block can grow where
 * it lies.
 * kind=large: buffers that grow by 1 MiB.  Moving pages instead of copying them, or growing in
 * place, is worth everything here.
 *
 * Several blocks grow in turn, so none of them lies at the end of the heap for long.
 */
#include "bench.h"

enum {
	VECTORS = 8,
	SMALLEST = 24,
	MARK_EVERY = 4096, /* a word is left in every so many bytes and found again at the end */
};

enum kind { KIND_BYTES, KIND_FACTOR, KIND_LARGE };
static const char *const kind_names[] = {"bytes", "factor", "large"};

struct growth {
	size_t largest; /* then the block is freed and a new one begins */
	uint64_t rounds;
};

static const struct growth growths[] = {
	[KIND_BYTES] = {16 << 10, 500},
	[KIND_FACTOR] = {8 << 20, 25},
	[KIND_LARGE] = {64 << 20, 4},
};

struct vector {
	char *p;
	size_t size;
};

static enum kind kind;
static uint64_t rounds;

static size_t grown(size_t size)
{
	switch (kind) {
	case KIND_BYTES:
		return size + 13;
	case KIND_FACTOR:
		return size + size / 2;
	case KIND_LARGE:
		break;
	}
	return size + (1 << 20);
}

/* The mark at an offset depends on the offset alone: the block may move. */
static uint64_t mark_of(size_t at)
{
	return (uint64_t)at * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

/* Write the marks that lie wholly in bytes from .. to - 1. */
static void mark(char *p, size_t from, size_t to)
{
	for (size_t at = (from + MARK_EVERY - 1) / MARK_EVERY * MARK_EVERY; at + 8 <= to;
	     at += MARK_EVERY)
		bench_put(p + at, mark_of(at));
}

static void check_marks(const char *p, size_t size)
{
	for (size_t at = 0; at + 8 <= size; at += MARK_EVERY) {
		if (!bench_holds(p + at, mark_of(at)))
			bench_damage("realloc lost contents", p, size);
	}
}

static void grow(struct vector *vector)
{
	size_t size = vector->size ? grown(vector->size) : SMALLEST;
	char *p = bench_hide(realloc(vector->p, size));

	if (!p)
		bench_no_memory(size);
	p[size - 1] = (char)size;
	/* From a little before the old end: a mark may have had no room there. */
	mark(p, vector->size < 8 ? 0 : vector->size - 7, size);
	*vector = (struct vector){p, size};
}

static uint64_t grow_all(size_t largest)
{
	struct vector vectors[VECTORS] = {0};
	uint64_t steps = 0;

	while (vectors[VECTORS - 1].size < largest) {
		for (size_t i = 0; i < VECTORS; i++, steps++)
			grow(&vectors[i]);
	}
	for (size_t i = 0; i < VECTORS; i++) {
		check_marks(vectors[i].p, vectors[i].size);
		free(vectors[i].p);
	}
	return steps;
}

struct share {
	alignas(BENCH_LINE) uint64_t steps;
};

static void realloc_work(unsigned int id, void *shared)
{
	struct share *share = shared;

	for (uint64_t i = 0; i < rounds; i++)
		share[id].steps += grow_all(growths[kind].largest);
}

int main(int argc, char **argv)
{
	static struct share share[BENCH_MAX_THREADS];
	uint64_t threads = 1, work = 100, steps = 0;
	const char *word = "bytes";
	const struct bench_arg args[] = {
		{.key = "threads", .number = &threads},
		{.key = "work", .number = &work},
		{.key = "kind", .text = &word},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	kind = bench_choice(word, kind_names, BENCH_COUNT(kind_names));
	rounds = bench_scaled(growths[kind].rounds, work);
	struct bench_span span = bench_crew((unsigned int)threads, realloc_work, share);

	for (uint64_t i = 0; i < threads; i++)
		steps += share[i].steps;
	bench_print_span(span, steps, (unsigned int)threads);
}
