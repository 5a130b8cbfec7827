/* SPDX-License-Identifier: MIT */
/*
 * false_sharing.c - do two threads get small blocks that share a cache line?
 *
 * kind=active (thrash): each thread allocates a small block, writes it many times, frees it, and
 * again.  An allocator that cuts one line up for several threads makes them fight for it.
 *
 * kind=passive (scratch): one thread allocates neighbouring blocks and hands one to each thread,
 * which frees it, and goes on as above.  An allocator that gives the freed neighbour back to the
 * thread that freed it passes the sharing on.
 */
#include "bench.h"

enum {
	SIZE = 8,
	WRITES = 2000, /* of each block in its life */
};

enum kind { KIND_ACTIVE, KIND_PASSIVE };
static const char *const kind_names[] = {"active", "passive"};

struct sharing {
	uint64_t rounds;
	void *handed[BENCH_MAX_THREADS]; /* by the main thread, in passive runs */
};

static void write_often(void *block)
{
	volatile uint64_t *word = block;

	for (uint64_t i = 0; i < WRITES; i++)
		*word = *word + i;
	if (*word != (uint64_t)WRITES * (WRITES - 1) / 2)
		bench_damage("another thread wrote here", block, SIZE);
}

static void sharing_work(unsigned int id, void *shared)
{
	const struct sharing *sharing = shared;

	if (sharing->handed[id])
		bench_free(sharing->handed[id], SIZE);
	for (uint64_t i = 0; i < sharing->rounds; i++) {
		void *block = bench_malloc(SIZE);

		memset(block, 0, SIZE);
		write_often(block);
		free(bench_hide(block));
	}
}

int main(int argc, char **argv)
{
	uint64_t threads = 2, work = 100;
	const char *kind = "active";
	static struct sharing sharing;
	const struct bench_arg args[] = {
		{.key = "threads", .number = &threads},
		{.key = "work", .number = &work},
		{.key = "kind", .text = &kind},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	sharing.rounds = bench_scaled(50000, work);
	if (bench_choice(kind, kind_names, BENCH_COUNT(kind_names)) == KIND_PASSIVE) {
		for (uint64_t i = 0; i < threads; i++)
			sharing.handed[i] = bench_malloc(SIZE);
	}
	struct bench_span span = bench_crew((unsigned int)threads, sharing_work, &sharing);

	bench_print_span(span, sharing.rounds * threads, (unsigned int)threads);
}
