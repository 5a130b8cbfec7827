/* SPDX-License-Identifier: MIT */
/*
 * test_reporting.c - free memory goes back to the system: when, what, and what is known of it
 *
 * The clock stands still unless the test moves it.
 */
#include "pages.h"
#include "mm/internal.h"
#include "platform/vm.h"
#include "slab/internal.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BLOCK_BYTES (PAGE_SIZE << PAGEBLOCK_ORDER)
#define DELAY 1000

/* Take @nr dirty blocks of @order in a row and free them again. */
static void dirty_and_free(unsigned int order, int nr, struct page **ret_pages)
{
	for (int i = 0; i < nr; i++) {
		ret_pages[i] = buddy_get(0, __GFP_MOVABLE, order);
		memset(page_address(ret_pages[i]), 0x5a, PAGE_SIZE << order);
	}
	for (int i = 0; i < nr; i++)
		buddy_put(ret_pages[i], order);
}

/* @nr blocks of the largest order are due to go back, and the system refuses every call of @op. */
static void have_due_blocks(int nr, enum sim_op op)
{
	struct page *pages[50];

	EXPECT(nr <= (int)ARRAY_SIZE(pages));
	dirty_and_free(MAX_PAGE_ORDER, nr, pages);
	sim.clock_ms += DELAY;
	sim.fail_op = op;
	sim.fail_op_always = true;
}

SIM_TEST(nothing_is_discarded_before_the_delay_and_whole_pageblocks_after)
{
	struct page *pages[4];

	EXPECT(sim_start());
	dirty_and_free(MAX_PAGE_ORDER, 4, pages);
	sim.clock_ms += DELAY - 1;
	EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
	sim.clock_ms += 1;
	EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), 4 * MAX_ORDER_NR_PAGES);
	for (int i = 0; i < 4; i++)
		EXPECT(sim_was_discarded(page_address(pages[i]), PAGE_SIZE << MAX_PAGE_ORDER));
	/* Each range once, aligned to a pageblock, none of a page in use. */
	EXPECT_EQ(sim_count(SIM_DISCARD), 4);
	for (unsigned int i = 0; i < sim_nr_events; i++)
		if (sim_events[i].op == SIM_DISCARD)
			EXPECT(!((sim_events[i].addr | sim_events[i].len) % BLOCK_BYTES));
	EXPECT_EQ(zone_of(0)->stat.reported, 4 * MAX_ORDER_NR_PAGES);
	EXPECT_SOUND();
}

/* In place of freed_ms their descriptors have what the page was used for. */
SIM_TEST(small_blocks_have_no_age)
{
	struct page *pages[1];

	EXPECT(sim_start());
	dirty_and_free(3, 1, pages);
	EXPECT_EQ(page_order(pages[0]), MAX_PAGE_ORDER);
	EXPECT(buddy_get(0, __GFP_MOVABLE, 3) == pages[0]);
	EXPECT(buddy_get(0, __GFP_MOVABLE, 4));
	buddy_put(pages[0], 3);
	EXPECT_EQ(page_order(pages[0]), 4);
	pages[0]->freed_ms = ~(u64)0 / 2;
	EXPECT(page_reporting_pass(0, 0, REPORT_ALL) >= 16);
	EXPECT(sim_was_discarded(page_address(pages[0]), 16 * PAGE_SIZE));
	EXPECT_SOUND();
}

/* To make up for a long run no small blocks go back: that would cost more than it gives. */
SIM_TEST(only_whole_pageblocks_go_back_to_make_up_for_a_run)
{
	struct page *pages[2];

	EXPECT(sim_start());
	dirty_and_free(MAX_PAGE_ORDER, 2, pages);
	EXPECT(buddy_get(0, __GFP_MOVABLE, 0));
	page_reporting_make_up(zone_of(0), REPORT_ALL);
	EXPECT_EQ(zone_of(0)->nr_free_pages - zone_of(0)->nr_zero_pages, PAGEBLOCK_NR_PAGES - 1);
	EXPECT_SOUND();
}

/* All but the page with the head's own descriptor; zeros there do as well as what was there. */
SIM_TEST(descriptors_that_say_nothing_go_back_along)
{
	struct page *pages[2], *half;

	EXPECT(sim_start());
	dirty_and_free(MAX_PAGE_ORDER, 1, pages);
	half = buddy_get(0, __GFP_MOVABLE, PAGEBLOCK_ORDER);
	for (u64 i = OS_PAGE / sizeof(*half); i < PAGEBLOCK_NR_PAGES; i++)
		half[i].bits[0] = i;
	pages[1] = buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER);
	buddy_put(half, PAGEBLOCK_ORDER);
	sim.clock_ms += DELAY;
	EXPECT(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL));
	EXPECT(sim_tails_were_discarded((char *)pages[0] + OS_PAGE,
					MAX_ORDER_NR_PAGES * sizeof(struct page) - OS_PAGE));
	EXPECT_EQ(half[PAGEBLOCK_NR_PAGES - 1].bits[0], 0);
	EXPECT_SOUND();
	/* Whatever is cut out of the block has valid descriptors. */
	for (int i = 0; i < 2000; i++)
		EXPECT(buddy_get(0, __GFP_MOVABLE, i % 3u));
	buddy_put(pages[1], MAX_PAGE_ORDER);
	EXPECT_SOUND();
}

