/* SPDX-License-Identifier: MIT */
/*
 * test_budget.c - scarce memory: in a control group with a limit, free memory goes back before the
 * limit is reached; a sparse heap gets no huge pages, nor does one for which they come slowly or
 * from another node
 *
 * The group's use is what the zones hold resident, as the kernel would count it.
 */
#include "pages.h"
#include "mm/internal.h"
#include "slab/internal.h"
#include "step.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT (64 * MiB)

static u64 others; /* bytes that other processes of the group use */
static u64 peak;

static u64 used(void)
{
	return (zone_resident(zone_of(0)) << PAGE_SHIFT) + others;
}

static u64 room(void)
{
	return LIMIT - MIN(used(), (u64)LIMIT);
}

static void start_limited(void)
{
	sim.memory_limit = LIMIT;
	sim.memory_room = room;
	EXPECT(sim_start());
}

/* Have @bytes in blocks of @order in use at the same time, then free them. */
static void use_and_free(u64 bytes, unsigned int order)
{
	static struct page *pages[LIMIT / PAGE_SIZE];
	u64 nr = bytes >> PAGE_SHIFT >> order;

	for (u64 i = 0; i < nr; i++) {
		pages[i] = buddy_get(0, order % 2 ? 0 : __GFP_MOVABLE, order);
		EXPECT(pages[i]);
		peak = MAX(peak, used());
	}
	for (u64 i = 0; i < nr; i++)
		buddy_put(pages[i], order);
}

/* Pages that stay in use make the larger blocks of the next round come from elsewhere. */
static void use_in_many_sizes(void)
{
	static const unsigned int orders[] = {0, 5, 1, 9, 4, 10, 0, 8};

	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
			use_and_free(20 * MiB, orders[i]);
			EXPECT(buddy_get(0, 0, 0));
		}
	}
}

SIM_TEST(what_is_free_goes_back_before_the_limit_is_passed)
{
	start_limited();
	use_in_many_sizes();
	EXPECT(peak < LIMIT);
	EXPECT_SOUND();
}

/* One page of each pageblock stays, so that the rest is no block of 4 MiB. */
static void use_and_leave_pieces(u64 bytes)
{
	static struct page *pages[LIMIT / PAGE_SIZE];
	u64 nr = bytes >> PAGE_SHIFT;

	for (u64 i = 0; i < nr; i++)
		pages[i] = buddy_get(0, __GFP_MOVABLE, 0);
	for (u64 i = 0; i < nr; i++)
		if (page_to_pfn(pages[i]) % PAGEBLOCK_NR_PAGES)
			buddy_put(pages[i], 0);
}

/* Of many small processes, each has to find the limit. */
SIM_TEST(a_heap_of_a_few_mib_stays_within_the_limit)
{
	start_limited();
	others = LIMIT - 6 * MiB;
	use_and_leave_pieces(4 * MiB + 512 * KiB);
	EXPECT(buddy_get(0, 0, PAGEBLOCK_ORDER));
	EXPECT(used() < LIMIT);
	EXPECT_SOUND();
}

SIM_TEST(what_others_use_of_the_group_counts)
{
	start_limited();
	use_and_free(40 * MiB, 0);
	others = 30 * MiB;
	EXPECT(used() > LIMIT);
	/* As the background thread does at every tick. */
	EXPECT(budget_tight());
	EXPECT(slab_reclaim(/* all= */ true));
	EXPECT(!budget_tight());
	EXPECT_SOUND();
}

static void grow(u64 bytes)
{
	for (u64 got = 0; got < bytes; got += MAX_ORDER_NR_PAGES << PAGE_SHIFT)
		EXPECT(buddy_get(0, 0, MAX_PAGE_ORDER));
}

/* As after a look when there was no limit, or others had not taken the room yet. */
static void put_mark_far(void)
{
	zone_of(0)->resident_mark = zone_resident(zone_of(0)) + LIMIT / PAGE_SIZE;
}

SIM_TEST(a_limit_that_comes_later_is_seen_within_a_tick)
{
	EXPECT(sim_start());
	use_and_leave_pieces(40 * MiB);
	put_mark_far();
	sim.memory_limit = LIMIT;
	sim.memory_room = room;
	EXPECT(!budget_tight());
	grow(32 * MiB);
	EXPECT(used() < LIMIT);
	EXPECT_SOUND();
}

SIM_TEST(room_that_others_took_is_seen_missing_within_a_tick)
{
	start_limited();
	use_and_leave_pieces(24 * MiB);
	put_mark_far();
	others = 25 * MiB;
	EXPECT(!budget_tight());
	grow(20 * MiB);
	EXPECT(used() < LIMIT);
	EXPECT_SOUND();
}

SIM_TEST(what_others_may_take_until_the_next_tick_is_left)
{
	start_limited();
	use_and_leave_pieces(24 * MiB);
	others = 4 * MiB;
	EXPECT(!budget_tight());
	others += 12 * MiB;
	EXPECT(budget_tight());
	EXPECT(!budget_tight()); /* they have stopped */
	others -= 4 * MiB;
	EXPECT(!budget_tight());
}

SIM_TEST(what_this_process_takes_is_not_taken_by_others)
{
	start_limited();
	EXPECT(!budget_tight());
	grow(40 * MiB);
	EXPECT(!budget_tight());
	EXPECT(direct_alloc(8 * MiB, PAGE_SIZE, /* nowait= */ false));
	others = 8 * MiB; /* stands for the mapping */
	EXPECT(!budget_tight());
}

/* What is to be looked at before the next use is so after a tick as well. */
SIM_TEST(a_tick_raises_no_mark)
{
	u64 looks;

	start_limited();
	grow(4 * MiB);
	budget_look_again();
	EXPECT(!budget_tight());
	looks = sim.memory_looks;
	EXPECT(buddy_get(0, 0, MAX_PAGE_ORDER));
	EXPECT_EQ(sim.memory_looks, looks + 1);
	EXPECT_SOUND();
}

SIM_TEST(direct_mappings_are_looked_at_once_the_room_is_little)
{
	u64 looks;
	void *p;

	start_limited();
	p = direct_alloc(9 * MiB, PAGE_SIZE, /* nowait= */ false); /* the mark is far beyond */
	others = 50 * MiB;
	EXPECT(p && !budget_tight());
	looks = sim.memory_looks;
	EXPECT(direct_alloc(8 * MiB, PAGE_SIZE, /* nowait= */ false));
	EXPECT_EQ(sim.memory_looks, looks + 1);
	EXPECT_SOUND();
}

