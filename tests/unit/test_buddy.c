/* SPDX-License-Identifier: MIT */
/*
 * test_buddy.c - splitting, merging, placement, rebuilding: src/mm/buddy.c
 */
#include "unit.h"

/*
 *   order:    0 0 1   0 .       3               2       .      9             10
 *   place:    0 1 2 3 4 5 6 7   8 .. 15         16 .. 19  .    512 .. 1023   1024 ..
 */
SIM_TEST(first_allocations_from_an_empty_zone_come_at_predicted_addresses)
{
	static const struct {
		unsigned int order;
		u64 place;
	} expected[] = {{0, 0}, {0, 1},	  {1, 2},     {3, 8}, {0, 4},  {2, 16},
			{0, 5}, {9, 512}, {10, 1024}, {1, 6}, {4, 32}, {8, 256}};

	EXPECT(sim_start());
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct page *page = buddy_get(0, __GFP_MOVABLE, expected[i].order);

		EXPECT_EQ(place(page), expected[i].place);
		EXPECT_EQ(page_order(page), expected[i].order);
		EXPECT_EQ(page_type(page), PAGE_ALLOC);
		EXPECT_EQ(mm_verify(), 0);
	}
}

/* ---- the same against a model: for each order a stack of free blocks ---- */

#define MODEL_BLOCKS 64
#define MODEL_PAGES (MODEL_BLOCKS * MAX_ORDER_NR_PAGES)

static u64 stack[NR_PAGE_ORDERS][MODEL_PAGES];
static size_t depth[NR_PAGE_ORDERS];

static u64 model_take(unsigned int order, u64 *accepted)
{
	unsigned int o = order;
	u64 p;

	while (o < NR_PAGE_ORDERS && !depth[o])
		o++;
	if (o == NR_PAGE_ORDERS) {
		stack[--o][depth[MAX_PAGE_ORDER]++] = *accepted;
		*accepted += MAX_ORDER_NR_PAGES;
	}
	p = stack[o][--depth[o]];
	while (o > order) {
		o--;
		stack[o][depth[o]++] = p + (1u << o);
	}
	return p;
}

SIM_TEST(any_sequence_of_allocations_splits_as_the_model_says)
{
	u64 state = 11, accepted = MAX_ORDER_NR_PAGES;

	EXPECT(sim_start());
	stack[MAX_PAGE_ORDER][depth[MAX_PAGE_ORDER]++] = 0;
	for (u64 pages = 0; pages < MODEL_PAGES / 2;) {
		unsigned int order = (unsigned int)(sim_random(&state) % 7);

		EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, order)), model_take(order, &accepted));
		pages += 1u << order;
	}
	EXPECT_EQ(zone_of(0)->present_pages, accepted);
	EXPECT_EQ(mm_verify(), 0);
}

static void expect_whole_blocks_only(void)
{
	struct zone *zone = zone_of(0);

	EXPECT_EQ(zone->nr_free_pages, zone->present_pages);
	for (unsigned int order = 0; order < MAX_PAGE_ORDER; order++)
		EXPECT_EQ(zone->free_area[order].nr_free, 0);
	EXPECT_EQ(zone->free_area[MAX_PAGE_ORDER].nr_free,
		  zone->present_pages / MAX_ORDER_NR_PAGES);
}

SIM_TEST(freeing_everything_in_random_order_gives_back_whole_blocks)
{
	static struct page *pages[3000];

	EXPECT(sim_start());
	for (u64 seed = 1; seed <= 8; seed++) {
		u64 state = seed * 7919;
		int nr = 3000;

		for (int i = 0; i < nr; i++) {
			static const gfp_t kinds[] = {0, __GFP_MOVABLE, __GFP_RECLAIMABLE};
			unsigned int order = (unsigned int)(sim_random(&state) % 16);

			pages[i] =
				buddy_get(0, kinds[sim_random(&state) % 3],
					  order < NR_PAGE_ORDERS && i % 8 == 0 ? order : order % 3);
			EXPECT(pages[i]);
		}
		while (nr) {
			int i = (int)(sim_random(&state) % (u64)nr);

			buddy_put(pages[i], page_order(pages[i]));
			pages[i] = pages[--nr];
			if (nr % 500 == 0)
				EXPECT_EQ(mm_verify(), 0);
		}
		expect_whole_blocks_only();
	}
}

/*
 *    0 1 2 3 4 5 6 7        X in use; F free, freed in the order 2+3, 6, 0
 *    F X F F X X F X        0 will merge into an order 2 block when 1 comes back: it waits at
 *                           the tail, and 6 is handed out first although 0 came later
 */