/* If the system refuses, they stay as they were, and the block goes back all the same. */
SIM_TEST(descriptors_that_cannot_go_back_are_no_harm)
{
	EXPECT(sim_start());
	have_due_blocks(4, SIM_DISCARD_TAILS);
	EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), 4 * MAX_ORDER_NR_PAGES);
	EXPECT_EQ(sim_count(SIM_DISCARD), 4);
	EXPECT_EQ(sim_count(SIM_DISCARD_TAILS), 0);
	EXPECT_SOUND();
}

static struct page *freed_late;

static void unlock_and_free(void)
{
	sim.on_futex_wait = NULL;
	zone_of(0)->lock.word = 0;
	sim.clock_ms += 1;
	buddy_put(freed_late, MAX_PAGE_ORDER);
}

SIM_TEST(what_was_freed_while_the_pass_waited_for_the_lock_is_young)
{
	EXPECT(sim_start());
	freed_late = buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER);
	buddy_put(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER), MAX_PAGE_ORDER);
	zone_of(0)->lock.word = spin_generation | 4711; /* another thread's */
	sim.on_futex_wait = unlock_and_free;
	EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
	EXPECT_SOUND();
}

SIM_TEST(a_discarded_block_is_not_discarded_again)
{
	struct page *pages[4];

	EXPECT(sim_start());
	dirty_and_free(MAX_PAGE_ORDER, 4, pages);
	sim.clock_ms += DELAY;
	EXPECT(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL));
	sim.clock_ms += 100 * DELAY;
	EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), 4);
}

/* What was never written is not resident: there is nothing to give back. */
SIM_TEST(memory_never_touched_is_not_discarded)
{
	EXPECT(sim_start());
	sim.clock_ms += 100 * DELAY;
	EXPECT_EQ(page_reporting_pass(0, 0, REPORT_ALL), 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
	EXPECT(page_is_zero(buddy_get(0, 0, 3)));
}

SIM_TEST(a_discarded_block_is_known_to_be_zero_until_it_is_used)
{
	struct page *pages[1], *page;
	const u64 *words;

	EXPECT(sim_start());
	dirty_and_free(MAX_PAGE_ORDER, 1, pages);
	EXPECT_EQ(zone_of(0)->nr_zero_pages, 0);
	page = buddy_get(0, __GFP_MOVABLE, 0);
	EXPECT(!page_is_zero(page)); /* dirty, so it must not count as zero */
	buddy_put(page, 0);
	sim.clock_ms += DELAY;
	page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL);
	EXPECT_EQ(zone_of(0)->nr_zero_pages, MAX_ORDER_NR_PAGES);
	page = buddy_get(0, __GFP_MOVABLE, 5);
	EXPECT(page_is_zero(page));
	words = page_address(page);
	for (size_t i = 0; i < (PAGE_SIZE << 5) / sizeof(u64); i++)
		EXPECT_EQ(words[i], 0);
	EXPECT_EQ(zone_of(0)->nr_zero_pages, MAX_ORDER_NR_PAGES - 32);
	/* Freed, it counts as written, and so do zero neighbours that it merges with. */
	buddy_put(page, 5);
	EXPECT_EQ(zone_of(0)->nr_zero_pages, 0);
	EXPECT_SOUND();
}

/*
 *   |<- 512 pages ->|<- 512 pages ->|      the first pageblock has one page in use:
 *   |X..............|...............|      only the second may go
 */
SIM_TEST(a_pageblock_with_a_page_in_use_stays)
{
	struct page *block, *rest[1], *used;

	EXPECT(sim_start());
	block = buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER);
	memset(page_address(block), 1, PAGE_SIZE << MAX_PAGE_ORDER);
	buddy_put(block, MAX_PAGE_ORDER);
	used = buddy_get(0, __GFP_MOVABLE, 0);
	rest[0] = used + PAGEBLOCK_NR_PAGES;
	EXPECT_EQ(page_to_pfn(used), page_to_pfn(block));
	sim.clock_ms += DELAY;
	EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), PAGEBLOCK_NR_PAGES);
	EXPECT_EQ(sim_count(SIM_DISCARD), 1);
	EXPECT(sim_was_discarded(page_address(rest[0]), BLOCK_BYTES));
	EXPECT_EQ(*(u8 *)page_address(used), 1);
	EXPECT_SOUND();
}

