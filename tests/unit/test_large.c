/* SPDX-License-Identifier: MIT */
/*
 * test_large.c - blocks of exactly so many pages: src/mm/large.c
 */
#include "unit.h"

static struct page *get(u64 nr, u64 align)
{
	bool zero;
	struct page *head = run_get(0, nr, align, &zero);

	EXPECT(head);
	EXPECT_EQ(head->nr_pages, nr);
	EXPECT_EQ(page_type(head), PAGE_EXACT);
	return head;
}

static void put(struct page *head)
{
	large_free(head, NULL, false);
}

static u32 barns_full(struct kmem_cache *s)
{
	u32 full = 0;

	for_each_barn (cache_node(s, 0, false), barn)
		full += barn->nr_full;
	return full;
}

static u64 in_use(void)
{
	return zone_of(0)->present_pages - zone_of(0)->nr_free_pages;
}

SIM_TEST(a_block_costs_exactly_its_pages)
{
	EXPECT(sim_start());
	for (u64 nr = 1; nr < 3000; nr += nr < 40 ? 1 : 37) {
		struct page *head = get(nr, 1);

		EXPECT_EQ(in_use(), nr);
		EXPECT_EQ(zone_of(0)->stat.pgalloc - zone_of(0)->stat.pgfree, nr);
		EXPECT_EQ(mm_verify(), 0);
		put(head);
		EXPECT_EQ(in_use(), 0);
	}
	EXPECT_EQ(mm_verify(), 0);
}

static void put_singles(struct page **pages, u64 from, u64 to)
{
	for (int i = 0; i < 8192; i++)
		if (place(pages[i]) >= from && place(pages[i]) < to)
			buddy_put(pages[i], 0);
}

static void get_singles(struct page **pages)
{
	for (int i = 0; i < 8192; i++)
		pages[i] = buddy_get(0, __GFP_MOVABLE, 0);
}

/*
 *    |F 1024 .....|F 1024 .....|...|F 32|X..    a stretch longer than the search looks at: taken
 *    ^ here                                     from where one of its blocks begins
 */
SIM_TEST(a_long_stretch_is_taken_from_the_start_of_a_block)
{
	struct page *pages[8192], *head;

	EXPECT(sim_start());
	get_singles(pages);
	put_singles(pages, 0, 5 * MAX_ORDER_NR_PAGES + 800);
	head = get(20, 1);
	EXPECT_EQ(place(head), MAX_ORDER_NR_PAGES);
	EXPECT_EQ(mm_verify(), 0);
	put(head);
	EXPECT_EQ(mm_verify(), 0);
}

/*
 *    |F 1500 ................|X..|F 700 ........|X..    both too long: the longer one stays whole
 *                                ^ here
 */
SIM_TEST(of_two_poor_fits_the_shorter_is_taken)
{
	struct page *pages[8192];

	EXPECT(sim_start());
	get_singles(pages);
	put_singles(pages, 2048, 2748);
	put_singles(pages, 0, 1500);
	EXPECT_EQ(place(get(20, 1)), 2048);
	EXPECT_EQ(mm_verify(), 0);
}

/*
 *    |-- 9 pages --|7 free|            the rest of the order 4 block is there for others
 */
SIM_TEST(the_tail_of_a_block_is_free_for_others)
{
	struct page *head;

	EXPECT(sim_start());
	head = get(9, 1);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, 0)), place(head) + 9);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, 1)), place(head) + 10);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, 2)), place(head) + 12);
}

/*
 *    |F|X|-- 9 pages --|0|1|...        of two free blocks of two pages, the resident one is taken
 *     ^ here
 */
SIM_TEST(what_a_block_leaves_over_waits_behind_what_is_resident)
{
	struct page *dirty;

	EXPECT(sim_start());
	dirty = buddy_get(0, __GFP_MOVABLE, 1);
	EXPECT(buddy_get(0, __GFP_MOVABLE, 1));
	buddy_put(dirty, 1);
	EXPECT_EQ(place(get(9, 1)), 4);
	EXPECT_EQ(zone_of(0)->free_area[1].nr_free, 2);
	EXPECT_EQ(place(buddy_get(0, __GFP_MOVABLE, 1)), 0);
	EXPECT_EQ(mm_verify(), 0);
}

