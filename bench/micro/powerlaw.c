/* SPDX-License-Identifier: MIT */
/*
 * powerlaw.c - sizes and lifetimes as traces of real programs have them
 *
 * A program asks for few distinct sizes, the popular ones very often (Zipf's law), and most of
 * its blocks die young while some stay for long (a power law too).  Size classes then differ a
 * thousandfold in use: the row shows what rarely used classes keep, and whether the popular ones
 * stay in the hit path.
 *
 * The calendar is a ring with a day for each step, and a day is the list of those who die on it.
 * It must be a list: one place a day would be filled at the rate at which days pass, so that blocks
 * would queue for a free one, and those who should die at once would live for dozens of steps.
 */
#include "bench.h"

#include <math.h>

enum {
	CALENDAR = 1 << 17, /* steps that it shows at a time */
	LONGEST_LIFE = CALENDAR / 2,
	DISTINCT_SIZES = 96,
	PLACES = 1 << 12, /* blocks alive at a time; on the mean they are some twenty */
};

static const double life_exponent = 0.9;

struct block {
	void *p;
	uint32_t size, next; /* place of the next one of a list; 0 ends it */
};

struct calendar {
	uint32_t days[CALENDAR]; /* the lists of who dies */
	uint32_t free;		 /* the list of places without a block */
	struct block places[PLACES];
};

static uint64_t steps;
static struct bench_mix sizes, lives;

/* Sizes of structs and strings, most of them below 512 bytes and some up to 32 KiB. */
static uint32_t distinct_size(uint32_t rank)
{
	struct bench_rng rng = bench_rng_seed(rank);
	uint32_t doubling = rank < 48 ? bench_rng_below(&rng, 5) : bench_rng_below(&rng, 11);
	uint32_t low = UINT32_C(16) << doubling;

	return low + 8 * bench_rng_below(&rng, low / 8);
}

/* Fill a table with DISTINCT_SIZES sizes, the one of rank r in proportion to 1 / r. */
static void mix_zipf(void)
{
	double sum = 0, reached = 0;
	size_t at = 0;

	for (uint32_t rank = 1; rank <= DISTINCT_SIZES; rank++)
		sum += 1.0 / rank;
	for (uint32_t rank = 1; rank <= DISTINCT_SIZES; rank++) {
		reached += 1.0 / rank;
		while (at < BENCH_MIX_SIZES && (double)at < reached / sum * BENCH_MIX_SIZES)
			sizes.sizes[at++] = distinct_size(rank);
	}
	while (at < BENCH_MIX_SIZES)
		sizes.sizes[at++] = distinct_size(1);
}

static void mix_lives(void)
{
	struct bench_rng rng = bench_rng_seed(CALENDAR);

	for (size_t i = 0; i < BENCH_MIX_SIZES; i++) {
		double life = pow(bench_rng_unit(&rng), -1 / life_exponent);

		lives.sizes[i] = life > LONGEST_LIFE ? LONGEST_LIFE : (uint32_t)life;
	}
}

static void open_calendar(struct calendar *calendar)
{
	for (uint32_t i = 1; i + 1 < PLACES; i++)
		calendar->places[i].next = i + 1;
	calendar->free = 1;
}

static void bury(struct calendar *calendar, uint64_t day)
{
	uint32_t *list = &calendar->days[day % CALENDAR];

	while (*list) {
		uint32_t at = *list;
		struct block *block = &calendar->places[at];

		bench_free(block->p, block->size);
		*list = block->next;
		block->next = calendar->free;
		calendar->free = at;
	}
}

static void bear(struct calendar *calendar, uint64_t death, uint32_t size)
{
	uint32_t *list = &calendar->days[death % CALENDAR], at = calendar->free;
	struct block *block = &calendar->places[at];

	if (!at) {
		fprintf(stderr, "powerlaw: more than %d blocks live\n", PLACES - 1);
		exit(BENCH_EXIT_NO_MEMORY);
	}
	calendar->free = block->next;
	*block = (struct block){bench_malloc(size), size, *list};
	*list = at;
}

static void powerlaw_work(unsigned int id, void *shared)
{
	struct bench_rng rng = bench_rng_seed(id);
	struct calendar *calendar = bench_table(sizeof(*calendar));

	(void)shared;
	open_calendar(calendar);
	for (uint64_t step = 0; step < steps; step++) {
		bury(calendar, step);

		uint64_t death = step + bench_mix_draw(&lives, &rng);

		bear(calendar, death, bench_mix_draw(&sizes, &rng));
	}
	for (uint64_t day = 0; day < CALENDAR; day++)
		bury(calendar, day);
}

int main(int argc, char **argv)
{
	struct bench_load load = bench_parse_load(argc, argv, 1);

	steps = bench_scaled(10000000, load.work);
	mix_zipf();
	mix_lives();
	struct bench_span span = bench_crew((unsigned int)load.threads, powerlaw_work, NULL);

	bench_print_span(span, steps * load.threads, (unsigned int)load.threads);
}