/* The mark of a heap that was larger once says nothing about the room that others leave now. */
SIM_TEST(what_went_back_is_looked_at_before_it_comes_again)
{
	start_limited();
	use_and_free(50 * MiB, 0);
	EXPECT(page_reporting_pass(0, 0, REPORT_ALL) > 0);
	others = 30 * MiB;
	use_and_leave_pieces(18 * MiB);
	grow(16 * MiB);
	EXPECT(used() < LIMIT);
	EXPECT_SOUND();
}

#define LOW_MARK 100 /* pages */
static u64 mark_set_at; /* the instruction before which another thread sets it */
static bool mark_was_set;

static void set_low_mark(u64 number)
{
	if (number != mark_set_at)
		return;
	step_stop();
	mark_was_set = true;
	zone_of(0)->resident_mark = LOW_MARK;
}

static void note_gone(void)
{
	budget_note_gone(zone_of(0), 1);
}

SIM_TEST(a_mark_that_is_set_while_pages_go_back_is_not_lost)
{
	start_limited();
	do {
		mark_was_set = false;
		mark_set_at++;
		zone_of(0)->resident_mark = 100 * LOW_MARK;
		step_through(note_gone, set_low_mark);
		EXPECT(!mark_was_set || zone_of(0)->resident_mark <= LOW_MARK);
	} while (mark_was_set);
}

/* Up to a pageblock, and beyond. */
SIM_TEST(large_blocks_are_looked_at)
{
	bool zero;
	u64 looks;

	start_limited();
	for (u64 nr = 100; nr < 5000; nr *= 30) {
		budget_look_again();
		looks = sim.memory_looks;
		EXPECT(run_get(0, nr, 1, &zero));
		EXPECT_EQ(sim.memory_looks, looks + 1);
	}
	EXPECT_SOUND();
}

SIM_TEST(pages_that_a_block_grows_by_are_looked_at)
{
	struct page *head;
	bool zero;
	u64 looks;

	start_limited();
	head = run_get(0, 600, 1, &zero);
	EXPECT(head);
	budget_look_again();
	looks = sim.memory_looks;
	EXPECT(large_resize(head, 700));
	EXPECT_EQ(sim.memory_looks, looks + 1);
	EXPECT_SOUND();
}

static void touch(const struct page *head, u64 nr)
{
	memset(page_address(head), 1, nr * PAGE_SIZE);
}

#define TABLE 5120u /* pages: a multiple of what is accepted at a time */

/* Otherwise it would be used again without a look, and become resident only then. */
SIM_TEST(what_was_never_touched_of_a_large_block_is_free_and_not_resident)
{
	struct zone *zone = zone_of(0);
	struct page *head;
	u64 before;
	bool zero;

	start_limited();
	head = run_get(0, TABLE, 1, &zero);
	touch(head, 512);
	before = zone_resident(zone);
	EXPECT(large_resize(head, TABLE / 5));
	EXPECT_EQ(zone_resident(zone), before - TABLE / 5 * 4);
	large_free(head, NULL, /* nowait= */ false);
	EXPECT_EQ(zone_resident(zone), before - TABLE);
	EXPECT_EQ(zone->stat.reported, TABLE);
	EXPECT_SOUND();
}

/* If it went back, the system would have to clear it again. */
SIM_TEST(what_was_touched_of_a_large_block_stays_resident)
{
	struct page *head;
	bool zero;
	u64 before;

	start_limited();
	head = run_get(0, TABLE, 1, &zero);
	touch(head, TABLE);
	before = zone_resident(zone_of(0));
	EXPECT(large_resize(head, TABLE / 5));
	large_free(head, NULL, /* nowait= */ false);
	EXPECT_EQ(zone_resident(zone_of(0)), before);
	EXPECT_SOUND();
}

static void stays_resident_when_freed(struct page *head)
{
	u64 before = zone_resident(zone_of(0));

	large_free(head, NULL, /* nowait= */ false);
	EXPECT_EQ(zone_resident(zone_of(0)), before);
	EXPECT_SOUND();
}

SIM_TEST(without_a_limit_what_was_never_touched_is_not_looked_at)
{
	bool zero;

	EXPECT(sim_start());
	stays_resident_when_freed(run_get(0, TABLE, 1, &zero));
}

static u64 much_room(void)
{
	return (u64)65 * TABLE * PAGE_SIZE;
}

/* A program that uses a part of a buffer again and again must not fault it in each time. */
SIM_TEST(where_there_is_plenty_of_room_what_was_never_touched_is_not_looked_at)
{
	struct page *head;
	bool zero;

	sim.memory_limit = 2 * much_room();
	sim.memory_room = much_room;
	EXPECT(sim_start());
	head = run_get(0, TABLE, 1, &zero);
	EXPECT(sim.memory_looks);
	stays_resident_when_freed(head);
}

/* Buffers that grow by realloc() lie outside all zones. */
SIM_TEST(what_is_free_goes_back_before_a_direct_mapping_is_used)
{
	void *p;

	start_limited();
	use_and_free(50 * MiB, 0);
	p = direct_alloc(10 * MiB, PAGE_SIZE, /* nowait= */ false);
	EXPECT(p);
	EXPECT(used() + 10 * MiB <= LIMIT);
	others = 10 * MiB; /* stands for the mapping, which is used now */
	p = direct_resize(p, 40 * MiB, /* nowait= */ false);
	EXPECT(p);
	EXPECT(used() + 30 * MiB <= LIMIT);
	EXPECT(direct_free(p, /* nowait= */ false));
	EXPECT_SOUND();
}

/* Their memory goes back at once, and others may have the room then. */
static void unmap_and_map_again(bool whole)
{
	void *p;

	start_limited();
	p = direct_alloc(24 * MiB, PAGE_SIZE, /* nowait= */ false);
	others = 24 * MiB; /* stands for the mapping */
	use_and_free(20 * MiB, 0);
	if (whole)
		EXPECT(direct_free(p, /* nowait= */ false));
	else
		p = direct_resize(p, PAGE_SIZE, /* nowait= */ false);
	others = 22 * MiB; /* another process's */
	p = whole ? direct_alloc(24 * MiB, PAGE_SIZE, /* nowait= */ false)
		  : direct_resize(p, 24 * MiB, /* nowait= */ false);
	EXPECT(p);
	EXPECT(used() + 24 * MiB <= LIMIT);
	EXPECT_SOUND();
}

SIM_TEST(a_direct_mapping_that_comes_again_is_looked_at)
{
	unmap_and_map_again(/* whole= */ true);
}

SIM_TEST(a_direct_mapping_that_grows_again_is_looked_at)
{
	unmap_and_map_again(/* whole= */ false);
}

SIM_TEST(without_a_limit_a_direct_mapping_that_comes_again_is_not_looked_at)
{
	u64 looks;

	EXPECT(sim_start());
	EXPECT(direct_free(direct_alloc(64 * MiB, PAGE_SIZE, /* nowait= */ false), false));
	looks = sim.memory_looks;
	for (int i = 0; i < 10; i++)
		EXPECT(direct_free(direct_alloc(64 * MiB, PAGE_SIZE, /* nowait= */ false), false));
	EXPECT_EQ(sim.memory_looks, looks);
}

