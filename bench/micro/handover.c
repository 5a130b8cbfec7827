/* SPDX-License-Identifier: MIT */
/*
 * handover.c - producers allocate, consumers free
 *
 * Imitates pipelines and message queues.  Every free is done by a thread that did not allocate
 * the block, so the row shows what a remote free costs: an atomic operation and a cache miss per
 * object, or one lock per batch; and whether freed memory finds its way back to the producer.
 *
 * Each pair of a producer and a consumer shares one ring; both publish their place in steps, so
 * the ring itself costs little.  With one thread the same thread fills the ring and drains it.  All
 * rings together carry the same number of objects, however many threads share them.
 */
#include "bench.h"

#include <sched.h>
#include <stdatomic.h>

enum {
	RING_SLOTS = 4096,
	RING_STEP = 64, /* objects published together */
	SMALLEST = 16,
	LARGEST = 256,
};

struct object {
	void *p;
	uint32_t size;
};

struct ring {
	alignas(BENCH_LINE) _Atomic uint64_t filled;  /* written by the producer */
	alignas(BENCH_LINE) _Atomic uint64_t drained; /* written by the consumer */
	alignas(BENCH_LINE) struct object slots[RING_SLOTS];
};

enum shape { SHAPE_ONE_TO_ONE, SHAPE_ONE_TO_MANY, SHAPE_MANY_TO_ONE };
static const char *const shape_names[] = {"one-to-one", "one-to-many", "many-to-one"};

static struct {
	enum shape shape;
	unsigned int threads, rings;
	uint64_t objects; /* through each ring, a multiple of RING_STEP */
	struct ring *ring;
	struct bench_mix mix;
} handover;

static void fill_step(struct ring *ring, uint64_t at, struct bench_rng *rng)
{
	for (uint64_t i = at; i < at + RING_STEP; i++) {
		struct object *object = &ring->slots[i % RING_SLOTS];

		object->size = bench_mix_draw(&handover.mix, rng);
		object->p = bench_malloc(object->size);
	}
	atomic_store_explicit(&ring->filled, at + RING_STEP, memory_order_release);
}

static void drain_step(struct ring *ring, uint64_t at)
{
	for (uint64_t i = at; i < at + RING_STEP; i++) {
		const struct object *object = &ring->slots[i % RING_SLOTS];

		bench_free(object->p, object->size);
	}
	atomic_store_explicit(&ring->drained, at + RING_STEP, memory_order_release);
}

static bool ring_full(struct ring *ring, uint64_t at)
{
	uint64_t drained = atomic_load_explicit(&ring->drained, memory_order_acquire);

	return at - drained >= RING_SLOTS;
}

static bool ring_empty(struct ring *ring, uint64_t at)
{
	return atomic_load_explicit(&ring->filled, memory_order_acquire) == at;
}

/* Serve rings first .. first + count - 1 in turn until each has seen all its objects. */
static void produce(unsigned int first, unsigned int count, struct bench_rng *rng)
{
	for (uint64_t at = 0; at < handover.objects; at += RING_STEP) {
		for (unsigned int r = first; r < first + count; r++) {
			while (ring_full(&handover.ring[r], at))
				sched_yield();
			fill_step(&handover.ring[r], at, rng);
		}
	}
}

static void consume(unsigned int first, unsigned int count)
{
	for (uint64_t at = 0; at < handover.objects; at += RING_STEP) {
		for (unsigned int r = first; r < first + count; r++) {
			while (ring_empty(&handover.ring[r], at))
				sched_yield();
			drain_step(&handover.ring[r], at);
		}
	}
}

/* One thread alone: fill the ring to the brim, drain it, and so on. */
static void produce_and_consume(struct bench_rng *rng)
{
	for (uint64_t at = 0; at < handover.objects; at += RING_SLOTS) {
		uint64_t left = handover.objects - at;
		uint64_t end = at + (left < RING_SLOTS ? left : RING_SLOTS);

		for (uint64_t i = at; i < end; i += RING_STEP)
			fill_step(&handover.ring[0], i, rng);
		for (uint64_t i = at; i < end; i += RING_STEP)
			drain_step(&handover.ring[0], i);
	}
}

static void handover_work(unsigned int id, void *shared)
{
	struct bench_rng rng = bench_rng_seed(id);

	(void)shared;
	if (handover.threads == 1)
		produce_and_consume(&rng);
	else if (handover.shape == SHAPE_ONE_TO_ONE && id % 2 == 0)
		produce(id / 2, 1, &rng);
	else if (handover.shape == SHAPE_ONE_TO_ONE)
		consume(id / 2, 1);
	else if (handover.shape == SHAPE_ONE_TO_MANY && id == 0)
		produce(0, handover.rings, &rng);
	else if (handover.shape == SHAPE_ONE_TO_MANY)
		consume(id - 1, 1);
	else if (id == 0)
		consume(0, handover.rings);
	else
		produce(id - 1, 1, &rng);
}

static unsigned int rings_needed(enum shape shape, unsigned int threads)
{
	if (threads < 2)
		return 1;
	return shape == SHAPE_ONE_TO_ONE ? threads / 2 : threads - 1;
}

int main(int argc, char **argv)
{
	uint64_t threads = 2, work = 100;
	const char *shape = "one-to-one";
	const struct bench_arg args[] = {
		{.key = "threads", .number = &threads},
		{.key = "work", .number = &work},
		{.key = "shape", .text = &shape},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	handover.shape = bench_choice(shape, shape_names, BENCH_COUNT(shape_names));
	if (handover.shape == SHAPE_ONE_TO_ONE && threads > 1 && threads % 2 != 0) {
		fprintf(stderr, "%s: threads=%" PRIu64 ": pairs need an even number, or one\n",
			argv[0], threads);
		exit(BENCH_EXIT_USAGE);
	}
	handover.threads = (unsigned int)threads;
	handover.rings = rings_needed(handover.shape, handover.threads);

	uint64_t steps = bench_scaled(4000000, work) / handover.rings / RING_STEP + 1;

	handover.objects = steps * RING_STEP;
	handover.ring = bench_table(handover.rings * sizeof(*handover.ring));
	bench_mix_uniform(&handover.mix, SMALLEST, LARGEST);
	struct bench_span span = bench_crew(handover.threads, handover_work, NULL);

	bench_print_span(span, handover.objects * handover.rings, handover.threads);
}
