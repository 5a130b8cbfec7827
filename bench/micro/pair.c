/* SPDX-License-Identifier: MIT */
/*
 * pair.c - one block at a time: malloc, use, free
 *
 * Imitates short-lived temporaries.  Only the hit path runs, so its instructions and its
 * dependent loads are the whole difference.
 */
#include "bench.h"

struct pair {
	uint64_t size, rounds;
};

static void pair_work(unsigned int id, void *shared)
{
	const struct pair *pair = shared;

	(void)id;
	for (uint64_t i = 0; i < pair->rounds; i++)
		bench_free(bench_malloc(pair->size), pair->size);
}

int main(int argc, char **argv)
{
	uint64_t threads = 1, work = 100;
	struct pair pair = {.size = 64};
	const struct bench_arg args[] = {
		{.key = "threads", .number = &threads},
		{.key = "work", .number = &work},
		{.key = "size", .number = &pair.size},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	pair.rounds = bench_scaled(30000000, work);
	struct bench_span span = bench_crew((unsigned int)threads, pair_work, &pair);

	bench_print_span(span, pair.rounds * threads, (unsigned int)threads);
}