SIM_TEST(without_a_limit_direct_mappings_are_looked_at_when_doubled)
{
	void *p;
	u64 looks;

	EXPECT(sim_start());
	p = direct_alloc(64 * MiB, PAGE_SIZE, /* nowait= */ false);
	looks = sim.memory_looks;
	EXPECT(looks);
	for (u64 mib = 65; mib <= 128; mib++)
		p = direct_resize(p, mib * MiB, /* nowait= */ false);
	EXPECT_EQ(sim.memory_looks, looks);
	p = direct_resize(p, 129 * MiB, /* nowait= */ false);
	EXPECT_EQ(sim.memory_looks, looks + 1);
	EXPECT(direct_free(p, /* nowait= */ false));
}

static u64 room_of_all(void)
{
	struct zone *zone;
	u64 pages = 0;

	for_each_populated_zone(zone) pages += zone->metadata ? 0 : zone_resident(zone);
	return LIMIT - MIN(pages << PAGE_SHIFT, (u64)LIMIT);
}

SIM_TEST(nodes_share_one_limit)
{
	for (int n = 1; n < 4; n++)
		sim_add_node(GiB, true);
	sim.memory_limit = LIMIT;
	sim.memory_room = room_of_all;
	EXPECT(sim_start());
	use_and_free(20 * MiB, 0);
	for (u64 i = 0; i < 16 * MiB / PAGE_SIZE; i++) {
		for (int n = 1; n < 4; n++)
			EXPECT(buddy_get(n, __GFP_THISNODE, 0));
		EXPECT(room_of_all());
	}
	EXPECT_SOUND();
}

static void *get_any(u64 random)
{
	struct slow slow;
	void *obj = slab_alloc(&kmalloc_caches[kmalloc_class(16 + random % 8000)], 0, NUMA_NO_NODE);

	EXPECT(obj);
	slow_enter_anyway(&slow);
	slow_leave(&slow);
	kswapd_poke(&slow);
	return obj;
}

/* All that this heap could give back is used again at once. */
SIM_TEST(a_shortage_that_others_make_is_not_looked_at_all_the_time)
{
	static void *objs[2000];
	u64 random = 1, looks;

	others = LIMIT - 10 * MiB;
	start_limited();
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = get_any(random = random * 6364136223846793005ul + 1442695040888963407ul);
	looks = sim.memory_looks;
	EXPECT(looks);
	for (size_t i = 0; i < 20000; i++) {
		void **obj;

		random = random * 6364136223846793005ul + 1442695040888963407ul;
		obj = &objs[(random >> 33) % ARRAY_SIZE(objs)];
		slab_free(find_slab(*obj)->cache, *obj);
		*obj = get_any(random >> 40);
	}
	EXPECT(sim.memory_looks - looks < 100);
	EXPECT_SOUND();
}

/* As in a server that has as many files open as it may. */
SIM_TEST(without_a_file_descriptor_the_limit_that_was_seen_holds)
{
	others = 30 * MiB;
	start_limited();
	use_and_free(16 * MiB, 0);
	EXPECT(sim.memory_looks);
	sim.memory_error = -EMFILE;
	use_and_leave_pieces(20 * MiB);
	grow(16 * MiB);
	EXPECT(used() < LIMIT);
	EXPECT_SOUND();
}

static void map_and_use(u64 bytes)
{
	EXPECT(direct_alloc(bytes, PAGE_SIZE, /* nowait= */ false));
	others += bytes; /* stands for the mapping */
}

SIM_TEST(without_a_file_descriptor_what_was_mapped_since_is_not_room)
{
	start_limited();
	use_and_free(16 * MiB, 0);
	EXPECT(sim.memory_looks);
	sim.memory_error = -EMFILE;
	for (int i = 0; i < 6; i++)
		map_and_use(8 * MiB);
	EXPECT(used() < LIMIT);
	EXPECT_SOUND();
}

/* What was about to be used when the group was seen last takes of the room that was seen. */
SIM_TEST(without_a_file_descriptor_what_was_looked_at_last_is_not_room)
{
	start_limited();
	use_and_free(3 * MiB, 0);
	map_and_use(38 * MiB);
	EXPECT_EQ(sim.memory_looks, 1);
	sim.memory_error = -EMFILE;
	use_and_leave_pieces(14 * MiB);
	for (int i = 0; i < 4; i++)
		map_and_use(4 * MiB);
	EXPECT(used() < LIMIT);
	EXPECT_SOUND();
}

SIM_TEST(a_limit_that_could_not_be_seen_is_looked_for_soon_again)
{
	start_limited();
	sim.memory_error = -EMFILE;
	grow(48 * MiB);
	EXPECT(sim.memory_looks >= 4 && sim.memory_looks < 8);
	EXPECT(!budget_tight());
	sim.memory_error = 0;
	grow(16 * MiB);
	EXPECT(mm_pressure);
	EXPECT_SOUND();
}

SIM_TEST(far_from_the_limit_nothing_is_given_back)
{
	start_limited();
	for (int round = 0; round < 8; round++)
		use_and_free(24 * MiB, (unsigned int)round);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
}

SIM_TEST(a_small_heap_does_not_look_and_a_large_one_seldom)
{
	EXPECT(sim_start());
	use_and_free(4 * MiB, 0);
	EXPECT_EQ(sim.memory_looks, 0);
	use_and_free(60 * MiB, 0);
	EXPECT(sim.memory_looks > 0 && sim.memory_looks < 6);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
}

/* Nothing is free: the marks move on, and slabs are asked to give. */
SIM_TEST(a_heap_in_full_use_grows_on_and_asks_the_slabs)
{
	start_limited();
	for (u64 got = 0; got < LIMIT + 8 * MiB; got += MAX_ORDER_NR_PAGES << PAGE_SHIFT)
		EXPECT(buddy_get(0, 0, MAX_PAGE_ORDER));
	EXPECT(mm_pressure);
	EXPECT(sim.memory_looks < 64);
	EXPECT_SOUND();
}

static void poke(void)
{
	struct slow slow = {.task = current_task()};

	kswapd_poke(&slow);
}

/* The simulated system ends the test on advice about memory that is not ours. */
SIM_TEST(what_lies_in_a_hole_is_not_advised)
{
	struct zone *zone = zone_of(0);

	EXPECT(sim_start());
	sim_occupy(pfn_to_addr(zone->commit_pfn), PAGE_SIZE);
	grow(16 * MiB);
	EXPECT_EQ(page_type(pfn_to_page(zone->start_pfn + MAX_ORDER_NR_PAGES)), PAGE_HOLE);
	sim_nr_events = 0;
	hugepage_stop(zone);
	EXPECT_EQ(sim_count(SIM_NO_HUGE), 2);
	EXPECT_EQ(sim_events[1].addr + sim_events[1].len, (uintptr_t)pfn_to_addr(zone->commit_pfn));
}

