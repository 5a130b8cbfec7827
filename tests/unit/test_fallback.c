/* SPDX-License-Identifier: MIT */
/*
 * test_fallback.c - claiming and stealing between migratetypes: src/mm/fallback.c
 *
 * Every case starts from one 4 MiB block of two MOVABLE pageblocks, A and B.
 */
#include "unit.h"

#define A 0
#define B PAGEBLOCK_NR_PAGES

static enum migratetype type_at(u64 where)
{
	return get_pageblock_migratetype(zone_of(0), zone_of(0)->start_pfn + where);
}

/* A in single pages of @gfp's kind, B as one block of it. */
static void take_both(gfp_t gfp, struct page **pages)
{
	for (u64 i = 0; i < PAGEBLOCK_NR_PAGES; i++) {
		pages[i] = buddy_get(0, gfp, 0);
		EXPECT_EQ(place(pages[i]), A + i);
	}
	EXPECT_EQ(place(buddy_get(0, gfp, PAGEBLOCK_ORDER)), B);
}

SIM_TEST(a_whole_free_block_is_claimed_by_the_first_kind_that_needs_it)
{
	EXPECT(sim_start());
	EXPECT_EQ(type_at(A), MIGRATE_MOVABLE);
	EXPECT_EQ(place(buddy_get(0, 0, 0)), A);
	EXPECT_EQ(type_at(A), MIGRATE_UNMOVABLE);
	EXPECT_EQ(type_at(B), MIGRATE_UNMOVABLE);
	EXPECT_EQ(zone_of(0)->stat.fallback_claim, 1);
	EXPECT_EQ(mm_verify(), 0);
}

/*
 *   A:  |FFFFFFFFFFFFFFFF................|      256 of 512 free: half, so A changes hands
 */
SIM_TEST(a_pageblock_half_of_which_is_free_is_claimed)
{
	struct page *pages[PAGEBLOCK_NR_PAGES], *got;

	EXPECT(sim_start());
	take_both(__GFP_MOVABLE, pages);
	for (int i = 0; i < 256; i++)
		buddy_put(pages[i], 0);
	got = buddy_get(0, 0, 0);
	EXPECT_EQ(place(got), 0);
	EXPECT_EQ(type_at(A), MIGRATE_UNMOVABLE);
	EXPECT_EQ(type_at(B), MIGRATE_MOVABLE);
	/* All that is free in A is on UNMOVABLE lists now. */
	EXPECT(!list_empty(&zone_of(0)->free_area[7].free_list[MIGRATE_UNMOVABLE]));
	EXPECT(list_empty(&zone_of(0)->free_area[7].free_list[MIGRATE_MOVABLE]));
	EXPECT_EQ(mm_verify(), 0);
}

/*
 *   A:  |.FFFFFFFFFFFFFFF................|      255 of 512 free: A stays, a page is stolen
 */
SIM_TEST(a_pageblock_less_than_half_of_which_is_free_is_stolen_from)
{
	struct page *pages[PAGEBLOCK_NR_PAGES], *got;

	EXPECT(sim_start());
	take_both(__GFP_MOVABLE, pages);
	for (int i = 1; i < 256; i++)
		buddy_put(pages[i], 0);
	got = buddy_get(0, 0, 0);
	EXPECT_EQ(place(got), 1); /* the smallest block there is */
	EXPECT_EQ(type_at(A), MIGRATE_MOVABLE);
	EXPECT_EQ(zone_of(0)->stat.fallback_claim, 0);
	EXPECT_EQ(zone_of(0)->stat.fallback_steal, 1);
	EXPECT_EQ(mm_verify(), 0);
}

/* Free pages anywhere in the pageblock count, whatever their blocks. */
SIM_TEST(free_pages_count_for_the_half_rule_however_they_lie)
{
	struct page *pages[PAGEBLOCK_NR_PAGES];

	EXPECT(sim_start());
	take_both(__GFP_MOVABLE, pages);
	for (int i = 0; i < 512; i += 2)
		buddy_put(pages[i], 0);
	EXPECT(buddy_get(0, 0, 0));
	EXPECT_EQ(type_at(A), MIGRATE_UNMOVABLE);
	EXPECT_EQ(mm_verify(), 0);
}