SIM_TEST(a_block_that_is_used_again_in_time_is_not_discarded)
{
	struct page *pages[2];

	EXPECT(sim_start());
	for (int i = 0; i < 20; i++) {
		dirty_and_free(MAX_PAGE_ORDER, 2, pages);
		sim.clock_ms += DELAY - 1;
		EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), 0);
	}
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
}

SIM_TEST(a_refused_discard_leaves_the_block_dirty_and_available)
{
	EXPECT(sim_start());
	have_due_blocks(3, SIM_DISCARD);
	EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), 0);
	EXPECT_EQ(zone_of(0)->stat.report_failed, 3);
	EXPECT_EQ(zone_of(0)->nr_zero_pages, 0);
	EXPECT_EQ(zone_of(0)->nr_free_pages, zone_of(0)->present_pages);
	EXPECT_SOUND();
	EXPECT(!page_is_zero(buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER)));
	/* The next time it works. */
	sim.fail_op_always = false;
	sim.clock_ms += DELAY;
	EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), 2 * MAX_ORDER_NR_PAGES);
	EXPECT_SOUND();
}

SIM_TEST(some_refused_discards_do_not_stop_the_others_nor_the_pass)
{
	struct page *pages[50];

	EXPECT(sim_start());
	dirty_and_free(MAX_PAGE_ORDER, 50, pages); /* more than one batch of 32 */
	sim.clock_ms += DELAY;
	sim.fail_at = sim.fallible_calls + 3;
	EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), 49 * MAX_ORDER_NR_PAGES);
	EXPECT_EQ(zone_of(0)->stat.report_failed, 1);
	EXPECT_SOUND();
}

/* A filter may refuse every call; then not every block is tried. */
SIM_TEST(a_system_that_refuses_is_left_alone_until_the_next_pass)
{
	EXPECT(sim_start());
	have_due_blocks(50, SIM_DISCARD);
	EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), 0);
	EXPECT_EQ(sim.faults, 4);
	EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), 0);
	EXPECT_EQ(sim.faults, 8);
	EXPECT_SOUND();
}

/*
 * Free blocks that the program has locked may all come first: behind 64 MiB of those, none of 128
 * MiB went back in four calls of malloc_trim().
 */
SIM_TEST(blocks_that_the_program_has_locked_do_not_stop_the_pass)
{
	EXPECT(sim_start());
	have_due_blocks(50, SIM_DISCARD);
	sim.fail_error = -EINVAL;
	EXPECT_EQ(page_reporting_pass(DELAY, PAGEBLOCK_ORDER, REPORT_ALL), 0);
	EXPECT_EQ(sim.faults, 50);
	EXPECT_SOUND();
}

/* In the statistics, allocations less frees are what is in use. */
SIM_TEST(to_go_back_is_neither_an_allocation_nor_a_free)
{
	const struct zone *zone = zone_of(0);
	unsigned long taken, freed;
	struct page *pages[50];

	EXPECT(sim_start());
	dirty_and_free(MAX_PAGE_ORDER, 50, pages);
	taken = zone->stat.pgalloc;
	freed = zone->stat.pgfree;
	EXPECT_EQ(taken, 50 * MAX_ORDER_NR_PAGES);
	EXPECT_EQ(freed, taken);
	EXPECT_EQ(page_reporting_pass(0, 0, REPORT_ALL), 50 * MAX_ORDER_NR_PAGES);
	EXPECT_EQ(zone->stat.pgalloc, taken);
	EXPECT_EQ(zone->stat.pgfree, freed);
}

SIM_TEST(a_forced_pass_takes_the_small_blocks_too)
{
	struct page *page, *block;

	EXPECT(sim_start());
	block = buddy_get(0, __GFP_MOVABLE, PAGEBLOCK_ORDER);
	memset(page_address(block), 1, BLOCK_BYTES);
	buddy_put(block, PAGEBLOCK_ORDER);
	page = buddy_get(0, __GFP_MOVABLE, 0);
	page_reporting_pass(0, 0, REPORT_ALL);
	EXPECT_EQ(zone_of(0)->nr_zero_pages, zone_of(0)->nr_free_pages);
	EXPECT(sim_was_discarded(page_address(page + 1), PAGE_SIZE));
	EXPECT(!sim_was_discarded(page_address(page), PAGE_SIZE));
	EXPECT_SOUND();
}

