/* SPDX-License-Identifier: MIT */
/*
 * test_section.c - the map of free pages: src/mm/section.c
 *
 * The model is a walk over the heads of blocks, page by page.
 */
#include "unit.h"

enum { SPAN = 4 * MAX_ORDER_NR_PAGES, HELD = 900, STEPS = 4000 };

static bool model[SPAN];

static void look_at_heads(const struct zone *zone)
{
	memset(model, 0, sizeof(model));
	for (u64 p = 0; p < SPAN && zone->start_pfn + p < zone->accept_pfn;) {
		const struct page *page = at(p);
		u64 nr = page_block_pages(page);

		for (u64 i = p; i < p + nr && i < SPAN; i++)
			model[i] = page_type(page) == PAGE_FREE;
		p += nr;
	}
}

static u64 model_count(u64 from, u64 nr)
{
	u64 count = 0;

	for (u64 i = from; i < from + nr; i++)
		count += model[i];
	return count;
}

static u64 model_behind(u64 from, u64 max)
{
	u64 nr = 0;

	while (nr < max && from + nr < SPAN && model[from + nr])
		nr++;
	return nr;
}

static u64 model_before(u64 end, u64 max)
{
	u64 nr = 0;

	while (nr < max && nr < end && model[end - nr - 1])
		nr++;
	return nr;
}

static void compare(const struct zone *zone, u64 *seed)
{
	u64 from = sim_random(seed) % SPAN, max = 1 + sim_random(seed) % 1500;
	u64 nr = MIN(max, SPAN - from);

	EXPECT_EQ(section_count_free(zone, zone->start_pfn + from, nr), model_count(from, nr));
	EXPECT_EQ(section_free_behind(zone, zone->start_pfn + from, nr), model_behind(from, nr));
	EXPECT_EQ(section_free_before(zone, zone->start_pfn + from, max), model_before(from, max));
}

static void put_held(struct page *page)
{
	if (page_type(page) == PAGE_EXACT)
		large_free(page, NULL, false);
	else
		buddy_put(page, page_order(page));
}

static struct page *get_something(u64 *seed)
{
	u64 order = sim_random(seed) % 7;
	bool zero;

	if (sim_random(seed) % 3)
		return buddy_get(0, sim_random(seed) % 2 ? __GFP_MOVABLE : 0, (unsigned int)order);
	return run_get(0, 1 + sim_random(seed) % 100, 1, &zero);
}

/* The zone has three blocks of MAX_PAGE_ORDER that it does not use: long stretches as well. */
SIM_TEST(it_says_what_the_heads_say_after_any_history)
{
	struct zone *zone = zone_of(0);
	struct page *held[HELD] = {NULL};
	u64 seed = 7;
	bool zero;

	EXPECT(sim_start());
	large_free(run_get(0, SPAN, 1, &zero), NULL, false);
	for (int step = 0; step < STEPS; step++) {
		struct page **slot = &held[sim_random(&seed) % HELD];

		if (*slot)
			put_held(*slot);
		*slot = *slot ? NULL : get_something(&seed);
		if (step % 20)
			continue;
		look_at_heads(zone);
		for (int i = 0; i < 50; i++)
			compare(zone, &seed);
	}
	EXPECT_EQ(mm_verify(), 0);
}

/*
 *    section 0 | section 1             a stretch that crosses the border is seen as one from both
 *         FFFFFFFFFF                   sides
 */
SIM_TEST(a_stretch_goes_on_into_the_next_section)
{
	struct zone *zone = zone_of(0);
	struct page *run;
	u64 border;
	bool zero;

	EXPECT(sim_start());
	border = zone->start_pfn + PAGES_PER_SECTION;
	run = run_get(0, PAGES_PER_SECTION + 700, 1, &zero);
	EXPECT(run);
	large_free(run, NULL, false);
	EXPECT_EQ(section_free_behind(zone, border - 300, 900), 900);
	EXPECT_EQ(section_free_before(zone, border + 400, 900), 900);
	EXPECT_EQ(section_count_free(zone, border - 300, 900), 900);
	EXPECT(run_get(0, PAGES_PER_SECTION + 500, 1, &zero));
	EXPECT_EQ(section_free_before(zone, border + 600, 900), 100);
}

SIM_TEST(what_is_not_accepted_is_not_free)
{
	struct zone *zone = zone_of(0);
	u64 end;

	EXPECT(sim_start());
	EXPECT(buddy_get(0, __GFP_MOVABLE, 0));
	end = zone->accept_pfn;
	EXPECT_EQ(section_free_behind(zone, end - 10, 100), 10);
	EXPECT_EQ(section_free_before(zone, zone->start_pfn, 100), 0);
}

/* The zone's map fills whole pages, so behind its last page there is no map either. */
SIM_TEST(nothing_is_free_behind_the_end_of_a_zone)
{
	struct zone *zone = zone_of(0);

	sim_one_node(2 * GiB);
	EXPECT(sim_start());
	EXPECT_EQ((zone->end_pfn - zone->start_pfn) / PAGES_PER_SECTION *
			  sizeof(struct mem_section) % OS_PAGE,
		  0);
	while (buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER))
		continue;
	EXPECT_EQ(zone->accept_pfn, zone->end_pfn);
	EXPECT_EQ(section_free_behind(zone, zone->end_pfn, 10 * MAX_ORDER_NR_PAGES), 0);
}

RUN_TESTS(T(it_says_what_the_heads_say_after_any_history),
	  T(a_stretch_goes_on_into_the_next_section), T(what_is_not_accepted_is_not_free),
	  T(nothing_is_free_behind_the_end_of_a_zone))
