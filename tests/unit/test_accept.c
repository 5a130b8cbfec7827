/* SPDX-License-Identifier: MIT */
/*
 * test_accept.c - taking address space into use: src/mm/accept.c
 *
 * What a fork leaves half done is in test_buddy.c.
 */
#include "unit.h"

/* The next stretches of the zone's own memory that were mapped, from event @*event on; 0: none. */
static u64 next_stride(unsigned int *event)
{
	const struct zone *zone = zone_of(0);

	while (*event < sim_nr_events) {
		const struct sim_event *e = &sim_events[(*event)++];

		if (e->op == SIM_MAP_AT && !e->error && zone_spans_pfn(zone, e->addr >> PAGE_SHIFT))
			return e->len;
	}
	return 0;
}

/* By an eighth of what there is, in whole blocks, by at most 64 MiB: 1 GiB takes some 40 calls. */
SIM_TEST(a_zone_is_mapped_in_strides_that_grow_with_it)
{
	struct zone *zone = zone_of(0);
	u64 mapped = 0, stride;
	unsigned int event = 0;

	EXPECT(sim_start());
	while (zone->commit_pfn - zone->start_pfn < GiB / PAGE_SIZE)
		EXPECT(accept_memory(zone, 1));
	while ((stride = next_stride(&event)) != 0) {
		EXPECT_EQ(stride, CLAMP(ALIGN_UP(mapped / 8, 4 * MiB), 4 * MiB, 64 * MiB));
		mapped += stride;
	}
	EXPECT_EQ(mapped, (zone->commit_pfn - zone->start_pfn) << PAGE_SHIFT);
}

SIM_TEST(where_there_is_little_memory_left_a_stride_is_shorter)
{
	struct zone *zone = zone_of(0);
	u64 before;

	EXPECT(sim_start());
	while (zone->commit_pfn - zone->start_pfn < 256 * MiB / PAGE_SIZE ||
	       zone->accept_pfn != zone->commit_pfn)
		EXPECT(accept_memory(zone, 1));
	before = zone->commit_pfn;
	sim.mapped_max = sim.mapped_bytes + 10 * MiB;
	EXPECT(accept_memory(zone, 1));
	EXPECT_EQ(zone->commit_pfn - before, 8 * MiB / PAGE_SIZE);
	EXPECT_SOUND();
}

/* What is accepted comes to be resident.  Up to 64 MiB a pageblock at a time, then 4 MiB. */
SIM_TEST(a_small_zone_grows_by_a_pageblock)
{
	struct zone *zone = zone_of(0);

	EXPECT(sim_start());
	while (zone->present_pages < 128 * MiB / PAGE_SIZE) {
		u64 before = zone->present_pages;

		EXPECT(accept_memory(zone, 1));
		EXPECT_EQ(zone->present_pages - before,
			  before < 64 * MiB / PAGE_SIZE ? PAGEBLOCK_NR_PAGES : MAX_ORDER_NR_PAGES);
	}
	EXPECT_SOUND();
}

/* Of several blocks that are accepted at once the lowest is used first. */
SIM_TEST(what_is_accepted_is_used_from_the_lowest_address_on)
{
	struct zone *zone = zone_of(0);
	u64 end;

	EXPECT(sim_start());
	while (zone->accept_pfn - zone->start_pfn < 64 * MiB / PAGE_SIZE || zone->nr_free_pages)
		EXPECT(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER));
	end = zone->accept_pfn - zone->start_pfn;
	EXPECT(accept_memory(zone, 3 * MAX_ORDER_NR_PAGES));
	for (u64 i = 0; i < 3; i++)
		EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER)),
			  end + i * MAX_ORDER_NR_PAGES);
}

/* The address sanitizer has its shadow there. */
#ifdef __SANITIZE_ADDRESS__
#define LOW_ADDRESSES_ARE_FREE false
#else
#define LOW_ADDRESSES_ARE_FREE true
#endif

static void start_in_64_mib(void)
{
	sim.limits.address_space = 64 * MiB;
	EXPECT(sim_start());
	EXPECT_EQ(zone_of(0)->end_pfn - zone_of(0)->start_pfn, 64 * MiB / PAGE_SIZE);
}

/* The page map reaches up to the highest address, and counts against the limit. */
SIM_TEST(where_addresses_are_limited_the_range_is_a_low_one)
{
	if (!LOW_ADDRESSES_ARE_FREE)
		return;
	start_in_64_mib();
	EXPECT((uintptr_t)pfn_to_addr(zone_of(0)->end_pfn) < 16 * (u64)GiB);
	EXPECT((uintptr_t)pfn_to_addr(zone_of(0)->start_pfn) >= 8 * (u64)GiB);
}

