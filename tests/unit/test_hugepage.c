/* SPDX-License-Identifier: MIT */
/*
 * test_hugepage.c - which pageblocks may be huge, once parts of them have gone back:
 * src/mm/hugepage.c
 */
#include "base/check.h"
#include "unit.h"

#define BLOCK_BYTES (PAGEBLOCK_NR_PAGES << PAGE_SHIFT)

static void start(u64 bytes, enum hugepage_mode mode)
{
	sim_one_node(bytes);
	mm_hugepages = mode;
	EXPECT(sim_start());
}

static bool is_huge(const void *addr)
{
	return sim_last_advice(addr)->op == SIM_HUGE;
}

static struct page *block_of(unsigned int order)
{
	struct page *page = buddy_get(0, __GFP_MOVABLE, order);

	memset(page_address(page), 0x5a, PAGE_SIZE << order);
	return page;
}

SIM_TEST(a_pageblock_is_not_huge_from_when_a_part_of_it_goes_back_to_when_all_has)
{
	struct page *half, *other, *next;
	const struct sim_event *advice;

	start(256 * MiB, HUGEPAGES_ALWAYS);
	half = block_of(PAGEBLOCK_ORDER - 1);
	other = pfn_to_page(page_to_pfn(half) ^ (PAGEBLOCK_NR_PAGES / 2));
	EXPECT(block_of(PAGEBLOCK_ORDER - 1) == other);
	next = block_of(PAGEBLOCK_ORDER);
	EXPECT(is_huge(page_address(half)) && is_huge(page_address(next)));

	buddy_put(half, PAGEBLOCK_ORDER - 1);
	page_reporting_pass(0, 0, REPORT_ALL);
	EXPECT(!is_huge(page_address(half)) && is_huge(page_address(next)));
	advice = sim_last_advice(page_address(half));
	EXPECT_EQ(advice->len, BLOCK_BYTES);
	/* Advised before the pages went, or they could be filled again in between. */
	EXPECT(advice[1].op == SIM_DISCARD && advice[1].addr == (uintptr_t)page_address(half));

	buddy_put(other, PAGEBLOCK_ORDER - 1);
	page_reporting_pass(0, 0, REPORT_ALL);
	EXPECT(is_huge(page_address(half)) && is_huge(page_address(next)));
	EXPECT_EQ(zone_of(0)->huge_edges, 0);
	buddy_put(next, PAGEBLOCK_ORDER);
	EXPECT_SOUND();
}

/* The kernel's mapping ends with the zone. */
SIM_TEST(the_last_pageblock_has_one_edge)
{
	struct zone *zone = zone_of(0);

	start(256 * MiB, HUGEPAGES_ALWAYS);
	hugepage_break(zone, zone->commit_pfn - 1);
	EXPECT_EQ(zone->huge_edges, 1);
}

static void grow_to(u64 bytes)
{
	while (zone_of(0)->present_pages < bytes / PAGE_SIZE)
		block_of(MAX_PAGE_ORDER);
}

/* Where the system's setting is `always` it would have huge pages otherwise. */
SIM_TEST(a_small_heap_and_its_metadata_are_to_have_small_pages)
{
	EXPECT(sim_start());
	block_of(0);
	EXPECT(sim_count(SIM_NO_HUGE) >= 2);
	EXPECT_EQ(sim_count(SIM_HUGE), 0);
}

/* With `always` no evidence is asked for either. */
SIM_TEST(without_huge_pages_none_is_advised_or_looked_at)
{
	start(GiB, HUGEPAGES_NEVER);
	grow_to(256 * MiB);
	EXPECT_EQ(sim_count(SIM_HUGE), 0);
	EXPECT_EQ(sim.touches, 0);
	mm_hugepages = HUGEPAGES_ALWAYS;
	grow_to(512 * MiB);
	EXPECT(sim_count(SIM_HUGE) > 0);
	EXPECT_EQ(sim.touches, 0);
}