/* MOVABLE pages do not claim a pageblock for small blocks in it, but do from order 4 on. */
SIM_TEST(movable_pages_claim_only_from_blocks_of_half_a_pageblock_order)
{
	struct page *pages[PAGEBLOCK_NR_PAGES];

	EXPECT(sim_start());
	take_both(0, pages);
	EXPECT_EQ(type_at(A), MIGRATE_UNMOVABLE);
	/* 256 pages free, the largest blocks of order 3. */
	for (int i = 0; i < 512; i++)
		if (i % 16 < 8)
			buddy_put(pages[i], 0);
	EXPECT(buddy_get(0, __GFP_MOVABLE, 0));
	EXPECT_EQ(type_at(A), MIGRATE_UNMOVABLE);
	EXPECT_EQ(zone_of(0)->stat.fallback_steal, 1);
	/* One of order 4, and A goes. */
	for (int i = 8 + 16; i < 16 + 16; i++)
		buddy_put(pages[i], 0);
	EXPECT(buddy_get(0, __GFP_MOVABLE, 0));
	EXPECT_EQ(type_at(A), MIGRATE_MOVABLE);
	EXPECT_EQ(mm_verify(), 0);
}

/* The two kinds whose pages stay where they are claim one for small blocks too. */
SIM_TEST(reclaimable_pages_claim_from_blocks_of_any_order)
{
	struct page *pages[PAGEBLOCK_NR_PAGES];

	EXPECT(sim_start());
	take_both(__GFP_MOVABLE, pages);
	for (int i = 0; i < 512; i += 2)
		buddy_put(pages[i], 0);
	EXPECT(buddy_get(0, __GFP_RECLAIMABLE, 0));
	EXPECT_EQ(type_at(A), MIGRATE_RECLAIMABLE);
	EXPECT_EQ(zone_of(0)->stat.fallback_steal, 0);
	EXPECT_EQ(mm_verify(), 0);
}

/* An eighth of the first pageblock is there, all free; the rest will have its type. */
SIM_TEST(what_is_not_accepted_yet_counts_as_free_when_a_pageblock_is_claimed)
{
	struct zone *zone = zone_of(0);

	sim.small_steps = true;
	EXPECT(sim_start());
	EXPECT(buddy_get(0, 0, 0));
	EXPECT_EQ(type_at(0), MIGRATE_UNMOVABLE);
	EXPECT_EQ(zone->stat.fallback_claim, 1);
	EXPECT(accept_memory(zone, 1));
	EXPECT_EQ(type_at(0), MIGRATE_UNMOVABLE);
	EXPECT_EQ(list_empty(&zone->free_area[6].free_list[MIGRATE_UNMOVABLE]), false);
	EXPECT_SOUND();
}

/* MOVABLE, and of the same order as the one that is there, since a larger one is taken first. */
static void accept_another_block(void)
{
	EXPECT(accept_memory(zone_of(0), MAX_ORDER_NR_PAGES));
	EXPECT_EQ(zone_of(0)->free_area[MAX_PAGE_ORDER].nr_free, 2);
	EXPECT_EQ(type_at(MAX_ORDER_NR_PAGES), MIGRATE_MOVABLE);
}

/* UNMOVABLE takes from RECLAIMABLE before MOVABLE, at equal order. */
SIM_TEST(unmovable_falls_back_to_reclaimable_before_movable)
{
	struct page *page;

	EXPECT(sim_start());
	page = buddy_get(0, __GFP_RECLAIMABLE, 0);
	buddy_put(page, 0);
	EXPECT_EQ(type_at(0), MIGRATE_RECLAIMABLE);
	accept_another_block();
	EXPECT_EQ(place(buddy_get(0, 0, 0)), 0);
	EXPECT_EQ(type_at(0), MIGRATE_UNMOVABLE);
	EXPECT_EQ(mm_verify(), 0);
}