SIM_TEST(descriptors_are_not_huge)
{
	const struct zone *zone = zone_of(0);
	u64 bytes = 0;
	bool zero;

	EXPECT(sim_start());
	EXPECT(run_get(0, 400 * MiB / PAGE_SIZE, 1, &zero));
	for (unsigned int i = 0; i < sim_nr_events; i++)
		if (sim_events[i].op == SIM_NO_HUGE &&
		    sim_events[i].addr >= (uintptr_t)pfn_to_page(zone->start_pfn) &&
		    sim_events[i].addr < (uintptr_t)pfn_to_page(zone->commit_pfn))
			bytes += sim_events[i].len;
	EXPECT_EQ(bytes,
		  (zone->commit_pfn - zone->start_pfn - MAX_ORDER_NR_PAGES) * sizeof(struct page));
}

/* The room is less than a page short of what is to stay free. */
SIM_TEST(a_little_too_little_room_is_made_up_for)
{
	struct page *page;

	start_limited();
	/* The rest of the first block is not resident, and will be taken next. */
	EXPECT(buddy_get(0, 0, 0));
	page = buddy_get(0, 0, MAX_PAGE_ORDER);
	grow(8 * MiB);
	buddy_put(page, MAX_PAGE_ORDER);
	others = LIMIT - used() - (PAGE_SIZE + 2 * (LIMIT / 32)) + 1;
	budget_look_again();
	EXPECT(buddy_get(0, 0, 0));
	EXPECT(!mm_pressure);
	EXPECT_EQ(sim_count(SIM_DISCARD), 1);
}

/* The block is known to be resident, so there is no need to make room for it. */
SIM_TEST(what_is_resident_already_takes_no_room)
{
	struct page *page;
	u64 looks;

	start_limited();
	page = buddy_get(0, 0, MAX_PAGE_ORDER);
	grow(8 * MiB);
	buddy_put(page, MAX_PAGE_ORDER);
	others = LIMIT - used();
	budget_look_again();
	looks = sim.memory_looks;
	EXPECT(buddy_get(0, 0, MAX_PAGE_ORDER) == page);
	EXPECT_EQ(sim.memory_looks, looks);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
}

/*
 * Of two free blocks one is resident.  Merged they would pass for resident, and could be used
 * without a look.
 */
SIM_TEST(near_the_limit_blocks_merge_with_their_like)
{
	struct zone *zone = zone_of(0);
	struct page *half, *small;
	u64 zero;

	start_limited();
	grow(4 * MiB);
	EXPECT(accept_memory(zone, MAX_ORDER_NR_PAGES));
	half = buddy_get(0, __GFP_MOVABLE, PAGEBLOCK_ORDER);
	zero = zone->nr_zero_pages;
	EXPECT(zero >= PAGEBLOCK_NR_PAGES);
	hugepage_stop(zone);
	buddy_put(half, PAGEBLOCK_ORDER);
	EXPECT(page_is_free(half, PAGEBLOCK_ORDER));
	EXPECT_EQ(zone->nr_zero_pages, zero);
	EXPECT_SOUND();
	/* When that one has gone back they are alike. */
	EXPECT(page_reporting_pass(0, 0, REPORT_ALL) > 0);
	EXPECT(!page_is_free(half, PAGEBLOCK_ORDER));
	EXPECT_SOUND();
	/* Small blocks merge all the same, so that slabs do not lack pages. */
	small = buddy_get(0, __GFP_MOVABLE, 0);
	buddy_put(small, 0);
	EXPECT(!page_is_free(small, 0));
	EXPECT_SOUND();
}

/* They merge up to the size of a slab, 128 KiB. */
SIM_TEST(near_the_limit_small_blocks_merge_whatever_they_are)
{
	struct zone *zone = zone_of(0);
	struct page *page;

	start_limited();
	while (zone->nr_free_pages)
		EXPECT(buddy_get(0, __GFP_MOVABLE, 0));
	hugepage_stop(zone);
	EXPECT(accept_memory(zone, MAX_ORDER_NR_PAGES));
	page = buddy_get(0, __GFP_MOVABLE, 0);
	buddy_put(page, 0);
	EXPECT(page_is_free(page, 5));
	EXPECT(!page_is_zero(page));
	EXPECT(page_is_zero(page + 32));
	EXPECT_SOUND();
}

/* The rest of a pageblock may be part of a huge page, all of which is resident. */
SIM_TEST(near_the_limit_the_rest_of_a_pageblock_counts_as_resident)
{
	struct zone *zone = zone_of(0);

	start_limited();
	EXPECT(buddy_get(0, __GFP_MOVABLE, 0));
	EXPECT_EQ(zone->nr_zero_pages, MAX_ORDER_NR_PAGES - 1);
	hugepage_stop(zone);
	EXPECT_EQ(zone->nr_zero_pages, PAGEBLOCK_NR_PAGES);
	EXPECT_EQ(zone_resident(zone), PAGEBLOCK_NR_PAGES);
	EXPECT_SOUND();
}

static u64 fixed_room;

static u64 tell_fixed_room(void)
{
	return fixed_room;
}

/* For other processes, and for what is not heap: a 32nd of the limit, from 1 to 64 MiB. */
SIM_TEST(a_32nd_of_the_limit_is_left_free)
{
	EXPECT(sim_start());
	sim.memory_room = tell_fixed_room;
	for (u64 limit = 8 * MiB; limit <= 16 * GiB; limit *= 2) {
		u64 headroom = CLAMP(limit / 32, MiB, 64 * MiB);

		sim.memory_limit = limit;
		fixed_room = headroom;
		(void)budget_tight(); /* sees others use more of the larger limit */
		EXPECT(!budget_tight());
		fixed_room = headroom - 1;
		EXPECT(budget_tight());
	}
}

/* They take little, and nothing of it could go back at once. */
SIM_TEST(our_own_structures_are_not_looked_at)
{
	const struct page_request rq = {.metadata = true};

	start_limited();
	for (int i = 0; i < 16; i++)
		EXPECT(pages_are_allocated(alloc_pages_request(&rq, PAGEBLOCK_ORDER)));
	EXPECT_EQ(sim.memory_looks, 0);
	budget_look_again();
	EXPECT(pages_are_allocated(alloc_pages_request(&rq, PAGEBLOCK_ORDER)));
	EXPECT_EQ(sim.memory_looks, 0);
	EXPECT_SOUND();
}