SIM_TEST(a_block_is_aligned_as_asked)
{
	EXPECT(sim_start());
	/* Take all memory into use that such a place may need. */
	get(3, 1);
	EXPECT_EQ(page_to_pfn(get(700, 32768)) % 32768, 0);
	for (u64 align = 1; align <= 8192; align *= 2) {
		struct page *odd = get(3, 1), *head = get(5, align), *large = get(700, align);

		EXPECT_EQ(page_to_pfn(head) % align, 0);
		EXPECT_EQ(page_to_pfn(large) % align, 0);
		EXPECT_EQ(zone_of(0)->stat.pgalloc - zone_of(0)->stat.pgfree, in_use());
		put(odd);
		EXPECT_EQ(mm_verify(), 0);
	}
}

/*
 *    |  2048  | X |  1024  | X | ..        both runs hold 1000 pages; the closer fit is taken
 */
SIM_TEST(a_run_comes_from_the_closest_fit)
{
	struct page *large, *wall, *small, *end;

	EXPECT(sim_start());
	large = get(2048, 1024);
	wall = get(1024, 1024);
	small = get(1024, 1024);
	end = get(1024, 1024);
	EXPECT(place(large) < place(wall) && place(wall) < place(small));
	EXPECT(place(small) < place(end));
	put(large);
	put(small);
	EXPECT_EQ(place(get(1000, 1)), place(small));
	EXPECT_EQ(place(get(2000, 1)), place(large));
	EXPECT_EQ(mm_verify(), 0);
}

SIM_TEST(of_runs_that_fit_alike_the_lowest_is_taken)
{
	struct page *runs[6];

	EXPECT(sim_start());
	for (int i = 0; i < 6; i++)
		runs[i] = get(1024, 1024);
	put(runs[3]);
	put(runs[1]);
	EXPECT_EQ(place(get(1020, 1)), place(runs[1]));
	/* Also if both are much too long. */
	put(runs[0]);
	EXPECT_EQ(place(get(600, 512)), place(runs[0]));
	EXPECT_EQ(zone_of(0)->stat.run_alloc, 8);
}

/*
 *   pageblocks:   |   A    |   B    |   C    |   D    |
 *   free:         |    ====|========|====    |        |      100 pages of A and of C, all of B
 */
SIM_TEST(a_run_takes_pages_in_front_of_its_pageblocks_and_behind)
{
	static struct page *pages[4 * PAGEBLOCK_NR_PAGES];
	const u64 b = PAGEBLOCK_NR_PAGES, c = 2 * PAGEBLOCK_NR_PAGES;
	struct page *run;
	bool zero;

	EXPECT(sim_start());
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = buddy_get(0, __GFP_MOVABLE, 0);
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		if (place(pages[i]) >= b - 100 && place(pages[i]) < c + 100)
			buddy_put(pages[i], 0);
	run = get(PAGEBLOCK_NR_PAGES + 90, 1);
	EXPECT(place(run) >= b - 100 && place(run) + run->nr_pages <= c + 100);
	put(run);
	/* An aligned run cannot have pages in front. */
	run = get(PAGEBLOCK_NR_PAGES + 90, PAGEBLOCK_NR_PAGES);
	EXPECT_EQ(place(run), b);
	put(run);
	run = run_get(0, PAGEBLOCK_NR_PAGES + 110, PAGEBLOCK_NR_PAGES, &zero);
	EXPECT(run && place(run) % PAGEBLOCK_NR_PAGES == 0);
	EXPECT(place(run) > c);
	put(run);
	run = get(PAGEBLOCK_NR_PAGES + 190, 1);
	EXPECT(place(run) >= b - 100 && place(run) < b);
	EXPECT_SOUND();
}