SIM_TEST(reclaimable_falls_back_to_unmovable_before_movable)
{
	struct page *page;

	EXPECT(sim_start());
	page = buddy_get(0, 0, 0);
	buddy_put(page, 0);
	EXPECT_EQ(type_at(0), MIGRATE_UNMOVABLE);
	accept_another_block();
	EXPECT_EQ(place(buddy_get(0, __GFP_RECLAIMABLE, 0)), 0);
	EXPECT_EQ(type_at(0), MIGRATE_RECLAIMABLE);
	EXPECT_EQ(mm_verify(), 0);
}

SIM_TEST(movable_falls_back_to_reclaimable_before_unmovable)
{
	struct page *u, *r;

	EXPECT(sim_start());
	EXPECT(accept_memory(zone_of(0), MAX_ORDER_NR_PAGES));
	u = buddy_get(0, 0, MAX_PAGE_ORDER);
	r = buddy_get(0, __GFP_RECLAIMABLE, MAX_PAGE_ORDER);
	buddy_put(u, MAX_PAGE_ORDER);
	buddy_put(r, MAX_PAGE_ORDER);
	EXPECT_EQ(type_at(place(u)), MIGRATE_UNMOVABLE);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, 0)), place(r));
	EXPECT_EQ(type_at(place(r)), MIGRATE_MOVABLE);
	EXPECT_EQ(mm_verify(), 0);
}

/* The largest block of another kind is claimed, so that kinds stay apart. */
SIM_TEST(claiming_takes_the_largest_block)
{
	struct page *pages[PAGEBLOCK_NR_PAGES];

	EXPECT(sim_start());
	for (u64 i = 0; i < PAGEBLOCK_NR_PAGES; i++)
		pages[i] = buddy_get(0, __GFP_MOVABLE, 0);
	for (u64 i = 0; i < 300; i++)
		buddy_put(pages[i], 0);
	/* A has 300 free pages, B is free as a whole. */
	EXPECT_EQ(place(buddy_get(0, 0, 0)), B);
	EXPECT_EQ(type_at(A), MIGRATE_MOVABLE);
	EXPECT_EQ(type_at(B), MIGRATE_UNMOVABLE);
}

SIM_TEST(kinds_stay_in_their_own_pageblocks_while_there_is_room)
{
	static const gfp_t kinds[] = {0, __GFP_MOVABLE, __GFP_RECLAIMABLE};
	static const enum migratetype types[] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE,
						 MIGRATE_RECLAIMABLE};

	EXPECT(sim_start());
	EXPECT(accept_memory(zone_of(0), 3 * MAX_ORDER_NR_PAGES));
	for (int i = 0; i < 900; i++)
		EXPECT_EQ(type_at(place(buddy_get(0, kinds[i % 3], 0))), types[i % 3]);
	EXPECT_EQ(zone_of(0)->stat.fallback_steal, 0);
}

RUN_TESTS(T(a_whole_free_block_is_claimed_by_the_first_kind_that_needs_it),
	  T(a_pageblock_half_of_which_is_free_is_claimed),
	  T(a_pageblock_less_than_half_of_which_is_free_is_stolen_from),
	  T(free_pages_count_for_the_half_rule_however_they_lie),
	  T(movable_pages_claim_only_from_blocks_of_half_a_pageblock_order),
	  T(reclaimable_pages_claim_from_blocks_of_any_order),
	  T(what_is_not_accepted_yet_counts_as_free_when_a_pageblock_is_claimed),
	  T(unmovable_falls_back_to_reclaimable_before_movable),
	  T(reclaimable_falls_back_to_unmovable_before_movable),
	  T(movable_falls_back_to_reclaimable_before_unmovable),
	  T(claiming_takes_the_largest_block),
	  T(kinds_stay_in_their_own_pageblocks_while_there_is_room))