/* At the front of a list, at its end, or behind what was given back before. */
SIM_TEST(a_pass_finds_all_that_is_resident_wherever_it_lies)
{
	static struct page *pages[8192];
	u64 state = 3;

	EXPECT(sim_start());
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = buddy_get(0, __GFP_MOVABLE, 0);
	for (int round = 0; round < 40; round++) {
		u64 resident, enough;

		for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
			if (sim_random(&state) % 3)
				continue;
			if (pages[i])
				buddy_put(pages[i], 0);
			pages[i] = pages[i] ? NULL : buddy_get(0, __GFP_MOVABLE, 0);
		}
		resident = zone_of(0)->nr_free_pages - zone_of(0)->nr_zero_pages;
		enough = 1 + sim_random(&state) % resident;
		EXPECT(page_reporting_pass(0, 0, enough) >= enough);
		if (round % 4)
			page_reporting_pass(0, 0, REPORT_ALL);
		EXPECT(round % 4 == 0 || zone_of(0)->nr_zero_pages == zone_of(0)->nr_free_pages);
		EXPECT_SOUND();
	}
}

/* With 4096 blocks, in batches of 32, and again when there is little to find. */
SIM_TEST(a_pass_looks_at_no_block_for_each_of_its_batches)
{
	static struct page *pages[8192];
	struct zone *zone = zone_of(0);

	EXPECT(sim_start());
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = buddy_get(0, __GFP_MOVABLE, 0);
	for (size_t i = 0; i < ARRAY_SIZE(pages); i += 2)
		buddy_put(pages[i], 0);
	EXPECT_EQ(page_reporting_pass(0, 0, REPORT_ALL), 4096);
	EXPECT(zone->stat.report_looks <= 2 * 4096);
	EXPECT_EQ(page_reporting_pass(0, 0, REPORT_ALL), 0);
	buddy_put(buddy_get(0, __GFP_MOVABLE, 0), 0);
	zone->stat.report_looks = 0;
	EXPECT_EQ(page_reporting_pass(0, 0, REPORT_ALL), 1);
	EXPECT(zone->stat.report_looks <= 2);
	EXPECT_SOUND();
}

SIM_TEST(what_is_resident_is_used_before_what_is_not)
{
	struct page *pages[64];

	EXPECT(sim_start());
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = buddy_get(0, __GFP_MOVABLE, 0);
	for (size_t i = 0; i < ARRAY_SIZE(pages); i += 2)
		buddy_put(pages[i], 0);
	EXPECT_EQ(page_reporting_pass(0, 0, 12), 12);
	for (size_t i = 0; i < ARRAY_SIZE(pages) / 2 - 12; i++)
		EXPECT(!page_is_zero(buddy_get(0, __GFP_MOVABLE, 0)));
	EXPECT(page_is_zero(buddy_get(0, __GFP_MOVABLE, 0)));
	EXPECT_SOUND();
}

#define SMALL_ORDER 5
#define SMALL_BLOCKS 512
#define SMALL_PAGES ((u64)SMALL_BLOCKS << SMALL_ORDER)

static struct page *small_block[2 * SMALL_BLOCKS];

/* Free every other of many blocks, so that nothing merges. */
static void free_between_of(unsigned int order)
{
	for (int i = 0; i < 2 * SMALL_BLOCKS; i++)
		small_block[i] = buddy_get(0, 0, order);
	for (int i = 0; i < 2 * SMALL_BLOCKS; i += 2)
		buddy_put(small_block[i], order);
	EXPECT(zone_spare(zone_of(0)) >= (u64)SMALL_BLOCKS << order);
	/* Begin a new period. */
	EXPECT_EQ(page_reporting_unneeded(DELAY), 0);
}

static void free_between(void)
{
	free_between_of(SMALL_ORDER);
}

SIM_TEST(of_small_blocks_that_nobody_needed_half_goes_back_each_time)
{
	u64 left;

	EXPECT(sim_start());
	free_between();
	left = zone_spare(zone_of(0));
	for (int i = 0; i < 2; i++) {
		u64 got = page_reporting_unneeded(DELAY);

		EXPECT(got >= left / 2 && got <= left / 2 + ((u64)1 << SMALL_ORDER));
		EXPECT_EQ(zone_spare(zone_of(0)), left - got);
		left -= got;
		EXPECT_SOUND();
	}
	/* A little stays, since the program is at work. */
	while (page_reporting_unneeded(DELAY))
		;
	EXPECT(zone_spare(zone_of(0)) > 0);
	EXPECT(zone_spare(zone_of(0)) <= zone_resident(zone_of(0)) / 8);
}