SIM_TEST(a_page_whose_upper_buddy_is_free_waits_at_the_tail)
{
	struct page *pages[8];

	EXPECT(sim_start());
	for (int i = 0; i < 8; i++)
		pages[i] = buddy_get(0, __GFP_MOVABLE, 0);
	buddy_put(pages[2], 0);
	buddy_put(pages[3], 0);
	buddy_put(pages[6], 0);
	buddy_put(pages[0], 0);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, 0)), 6);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, 0)), 0);
}

/*
 *    0 1 2 3 4 5 6 7
 *    X X F X X X F X        neither is about to merge: last freed, first out
 */
SIM_TEST(a_page_whose_upper_buddy_is_in_use_is_handed_out_next)
{
	struct page *pages[8];

	EXPECT(sim_start());
	for (int i = 0; i < 8; i++)
		pages[i] = buddy_get(0, __GFP_MOVABLE, 0);
	buddy_put(pages[6], 0);
	buddy_put(pages[2], 0);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, 0)), 2);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, 0)), 6);
}

/*
 *    0 1 2 3              1 was written and freed; 0 comes back known to be zero: of the two
 *    Z D Z Z ..           merged they are not
 */
SIM_TEST(a_block_merged_from_a_zero_and_a_dirty_one_is_dirty)
{
	struct zone *zone = zone_of(0);
	struct page *zero, *dirty;

	EXPECT(sim_start());
	zero = buddy_get(0, __GFP_MOVABLE, 0);
	dirty = buddy_get(0, __GFP_MOVABLE, 0);
	EXPECT_EQ(place(dirty), 1);
	memset(page_address(dirty), 1, PAGE_SIZE);
	buddy_put(dirty, 0);
	EXPECT_EQ(zone->nr_zero_pages, MAX_ORDER_NR_PAGES - 2);
	zone_lock(zone);
	__free_one_page(zone, zero, 0, PG_ZERO);
	zone_unlock(zone);
	EXPECT(!page_is_zero(at(0)));
	EXPECT_EQ(zone->nr_zero_pages, 0);
	EXPECT_EQ(mm_verify(), 0);
}

SIM_TEST(an_order_beyond_the_largest_is_refused)
{
	EXPECT(sim_start());
	EXPECT(buddy_get(0, 0, MAX_PAGE_ORDER));
	EXPECT(!buddy_get(0, 0, MAX_PAGE_ORDER + 1));
}

/* 64 pages, and each part as large as what there is:  | 64 | 64 | 128 | 256 | 512 | 512 .. */
SIM_TEST(the_first_block_of_a_zone_comes_in_parts_that_merge)
{
	struct zone *zone = zone_of(0);

	sim.small_steps = true;
	EXPECT(sim_start());
	for (unsigned int order = 6; order <= MAX_PAGE_ORDER; order++) {
		EXPECT_EQ(zone->present_pages, 1u << order);
		EXPECT_EQ(zone->nr_zero_pages, 1u << order);
		EXPECT_EQ(zone->free_area[order].nr_free, 1);
		EXPECT_SOUND();
		EXPECT(accept_memory(zone, 1));
	}
	EXPECT(accept_memory(zone, 1));
	EXPECT_EQ(zone->free_area[MAX_PAGE_ORDER].nr_free, 2);
	EXPECT_EQ(zone->stat.accepted, zone->present_pages);
	EXPECT_EQ(zone->stat.pgfree, 0);
}

/* The thread looked for free pages, found none, and waited while another took more into use. */
SIM_TEST(what_others_accepted_meanwhile_is_looked_at_first)
{
	struct zone *zone = zone_of(0);
	u64 seen, present;

	EXPECT(sim_start());
	seen = zone->accept_pfn;
	EXPECT(accept_memory(zone, 1));
	present = zone->present_pages;
	EXPECT_EQ(accept_memory_after(zone, seen, 1, false, true, false), ACCEPT_BY_OTHERS);
	EXPECT_EQ(zone->present_pages, present);
	EXPECT_EQ(accept_memory_after(zone, zone->accept_pfn, 1, false, true, false), ACCEPT_MORE);
	EXPECT(zone->present_pages > present);
}

SIM_TEST(whoever_wants_all_of_the_first_block_gets_it)
{
	sim.small_steps = true;
	EXPECT(sim_start());
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER)), 0);
	EXPECT_SOUND();
}

/* Another owner's mapping lies where the zone would grow:  | 4 MiB | theirs | 4 MiB | .. */
SIM_TEST(a_place_that_is_taken_becomes_a_hole_and_the_zone_goes_on_behind_it)
{
	struct zone *zone = zone_of(0);

	EXPECT(sim_start());
	sim_occupy(pfn_to_addr(zone->commit_pfn + 100), OS_PAGE);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER)), 0);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER)), 2 * MAX_ORDER_NR_PAGES);
	EXPECT_EQ(page_type(at(MAX_ORDER_NR_PAGES)), PAGE_HOLE);
	EXPECT_EQ(zone->present_pages, 2 * MAX_ORDER_NR_PAGES);
	EXPECT(mm_owns(page_address(at(MAX_ORDER_NR_PAGES - 1))));
	EXPECT(!mm_owns(page_address(at(MAX_ORDER_NR_PAGES))));
	EXPECT(!mm_owns(page_address(at(2 * MAX_ORDER_NR_PAGES - 1))));
	EXPECT(mm_owns(page_address(at(2 * MAX_ORDER_NR_PAGES))));
	EXPECT(!mm_owns(pfn_to_addr(zone->accept_pfn)));
	EXPECT_SOUND();
}