static void *out_of_slab(struct kmem_cache *s)
{
	struct slow slow = {.task = NULL};
	void *obj;

	EXPECT_EQ(slab_take(s, 0, &obj, 1, true, 0, &slow), 1);
	return obj;
}

/* Objects in pages that went back make these resident, though no page is taken from the zone. */
SIM_TEST(pages_that_objects_make_resident_again_count)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(3000)];
	static void *objs[8000];
	u64 looks;

	start_limited();
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = out_of_slab(s);
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		if (i % 8)
			slab_give(s, &objs[i], 1);
	EXPECT(punch_holes(0, /* dense= */ true, ~(u64)0) > 0);
	others = LIMIT - used() - 4 * MiB;
	budget_look_again();
	looks = sim.memory_looks;
	for (int i = 0; i < 4000; i++)
		(void)out_of_slab(s);
	EXPECT(sim.memory_looks > looks);
	EXPECT(mm_pressure);
}

static jmp_buf after_tick;
static int waits;

/* The thread's first wait is for the tick; when it comes to the next one it has done its work. */
static void count_wait(void)
{
	if (++waits == 2)
		longjmp(after_tick, 1);
}

static void one_tick(void)
{
	waits = 0;
	sim.on_futex_wait = count_wait;
	if (!setjmp(after_tick))
		sim.thread(NULL);
	sim.on_futex_wait = NULL;
}

/* Even what was just freed goes back when others need it. */
SIM_TEST(near_the_limit_the_background_thread_gives_all_back)
{
	start_limited();
	sim.threads_start = true;
	use_and_free(40 * MiB, 0);
	EXPECT(pages_get(0, 0));
	for (int i = 0; i < 2; i++) {
		sim.clock_ms += 2000;
		mm_grew = true;
		poke();
	}
	EXPECT(sim.thread);
	use_and_free(40 * MiB, 0);
	one_tick();
	EXPECT(used() >= 40 * MiB);
	others = 23 * MiB;
	one_tick();
	EXPECT(used() - others < MiB);
	EXPECT_SOUND();
}

/* The mark was set near the limit; the heap that is left must not grow that far without a look. */
SIM_TEST(after_everything_went_back_the_next_request_looks)
{
	static struct page *pages[15];
	u64 looks;

	start_limited();
	kswapd_enabled = false;
	EXPECT(pages_get(0, 0));
	for (int i = 0; i < 15; i++)
		pages[i] = buddy_get(0, 0, MAX_PAGE_ORDER);
	EXPECT(mm_pressure);
	for (int i = 0; i < 15; i++)
		buddy_put(pages[i], MAX_PAGE_ORDER);
	poke();
	EXPECT(!mm_pressure);
	EXPECT(used() < MiB);
	looks = sim.memory_looks;
	EXPECT(buddy_get(0, 0, 0));
	EXPECT_EQ(sim.memory_looks, looks + 1);
	EXPECT(buddy_get(0, 0, 0));
	EXPECT_EQ(sim.memory_looks, looks + 1);
}

/* A look without the lock may see that one number of a zone has grown and another has not yet. */
SIM_TEST(a_zone_seen_while_it_grows_sets_no_mark_out_of_reach)
{
	struct zone *zone = zone_of(0);
	u64 zero;

	start_limited();
	zero = zone->nr_zero_pages;
	zone->nr_zero_pages = zone->present_pages + MAX_ORDER_NR_PAGES;
	EXPECT_EQ(zone_resident(zone), 0);
	budget_look_again();
	zone->nr_zero_pages = zero;
	EXPECT(zone->resident_mark <= zone->present_pages);
	EXPECT_SOUND();
}

SIM_TEST(a_page_set_takes_a_batch_at_a_time_when_there_is_no_room)
{
	struct per_task_pages *pcp;

	start_limited();
	EXPECT(pages_get(0, 0));
	pcp = &current_task()->mm.pcp;
	pcp_drain(&current_task()->mm, /* all= */ true);
	grow(56 * MiB);
	pcp->high = pcp->high_max;
	pcp->alloc_factor = 5;
	EXPECT(pages_get(0, 0));
	EXPECT(mm_pressure);
	EXPECT_EQ(pcp->count, pcp->batch - 1);
}

/* Have twice the threshold of huge pages in use, of which @resident bytes are resident. */
static unsigned int huge_advices(u64 resident)
{
	EXPECT(sim_start());
	sim.resident_pages = resident >> PAGE_SHIFT;
	grow(2 * mm_hugepage_threshold);
	return sim_count(SIM_HUGE);
}

SIM_TEST(a_dense_heap_gets_huge_pages)
{
	EXPECT(huge_advices(mm_hugepage_threshold));
}

SIM_TEST(a_heap_of_unknown_density_gets_huge_pages)
{
	EXPECT(huge_advices(0));
}

SIM_TEST(a_sparse_heap_does_not_get_huge_pages)
{
	EXPECT_EQ(huge_advices(1 * MiB), 0);
}

SIM_TEST(a_heap_of_which_a_third_is_resident_does_not_get_huge_pages)
{
	EXPECT_EQ(huge_advices(mm_hugepage_threshold / 3), 0);
}

/* Bytes of the heap whose last advice was for huge pages. */
static u64 huge_bytes(void)
{
	const struct zone *zone = &node_data[0].zones[ZONE_NORMAL];
	u64 bytes = 0;

	for (u64 pfn = zone->start_pfn; pfn < zone->accept_pfn; pfn += PAGEBLOCK_NR_PAGES) {
		const struct sim_event *e = sim_last_advice(pfn_to_addr(pfn));

		bytes += e && e->op == SIM_HUGE ? 2 * MiB : 0;
	}
	return bytes;
}

/* One page of a huge one would make 2 MiB resident. */
SIM_TEST(near_the_limit_no_page_is_to_be_huge)
{
	start_limited();
	mm_hugepage_threshold = 8 * MiB;
	grow(32 * MiB);
	EXPECT(huge_bytes() > 0);
	grow(28 * MiB);
	EXPECT(zone_of(0)->small_pages);
	EXPECT_EQ(huge_bytes(), 0);
	EXPECT_SOUND();
}

static pthread_t stopper;
static bool stopping;

static void *stop_huge(void *unused)
{
	hugepage_stop(zone_of(0));
	return unused;
}

/* Another thread, near the limit, gives huge pages up as this one is about to advise a stride. */
static void stop_meanwhile(enum sim_op op, u64 number)
{
	(void)number;
	if (op != SIM_HUGE || stopping)
		return;
	stopping = true;
	EXPECT(!pthread_create(&stopper, NULL, stop_huge, NULL));
	usleep(50000);
}