SIM_TEST(small_blocks_that_were_needed_in_between_stay)
{
	EXPECT(sim_start());
	free_between();
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 2 * SMALL_BLOCKS; i += 2)
			small_block[i] = buddy_get(0, 0, SMALL_ORDER);
		for (int i = 0; i < 2 * SMALL_BLOCKS; i += 2)
			buddy_put(small_block[i], SMALL_ORDER);
		EXPECT_EQ(page_reporting_unneeded(DELAY), 0);
	}
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
}

#define AT_WORK 20u

/* A few blocks are taken and freed all the time, as by a program that is never idle. */
SIM_TEST(a_program_at_work_keeps_no_small_blocks_that_it_does_not_need)
{
	EXPECT(sim_start());
	free_between();
	for (int pass = 0; pass < 60; pass++) {
		for (unsigned int i = 0; i < AT_WORK; i++)
			small_block[2 * i] = buddy_get(0, 0, SMALL_ORDER);
		for (unsigned int i = 0; i < AT_WORK; i++)
			buddy_put(small_block[2 * i], SMALL_ORDER);
		sim.clock_ms += 500;
		slab_reclaim(/* all= */ false);
	}
	EXPECT(zone_spare(zone_of(0)) <= zone_resident(zone_of(0)) / 8 + (AT_WORK << SMALL_ORDER));
	EXPECT(zone_spare(zone_of(0)) >= AT_WORK << SMALL_ORDER);
	EXPECT_SOUND();
}

SIM_TEST(at_work_nothing_small_goes_back_where_all_is_to_be_huge)
{
	mm_hugepages = HUGEPAGES_ALWAYS;
	EXPECT(sim_start());
	free_between();
	for (int pass = 0; pass < 60; pass++) {
		sim.clock_ms += 500;
		slab_reclaim(/* all= */ false);
	}
	EXPECT(zone_spare(zone_of(0)) >= SMALL_PAGES);
}

#define SINGLE_PAGES 8192
#define SINGLE_MOST (64 * MiB / PAGE_SIZE) /* at a time, see page_reporting.c */

/* Free every @every'th of @nr pages, the next to each in use. */
static void free_single_pages_of(unsigned int nr, unsigned int every)
{
	static struct page *pages[5 * SINGLE_MOST];

	EXPECT(nr <= ARRAY_SIZE(pages));
	EXPECT(sim_start());
	for (unsigned int i = 0; i < nr; i++)
		pages[i] = buddy_get(0, 0, 0);
	for (unsigned int i = 0; i < nr; i += every)
		buddy_put(pages[i], 0);
	EXPECT(zone_spare(zone_of(0)) >= nr / every);
}

static void free_single_pages(unsigned int every)
{
	free_single_pages_of(SINGLE_PAGES, every);
}

SIM_TEST(of_single_pages_that_nobody_needed_half_goes_back_each_time)
{
	u64 left;

	free_single_pages(2);
	EXPECT_EQ(page_reporting_unneeded(DELAY), 0);
	left = zone_spare(zone_of(0));
	EXPECT_EQ(page_reporting_unneeded(DELAY), DIV_ROUND_UP(left, 2));
	while (page_reporting_unneeded(DELAY))
		;
	EXPECT(zone_spare(zone_of(0)) > 0);
	EXPECT(zone_spare(zone_of(0)) <= zone_resident(zone_of(0)) / 8);
	EXPECT_SOUND();
}

SIM_TEST(larger_blocks_go_back_before_single_pages)
{
	struct zone *zone = zone_of(0);
	u64 larger;

	free_single_pages(4);
	larger = zone_spare(zone) - SINGLE_PAGES / 4;
	free_between();
	larger += SMALL_PAGES;
	EXPECT_EQ(zone_spare(zone), larger + SINGLE_PAGES / 4);
	EXPECT(page_reporting_unneeded(DELAY) <= larger);
	EXPECT_EQ(zone->free_area[0].nr_zero, 0);
	EXPECT_SOUND();
}

SIM_TEST(half_of_larger_blocks_goes_back_however_much_it_is)
{
	const unsigned int order = 8;
	u64 half = (u64)SMALL_BLOCKS << order >> 1;

	EXPECT(sim_start());
	free_between_of(order);
	EXPECT(half > SINGLE_MOST);
	EXPECT(page_reporting_unneeded(DELAY) >= half);
	EXPECT_SOUND();
}

SIM_TEST(of_single_pages_64_mib_go_back_at_a_time)
{
	free_single_pages_of(5 * SINGLE_MOST, 2);
	EXPECT_EQ(page_reporting_unneeded(DELAY), 0);
	EXPECT_EQ(page_reporting_unneeded(DELAY), SINGLE_MOST);
	EXPECT_SOUND();
}