/* A program that needs no more must not pay for reading the clock. */
SIM_TEST(the_first_block_of_a_zone_is_not_looked_at)
{
	sim.small_steps = true;
	EXPECT(sim_start());
	while (zone_of(0)->present_pages < MAX_ORDER_NR_PAGES)
		EXPECT(accept_memory(zone_of(0), 1));
	EXPECT_EQ(sim.touches, 0);
	EXPECT(accept_memory(zone_of(0), 1));
	EXPECT(sim.touches > 0);
}

SIM_TEST(where_pages_are_small_nothing_is_advised_anew)
{
	struct page *half;
	unsigned int advised;

	start(256 * MiB, HUGEPAGES_NEVER);
	half = block_of(PAGEBLOCK_ORDER - 1);
	block_of(PAGEBLOCK_ORDER - 1);
	advised = sim_count(SIM_HUGE) + sim_count(SIM_NO_HUGE);
	buddy_put(half, PAGEBLOCK_ORDER - 1);
	EXPECT(page_reporting_pass(0, 0, REPORT_ALL) > 0);
	EXPECT_EQ(sim_count(SIM_HUGE) + sim_count(SIM_NO_HUGE), advised);
}

SIM_TEST(a_pageblock_keeps_its_migratetype_when_it_is_broken)
{
	struct page *page;

	start(256 * MiB, HUGEPAGES_ALWAYS);
	page = buddy_get(0, 0, 0);
	EXPECT_EQ(get_pageblock_migratetype(zone_of(0), page_to_pfn(page)), MIGRATE_UNMOVABLE);
	hugepage_break(zone_of(0), page_to_pfn(page));
	EXPECT_EQ(get_pageblock_migratetype(zone_of(0), page_to_pfn(page)), MIGRATE_UNMOVABLE);
	EXPECT_EQ(get_pageblock_advice(zone_of(0), page_to_pfn(page)), PB_BROKEN);
	set_pageblock_migratetype(zone_of(0), page_to_pfn(page), MIGRATE_MOVABLE);
	EXPECT_EQ(get_pageblock_advice(zone_of(0), page_to_pfn(page)), PB_BROKEN);
}

/* Once a container is near its limit, no pageblock may become huge. */
SIM_TEST(what_was_stopped_is_not_mended)
{
	struct page *page;

	start(256 * MiB, HUGEPAGES_ALWAYS);
	page = block_of(PAGEBLOCK_ORDER);
	hugepage_break(zone_of(0), page_to_pfn(page));
	mm_hugepages = HUGEPAGES_AUTO;
	hugepage_stop(zone_of(0));
	EXPECT(!is_huge(page_address(page)));
	buddy_put(page, PAGEBLOCK_ORDER);
	EXPECT(page_reporting_pass(0, 0, REPORT_ALL) > 0);
	EXPECT(!is_huge(page_address(page)));
}

static void stop_meanwhile(enum sim_op op, u64 number)
{
	(void)number;
	if (op != SIM_HUGE)
		return;
	mm_hugepages = HUGEPAGES_AUTO;
	hugepage_stop(zone_of(0));
}

SIM_TEST(what_is_mended_while_it_is_stopped_is_not_huge)
{
	struct page *page;

	start(256 * MiB, HUGEPAGES_ALWAYS);
	page = block_of(PAGEBLOCK_ORDER);
	hugepage_break(zone_of(0), page_to_pfn(page));
	buddy_put(page, PAGEBLOCK_ORDER);
	sim.before_call = stop_meanwhile;
	EXPECT(page_reporting_pass(0, 0, REPORT_ALL) > 0);
	EXPECT(zone_of(0)->small_pages);
	EXPECT(!is_huge(page_address(page)));
}