SIM_TEST(what_is_mapped_while_huge_pages_are_given_up_is_small_too)
{
	EXPECT(sim_start());
	grow(2 * mm_hugepage_threshold);
	EXPECT(huge_bytes() > 0);
	sim.before_call = stop_meanwhile;
	while (!stopping)
		grow(MAX_ORDER_NR_PAGES << PAGE_SHIFT);
	EXPECT(!pthread_join(stopper, NULL));
	EXPECT_EQ(huge_bytes(), 0);
	EXPECT_SOUND();
}

/* A block of 4 MiB every @ms milliseconds. */
static void grow_slowly(u64 bytes, u64 ms)
{
	for (u64 got = 0; got < bytes; got += MAX_ORDER_NR_PAGES << PAGE_SHIFT) {
		sim.clock_ms += ms;
		grow(MAX_ORDER_NR_PAGES << PAGE_SHIFT);
	}
}

SIM_TEST(a_heap_that_grows_slowly_gets_huge_pages_from_twice_the_size_on)
{
	EXPECT(sim_start());
	grow_slowly(2 * mm_hugepage_threshold - 8 * MiB, 20);
	EXPECT_EQ(huge_bytes(), 0);
	grow_slowly(24 * MiB, 20);
	EXPECT(huge_bytes() >= 16 * MiB);
}

SIM_TEST(a_heap_that_grows_fast_gets_huge_pages_from_the_threshold_on)
{
	EXPECT(sim_start());
	grow_slowly(2 * mm_hugepage_threshold - 8 * MiB, 12);
	EXPECT(huge_bytes() >= mm_hugepage_threshold - 12 * MiB);
}

SIM_TEST(how_fast_a_heap_grows_is_a_matter_of_its_last_stride)
{
	EXPECT(sim_start());
	grow_slowly(mm_hugepage_threshold + 4 * MiB, 20);
	EXPECT_EQ(huge_bytes(), 0);
	grow(12 * MiB);
	EXPECT(huge_bytes() >= 8 * MiB);
}

#define LARGE_BYTES (16 * MiB)

/* Take @nr large blocks and use one page in @used of each.  Return: the last block. */
static char *take_large(unsigned int nr, u64 used)
{
	char *block = NULL;
	bool zero;

	for (unsigned int i = 0; i < nr; i++) {
		struct page *head = run_get(0, LARGE_BYTES / PAGE_SIZE, 1, &zero);

		EXPECT(head);
		block = page_address(head);
		for (u64 at = 0; at < LARGE_BYTES; at += used * PAGE_SIZE)
			block[at] = 1;
	}
	return block;
}

SIM_TEST(large_blocks_that_stay_empty_are_not_huge_however_dense_the_heap)
{
	u64 huge;

	EXPECT(sim_start());
	grow(2 * mm_hugepage_threshold);
	EXPECT(huge_bytes() >= mm_hugepage_threshold);
	take_large(1, 512); /* takes the rest of what was mapped before */
	huge = huge_bytes();
	take_large(4, 512);
	EXPECT_EQ(huge_bytes(), huge);
	/* Other memory is as before. */
	grow(16 * MiB);
	EXPECT(huge_bytes() > huge);
	EXPECT_SOUND();
}

SIM_TEST(once_a_large_block_was_used_the_next_are_huge)
{
	u64 huge;
	char *block;

	EXPECT(sim_start());
	grow(2 * mm_hugepage_threshold);
	block = take_large(3, 512);
	huge = huge_bytes();
	for (u64 at = 0; at < LARGE_BYTES / 2; at += PAGE_SIZE)
		block[at] = 1;
	take_large(4, 3);
	EXPECT_EQ(huge_bytes(), huge + 4 * LARGE_BYTES);
	EXPECT_SOUND();
}

/* Eight are huge, then the ninth has small pages, which show that it stays empty. */
SIM_TEST(of_large_blocks_that_are_used_one_is_small_now_and_then)
{
	u64 huge;

	EXPECT(sim_start());
	grow(2 * mm_hugepage_threshold);
	take_large(1, 3);
	huge = huge_bytes();
	take_large(8, 3);
	EXPECT_EQ(huge_bytes(), huge + 8 * LARGE_BYTES);
	take_large(1, 512);
	EXPECT_EQ(huge_bytes(), huge + 8 * LARGE_BYTES);
	take_large(4, 512);
	EXPECT_EQ(huge_bytes(), huge + 8 * LARGE_BYTES);
	EXPECT_SOUND();
}

/*
 * Most of it gets no advice, since there may be no second block, and the system may be set to make
 * huge pages of everything.
 */
SIM_TEST(of_the_first_large_block_most_is_left_to_the_system)
{
	unsigned int advised;
	struct page *head;
	bool zero;
	u64 huge;

	EXPECT(sim_start());
	grow(2 * mm_hugepage_threshold);
	huge = huge_bytes();
	advised = sim_count(SIM_HUGE);
	head = run_get(0, 8 * LARGE_BYTES / PAGE_SIZE, 1, &zero);
	EXPECT(head);
	EXPECT_EQ(sim_count(SIM_HUGE), advised);
	EXPECT(huge_bytes() <= huge + 4 * MiB);
	for (u64 pfn = page_to_pfn(head), end = pfn + head->nr_pages; pfn < end; pfn += 512) {
		const struct sim_event *e = sim_last_advice(pfn_to_addr(pfn));

		EXPECT(!e || pfn < page_to_pfn(head) + (LARGE_BYTES + 4 * MiB) / PAGE_SIZE);
	}
}

/* Take a block that has small pages, unused, after others that were used. */
static struct page *take_unused(void)
{
	struct page *head;
	bool zero;
	u64 huge;

	EXPECT(sim_start());
	grow(2 * mm_hugepage_threshold);
	take_large(2, 3);
	huge = huge_bytes();
	take_large(7, 3);
	EXPECT_EQ(huge_bytes(), huge + 7 * LARGE_BYTES);
	head = run_get(0, LARGE_BYTES / PAGE_SIZE, 1, &zero);
	EXPECT(head);
	EXPECT_EQ(huge_bytes(), huge + 7 * LARGE_BYTES);
	return head;
}

/* It does not tell how the next one will be used. */
SIM_TEST(a_large_block_that_was_freed_is_no_evidence)
{
	bool zero;
	u64 huge;

	large_free(take_unused(), NULL, false);
	huge = huge_bytes();
	EXPECT(run_get(0, 4 * LARGE_BYTES / PAGE_SIZE, 1, &zero));
	EXPECT_EQ(huge_bytes(), huge + 3 * LARGE_BYTES);
	EXPECT_SOUND();
}

SIM_TEST(a_large_block_of_which_most_was_freed_is_no_evidence)
{
	bool zero;
	u64 huge;

	EXPECT(large_resize(take_unused(), 100));
	huge = huge_bytes();
	EXPECT(run_get(0, 4 * LARGE_BYTES / PAGE_SIZE, 1, &zero));
	EXPECT(huge_bytes() >= huge + 3 * LARGE_BYTES);
	EXPECT_SOUND();
}