SIM_TEST(once_nothing_happens_many_single_pages_go_back)
{
	free_single_pages(2);
	slab_reclaim_rest();
	EXPECT_EQ(zone_spare(zone_of(0)), 0);
	EXPECT_SOUND();
}

/* Each would take a call, and break the huge page that it lies in. */
SIM_TEST(few_single_pages_stay_when_nothing_happens)
{
	free_single_pages(16);
	slab_reclaim_rest();
	EXPECT(zone_spare(zone_of(0)) >= SINGLE_PAGES / 16);
	EXPECT_EQ(page_reporting_pass(0, 2, REPORT_ALL), 0);
	EXPECT_SOUND();
}

SIM_TEST(a_busy_heap_in_a_steady_state_asks_the_system_for_nothing)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(200)];
	u64 state = 5, calls = 0;
	void *objs[600] = {NULL};

	EXPECT(sim_start());
	for (int i = 0; i < 60000; i++) {
		void **o = &objs[sim_random(&state) % 600];

		if (i == 30000)
			calls = sim.calls;
		if (*o)
			slab_free(s, *o);
		*o = *o ? NULL : slab_alloc(s, 0, NUMA_NO_NODE);
	}
	EXPECT_EQ(sim.calls, calls);
	EXPECT_SOUND();
}

/* Objects, sheaves, barns, slabs, pages, system: one idle pass after the other. */
SIM_TEST(an_idle_heap_gives_back_what_it_cached)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(4096)];
	static void *objs[8192];
	struct zone *zone;

	EXPECT(sim_start());
	zone = zone_of(0);
	for (int i = 0; i < 8192; i++)
		memset(objs[i] = slab_alloc(s, 0, NUMA_NO_NODE), 1, 4096);
	for (int i = 0; i < 8192; i++)
		slab_free(s, objs[i]);
	EXPECT_EQ(zone->nr_zero_pages, 0);
	for (int pass = 0; pass < 40; pass++) {
		sim.clock_ms += 500;
		slab_reclaim(/* all= */ false);
		EXPECT_SOUND();
	}
	EXPECT(zone->nr_free_pages + 512 > zone->present_pages);
	EXPECT(zone->nr_zero_pages + 3 * PAGEBLOCK_NR_PAGES > zone->present_pages);
}

/* Passes of slow paths, one a second, once 32 MiB have been freed. */
static void work_without_a_thread(void)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(8192)];
	struct page *pages[8];
	struct slow slow;

	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	dirty_and_free(MAX_PAGE_ORDER, 8, pages);
	for (int i = 0; i < 64 * 40; i++) {
		EXPECT(slow_enter(&slow));
		slab_free_slow(s, slab_alloc_slow(s, &slow), &slow);
		slow_leave(&slow);
		kswapd_poke(&slow);
		sim.clock_ms += 2;
	}
	EXPECT(sim_count(SIM_DISCARD) >= 7);
	EXPECT_SOUND();
}

/* If no thread can be started, slow paths make the passes. */
SIM_TEST(without_a_thread_slow_paths_give_memory_back)
{
	EXPECT(sim_start());
	work_without_a_thread();
	EXPECT(sim.threads_refused > 0);
}

SIM_TEST(in_a_filter_no_thread_is_started)
{
	EXPECT(sim_start());
	sim.locked_in = true;
	work_without_a_thread();
	EXPECT_EQ(sim.threads_refused, 0);
}

static void one_slow_path(void)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(8192)];
	struct slow slow;

	EXPECT(slow_enter(&slow));
	EXPECT(slab_alloc_slow(s, &slow));
	slow_leave(&slow);
	kswapd_poke(&slow);
}

static void grow_by_64_mib(void)
{
	for (int i = 0; i < 17; i++)
		EXPECT(buddy_get(0, 0, MAX_PAGE_ORDER));
}

/* It is at work, so its page set is not idle; but nobody else drains that. */
SIM_TEST(a_thread_that_makes_a_pass_keeps_no_pages_of_its_own)
{
	EXPECT(sim_start());
	one_slow_path();
	for (int i = 0; i < 3; i++) {
		pages_put(pages_get(0, 0), 0);
		one_slow_path();
		EXPECT(current_task()->mm.pcp.count);
		slab_reclaim(/* all= */ false);
		EXPECT_EQ(current_task()->mm.pcp.count, 0);
	}
	EXPECT_SOUND();
}

/* A thousand threads with few allocations each make a large heap, though none allocates much. */
SIM_TEST(a_heap_that_grew_starts_the_thread_whoever_comes_by)
{
	EXPECT(sim_start());
	one_slow_path();
	EXPECT_EQ(sim.threads_refused, 0);
	grow_by_64_mib();
	one_slow_path();
	EXPECT_EQ(sim.threads_refused, 1);
}