/* Holes that fill two sections: a page of the map describes nothing else, and stays read-only. */
SIM_TEST(a_map_that_describes_holes_only_is_left_alone)
{
	struct zone *zone = zone_of(0);

	EXPECT(sim_start());
	for (u64 b = 1; b < 3 * PAGES_PER_SECTION / MAX_ORDER_NR_PAGES; b++)
		sim_occupy(pfn_to_addr(zone->start_pfn + b * MAX_ORDER_NR_PAGES), OS_PAGE);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER)), 0);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER)), 3 * PAGES_PER_SECTION);
	zone_lock(zone);
	buddy_rebuild(zone);
	zone_unlock(zone);
	EXPECT_SOUND();
}

/* ---- after a fork ---- */

/* A lost thread was mapping the next 4 MiB, and had come to the call that maps the memory. */
static void be_lost_in_mapping(struct zone *zone)
{
	EXPECT(!vm_map_at(pfn_to_page(zone->commit_pfn), MAX_ORDER_NR_PAGES * sizeof(struct page)));
	zone->mapping_pfn = zone->commit_pfn + MAX_ORDER_NR_PAGES;
	zone->mapped_parts = 1;
	lock_of_lost_thread(&zone->accept_lock);
}

static void get_two_blocks(void)
{
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER)), 0);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER)), MAX_ORDER_NR_PAGES);
}

SIM_TEST(what_a_lost_thread_was_about_to_map_is_mapped_anew)
{
	EXPECT(sim_start());
	be_lost_in_mapping(zone_of(0));
	get_two_blocks();
	EXPECT_SOUND();
}

SIM_TEST(what_a_lost_thread_had_just_mapped_is_mapped_anew)
{
	struct zone *zone = zone_of(0);

	EXPECT(sim_start());
	be_lost_in_mapping(zone);
	EXPECT(!vm_map_at(pfn_to_addr(zone->commit_pfn), MAX_ORDER_NR_PAGES << PAGE_SHIFT));
	get_two_blocks();
	EXPECT_SOUND();
}

SIM_TEST(descriptors_that_a_lost_thread_had_just_mapped_are_mapped_anew)
{
	struct zone *zone = zone_of(0);

	EXPECT(sim_start());
	be_lost_in_mapping(zone);
	zone->mapped_parts = 0;
	get_two_blocks();
	EXPECT_SOUND();
}

/* That call found a mapping of the program's there, over all of the 4 MiB or a part of them. */
static void be_lost_with_theirs_in_the_way(size_t len)
{
	struct zone *zone = zone_of(0);
	char *theirs;

	EXPECT(sim_start());
	theirs = pfn_to_addr(zone->commit_pfn);
	sim_occupy(theirs, len);
	EXPECT_EQ(*(volatile char *)theirs, 0);
	be_lost_in_mapping(zone);
	sim.loose_unmap = true;
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER)), 0);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER)), 2 * MAX_ORDER_NR_PAGES);
	EXPECT_EQ(page_type(at(MAX_ORDER_NR_PAGES)), PAGE_HOLE);
	EXPECT(vm_resident_pages(theirs, len) > 0);
	EXPECT_SOUND();
}

SIM_TEST(what_was_in_the_way_of_a_lost_thread_stays)
{
	be_lost_with_theirs_in_the_way(MAX_ORDER_NR_PAGES << PAGE_SHIFT);
}

SIM_TEST(what_was_in_a_part_of_the_way_of_a_lost_thread_stays)
{
	be_lost_with_theirs_in_the_way(PAGE_SIZE);
}

struct totals {
	unsigned long free, zero, pgfree, nr[NR_PAGE_ORDERS];
};

static struct totals totals_of(const struct zone *zone)
{
	struct totals t = {zone->nr_free_pages, zone->nr_zero_pages, zone->stat.pgfree, {0}};

	for (unsigned int o = 0; o < NR_PAGE_ORDERS; o++)
		t.nr[o] = zone->free_area[o].nr_free;
	return t;
}

static void some_history(struct page **pages, int nr)
{
	u64 state = 99;

	for (int i = 0; i < nr; i++)
		pages[i] = buddy_get(0, i % 3 ? 0 : __GFP_MOVABLE,
				     (unsigned int)(sim_random(&state) % 6));
	for (int i = 0; i < nr; i += 2)
		buddy_put(pages[i], page_order(pages[i]));
}