/* Pages take @small ns to come up to the threshold of huge pages, and @huge ns from there on. */
static void grow_to_huge(u64 small, u64 huge)
{
	sim.touch_ns = small;
	grow(mm_hugepage_threshold);
	sim.touch_ns = huge;
}

/* A large block may be meant to stay empty for the most part. */
SIM_TEST(of_a_large_block_two_pages_are_touched)
{
	u64 before;
	bool zero;

	EXPECT(sim_start());
	grow_to_huge(1000, 100000);
	before = sim.touches;
	EXPECT(run_get(0, 256 * MiB / PAGE_SIZE, 1, &zero));
	EXPECT_EQ(sim.touches, before + 2);
}

/* On a slow machine: 50 us for a small page, 5 ms for 512 of them at once. */
SIM_TEST(huge_pages_are_slow_only_against_small_ones)
{
	EXPECT(sim_start());
	grow_to_huge(50000, 5000000);
	grow(60 * MiB);
	EXPECT(huge_bytes() >= 60 * MiB);
}

/*
 * As measured where the host of a virtual machine had taken free memory back.  The first small page
 * of 2 MiB needs a page table as well; with 512 times as long, the huge page would not seem slow.
 */
SIM_TEST(the_page_table_does_not_count_for_what_a_small_page_takes)
{
	EXPECT(sim_start());
	sim.table_ns = 2100;
	grow_to_huge(700, 2400000);
	grow(60 * MiB);
	EXPECT_EQ(huge_bytes(), 2 * MiB);
	EXPECT_SOUND();
}

/* As measured in node: a small page by itself takes three times as long as one of a row. */
SIM_TEST(a_huge_page_that_takes_nearly_four_times_as_long_as_small_ones_is_slow)
{
	EXPECT(sim_start());
	grow_to_huge(2164, 4169731);
	grow(60 * MiB);
	EXPECT_EQ(huge_bytes(), 2 * MiB);
	EXPECT_SOUND();
}

/* 256 MiB of small pages after the first huge page, 512 after the second, 1024 after the third. */
SIM_TEST(huge_pages_that_come_slowly_are_tried_ever_more_seldom)
{
	EXPECT(sim_start());
	grow_to_huge(1000, 5000000);
	grow(240 * MiB);
	EXPECT_EQ(huge_bytes(), 2 * MiB);
	grow(480 * MiB);
	EXPECT_EQ(huge_bytes(), 4 * MiB);
	grow(960 * MiB);
	EXPECT_EQ(huge_bytes(), 6 * MiB);
	EXPECT_SOUND();
}

/* They are tried at least every 4 GiB, since the host may have some again. */
SIM_TEST(in_a_very_large_heap_huge_pages_are_tried_again_and_again)
{
	sim_no_nodes();
	sim_add_node(64 * GiB, true);
	EXPECT(sim_start());
	grow_to_huge(1000, 5000000);
	grow(7 * GiB);
	EXPECT_EQ(huge_bytes(), 10 * MiB);
	grow(5 * GiB);
	EXPECT_EQ(huge_bytes(), 14 * MiB);
	EXPECT_SOUND();
}

SIM_TEST(huge_pages_that_come_quickly_again_are_used_again)
{
	u64 before;

	EXPECT(sim_start());
	grow_to_huge(1000, 5000000);
	grow(240 * MiB);
	EXPECT_EQ(huge_bytes(), 2 * MiB);
	sim.touch_ns = 100000;
	grow(128 * MiB);
	EXPECT(huge_bytes() > 64 * MiB);
	sim.touch_ns = 5000000;
	grow(240 * MiB);
	before = huge_bytes();
	sim.touch_ns = 100000;
	grow(64 * MiB); /* the pause was the shortest one again */
	EXPECT(huge_bytes() > before + 16 * MiB);
	EXPECT_SOUND();
}

/* ---- huge pages and nodes: what node 0 has left, for memory that is bound to it ---- */

static bool has_huge, has_small;
static u64 huge_end_pfn; /* it has huge pages only below this; 0: everywhere */

static int node_of(const void *addr)
{
	const struct zone *zone = zone_of(0);
	u64 pfn = (uintptr_t)addr >> PAGE_SHIFT;
	bool heap = pfn >= zone->start_pfn && pfn < zone->end_pfn;

	EXPECT_EQ(sim_bound_node(addr), 0);
	if (heap && huge_end_pfn && pfn >= huge_end_pfn)
		return 1;
	return (heap ? has_huge : has_small) ? 0 : 1;
}

static void start_two_nodes(bool huge, bool small)
{
	sim_add_node(GiB, true);
	sim.node_of = node_of;
	has_huge = huge;
	has_small = small;
	EXPECT(sim_start());
	grow_to_huge(1000, 100000);
}

SIM_TEST(small_pages_of_the_own_node_come_before_huge_ones_of_another)
{
	unsigned int discards;

	start_two_nodes(true, true);
	grow(16 * MiB);
	EXPECT_EQ(huge_bytes(), 16 * MiB);
	discards = sim_count(SIM_DISCARD);
	has_huge = false;
	grow(240 * MiB);
	EXPECT_EQ(huge_bytes(), 16 * MiB);
	/* The huge page that came from far away went back, and nobody tried again. */
	EXPECT_EQ(sim_count(SIM_DISCARD), discards + 1);
	has_huge = true;
	grow(128 * MiB);
	EXPECT(huge_bytes() > 64 * MiB);
	EXPECT_SOUND();
}

SIM_TEST(the_second_huge_page_of_a_block_is_looked_at_too)
{
	start_two_nodes(true, true);
	grow(16 * MiB);
	EXPECT_EQ(huge_bytes(), 16 * MiB);
	huge_end_pfn = zone_of(0)->accept_pfn + PAGEBLOCK_NR_PAGES;
	grow(64 * MiB);
	EXPECT_EQ(huge_bytes(), 18 * MiB);
	EXPECT_SOUND();
}

/* After a slow one there will be small pages, wherever they come from. */
SIM_TEST(behind_a_slow_huge_page_none_is_touched)
{
	u64 before;

	start_two_nodes(true, true);
	sim.touch_ns = 5000000;
	before = sim.touches;
	grow(4 * MiB);
	EXPECT_EQ(sim.touches, before + 1);
	EXPECT_EQ(huge_bytes(), 2 * MiB);
}

SIM_TEST(a_full_node_goes_on_with_huge_pages_of_another)
{
	start_two_nodes(true, true);
	grow(16 * MiB);
	has_huge = has_small = false;
	grow(64 * MiB);
	EXPECT_EQ(huge_bytes(), 80 * MiB);
	EXPECT_SOUND();
}

