/* SPDX-License-Identifier: MIT */
/*
 * burst.c - allocate many blocks of one size, then free them all, last or first one first
 *
 * Imitates a request that builds its data and drops it.  A depth above what a thread caches
 * shows what a refill and a flush cost; the order shows whether they are done in batches.
 */
#include "bench.h"

enum order { ORDER_LIFO, ORDER_FIFO };
static const char *const order_names[] = {"lifo", "fifo"};

struct burst {
	uint64_t size, depth, rounds;
	enum order order;
};

static void burst_once(const struct burst *burst, void **blocks)
{
	for (size_t i = 0; i < burst->depth; i++)
		blocks[i] = bench_malloc(burst->size);
	for (size_t i = 0; i < burst->depth; i++) {
		size_t at = burst->order == ORDER_LIFO ? burst->depth - 1 - i : i;

		bench_free(blocks[at], burst->size);
	}
}

static void burst_work(unsigned int id, void *shared)
{
	const struct burst *burst = shared;
	void **blocks = bench_table(burst->depth * sizeof(*blocks));

	(void)id;
	for (uint64_t i = 0; i < burst->rounds; i++)
		burst_once(burst, blocks);
}

int main(int argc, char **argv)
{
	uint64_t threads = 1, work = 100;
	const char *order = "lifo";
	struct burst burst = {.size = 64, .depth = 1600};
	const struct bench_arg args[] = {
		{.key = "threads", .number = &threads}, {.key = "work", .number = &work},
		{.key = "size", .number = &burst.size}, {.key = "depth", .number = &burst.depth},
		{.key = "order", .text = &order},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	burst.order = bench_choice(order, order_names, BENCH_COUNT(order_names));
	burst.rounds = bench_scaled(20000000, work) / burst.depth + 1;
	struct bench_span span = bench_crew((unsigned int)threads, burst_work, &burst);

	bench_print_span(span, burst.rounds * burst.depth * threads, (unsigned int)threads);
}