static void ruin_lists(struct zone *zone)
{
	for (unsigned int o = 0; o < NR_PAGE_ORDERS; o++) {
		zone->free_area[o].nr_free = 12345;
		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			zone->free_area[o].free_list[mt].next = (void *)8;
	}
	zone->nr_free_pages = 1;
	zone->nr_zero_pages = 1ul << 40;
	zone->free_block_map[0] = ~zone->free_block_map[0];
	for (size_t i = 0; i < ARRAY_SIZE(zone->sections->free_pages); i++)
		zone->sections->free_pages[i] = ~zone->sections->free_pages[i];
}

SIM_TEST(rebuilding_restores_lists_and_counts_from_the_states_of_pages)
{
	struct page *pages[200];
	struct zone *zone = zone_of(0);
	struct totals before, after;
	unsigned long map;

	EXPECT(sim_start());
	some_history(pages, 200);
	before = totals_of(zone);
	map = zone->free_block_map[0];
	ruin_lists(zone);
	zone_lock(zone);
	buddy_rebuild(zone);
	zone_unlock(zone);
	after = totals_of(zone);
	EXPECT(!memcmp(&before, &after, sizeof(before)));
	EXPECT_EQ(zone->free_block_map[0], map);
	EXPECT_EQ(mm_verify(), 0);
	for (int i = 1; i < 200; i += 2)
		buddy_put(pages[i], page_order(pages[i]));
	expect_whole_blocks_only();
}

static void lock_and_rebuild(bool nowait)
{
	struct page *pages[200];
	struct zone *zone = zone_of(0);
	struct totals before, after;

	EXPECT(sim_start());
	some_history(pages, 200);
	before = totals_of(zone);
	ruin_lists(zone);
	lock_of_lost_thread(&zone->lock);
	EXPECT(zone_lock_ctx(zone, nowait));
	zone_unlock(zone);
	after = totals_of(zone);
	EXPECT(!memcmp(&before, &after, sizeof(before)));
	EXPECT_EQ(mm_verify(), 0);
}

SIM_TEST(taking_the_zone_lock_of_a_lost_thread_rebuilds)
{
	lock_and_rebuild(/* nowait= */ false);
}

SIM_TEST(taking_it_without_waiting_rebuilds_too)
{
	lock_and_rebuild(/* nowait= */ true);
}

/* The block was off its list, but still marked FREE, when its thread was lost. */
SIM_TEST(a_free_block_between_two_lists_is_found_again)
{
	struct zone *zone = zone_of(0);
	struct page *page;

	EXPECT(sim_start());
	zone_lock(zone);
	page = __rmqueue_smallest(zone, 3, MIGRATE_MOVABLE);
	EXPECT_EQ(page_type(page), PAGE_FREE);
	EXPECT_EQ(zone->nr_free_pages, zone->present_pages - 8);
	buddy_rebuild(zone);
	zone_unlock(zone);
	EXPECT_EQ(zone->nr_free_pages, zone->present_pages);
}

RUN_TESTS(T(first_allocations_from_an_empty_zone_come_at_predicted_addresses),
	  T(any_sequence_of_allocations_splits_as_the_model_says),
	  T(freeing_everything_in_random_order_gives_back_whole_blocks),
	  T(a_page_whose_upper_buddy_is_free_waits_at_the_tail),
	  T(a_page_whose_upper_buddy_is_in_use_is_handed_out_next),
	  T(a_block_merged_from_a_zero_and_a_dirty_one_is_dirty),
	  T(an_order_beyond_the_largest_is_refused),
	  T(the_first_block_of_a_zone_comes_in_parts_that_merge),
	  T(what_others_accepted_meanwhile_is_looked_at_first),
	  T(whoever_wants_all_of_the_first_block_gets_it),
	  T(a_place_that_is_taken_becomes_a_hole_and_the_zone_goes_on_behind_it),
	  T(a_map_that_describes_holes_only_is_left_alone),
	  T(what_a_lost_thread_was_about_to_map_is_mapped_anew),
	  T(what_a_lost_thread_had_just_mapped_is_mapped_anew),
	  T(descriptors_that_a_lost_thread_had_just_mapped_are_mapped_anew),
	  T(what_was_in_the_way_of_a_lost_thread_stays),
	  T(what_was_in_a_part_of_the_way_of_a_lost_thread_stays),
	  T(rebuilding_restores_lists_and_counts_from_the_states_of_pages),
	  T(taking_the_zone_lock_of_a_lost_thread_rebuilds),
	  T(taking_it_without_waiting_rebuilds_too),
	  T(a_free_block_between_two_lists_is_found_again))
