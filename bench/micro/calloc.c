/* SPDX-License-Identifier: MIT */
/*
 * calloc.c - zeroed memory, fresh from the system or used before
 *
 * kind=fresh: a growing heap of zeroed blocks of all sizes.  The system's pages are zero already;
 * an allocator that knows that need not write them.  The program writes to each page, or the heap
 * would be one page of zeroes that the kernel shows in all places.
 *
 * kind=recycled: blocks are written all over, freed, and asked for again with calloc.  Here they
 * must be zeroed, and a large block must not be given back to the system just for that.
 */
#include "bench.h"

enum {
	SMALLEST = 32,
	LARGEST = 1 << 20,
	LOOK_EVERY = 128, /* bytes between the words that are checked for zero */
	SLOTS = 64,
};

enum kind { KIND_FRESH, KIND_RECYCLED };
static const char *const kind_names[] = {"fresh", "recycled"};

struct block {
	void *p;
	uint32_t size;
};

static struct {
	enum kind kind;
	uint64_t bytes; /* to ask for */
	struct bench_mix mix;
} zeroed;

static uint64_t word_at(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static void check_zero(const char *p, size_t size)
{
	uint64_t seen = word_at(p + size - sizeof(seen));

	for (size_t at = 0; at + sizeof(seen) <= size; at += LOOK_EVERY)
		seen |= word_at(p + at);
	if (seen)
		bench_damage("calloc gave memory that is not zero", p, size);
}

static void *zeroed_block(size_t size)
{
	void *p = bench_hide(calloc(1, size));

	if (!p)
		bench_no_memory(size);
	return p;
}

/*
 * Write a word of each page, which check_zero() does not look at.  A fresh page that is read first
 * is faulted in twice, which costs several times as much where two threads do it.
 */
static void write_pages(char *p, size_t size)
{
	const uint64_t word = size;

	for (size_t at = LOOK_EVERY / 2; at + 2 * sizeof(word) <= size; at += BENCH_OS_PAGE)
		memcpy(p + at, &word, sizeof(word));
}

/* Each block holds the address of the one before it, so the heap can be taken down again. */
struct link {
	struct link *before;
	size_t size;
};

static uint64_t grow_heap(struct bench_rng *rng)
{
	struct link *last = NULL;
	uint64_t blocks = 0;

	for (uint64_t got = 0; got < zeroed.bytes; blocks++) {
		size_t size = bench_mix_draw(&zeroed.mix, rng);
		struct link *link = zeroed_block(size);

		write_pages((char *)link, size);
		check_zero((char *)link, size);
		*link = (struct link){last, size};
		bench_stamp(link + 1, size - sizeof(*link));
		last = link;
		got += size;
	}
	while (last) {
		struct link *before = last->before;

		bench_check(last + 1, last->size - sizeof(*last));
		free(last);
		last = before;
	}
	return blocks;
}

static uint64_t recycle(struct bench_rng *rng)
{
	struct block slots[SLOTS] = {0};
	uint64_t blocks = 0;

	for (uint64_t got = 0; got < zeroed.bytes; blocks++) {
		struct block *slot = &slots[bench_rng_below(rng, SLOTS)];

		free(slot->p);
		slot->size = bench_mix_draw(&zeroed.mix, rng);
		slot->p = zeroed_block(slot->size);
		check_zero(slot->p, slot->size);
		memset(slot->p, 0xa5, slot->size);
		got += slot->size;
	}
	for (size_t i = 0; i < SLOTS; i++)
		free(slots[i].p);
	return blocks;
}

struct share {
	alignas(BENCH_LINE) uint64_t blocks;
};

static void calloc_work(unsigned int id, void *shared)
{
	struct bench_rng rng = bench_rng_seed(id);
	struct share *share = shared;

	share[id].blocks = zeroed.kind == KIND_FRESH ? grow_heap(&rng) : recycle(&rng);
}

int main(int argc, char **argv)
{
	static struct share share[BENCH_MAX_THREADS];
	uint64_t threads = 1, work = 100, blocks = 0;
	const char *kind = "fresh";
	const struct bench_arg args[] = {
		{.key = "threads", .number = &threads},
		{.key = "work", .number = &work},
		{.key = "kind", .text = &kind},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	zeroed.kind = bench_choice(kind, kind_names, BENCH_COUNT(kind_names));
	zeroed.bytes = bench_scaled(
		zeroed.kind == KIND_FRESH ? UINT64_C(256) << 20 : UINT64_C(4) << 30, work);
	bench_mix_doublings(&zeroed.mix, SMALLEST, LARGEST);
	struct bench_span span = bench_crew((unsigned int)threads, calloc_work, share);

	for (uint64_t i = 0; i < threads; i++)
		blocks += share[i].blocks;
	bench_print_span(span, blocks, (unsigned int)threads);
}