/* A run larger than any block of the buddy, over many MAX_PAGE_ORDER blocks in a row. */
SIM_TEST(a_run_spans_blocks_and_comes_back_as_whole_ones)
{
	struct page *head;

	EXPECT(sim_start());
	head = get(20 * MAX_ORDER_NR_PAGES + 77, 1);
	memset(page_address(head), 3, head->nr_pages << PAGE_SHIFT);
	EXPECT_EQ(mm_verify(), 0);
	put(head);
	EXPECT_EQ(zone_of(0)->free_area[MAX_PAGE_ORDER].nr_free * MAX_ORDER_NR_PAGES,
		  zone_of(0)->present_pages);
}

SIM_TEST(a_freed_run_is_used_again_without_more_memory)
{
	u64 present;

	EXPECT(sim_start());
	put(get(5000, 1));
	present = zone_of(0)->present_pages;
	for (int i = 0; i < 20; i++)
		put(get(5000 - (u64)i, 1));
	EXPECT_EQ(zone_of(0)->present_pages, present);
}

/* Large blocks have pageblocks of their own, so that these become whole again. */
SIM_TEST(large_blocks_and_slabs_keep_apart)
{
	unsigned int kinds[16] = {0}, mixed = 0;

	EXPECT(sim_start());
	for (int i = 0; i < 100; i++) {
		kinds[place(buddy_get(0, 0, 3)) / PAGEBLOCK_NR_PAGES] |= 1;
		kinds[place(get(20, 1)) / PAGEBLOCK_NR_PAGES] |= 2;
	}
	/* Not quite: before the zone grows, each kind takes what the other has left. */
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		mixed += kinds[i] == 3;
	EXPECT(mixed <= 5);
	EXPECT_EQ(mm_verify(), 0);
}

/* Whatever type they had before. */
SIM_TEST(the_pageblocks_of_a_run_are_movable)
{
	struct page *head;

	EXPECT(sim_start());
	head = buddy_get(0, 0, MAX_PAGE_ORDER);
	EXPECT_EQ(get_pageblock_migratetype(zone_of(0), page_to_pfn(head)), MIGRATE_UNMOVABLE);
	buddy_put(head, MAX_PAGE_ORDER);
	EXPECT(get(MAX_ORDER_NR_PAGES, 1) == head);
	for (u64 i = 0; i < MAX_ORDER_NR_PAGES; i += PAGEBLOCK_NR_PAGES)
		EXPECT_EQ(get_pageblock_migratetype(zone_of(0), page_to_pfn(head) + i),
			  MIGRATE_MOVABLE);
	EXPECT_EQ(mm_verify(), 0);
}

/* Every pageblock has an object that lies in a barn; without those there is a run. */
SIM_TEST(barns_are_emptied_before_a_zone_grows_for_want_of_a_run)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(4096)];
	struct zone *zone = zone_of(0);
	static void *objs[2048];
	u64 present;

	EXPECT(sim_start());
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	/* First objects far apart from each other, which will be left in barns. */
	for (size_t i = 0; i < ARRAY_SIZE(objs); i += 64)
		slab_free(s, objs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		if (i % 64)
			slab_free(s, objs[i]);
	present = zone->present_pages;
	EXPECT(present >= 2048);
	EXPECT(barns_full(s) > 0);
	put(get(1500, 1));
	EXPECT_EQ(zone->present_pages, present);
	EXPECT_EQ(barns_full(s), 0);
	EXPECT_SOUND();
}