/* The system has a part of a huge page back only when it is split. */
SIM_TEST(what_may_be_a_huge_page_is_split_once_before_a_part_of_it_goes)
{
	struct page *first, *next, *small;

	start(256 * MiB, HUGEPAGES_ALWAYS);
	first = block_of(PAGEBLOCK_ORDER);
	next = block_of(PAGEBLOCK_ORDER);
	hugepage_break(zone_of(0), page_to_pfn(first) + 3);
	hugepage_break(zone_of(0), page_to_pfn(first) + 4);
	EXPECT_EQ(sim.splits, 1);
	/* Also near a container's limit, since it was advised huge before. */
	mm_hugepages = HUGEPAGES_AUTO;
	hugepage_stop(zone_of(0));
	hugepage_break(zone_of(0), page_to_pfn(first) + 5);
	EXPECT_EQ(sim.splits, 1);
	hugepage_break(zone_of(0), page_to_pfn(next) + 5);
	hugepage_break(zone_of(0), page_to_pfn(next) + 6);
	EXPECT_EQ(sim.splits, 2);
	/* A pageblock that came later was never huge. */
	EXPECT(run_get(0, 256 * MiB / PAGE_SIZE, 1, &(bool){false}));
	small = block_of(PAGEBLOCK_ORDER);
	hugepage_break(zone_of(0), page_to_pfn(small));
	EXPECT_EQ(sim.splits, 2);
}

SIM_TEST(what_has_gone_back_as_a_whole_is_no_huge_page)
{
	struct page *page;

	start(256 * MiB, HUGEPAGES_ALWAYS);
	page = block_of(PAGEBLOCK_ORDER);
	mm_hugepages = HUGEPAGES_AUTO;
	hugepage_stop(zone_of(0));
	buddy_put(page, PAGEBLOCK_ORDER);
	EXPECT(page_reporting_pass(0, 0, REPORT_ALL) > 0);
	hugepage_break(zone_of(0), page_to_pfn(page));
	EXPECT_EQ(sim.splits, 0);
}

/*
 *   HHHHHHHHHHHH    one mapping
 *   H.H.H.H.HHHH    every other one broken: each adds two edges, until there are too many
 *   ........HHHH    those in between broken: each takes two edges away
 */
SIM_TEST(mappings_are_not_split_without_bound)
{
	u64 blocks = 1600, first, advised;
	struct page *run;
	bool zero;

	start(8 * GiB, HUGEPAGES_ALWAYS);
	run = run_get(0, blocks * PAGEBLOCK_NR_PAGES, PAGEBLOCK_NR_PAGES, &zero);
	EXPECT(run);
	first = page_to_pfn(run);
	advised = sim_count(SIM_NO_HUGE);
	for (u64 i = 0; i < blocks; i += 2)
		hugepage_break(zone_of(0), first + i * PAGEBLOCK_NR_PAGES);
	EXPECT(sim_count(SIM_NO_HUGE) - advised >= 500);
	EXPECT(sim_count(SIM_NO_HUGE) - advised <= 520);
	EXPECT(zone_of(0)->huge_edges <= 1024);
	for (u64 i = 1; i < 1000; i += 2)
		hugepage_break(zone_of(0), first + i * PAGEBLOCK_NR_PAGES);
	EXPECT(sim_count(SIM_NO_HUGE) - advised >= 1000);
	EXPECT(zone_of(0)->huge_edges < 50);
	EXPECT_SOUND();
}

RUN_TESTS(T(a_pageblock_is_not_huge_from_when_a_part_of_it_goes_back_to_when_all_has),
	  T(the_last_pageblock_has_one_edge), T(without_huge_pages_none_is_advised_or_looked_at),
	  T(a_small_heap_and_its_metadata_are_to_have_small_pages),
	  T(the_first_block_of_a_zone_is_not_looked_at),
	  T(where_pages_are_small_nothing_is_advised_anew),
	  T(a_pageblock_keeps_its_migratetype_when_it_is_broken), T(what_was_stopped_is_not_mended),
	  T(what_is_mended_while_it_is_stopped_is_not_huge),
	  T(what_may_be_a_huge_page_is_split_once_before_a_part_of_it_goes),
	  T(what_has_gone_back_as_a_whole_is_no_huge_page), T(mappings_are_not_split_without_bound))