/* Pages of our own structures are not shown to the program, though they have descriptors. */
SIM_TEST(pages_of_the_heap_have_descriptors_for_all)
{
	EXPECT(sim_start());
	EXPECT(mm_has_page(page_address(at(0))));
	EXPECT(!mm_has_page(pfn_to_addr(zone_of(0)->accept_pfn)));
	EXPECT(!mm_has_page(pfn_to_addr(meta_zone.start_pfn)));
	EXPECT(mm_owns(pfn_to_addr(meta_zone.start_pfn)));
}

/* Its own memory if the system tells how much that is; otherwise an equal part of all. */
SIM_TEST(a_node_has_the_budget_of_its_memory)
{
	sim_add_node(256 * MiB, true);
	EXPECT(sim_start());
	EXPECT_EQ(zone_of(0)->managed_pages, GiB / PAGE_SIZE);
	EXPECT_EQ(zone_of(1)->managed_pages, 256 * MiB / PAGE_SIZE);
}

/* A request that cannot be met must not use up what others could have. */
SIM_TEST(a_block_for_which_the_rest_of_a_zone_is_too_short_takes_nothing_of_it)
{
	struct zone *zone = zone_of(0);
	u64 committed, accepted;
	bool zero;

	start_in_64_mib();
	for (int i = 0; i < 10; i++)
		EXPECT(buddy_get(0, 0, MAX_PAGE_ORDER));
	committed = zone->commit_pfn;
	accepted = zone->accept_pfn;
	EXPECT(!run_get(0, 30 * MiB / PAGE_SIZE, 1, &zero));
	EXPECT_EQ(zone->commit_pfn, committed);
	EXPECT_EQ(zone->accept_pfn, accepted);
	EXPECT(run_get(0, 20 * MiB / PAGE_SIZE, 1, &zero));
	EXPECT_SOUND();
}

/* A mapping of the program's lies where the zone would grow: it becomes a hole. */
SIM_TEST(a_large_block_finds_its_place_behind_what_is_in_the_way)
{
	struct zone *zone = zone_of(0);
	struct page *head;
	bool zero;

	EXPECT(sim_start());
	EXPECT(buddy_get(0, 0, MAX_PAGE_ORDER));
	sim_occupy(pfn_to_addr(zone->start_pfn + 3 * MAX_ORDER_NR_PAGES), OS_PAGE);
	head = run_get(0, 16 * MiB / PAGE_SIZE, 1, &zero);
	EXPECT(head);
	EXPECT_EQ(page_type(at(3 * MAX_ORDER_NR_PAGES)), PAGE_HOLE);
	EXPECT_EQ(place(head), 4 * MAX_ORDER_NR_PAGES);
	EXPECT_SOUND();
}

/* A mapping of the program's lies where the range would begin: another range is chosen. */
SIM_TEST(a_range_that_begins_with_something_is_not_taken)
{
	struct zone *zone = zone_of(0);
	void *first = (void *)(64 * (u64)GiB + sim.random * 4 * MiB);

	if (!LOW_ADDRESSES_ARE_FREE)
		return;
	sim_occupy(first, OS_PAGE);
	EXPECT(sim_start());
	EXPECT(pfn_to_addr(zone->start_pfn) != first);
	EXPECT(page_type(at(0)) != PAGE_HOLE);
	EXPECT(!zone_spans_pfn(zone, addr_to_pfn(first)));
	/* What was mapped there for our own structures is unmapped again. */
	EXPECT(!sim_is_mapped((char *)first + ((zone->end_pfn - zone->start_pfn) << PAGE_SHIFT) +
				      4 * MiB,
			      OS_PAGE));
	EXPECT_SOUND();
}

/* Before that there is nothing to do: a program of one object must not start the thread. */
SIM_TEST(the_background_is_told_from_the_second_block_on)
{
	struct zone *zone = zone_of(0);

	sim.small_steps = true;
	EXPECT(sim_start());
	while (zone->present_pages < MAX_ORDER_NR_PAGES)
		EXPECT(accept_memory(zone, 1));
	EXPECT(!mm_grew);
	EXPECT(accept_memory(zone, 1));
	EXPECT(mm_grew);
}

RUN_TESTS(T(a_zone_is_mapped_in_strides_that_grow_with_it),
	  T(where_there_is_little_memory_left_a_stride_is_shorter),
	  T(a_small_zone_grows_by_a_pageblock),
	  T(what_is_accepted_is_used_from_the_lowest_address_on),
	  T(a_block_for_which_the_rest_of_a_zone_is_too_short_takes_nothing_of_it),
	  T(a_large_block_finds_its_place_behind_what_is_in_the_way),
	  T(a_range_that_begins_with_something_is_not_taken),
	  T(where_addresses_are_limited_the_range_is_a_low_one),
	  T(pages_of_the_heap_have_descriptors_for_all), T(a_node_has_the_budget_of_its_memory),
	  T(the_background_is_told_from_the_second_block_on))
