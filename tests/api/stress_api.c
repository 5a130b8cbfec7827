/*
 * stress_api.c - caches, kmalloc and pages from many threads, against a shadow model
 *
 *	stress_api [--threads=N] [--rounds=N] [--seed=N] [--background=on|off]
 *
 * All threads work on one table of slots, so most of what one allocates another frees.  A slot
 * knows what should be in its memory (pattern.h) and whose it is (claim.h).  Between rounds there
 * are no threads, and nothing changes: then the totals must add up to the last byte, and agree with
 * the table.
 */
#include "thing.h"

#include "claim.h"
#include "report.h"
#include "rng.h"

#include <buddy/buddy.h>
#include <buddy/kernel.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SLOTS = 3000,
	THREADS_MAX = 64,
	STEPS = 4000,
	PATIENCE = 500, /* times 10 ms, until the background thread has nothing in hand */
};

struct slot {
	atomic_flag busy;
	struct thing thing;
};

static struct slot slots[SLOTS];
static uint64_t seed;
static unsigned int round_number;

static void step(struct rng *rng)
{
	struct slot *slot = &slots[rng_below(rng, SLOTS)];

	if (atomic_flag_test_and_set_explicit(&slot->busy, memory_order_acquire))
		return;
	if (slot->thing.kind == NOTHING)
		thing_make(&slot->thing, rng);
	else if (rng_one_in(rng, 4))
		thing_change(&slot->thing, rng);
	else
		thing_free(&slot->thing, rng);
	atomic_flag_clear_explicit(&slot->busy, memory_order_release);
}

/* Calls that walk over or shrink what other threads use. */
static void disturb(struct rng *rng)
{
	struct buddy_stats st;

	switch (rng_below(rng, 4)) {
	case 0:
		if (buddy_verify())
			fail("buddy_verify() found something while threads were at work");
		break;
	case 1:
		kmem_cache_shrink(things_cache(rng_below(rng, CACHES)));
		break;
	case 2:
		buddy_stats(&st);
		break;
	default:
		if (rng_one_in(rng, 8))
			buddy_reclaim();
	}
}

static void *worker(void *arg)
{
	struct rng rng = rng_stream(seed, round_number * 1000 + (uintptr_t)arg);

	for (int i = 0; i < STEPS; i++) {
		step(&rng);
		if (rng_one_in(&rng, 400))
			disturb(&rng);
	}
	return NULL;
}

/* ---- when nothing moves ---- */

static uint64_t sum_of_parts(const struct buddy_stats *st)
{
	return st->free + st->cached + st->slabs + st->large + st->pages;
}

/* The background thread may have blocks in hand, on their way to the system. */
static void wait_for_sum(struct buddy_stats *st)
{
	for (int i = 0; i < PATIENCE; i++) {
		buddy_stats(st);
		if (st->present == sum_of_parts(st))
			return;
		usleep(10000);
	}
	fail("present %" PRIu64 " = free %" PRIu64 " + cached %" PRIu64 " + slabs %" PRIu64
	     " + large %" PRIu64 " + pages %" PRIu64 " is off by %" PRId64,
	     st->present, st->free, st->cached, st->slabs, st->large, st->pages,
	     (int64_t)(st->present - sum_of_parts(st)));
}

static void expect(const char *what, uint64_t have, uint64_t want)
{
	if (have != want)
		fail("round %u: %s is %" PRIu64 ", the table says %" PRIu64, round_number, what,
		     have, want);
}

static void expect_caches(const struct tally *t)
{
	struct buddy_cache_stats c;

	for (int i = 0; buddy_cache_stats(i, &c) == 0; i++) {
		unsigned int n = things_cache_number(c.name);

		if (n < CACHES)
			expect(c.name, c.active - c.cached, t->objects[n]);
	}
}

static void check_totals(const struct buddy_stats *base)
{
	struct tally t = {0};
	struct buddy_stats st;

	for (int i = 0; i < SLOTS; i++)
		thing_count(&slots[i].thing, &t);
	if (buddy_verify())
		fail("round %u: buddy_verify() found something", round_number);
	wait_for_sum(&st);
	expect("pages", st.pages - base->pages, t.pages);
	expect("large", st.large - base->large, t.large);
	expect("direct", st.direct - base->direct, t.direct);
	expect_caches(&t);
}

static void play_round(unsigned int nr_threads)
{
	pthread_t threads[THREADS_MAX];

	for (uintptr_t i = 0; i < nr_threads; i++)
		if (pthread_create(&threads[i], NULL, worker, (void *)i))
			fail("cannot start a thread");
	for (unsigned int i = 0; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
}

static void free_everything(void)
{
	struct rng rng = rng_stream(seed, 1);

	for (int i = 0; i < SLOTS; i++)
		if (slots[i].thing.kind != NOTHING)
			thing_free(&slots[i].thing, &rng);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"threads", 1, NULL, 't'},
						{"rounds", 1, NULL, 'r'},
						{"seed", 1, NULL, 's'},
						{"background", 1, NULL, 'b'},
						{0}};
	unsigned int nr_threads = 8, rounds = 15;
	struct buddy_stats base;
	int c;

	seed = fresh_seed();
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 't')
			nr_threads = (unsigned int)atoi(optarg);
		else if (c == 'r')
			rounds = (unsigned int)atoi(optarg);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (c != 'b' || buddy_option_set("background_threads", optarg))
			return 2;
	}
	if (!nr_threads || nr_threads > THREADS_MAX)
		return 2;
	report_seed("stress_api", seed);
	claim_init();
	things_init();
	buddy_stats(&base);
	for (round_number = 1; round_number <= rounds; round_number++) {
		play_round(nr_threads);
		check_totals(&base);
	}
	free_everything();
	check_totals(&base);
	things_end();
	if (buddy_verify())
		fail("buddy_verify() found something at the end");
	return 0;
}
