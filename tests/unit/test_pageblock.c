/* SPDX-License-Identifier: MIT */
/*
 * test_pageblock.c - the tag of a pageblock and what moves with it: src/mm/pageblock.c
 */
#include "unit.h"

SIM_TEST(each_pageblock_has_its_own_type)
{
	struct zone *zone = zone_of(0);
	bool zero;

	EXPECT(sim_start());
	EXPECT(run_get(0, 200 * PAGEBLOCK_NR_PAGES, 1, &zero));
	for (u64 b = 0; b < 200; b++)
		set_pageblock_migratetype(zone, zone->start_pfn + b * PAGEBLOCK_NR_PAGES + b,
					  (enum migratetype)(b % MIGRATE_PCPTYPES));
	for (u64 b = 0; b < 200; b++)
		EXPECT_EQ(get_pageblock_migratetype(zone, zone->start_pfn + b * PAGEBLOCK_NR_PAGES),
			  b % MIGRATE_PCPTYPES);
}

/*
 *    |F..F FF.. ....|F.......... |       retagging the first pageblock takes its free pages
 *     ^^^^^^^^^^^^^^                     along and leaves those of the second
 */
SIM_TEST(free_pages_move_with_the_tag_of_their_pageblock)
{
	struct zone *zone = zone_of(0);
	struct page *pages[1024];

	EXPECT(sim_start());
	for (int i = 0; i < 1024; i++)
		pages[i] = buddy_get(0, __GFP_MOVABLE, 0);
	for (int i = 0; i < 1024; i += 5)
		buddy_put(pages[i], 0);
	zone_lock(zone);
	move_freepages_block(zone, zone->start_pfn + 100, MIGRATE_RECLAIMABLE);
	zone_unlock(zone);
	EXPECT_EQ(get_pageblock_migratetype(zone, zone->start_pfn + 511), MIGRATE_RECLAIMABLE);
	EXPECT_EQ(get_pageblock_migratetype(zone, zone->start_pfn + 512), MIGRATE_MOVABLE);
	EXPECT_EQ(mm_verify(), 0); /* every free block is on the list of its pageblock's type */
	EXPECT(place(buddy_get(0, __GFP_RECLAIMABLE, 0)) < 512);
	EXPECT(place(buddy_get(0, __GFP_MOVABLE, 0)) >= 512);
}

/* Two pageblocks of different kinds merge; the whole block then has the kind of the last. */
SIM_TEST(pageblocks_of_mixing_kinds_merge_and_get_one_type)
{
	struct zone *zone = zone_of(0);
	struct page *a, *b;

	EXPECT(sim_start());
	a = buddy_get(0, __GFP_MOVABLE, PAGEBLOCK_ORDER);
	b = buddy_get(0, 0, PAGEBLOCK_ORDER); /* claims the other half */
	EXPECT_EQ(get_pageblock_migratetype(zone, page_to_pfn(a)), MIGRATE_MOVABLE);
	EXPECT_EQ(get_pageblock_migratetype(zone, page_to_pfn(b)), MIGRATE_UNMOVABLE);
	buddy_put(a, PAGEBLOCK_ORDER);
	buddy_put(b, PAGEBLOCK_ORDER);
	EXPECT_EQ(zone->free_area[MAX_PAGE_ORDER].nr_free, 1);
	EXPECT_EQ(get_pageblock_migratetype(zone, page_to_pfn(a)), MIGRATE_UNMOVABLE);
	EXPECT_EQ(mm_verify(), 0);
}

SIM_TEST(a_reserved_pageblock_does_not_merge_with_others)
{
	struct zone *zone = zone_of(0);
	struct page *a, *b;

	EXPECT(sim_start());
	a = buddy_get(0, __GFP_MOVABLE, PAGEBLOCK_ORDER);
	b = buddy_get(0, __GFP_MOVABLE, PAGEBLOCK_ORDER);
	set_pageblock_migratetype(zone, page_to_pfn(a), MIGRATE_HIGHATOMIC);
	buddy_put(a, PAGEBLOCK_ORDER);
	buddy_put(b, PAGEBLOCK_ORDER);
	EXPECT_EQ(zone->free_area[PAGEBLOCK_ORDER].nr_free, 2);
	EXPECT_EQ(mm_verify(), 0);
}

RUN_TESTS(T(each_pageblock_has_its_own_type), T(free_pages_move_with_the_tag_of_their_pageblock),
	  T(pageblocks_of_mixing_kinds_merge_and_get_one_type),
	  T(a_reserved_pageblock_does_not_merge_with_others))