static void free_often(int times)
{
	while (times--)
		kswapd_wake();
}

/*
 * Reading the clock costs more than most slow paths, but a thread that only frees must count too.
 */
SIM_TEST(memory_that_came_back_has_the_clock_looked_at_now_and_then)
{
	EXPECT(sim_start());
	for (int i = 0; i < 3; i++)
		EXPECT(buddy_get(0, 0, MAX_PAGE_ORDER));
	one_slow_path();
	sim.clock_ms += 2000;
	free_often(8);
	one_slow_path();
	EXPECT_EQ(sim.threads_refused, 0);
	free_often(16);
	one_slow_path();
	EXPECT_EQ(sim.threads_refused, 1);
}

/* Its heap was its parent's, and most children have ended within a second. */
SIM_TEST(a_forked_child_starts_its_thread_when_it_is_a_second_old)
{
	struct page *idle;

	EXPECT(sim_start());
	one_slow_path();
	grow_by_64_mib();
	idle = buddy_get(0, 0, MAX_PAGE_ORDER);
	buddy_put(idle, MAX_PAGE_ORDER);
	sim.clock_ms += 5000;
	kswapd_forget();
	for (int i = 0; i < 128; i++)
		one_slow_path();
	/* It does not make a pass over its parent's heap itself either. */
	EXPECT_EQ(sim.threads_refused, 0);
	EXPECT(!sim_was_discarded((char *)page_address(idle) + BLOCK_BYTES, BLOCK_BYTES));
	sim.clock_ms += 1000;
	for (int i = 0; i < 64; i++)
		one_slow_path();
	EXPECT_EQ(sim.threads_refused, 1);
}

SIM_TEST(a_forked_child_starts_its_thread_when_it_has_grown)
{
	EXPECT(sim_start());
	grow_by_64_mib();
	kswapd_forget();
	one_slow_path();
	EXPECT_EQ(sim.threads_refused, 0);
	grow_by_64_mib();
	one_slow_path();
	EXPECT_EQ(sim.threads_refused, 1);
}

/* If the system refuses a thread, it is asked again, but not every time. */
SIM_TEST(a_thread_that_was_refused_is_tried_again_after_ten_seconds)
{
	EXPECT(sim_start());
	one_slow_path();
	for (int tries = 1; tries < 4; tries++) {
		for (int i = 0; i < 17; i++)
			EXPECT(buddy_get(0, 0, MAX_PAGE_ORDER));
		one_slow_path();
		EXPECT_EQ(sim.threads_refused, tries);
		sim.clock_ms += 9999;
		EXPECT(buddy_get(0, 0, MAX_PAGE_ORDER));
		one_slow_path();
		EXPECT_EQ(sim.threads_refused, tries);
		sim.clock_ms += 1;
	}
}

/* ---- threads that find no memory while blocks are on their way to the system ---- */

static struct sim_thread wanter;
static struct page *(*want)(void);
static struct page *had;
static pthread_t want_thread;
static bool waits, gave_up;

static struct page *want_block(void)
{
	return buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER);
}

static struct page *want_run(void)
{
	bool zero;

	return run_get(0, MAX_ORDER_NR_PAGES, 1, &zero);
}

static struct page *want_short_run(void)
{
	bool zero;

	return run_get(0, 100, 1, &zero);
}

static void *be_without_memory(void *arg)
{
	sim_impersonate(&wanter);
	had = want();
	WRITE_ONCE(gave_up, !had);
	return arg;
}

static void note_wait(void)
{
	WRITE_ONCE(waits, true);
}

/* Another thread wants memory while the pass has all that is free. */
static void come_meanwhile(enum sim_op op, u64 number)
{
	(void)number;
	if (op != SIM_DISCARD)
		return;
	sim.before_call = NULL;
	EXPECT(!pthread_create(&want_thread, NULL, be_without_memory, NULL));
	while (!READ_ONCE(waits) && !READ_ONCE(gave_up))
		cpu_relax();
}

static void waits_for_a_pass(struct page *(*fn)(void))
{
	struct page *page;

	EXPECT(sim_start());
	sim_thread_new(&wanter, 0);
	want = fn;
	waits = gave_up = false;
	page = buddy_get(0, __GFP_MOVABLE, MAX_PAGE_ORDER);
	while (zone_of(0)->nr_free_pages)
		EXPECT(buddy_get(0, __GFP_MOVABLE, 0));
	memset(page_address(page), 0x5a, PAGE_SIZE << MAX_PAGE_ORDER);
	buddy_put(page, MAX_PAGE_ORDER);
	sim.fail_op = SIM_MAP_AT;
	sim.fail_op_always = true;
	sim.on_futex_wait = note_wait;
	sim.before_call = come_meanwhile;
	(void)page_reporting_pass(0, 0, REPORT_ALL);
	pthread_join(want_thread, NULL);
	EXPECT(had);
	EXPECT(waits);
	EXPECT_EQ(zone_of(0)->reporting, 0);
	/* There is nothing to wait for any more. */
	waits = false;
	while (fn())
		;
	EXPECT(!waits);
	EXPECT_SOUND();
}

