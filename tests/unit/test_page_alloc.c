/* SPDX-License-Identifier: MIT */
/*
 * test_page_alloc.c - what a request tries, and when: src/mm/page_alloc.c
 *
 * The layer above is replaced by functions that note what it is asked for.
 */
#include "unit.h"

static unsigned int slabs_asked, barns_asked, sets_asked;
static unsigned long pgalloc_when_asked[64];

static u64 note_shrink(const struct zone *zone, bool barns)
{
	(void)zone;
	slabs_asked += !barns;
	barns_asked += barns;
	return 0;
}

static bool note_yield(const struct zone *zone)
{
	EXPECT(sets_asked < ARRAY_SIZE(pgalloc_when_asked));
	pgalloc_when_asked[sets_asked++] = zone->stat.pgalloc;
	return false;
}

/* @blocks of 4 MiB are in use, none is free, and nothing else is mapped. */
static void start_full(u64 blocks)
{
	struct zone *zone = zone_of(0);

	EXPECT(sim_start());
	for (u64 i = 0; i < blocks || zone->nr_free_pages || zone->accept_pfn != zone->commit_pfn;
	     i++)
		EXPECT(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER));
	shrink_slab = note_shrink;
	yield_page_sets = note_yield;
}

/*
 * A handler has interrupted the holder of the zone's lock.  It cannot know whether a page is free:
 * handlers that took this for "no" made a heap of 64 MiB grow to 45 GiB.
 */
SIM_TEST(a_zone_whose_lock_is_held_does_not_grow)
{
	struct page_request rq = {.nowait = true};
	struct zone *zone = zone_of(0);
	u64 committed;

	start_full(2);
	committed = zone->commit_pfn;
	EXPECT(zone_trylock(zone));
	EXPECT(!alloc_pages_request(&rq, 0));
	zone_unlock(zone);
	EXPECT_EQ(zone->commit_pfn, committed);
	EXPECT(alloc_pages_request(&rq, 0));
	EXPECT(zone->commit_pfn > committed);
}

/* What lies idle is under locks. */
SIM_TEST(a_request_that_may_not_wait_asks_for_nothing_that_lies_idle)
{
	struct page_request rq = {.nowait = true};

	start_full(2);
	EXPECT(alloc_pages_request(&rq, MAX_PAGE_ORDER));
	EXPECT_EQ(slabs_asked + barns_asked + sets_asked, 0);
	EXPECT(buddy_get(0, 0, MAX_PAGE_ORDER));
	EXPECT_EQ(slabs_asked, 1);
}

/* Only if there are enough free pages, which lie badly, may unused objects be in the way. */
SIM_TEST(barns_are_asked_if_free_pages_enough_lie_badly)
{
	static struct page *pages[2 * PAGEBLOCK_NR_PAGES];

	start_full(2);
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = buddy_get(0, __GFP_MOVABLE, 0);
	EXPECT_EQ(zone_of(0)->nr_free_pages, 0);
	barns_asked = 0;
	for (size_t i = 2; i < ARRAY_SIZE(pages); i += 2)
		buddy_put(pages[i], 0);
	EXPECT_EQ(zone_of(0)->nr_free_pages, PAGEBLOCK_NR_PAGES - 1);
	EXPECT(buddy_get(0, __GFP_MOVABLE, PAGEBLOCK_ORDER));
	EXPECT_EQ(barns_asked, 0);
	buddy_put(pages[0], 0);
	while (!barns_asked && zone_of(0)->present_pages < 64 * MiB / PAGE_SIZE)
		EXPECT(buddy_get(0, __GFP_MOVABLE, PAGEBLOCK_ORDER));
	EXPECT(barns_asked);
}

/* Filling them again costs time: once while an eighth of the zone is handed out. */
SIM_TEST(page_sets_of_others_are_asked_once_in_an_eighth_of_the_zone)
{
	const struct zone *zone = zone_of(0);
	unsigned long before;

	start_full(32);
	while (sets_asked < 8)
		EXPECT(buddy_get(0, __GFP_MOVABLE, PAGEBLOCK_ORDER));
	for (unsigned int i = 1; i < sets_asked; i++) {
		before = pgalloc_when_asked[i] - pgalloc_when_asked[i - 1];
		/* All of it is in use, so it was present. */
		EXPECT(before >= pgalloc_when_asked[i] / 8);
		EXPECT(before < pgalloc_when_asked[i] / 8 + 2 * MAX_ORDER_NR_PAGES);
	}
	EXPECT(sets_asked < zone->present_pages / MAX_ORDER_NR_PAGES / 4);
}

RUN_TESTS(T(a_zone_whose_lock_is_held_does_not_grow),
	  T(a_request_that_may_not_wait_asks_for_nothing_that_lies_idle),
	  T(barns_are_asked_if_free_pages_enough_lie_badly),
	  T(page_sets_of_others_are_asked_once_in_an_eighth_of_the_zone))