SIM_TEST(a_block_grows_in_place_where_pages_behind_it_are_free)
{
	struct page *head, *wall;

	EXPECT(sim_start());
	head = get(600, 1024);
	memset(page_address(head), 0x77, 600 * PAGE_SIZE);
	EXPECT(large_resize(head, 900));
	EXPECT_EQ(in_use(), 900);
	EXPECT_EQ(mm_verify(), 0);
	EXPECT_EQ(*((u8 *)page_address(head) + 600 * PAGE_SIZE - 1), 0x77);
	EXPECT(large_resize(head, 1024));
	wall = get(100, 1);
	EXPECT_EQ(place(wall), place(head) + 1024);
	/* Now it cannot grow, and nothing changes. */
	EXPECT(!large_resize(head, 1025));
	EXPECT_EQ(head->nr_pages, 1024);
	EXPECT_EQ(in_use(), 1124);
	EXPECT(large_resize(head, 10));
	EXPECT_EQ(in_use(), 110);
	EXPECT_EQ(mm_verify(), 0);
	put(head);
	put(wall);
	EXPECT_EQ(in_use(), 0);
	EXPECT_EQ(mm_verify(), 0);
}

/* Mapped stride by stride it would use up what others could still have. */
SIM_TEST(what_the_system_does_not_have_as_a_whole_is_left_to_others)
{
	struct zone *zone = zone_of(0);
	u64 committed;
	bool zero;

	EXPECT(sim_start());
	put(get(1000, 1));
	committed = zone->commit_pfn;
	sim.mapped_max = sim.mapped_bytes + 64 * MiB;
	EXPECT(!run_get(0, 80 * MiB / PAGE_SIZE, 1, &zero));
	EXPECT_EQ(zone->commit_pfn, committed);
	EXPECT(get(48 * MiB / PAGE_SIZE, 1));
	EXPECT_SOUND();
}

SIM_TEST(fresh_memory_is_known_to_be_zero_and_used_memory_is_not)
{
	struct page *head;
	bool zero = false;

	EXPECT(sim_start());
	head = run_get(0, 700, 1, &zero);
	EXPECT(zero);
	memset(page_address(head), 1, 700 * PAGE_SIZE);
	put(head);
	EXPECT(run_get(0, 700, 1, &zero));
	EXPECT(!zero);
}

static u64 resident(void)
{
	return zone_resident(zone_of(0));
}

/*
 * As a vector grows: the block that was copied goes back when it is freed, and what lay free before
 * when a longer block is taken.
 */
SIM_TEST(what_outgrows_all_by_copying_leaves_nothing_resident_behind)
{
	struct page *hole, *wall, *a, *b;

	EXPECT(sim_start());
	hole = get(1500, 1);
	wall = get(10, 1);
	put(hole);
	a = get(1600, 1);
	EXPECT_EQ(resident(), 1500 + 10 + 1600);
	b = get(2400, 1);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
	put(a);
	EXPECT_EQ(sim_count(SIM_DISCARD), 1);
	EXPECT_EQ(zone_of(0)->stat.reported, 1600);
	EXPECT_EQ(resident(), 1500 + 10 + 2400);
	a = get(4800, 1);
	EXPECT(resident() < 10 + 2400 + 4800 + PAGEBLOCK_NR_PAGES);
	put(b);
	EXPECT(resident() < 10 + 4800 + PAGEBLOCK_NR_PAGES);
	put(wall);
	EXPECT_SOUND();
}

/* The last advice on huge pages for page @where. */
static enum sim_op advice_at(u64 where)
{
	return sim_last_advice(pfn_to_addr(zone_of(0)->start_pfn + where))->op;
}

/*
 *    |H.......|H.......|H.......|H...    as advised
 *         |--- 1600 pages --|            goes back: the first and the last pageblock must not be
 *                                        filled up again
 */