static int untold(const void *addr)
{
	(void)addr;
	return -1;
}

SIM_TEST(where_no_node_is_told_huge_pages_are_used)
{
	start_two_nodes(false, true);
	sim.node_of = untold;
	grow(64 * MiB);
	EXPECT_EQ(huge_bytes(), 64 * MiB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_free_goes_back_before_the_limit_is_passed),
		cmocka_unit_test(a_heap_of_a_few_mib_stays_within_the_limit),
		cmocka_unit_test(what_others_use_of_the_group_counts),
		cmocka_unit_test(a_limit_that_comes_later_is_seen_within_a_tick),
		cmocka_unit_test(room_that_others_took_is_seen_missing_within_a_tick),
		cmocka_unit_test(what_others_may_take_until_the_next_tick_is_left),
		cmocka_unit_test(what_this_process_takes_is_not_taken_by_others),
		cmocka_unit_test(a_tick_raises_no_mark),
		cmocka_unit_test(what_went_back_is_looked_at_before_it_comes_again),
		cmocka_unit_test(a_mark_that_is_set_while_pages_go_back_is_not_lost),
		cmocka_unit_test(large_blocks_are_looked_at),
		cmocka_unit_test(pages_that_a_block_grows_by_are_looked_at),
		cmocka_unit_test(direct_mappings_are_looked_at_once_the_room_is_little),
		cmocka_unit_test(what_was_never_touched_of_a_large_block_is_free_and_not_resident),
		cmocka_unit_test(what_was_touched_of_a_large_block_stays_resident),
		cmocka_unit_test(
			where_there_is_plenty_of_room_what_was_never_touched_is_not_looked_at),
		cmocka_unit_test(without_a_limit_what_was_never_touched_is_not_looked_at),
		cmocka_unit_test(what_is_free_goes_back_before_a_direct_mapping_is_used),
		cmocka_unit_test(a_direct_mapping_that_comes_again_is_looked_at),
		cmocka_unit_test(a_direct_mapping_that_grows_again_is_looked_at),
		cmocka_unit_test(
			without_a_limit_a_direct_mapping_that_comes_again_is_not_looked_at),
		cmocka_unit_test(without_a_limit_direct_mappings_are_looked_at_when_doubled),
		cmocka_unit_test(nodes_share_one_limit),
		cmocka_unit_test(a_shortage_that_others_make_is_not_looked_at_all_the_time),
		cmocka_unit_test(without_a_file_descriptor_the_limit_that_was_seen_holds),
		cmocka_unit_test(without_a_file_descriptor_what_was_mapped_since_is_not_room),
		cmocka_unit_test(without_a_file_descriptor_what_was_looked_at_last_is_not_room),
		cmocka_unit_test(a_limit_that_could_not_be_seen_is_looked_for_soon_again),
		cmocka_unit_test(far_from_the_limit_nothing_is_given_back),
		cmocka_unit_test(a_small_heap_does_not_look_and_a_large_one_seldom),
		cmocka_unit_test(a_dense_heap_gets_huge_pages),
		cmocka_unit_test(a_heap_of_unknown_density_gets_huge_pages),
		cmocka_unit_test(a_sparse_heap_does_not_get_huge_pages),
		cmocka_unit_test(a_heap_of_which_a_third_is_resident_does_not_get_huge_pages),
		cmocka_unit_test(a_heap_that_grows_slowly_gets_huge_pages_from_twice_the_size_on),
		cmocka_unit_test(large_blocks_that_stay_empty_are_not_huge_however_dense_the_heap),
		cmocka_unit_test(once_a_large_block_was_used_the_next_are_huge),
		cmocka_unit_test(of_large_blocks_that_are_used_one_is_small_now_and_then),
		cmocka_unit_test(of_the_first_large_block_most_is_left_to_the_system),
		cmocka_unit_test(a_large_block_that_was_freed_is_no_evidence),
		cmocka_unit_test(a_large_block_of_which_most_was_freed_is_no_evidence),
		cmocka_unit_test(a_heap_that_grows_fast_gets_huge_pages_from_the_threshold_on),
		cmocka_unit_test(how_fast_a_heap_grows_is_a_matter_of_its_last_stride),
		cmocka_unit_test(of_a_large_block_two_pages_are_touched),
		cmocka_unit_test(huge_pages_are_slow_only_against_small_ones),
		cmocka_unit_test(the_page_table_does_not_count_for_what_a_small_page_takes),
		cmocka_unit_test(
			a_huge_page_that_takes_nearly_four_times_as_long_as_small_ones_is_slow),
		cmocka_unit_test(huge_pages_that_come_slowly_are_tried_ever_more_seldom),
		cmocka_unit_test(in_a_very_large_heap_huge_pages_are_tried_again_and_again),
		cmocka_unit_test(huge_pages_that_come_quickly_again_are_used_again),
		cmocka_unit_test(small_pages_of_the_own_node_come_before_huge_ones_of_another),
		cmocka_unit_test(the_second_huge_page_of_a_block_is_looked_at_too),
		cmocka_unit_test(behind_a_slow_huge_page_none_is_touched),
		cmocka_unit_test(a_full_node_goes_on_with_huge_pages_of_another),
		cmocka_unit_test(where_no_node_is_told_huge_pages_are_used),
		cmocka_unit_test(a_heap_in_full_use_grows_on_and_asks_the_slabs),
		cmocka_unit_test(what_lies_in_a_hole_is_not_advised),
		cmocka_unit_test(descriptors_are_not_huge),
		cmocka_unit_test(a_little_too_little_room_is_made_up_for),
		cmocka_unit_test(what_is_resident_already_takes_no_room),
		cmocka_unit_test(near_the_limit_blocks_merge_with_their_like),
		cmocka_unit_test(near_the_limit_small_blocks_merge_whatever_they_are),
		cmocka_unit_test(near_the_limit_the_rest_of_a_pageblock_counts_as_resident),
		cmocka_unit_test(a_32nd_of_the_limit_is_left_free),
		cmocka_unit_test(our_own_structures_are_not_looked_at),
		cmocka_unit_test(near_the_limit_no_page_is_to_be_huge),
		cmocka_unit_test(what_is_mapped_while_huge_pages_are_given_up_is_small_too),
		cmocka_unit_test(pages_that_objects_make_resident_again_count),
		cmocka_unit_test(near_the_limit_the_background_thread_gives_all_back),
		cmocka_unit_test(after_everything_went_back_the_next_request_looks),
		cmocka_unit_test(a_zone_seen_while_it_grows_sets_no_mark_out_of_reach),
		cmocka_unit_test(a_page_set_takes_a_batch_at_a_time_when_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