SIM_TEST(a_request_that_finds_no_block_waits_for_a_pass)
{
	waits_for_a_pass(want_block);
}

SIM_TEST(a_request_that_finds_no_run_waits_for_a_pass)
{
	waits_for_a_pass(want_run);
}

SIM_TEST(a_request_that_finds_no_short_run_waits_for_a_pass)
{
	waits_for_a_pass(want_short_run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_that_finds_no_block_waits_for_a_pass),
		cmocka_unit_test(a_request_that_finds_no_run_waits_for_a_pass),
		cmocka_unit_test(a_request_that_finds_no_short_run_waits_for_a_pass),
		cmocka_unit_test(nothing_is_discarded_before_the_delay_and_whole_pageblocks_after),
		cmocka_unit_test(what_was_freed_while_the_pass_waited_for_the_lock_is_young),
		cmocka_unit_test(small_blocks_have_no_age),
		cmocka_unit_test(only_whole_pageblocks_go_back_to_make_up_for_a_run),
		cmocka_unit_test(descriptors_that_say_nothing_go_back_along),
		cmocka_unit_test(descriptors_that_cannot_go_back_are_no_harm),
		cmocka_unit_test(a_discarded_block_is_not_discarded_again),
		cmocka_unit_test(memory_never_touched_is_not_discarded),
		cmocka_unit_test(a_discarded_block_is_known_to_be_zero_until_it_is_used),
		cmocka_unit_test(a_pageblock_with_a_page_in_use_stays),
		cmocka_unit_test(a_block_that_is_used_again_in_time_is_not_discarded),
		cmocka_unit_test(a_refused_discard_leaves_the_block_dirty_and_available),
		cmocka_unit_test(some_refused_discards_do_not_stop_the_others_nor_the_pass),
		cmocka_unit_test(blocks_that_the_program_has_locked_do_not_stop_the_pass),
		cmocka_unit_test(a_system_that_refuses_is_left_alone_until_the_next_pass),
		cmocka_unit_test(to_go_back_is_neither_an_allocation_nor_a_free),
		cmocka_unit_test(a_forced_pass_takes_the_small_blocks_too),
		cmocka_unit_test(a_pass_finds_all_that_is_resident_wherever_it_lies),
		cmocka_unit_test(a_pass_looks_at_no_block_for_each_of_its_batches),
		cmocka_unit_test(what_is_resident_is_used_before_what_is_not),
		cmocka_unit_test(of_small_blocks_that_nobody_needed_half_goes_back_each_time),
		cmocka_unit_test(small_blocks_that_were_needed_in_between_stay),
		cmocka_unit_test(a_program_at_work_keeps_no_small_blocks_that_it_does_not_need),
		cmocka_unit_test(at_work_nothing_small_goes_back_where_all_is_to_be_huge),
		cmocka_unit_test(of_single_pages_that_nobody_needed_half_goes_back_each_time),
		cmocka_unit_test(larger_blocks_go_back_before_single_pages),
		cmocka_unit_test(half_of_larger_blocks_goes_back_however_much_it_is),
		cmocka_unit_test(of_single_pages_64_mib_go_back_at_a_time),
		cmocka_unit_test(once_nothing_happens_many_single_pages_go_back),
		cmocka_unit_test(few_single_pages_stay_when_nothing_happens),
		cmocka_unit_test(a_busy_heap_in_a_steady_state_asks_the_system_for_nothing),
		cmocka_unit_test(an_idle_heap_gives_back_what_it_cached),
		cmocka_unit_test(without_a_thread_slow_paths_give_memory_back),
		cmocka_unit_test(in_a_filter_no_thread_is_started),
		cmocka_unit_test(a_thread_that_makes_a_pass_keeps_no_pages_of_its_own),
		cmocka_unit_test(a_heap_that_grew_starts_the_thread_whoever_comes_by),
		cmocka_unit_test(memory_that_came_back_has_the_clock_looked_at_now_and_then),
		cmocka_unit_test(a_forked_child_starts_its_thread_when_it_is_a_second_old),
		cmocka_unit_test(a_forked_child_starts_its_thread_when_it_has_grown),
		cmocka_unit_test(a_thread_that_was_refused_is_tried_again_after_ten_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