SIM_TEST(the_pageblocks_at_the_ends_of_what_goes_back_are_not_huge)
{
	u64 mark, begin, end;
	struct page *a;

	mm_hugepages = HUGEPAGES_ALWAYS;
	EXPECT(sim_start());
	get(100, 1);
	a = get(1600, 1);
	begin = place(a);
	end = begin + 1600;
	EXPECT(begin % PAGEBLOCK_NR_PAGES && end % PAGEBLOCK_NR_PAGES);
	/* A part of a middle one went before; now it goes as a whole, and may be huge again. */
	hugepage_break(zone_of(0), page_to_pfn(a) + PAGEBLOCK_NR_PAGES);
	EXPECT_EQ(advice_at(begin + PAGEBLOCK_NR_PAGES), SIM_NO_HUGE);
	get(2400, 1);
	mark = zone_of(0)->resident_mark;
	put(a);
	EXPECT_EQ(sim_count(SIM_DISCARD), 1);
	EXPECT_EQ(advice_at(begin), SIM_NO_HUGE);
	EXPECT_EQ(advice_at(end), SIM_NO_HUGE);
	EXPECT_EQ(advice_at(begin + PAGEBLOCK_NR_PAGES), SIM_HUGE);
	EXPECT_EQ(zone_of(0)->resident_mark, mark - 1600);
	EXPECT_SOUND();
}

/* A signal handler makes no system calls for this. */
SIM_TEST(a_free_that_may_not_wait_gives_nothing_back)
{
	struct page *a;

	EXPECT(sim_start());
	a = get(1600, 1);
	get(2400, 1);
	EXPECT(zone_of(0)->growing_run);
	large_free(a, NULL, /* nowait= */ true);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
	EXPECT_SOUND();
}

SIM_TEST(a_short_block_that_is_freed_in_between_says_nothing_of_it)
{
	struct page *small, *a;

	EXPECT(sim_start());
	small = get(100, 1);
	a = get(1600, 1);
	get(2400, 1);
	put(small);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
	put(a);
	EXPECT_EQ(sim_count(SIM_DISCARD), 1);
	EXPECT_SOUND();
}

/* The block that is freed next is as long, or much shorter. */
SIM_TEST(of_runs_that_come_and_go_none_is_given_back)
{
	struct page *a, *b;

	EXPECT(sim_start());
	a = get(1300, 1);
	b = get(1400, 1);
	put(a);
	a = get(5000, 1);
	put(b);
	put(get(5100, 1));
	put(a);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
	EXPECT_SOUND();
}

SIM_TEST(a_longest_run_of_resident_memory_gives_nothing_back)
{
	struct page *a, *b;

	EXPECT(sim_start());
	put(get(5000, 1));
	zone_of(0)->longest_run = 0;
	a = get(700, 1);
	b = get(1400, 1);
	EXPECT_EQ(zone_of(0)->longest_run, 1400);
	put(a);
	put(b);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
	EXPECT_SOUND();
}

SIM_TEST(a_block_beyond_half_a_span_is_refused)
{
	u64 span = 0;
	bool zero;

	EXPECT(sim_start());
	span = zone_of(0)->end_pfn - zone_of(0)->start_pfn;
	EXPECT(!run_get(0, span / 2 + 1, 1, &zero));
	EXPECT(!run_get(0, (u64)1 << 50, 1, &zero));
	EXPECT_EQ(mm_verify(), 0);
}

/* Also if the span is smaller than its node's memory. */
SIM_TEST(a_block_beyond_half_of_a_small_span_is_refused)
{
	bool zero;

	sim.limits.address_space = 64 * MiB;
	EXPECT(sim_start());
	EXPECT(!run_get(0, 33 * MiB / PAGE_SIZE, 1, &zero));
	EXPECT(run_get(0, 32 * MiB / PAGE_SIZE, 1, &zero));
}

/* A free that may not wait and finds the zone locked leaves the block to the next free. */
SIM_TEST(a_free_that_may_not_wait_is_caught_up_by_the_next)
{
	struct page *a, *b;

	EXPECT(sim_start());
	a = get(50, 1);
	b = get(60, 1);
	EXPECT(zone_trylock(zone_of(0)));
	large_free(a, NULL, /* nowait= */ true);
	zone_unlock(zone_of(0));
	EXPECT_EQ(in_use(), 110);
	large_free(b, NULL, /* nowait= */ false);
	EXPECT_EQ(in_use(), 0);
	EXPECT_EQ(mm_verify(), 0);
}

/* Leave blocks of both kinds to the next free, since the zone is locked. */
static void defer_frees(void)
{
	struct page_request rq = {.nid = 0};
	struct page *exact = get(50, 1), *block = alloc_pages_request(&rq, 5);

	EXPECT(exact && block);
	EXPECT(zone_trylock(zone_of(0)));
	large_free(exact, NULL, /* nowait= */ true);
	free_pages_request(block, 5, NULL, /* nowait= */ true);
	zone_unlock(zone_of(0));
	EXPECT_EQ(in_use(), 50 + 32);
}

SIM_TEST(a_free_of_pages_that_may_not_wait_is_caught_up_by_the_next)
{
	struct page *a, *b;

	EXPECT(sim_start());
	a = buddy_get(0, 0, 4);
	b = buddy_get(0, 0, 5);
	EXPECT(zone_trylock(zone_of(0)));
	free_pages_request(a, 4, NULL, /* nowait= */ true);
	zone_unlock(zone_of(0));
	EXPECT_EQ(in_use(), 48);
	free_pages_request(b, 5, NULL, /* nowait= */ false);
	EXPECT_EQ(in_use(), 0);
	EXPECT_EQ(mm_verify(), 0);
}

SIM_TEST(what_waits_to_be_freed_is_free_in_a_child)
{
	EXPECT(sim_start());
	defer_frees();
	mm_fork_repair();
	EXPECT_EQ(in_use(), 0);
	EXPECT_EQ(mm_verify(), 0);
	/* Freed only once. */
	large_free(get(50, 1), NULL, /* nowait= */ false);
	EXPECT_EQ(in_use(), 0);
	EXPECT_EQ(mm_verify(), 0);
}

SIM_TEST(what_a_lost_thread_was_about_to_free_is_free_in_a_child)
{
	EXPECT(sim_start());
	defer_frees();
	EXPECT(stack_take(&deferred_blocks));
	mm_fork_repair();
	EXPECT_EQ(in_use(), 0);
	EXPECT_EQ(mm_verify(), 0);
}

/* All is free, but the zone is locked: that is no reason to take more into use. */
SIM_TEST(a_zone_that_is_busy_is_not_taken_for_empty)
{
	struct zone *zone = zone_of(0);
	struct page_request rq = {.nid = 0, .nowait = true};
	u64 accepted, mapped;
	bool zero;

	EXPECT(sim_start());
	large_free(get(4 * PAGEBLOCK_NR_PAGES, 1), NULL, /* nowait= */ false);
	accepted = zone->accept_pfn;
	mapped = zone->commit_pfn;
	EXPECT_EQ(accepted, mapped); /* whoever takes more into use maps it */
	EXPECT(zone_trylock(zone));
	EXPECT(!alloc_pages_request(&rq, 5));
	EXPECT(!large_alloc(&rq, 50, 1, &zero));
	EXPECT(!large_alloc(&rq, 2 * PAGEBLOCK_NR_PAGES, 1, &zero));
	zone_unlock(zone);
	EXPECT_EQ(zone->accept_pfn, accepted);
	/* Nothing was mapped either; it would be accepted once the lock is free. */
	EXPECT_EQ(zone->commit_pfn, mapped);
	EXPECT(alloc_pages_request(&rq, 5));
	EXPECT_EQ(zone->accept_pfn, accepted);
}

SIM_TEST(what_cannot_be_had_is_not_asked_of_the_budget)
{
	struct zone *zone = zone_of(0);
	struct page *head;
	u64 mark;

	EXPECT(sim_start());
	head = get(3000, 1);
	mark = zone->resident_mark;
	EXPECT(!large_resize(head, (u64)1 << 28));
	EXPECT(!large_resize(head, (u64)1 << 50));
	EXPECT_EQ(zone->resident_mark, mark);
	EXPECT_EQ(head->nr_pages, 3000);
}

SIM_TEST(random_blocks_of_all_lengths_stay_disjoint_and_come_back)
{
	struct page *blocks[60] = {NULL};
	u64 lens[60] = {0}, total = 0;

	EXPECT(sim_start());
	for (u64 seed = 1; seed <= 6; seed++) {
		u64 state = seed;

		for (int i = 0; i < 1500; i++) {
			int b = (int)(sim_random(&state) % 60);
			u64 nr = 1 + sim_random(&state) % (sim_random(&state) % 4 ? 300 : 2500);

			if (!blocks[b]) {
				blocks[b] = get(nr, 1);
				lens[b] = nr;
				total += nr;
				*(u64 *)page_address(blocks[b]) = (u64)b;
				*(u64 *)page_address(blocks[b] + nr - 1) = (u64)b;
			} else if (i % 5 == 0 && large_resize(blocks[b], nr)) {
				total += nr - lens[b];
				lens[b] = nr;
				*(u64 *)page_address(blocks[b] + nr - 1) = (u64)b;
			} else {
				EXPECT_EQ(*(u64 *)page_address(blocks[b] + lens[b] - 1), b);
				total -= lens[b];
				put(blocks[b]);
				blocks[b] = NULL;
			}
			EXPECT_EQ(in_use(), total);
			if (i % 50 == 0)
				EXPECT_EQ(mm_verify(), 0);
		}
	}
	for (int b = 0; b < 60; b++)
		if (blocks[b])
			put(blocks[b]);
	EXPECT_EQ(zone_of(0)->free_area[MAX_PAGE_ORDER].nr_free * MAX_ORDER_NR_PAGES,
		  zone_of(0)->present_pages);
	EXPECT_EQ(mm_verify(), 0);
}

RUN_TESTS(T(a_free_of_pages_that_may_not_wait_is_caught_up_by_the_next),
	  T(what_waits_to_be_freed_is_free_in_a_child),
	  T(what_a_lost_thread_was_about_to_free_is_free_in_a_child),
	  T(a_zone_that_is_busy_is_not_taken_for_empty),
	  T(what_cannot_be_had_is_not_asked_of_the_budget), T(a_block_costs_exactly_its_pages),
	  T(a_long_stretch_is_taken_from_the_start_of_a_block),
	  T(of_two_poor_fits_the_shorter_is_taken), T(the_tail_of_a_block_is_free_for_others),
	  T(what_a_block_leaves_over_waits_behind_what_is_resident), T(a_block_is_aligned_as_asked),
	  T(a_run_comes_from_the_closest_fit), T(of_runs_that_fit_alike_the_lowest_is_taken),
	  T(a_run_takes_pages_in_front_of_its_pageblocks_and_behind),
	  T(a_run_spans_blocks_and_comes_back_as_whole_ones),
	  T(a_freed_run_is_used_again_without_more_memory), T(large_blocks_and_slabs_keep_apart),
	  T(the_pageblocks_of_a_run_are_movable),
	  T(barns_are_emptied_before_a_zone_grows_for_want_of_a_run),
	  T(a_block_grows_in_place_where_pages_behind_it_are_free),
	  T(what_the_system_does_not_have_as_a_whole_is_left_to_others),
	  T(fresh_memory_is_known_to_be_zero_and_used_memory_is_not),
	  T(what_outgrows_all_by_copying_leaves_nothing_resident_behind),
	  T(the_pageblocks_at_the_ends_of_what_goes_back_are_not_huge),
	  T(a_free_that_may_not_wait_gives_nothing_back),
	  T(a_short_block_that_is_freed_in_between_says_nothing_of_it),
	  T(of_runs_that_come_and_go_none_is_given_back),
	  T(a_longest_run_of_resident_memory_gives_nothing_back),
	  T(a_block_beyond_half_a_span_is_refused),
	  T(a_block_beyond_half_of_a_small_span_is_refused),
	  T(a_free_that_may_not_wait_is_caught_up_by_the_next),
	  T(random_blocks_of_all_lengths_stay_disjoint_and_come_back))
