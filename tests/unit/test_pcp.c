/* SPDX-License-Identifier: MIT */
/*
 * test_pcp.c - the page set of a thread: src/mm/pcp.c
 */
#include "unit.h"
#include <unistd.h>

static struct per_task_pages *my_set(void)
{
	return &current_task()->mm.pcp;
}

/* zone_batchsize() of the kernel, for some sizes, by hand */
SIM_TEST(the_batch_follows_the_size_of_the_zone)
{
	static const struct {
		u64 mib;
		int batch;
	} expected[] = {{8, 1},	   {32, 1},   {48, 3},	 {64, 3},    {128, 7},
			{256, 15}, {512, 31}, {768, 63}, {1024, 63}, {65536, 63}};
	struct zone zone = {0};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		zone.managed_pages = expected[i].mib * MiB / PAGE_SIZE;
		setup_zone_wmarks(&zone);
		EXPECT_EQ(zone.pcp_batch, expected[i].batch);
		EXPECT(zone.pcp_high_min >= 4 * zone.pcp_batch);
		EXPECT(zone.pcp_high_max >= 4 * zone.pcp_batch);
	}
}

/* As there may be more threads than CPUs: 1 MiB idle, 16 MiB at work, whatever the zone's marks. */
static void expect_heights(u64 cpus)
{
	sim.nr_cpus = (unsigned int)cpus;
	for (u64 bytes = 64 * MiB; bytes <= 1024 * (u64)GiB; bytes *= 2) {
		struct zone zone = {.managed_pages = bytes / PAGE_SIZE};
		u64 batch, low;

		setup_zone_wmarks(&zone);
		batch = (u64)zone.pcp_batch;
		low = MAX(zone._watermark[WMARK_LOW] / cpus, 4 * batch);
		EXPECT_EQ(zone.pcp_high_min, (int)MIN(low, MiB / PAGE_SIZE));
		low = MAX(zone.managed_pages / 8 / cpus, 4 * batch);
		EXPECT_EQ(zone.pcp_high_max, (int)MIN(low, 16 * MiB / PAGE_SIZE));
	}
}

SIM_TEST(the_height_follows_the_zone_up_to_a_mib_idle_and_16_at_work)
{
	for (u64 cpus = 1; cpus <= 1024; cpus *= 4)
		expect_heights(cpus);
}

/* A child abandons a set in which a thread was lost, lists and all; its thread begins anew. */
SIM_TEST(a_set_that_begins_anew_has_nothing_of_what_it_was)
{
	static struct per_task_pages pcp;

	EXPECT(sim_start());
	memset(&pcp, 0x5a, sizeof(pcp));
	pcp_init(&pcp, zone_of(0));
	EXPECT(pcp.ready && pcp.zone == zone_of(0));
	EXPECT_EQ(pcp.count, 0);
	EXPECT_EQ(pcp.high, zone_of(0)->pcp_high_min);
	EXPECT_EQ(pcp.alloc_factor, 0);
	EXPECT_EQ(pcp.free_count, 0);
	for (int i = 0; i < NR_PCP_LISTS; i++)
		EXPECT(list_empty(&pcp.lists[i]));
	EXPECT_EQ(pcp.exact_count, 0);
	EXPECT_EQ(pcp.exact_long, 0);
	EXPECT_EQ(pcp.exact_nr_long, 0);
	EXPECT_EQ(pcp.exact_high, EXACT_SET_HIGH_MIN);
	EXPECT_EQ(pcp.exact_taken, 0);
	EXPECT_EQ(pcp.exact_asked, 0);
	EXPECT_EQ(pcp.exact_on, false);
	EXPECT_EQ(pcp.exact_asks, 0);
	EXPECT_EQ(pcp.exact_puts, 0);
	EXPECT_EQ(pcp.exact_since, 0);
	EXPECT_EQ(pcp.exact_turn, 0);
	EXPECT_EQ(pcp.exact_lists, 0);
	for (int i = 0; i < NR_EXACT_LISTS; i++)
		EXPECT(list_empty(&pcp.exact[i]));
}

SIM_TEST(a_thread_that_only_allocates_gets_doubling_refills)
{
	int refills[5], n = 0;

	EXPECT(pages_get(0, 0));
	/* Enough for every refill. */
	EXPECT(accept_memory(zone_of(0), 16 * MAX_ORDER_NR_PAGES));
	while (my_set()->count)
		pages_get(0, 0);
	while (n < 5) {
		EXPECT(pages_get(0, 0));
		refills[n++] = my_set()->count + 1;
		while (my_set()->count)
			pages_get(0, 0);
	}
	/* The first refill, 63, was before. */
	EXPECT_EQ(my_set()->batch, 63);
	EXPECT_EQ(refills[0], 126);
	EXPECT_EQ(refills[1], 252);
	/* From then on the limit is the height of the set, which each refill raises by a batch. */
	for (int i = 2; i < 5; i++)
		EXPECT_EQ(refills[i] - refills[i - 1], i == 2 ? refills[2] - 252 : 63);
	EXPECT(refills[2] > 252);
	EXPECT_SOUND();
}

/* A second pageblock would be 2 MiB that nobody has asked for. */
/* Most of a small program's heap would lie in the set. */
SIM_TEST(in_the_first_4_mib_a_refill_is_small)
{
	struct zone *zone = zone_of(0);

	sim.small_steps = true;
	EXPECT(sim_start());
	EXPECT(pages_get(0, 0));
	EXPECT_EQ(my_set()->count, 3);
	EXPECT(pages_get(0, 1));
	EXPECT_EQ(my_set()->count, 3 + 2);
	EXPECT(pages_get(0, 2) && pages_get(0, 3));
	EXPECT_EQ(my_set()->count, 3 + 2);
	EXPECT(zone->present_pages < MAX_ORDER_NR_PAGES);
	while (zone->present_pages < MAX_ORDER_NR_PAGES)
		EXPECT(pages_get(0, 0));
	pcp_drain(&current_task()->mm, /* all= */ true);
	EXPECT(pages_get(0, 0));
	EXPECT(my_set()->count > 4);
	EXPECT_SOUND();
}

SIM_TEST(a_refill_of_pageblocks_is_one)
{
	EXPECT(pages_get(0, PAGEBLOCK_ORDER));
	EXPECT_EQ(my_set()->count, 0);
	EXPECT_EQ(zone_of(0)->stat.refill, 1);
}

/* Even if the batch is small. */
SIM_TEST(a_refill_of_a_higher_order_is_two_blocks_at_least)
{
	sim_no_nodes();
	sim_add_node(8 * MiB, true);
	EXPECT(pages_get(0, 3));
	EXPECT_EQ(my_set()->batch, 1);
	EXPECT_EQ(my_set()->count, 1 << 3);
}

SIM_TEST(a_refill_is_a_block_at_least_while_memory_is_short)
{
	struct mm_task *task;
	struct page *page;

	EXPECT(pages_get(0, 0));
	task = &current_task()->mm;
	EXPECT(my_set()->batch >> PAGEBLOCK_ORDER == 0);
	mm_pressure = true;
	page = pcp_alloc(task, zone_of(0), PAGEBLOCK_ORDER, MIGRATE_UNMOVABLE);
	EXPECT(page);
	EXPECT(pcp_free(task, zone_of(0), page, PAGEBLOCK_ORDER));
	pcp_drain(task, /* all= */ true);
	EXPECT_SOUND();
}

/* Those of a refill that nobody used. */
SIM_TEST(pages_that_read_as_zero_still_do_when_they_go_back)
{
	u64 first = place(pages_get(0, 0));

	EXPECT(page_is_zero(at(first + 2)));
	pcp_drain(&current_task()->mm, /* all= */ true);
	EXPECT_EQ(page_type(at(ALIGN_UP(first + 1, 4))), PAGE_FREE);
	EXPECT(page_is_zero(at(ALIGN_UP(first + 1, 4))));
	EXPECT_SOUND();
}

SIM_TEST(an_empty_set_is_drained_without_the_zone)
{
	struct mm_task *task;
	unsigned long flushes;

	EXPECT(pages_get(0, 0));
	task = &current_task()->mm;
	pcp_drain(task, /* all= */ true);
	EXPECT_EQ(my_set()->count, 0);
	flushes = zone_of(0)->stat.flush;
	pcp_drain(task, /* all= */ true);
	EXPECT_EQ(zone_of(0)->stat.flush, flushes);
}

SIM_TEST(the_pages_of_a_refill_come_in_the_order_of_their_addresses)
{
	u64 last = place(pages_get(0, 0)), next;

	while (my_set()->count) {
		next = place(pages_get(0, 0));
		EXPECT_EQ(next, last + 1);
		last = next;
	}
}

/* Put @nr blocks of @order into the empty set. */
static void put_into_empty_set(int nr, unsigned int order)
{
	struct page *pages[500];

	EXPECT(nr <= (int)ARRAY_SIZE(pages));
	for (int i = 0; i < nr; i++)
		pages[i] = pages_get(0, order);
	pcp_drain(&current_task()->mm, /* all= */ true);
	my_set()->high = my_set()->high_max;
	my_set()->free_count = 0;
	for (int i = 0; i < nr; i++)
		pages_put(pages[i], order);
	EXPECT_EQ(my_set()->count, nr << order);
	EXPECT_EQ(my_set()->free_count, nr << order);
}

/* What the set has is of another kind. */
SIM_TEST(a_set_that_is_nearly_full_is_refilled_by_a_batch)
{
	put_into_empty_set(299, 0);
	my_set()->high = my_set()->high_max = 300;
	EXPECT(pages_get(__GFP_MOVABLE, 0));
	EXPECT_EQ(my_set()->count, 299 + my_set()->batch - 1);
	EXPECT_SOUND();
}

SIM_TEST(a_flush_takes_pages_not_blocks)
{
	put_into_empty_set(20, 3);
	my_set()->high = my_set()->high_min = 80;
	pcp_drain(&current_task()->mm, /* all= */ false);
	EXPECT_EQ(my_set()->count, 80);
	EXPECT_SOUND();
}

SIM_TEST(the_page_freed_last_comes_back_first)
{
	struct page *pages[20];

	for (int i = 0; i < 20; i++)
		pages[i] = pages_get(0, 0);
	for (int i = 0; i < 20; i++)
		pages_put(pages[i], 0);
	for (int i = 20; i-- > 0;)
		EXPECT_EQ(place(pages_get(0, 0)), place(pages[i]));
}

/* Nothing makes such pageblocks yet. */
SIM_TEST(a_page_of_a_kind_that_has_no_list_is_filed_as_movable)
{
	struct page *page = pages_get(__GFP_MOVABLE, 0);

	pcp_drain(&current_task()->mm, /* all= */ true);
	set_pageblock_migratetype(zone_of(0), page_to_pfn(page), MIGRATE_CMA);
	pages_put(page, 0);
	EXPECT_EQ(my_set()->count, 1);
	EXPECT(pages_get(__GFP_MOVABLE, 0) == page);
}

static unsigned long zone_moves(void)
{
	return zone_of(0)->stat.pgalloc + zone_of(0)->stat.pgfree;
}

SIM_TEST(orders_0_to_3_and_9_are_recycled_without_the_zone)
{
	/* A busy set, so that it is high enough for a block of order 9. */
	for (int i = 0; i < 3000; i++)
		pages_get(0, 0);
	EXPECT(my_set()->high > (int)PAGEBLOCK_NR_PAGES + my_set()->batch);
	for (unsigned int order = 0; order <= PAGEBLOCK_ORDER; order++) {
		int high = my_set()->high;
		bool cached = order <= 3 || order == PAGEBLOCK_ORDER;
		unsigned long moves;

		pages_put(pages_get(0, order), order);
		moves = zone_moves();
		for (int i = 0; i < 50; i++)
			pages_put(pages_get(0, order), order);
		EXPECT_EQ(zone_moves() == moves, cached);
		pcp_drain(&current_task()->mm, true);
		EXPECT_EQ(my_set()->high, my_set()->high_min);
		my_set()->high = high;
	}
	EXPECT_SOUND();
}

SIM_TEST(kinds_do_not_mix_in_a_page_set)
{
	struct page *m = pages_get(__GFP_MOVABLE, 0), *u = pages_get(0, 0);
	struct zone *zone = zone_of(0);

	for (int i = 0; i < 200; i++) {
		pages_put(m, 0);
		pages_put(u, 0);
		u = pages_get(0, 0);
		m = pages_get(__GFP_MOVABLE, 0);
		EXPECT_EQ(get_pageblock_migratetype(zone, page_to_pfn(m)), MIGRATE_MOVABLE);
		EXPECT_EQ(get_pageblock_migratetype(zone, page_to_pfn(u)), MIGRATE_UNMOVABLE);
	}
}

SIM_TEST(a_thread_that_only_frees_keeps_the_set_below_its_height)
{
	static struct page *pages[20000];
	unsigned long flushes;

	EXPECT(sim_start());
	for (int i = 0; i < 20000; i++)
		pages[i] = buddy_get(0, 0, 0);
	pages_put(pages_get(0, 0), 0);
	for (int i = 0; i < 20000; i++) {
		pages_put(pages[i], 0);
		EXPECT(my_set()->count <= MAX(my_set()->high, my_set()->high_max));
	}
	/* In bulk: the zone's lock is taken far less often than once for each page. */
	flushes = zone_of(0)->stat.flush;
	EXPECT(flushes > 10 && flushes < 20000 / (2 * (unsigned long)my_set()->batch));
	EXPECT_EQ(my_set()->count + (int)zone_of(0)->nr_free_pages, (int)zone_of(0)->present_pages);
	EXPECT_SOUND();
}

/* How much the next flush or refill moves depends on what came last. */
SIM_TEST(a_free_halves_the_next_refill_and_an_allocation_the_next_flush)
{
	static struct page *pages[3000];
	struct per_task_pages *set;

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = pages_get(0, 0);
	set = my_set();
	EXPECT_EQ(set->alloc_factor, 5);
	EXPECT_EQ(set->free_count, 0);
	for (int i = 0; i < 10; i++)
		pages_put(pages[i], 0);
	EXPECT_EQ(set->alloc_factor, 0);
	EXPECT_EQ(set->free_count, 10);
	for (size_t i = 10; i < ARRAY_SIZE(pages); i++)
		pages_put(pages[i], 0);
	EXPECT_EQ(set->free_count, set->batch << 5);
	for (int count = set->free_count / 2; count; count /= 2) {
		EXPECT(pages_get(0, 0));
		EXPECT_EQ(set->free_count, count);
	}
	EXPECT_SOUND();
}

#define KEPT 100

/* How many of @pages are in a page set, and how many of the last @nr of them. */
static int count_kept(struct page *const *pages, int nr)
{
	int n = 0;

	for (int i = KEPT - nr; i < KEPT; i++)
		n += page_type(pages[i]) == PAGE_PCP;
	return n;
}

/* Lists take turns, beginning with that of the last page; each gives what was freed first. */
SIM_TEST(a_flush_takes_the_coldest_of_each_list_by_turns)
{
	static struct page *kinds[2][KEPT];
	struct per_task_pages *set;
	int kept[2];

	for (int i = 0; i < KEPT; i++) {
		kinds[0][i] = pages_get(0, 0);
		kinds[1][i] = pages_get(__GFP_MOVABLE, 0);
	}
	set = my_set();
	pcp_drain(&current_task()->mm, /* all= */ true);
	set->high = set->high_min = 2 * KEPT;
	for (int i = 0; i < KEPT; i++) {
		pages_put(kinds[0][i], 0);
		pages_put(kinds[1][i], 0);
	}
	for (int k = 0; k < 2; k++) {
		kept[k] = count_kept(kinds[k], KEPT);
		EXPECT(kept[k] > 0 && kept[k] < KEPT);
		EXPECT_EQ(count_kept(kinds[k], kept[k]), kept[k]);
	}
	EXPECT_EQ(kept[0], kept[1] + 1);
	EXPECT_EQ(kept[0] + kept[1], set->count);
	EXPECT_SOUND();
}

SIM_TEST(an_idle_set_decays_and_a_drained_one_is_empty)
{
	static struct page *pages[4000];
	struct per_task_pages *set;
	int before;

	for (int i = 0; i < 4000; i++)
		pages[i] = pages_get(0, 0);
	for (int i = 0; i < 3000; i++)
		pages_put(pages[i], 0);
	set = my_set();
	before = set->high;
	for (int tick = 0; tick < 100; tick++) {
		int high = set->high;

		pcp_drain(&current_task()->mm, /* all= */ false);
		EXPECT(set->high <= high);
		EXPECT(set->count <= set->high);
	}
	EXPECT(set->high < before || before == set->high_min);
	EXPECT_EQ(set->high, set->high_min);
	pcp_drain(&current_task()->mm, /* all= */ true);
	EXPECT_EQ(set->count, 0);
	for (int i = 3000; i < 4000; i++)
		pages_put(pages[i], 0);
	pcp_drain(&current_task()->mm, /* all= */ true);
	EXPECT_EQ(zone_of(0)->nr_free_pages, zone_of(0)->present_pages);
	EXPECT_SOUND();
}

/* Each tick takes what is above 7/8 of the height, but no more than 32 batches. */
SIM_TEST(a_tick_takes_an_eighth_or_less_if_that_is_more_than_32_batches)
{
	static struct page *pages[3000];
	struct per_task_pages *set;
	int count;

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = pages_get(0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages_put(pages[i], 0);
	set = my_set();
	EXPECT(set->count > 1000);
	set->high = 1600;
	pcp_drain(&current_task()->mm, /* all= */ false);
	EXPECT_EQ(set->high, 1600 - 200);
	EXPECT(set->count <= 1400);
	count = set->count;
	set->high = count;
	set->batch = 4;
	EXPECT(count / 8 > 32 * 4);
	pcp_drain(&current_task()->mm, /* all= */ false);
	EXPECT_EQ(set->high, count - 32 * 4);
	EXPECT_EQ(set->count, count - 32 * 4);
	EXPECT_EQ(mm_verify(), 0);
}

/* A handler has interrupted its own thread there. */
SIM_TEST(a_set_whose_lock_is_held_is_passed_by)
{
	struct page *page = pages_get(0, 0), *other;
	int count = my_set()->count;

	EXPECT(spin_trylock(&my_set()->lock) != LOCK_BUSY);
	other = pages_get(0, 0);
	EXPECT(other);
	EXPECT_EQ(my_set()->count, count);
	pages_put(page, 0);
	EXPECT_EQ(my_set()->count, count);
	spin_unlock(&my_set()->lock);
	EXPECT_SOUND();
}

/* Afterwards much of it is in this thread's set. */
static void use_and_free_order_2(void)
{
	static struct page *pages[1000];

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = pages_get(0, 2);
		EXPECT(pages[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages_put(pages[i], 2);
	EXPECT(my_set()->count > 4 * my_set()->batch);
}

/* What was cached in one order is merged before the zone grows for another. */
SIM_TEST(a_zone_does_not_grow_while_the_set_has_what_is_asked_for)
{
	struct zone *zone = zone_of(0);
	u64 present, usable;

	use_and_free_order_2();
	present = zone->present_pages;
	usable = zone->nr_free_pages + (u64)my_set()->count;
	for (u64 got = 0; got < usable / 8 * 7; got += 8)
		EXPECT(pages_get(0, 3));
	EXPECT_EQ(zone->present_pages, present);
	EXPECT_SOUND();
}

/* What is left of a batch is not worth another look at the zone. */
SIM_TEST(a_set_of_a_batch_at_most_does_not_yield)
{
	struct mm_task *task;

	EXPECT(pages_get(0, 0));
	task = &current_task()->mm;
	EXPECT_EQ(my_set()->count, my_set()->batch - 1);
	pages_put(buddy_get(0, 0, 0), 0);
	EXPECT(!pcp_yield(task, zone_of(0)));
	EXPECT_EQ(my_set()->count, my_set()->batch);
	pages_put(buddy_get(0, 0, 0), 0);
	EXPECT(pcp_yield(task, zone_of(0)));
	EXPECT_EQ(my_set()->count, 0);
}

/* It has nothing that the zone could use. */
SIM_TEST(a_set_does_not_yield_to_the_zone_of_another_node)
{
	sim_add_node(GiB, true);
	use_and_free_order_2();
	EXPECT(!pcp_yield(&current_task()->mm, zone_of(1)));
	EXPECT(my_set()->count > 4 * my_set()->batch);
	EXPECT(pcp_yield(&current_task()->mm, zone_of(0)));
}

static struct sim_thread other_thread;

static void use_and_free_in_another_thread(void)
{
	sim_thread_new(&other_thread, 0);
	sim_switch_to(&other_thread);
	use_and_free_order_2();
	sim_switch_to(&sim_main_thread);
	pages_put(pages_get(0, 0), 0);
}

SIM_TEST(a_zone_does_not_grow_while_the_set_of_another_thread_has_what_is_asked_for)
{
	struct zone *zone = zone_of(0);
	u64 present;

	use_and_free_in_another_thread();
	present = zone->present_pages;
	for (u64 got = 0; got < present / 8 * 7; got += 8)
		EXPECT(pages_get(0, 3));
	/* It grew by a pageblock at most: sets yield once an eighth of the zone was handed out. */
	EXPECT(zone->present_pages <= present + PAGEBLOCK_NR_PAGES);
	EXPECT_SOUND();
}

/* Otherwise threads would keep emptying each other's sets. */
SIM_TEST(sets_of_other_threads_yield_once_in_an_eighth_of_the_zone)
{
	struct zone *zone = zone_of(0);
	u64 present;

	use_and_free_in_another_thread();
	present = zone->present_pages;
	while (zone->present_pages == present) {
		zone->sets_yielded = zone->stat.pgalloc;
		EXPECT(pages_get(0, 3));
	}
	sim_switch_to(&other_thread);
	EXPECT(my_set()->count > my_set()->batch);
}

/* The same for blocks of any number of pages. */
SIM_TEST(a_large_block_is_made_of_what_the_set_has)
{
	struct zone *zone = zone_of(0);
	struct page_request rq;
	u64 present;
	bool zero;

	use_and_free_order_2();
	present = zone->present_pages;
	rq = (struct page_request){.task = &current_task()->mm};
	for (u64 got = 0; got < 3000; got += 1500)
		EXPECT(run_is_allocated(large_alloc(&rq, 1500, 1, &zero)));
	EXPECT_EQ(zone->present_pages, present);
	EXPECT_SOUND();
}

SIM_TEST(another_thread_can_drain_a_set)
{
	struct sim_thread idle;
	struct task *task;

	sim_thread_new(&idle, 0);
	sim_switch_to(&idle);
	pages_put(pages_get(0, 0), 0);
	task = current_task();
	EXPECT(task->mm.pcp.count > 0);
	sim_switch_to(&sim_main_thread);
	EXPECT(pages_get(0, 0));
	EXPECT(current_task() != task);
	pcp_drain(&task->mm, true);
	EXPECT_EQ(task->mm.pcp.count, 0);
	EXPECT_SOUND();
}

/*
 * A thread was lost while it took a block out of its set, which is still counted.  In the child, a
 * call that was interrupted by the handler that forked goes on before the set is put in order, and
 * would look for that block for ever.
 */
SIM_TEST(a_set_that_a_lost_thread_was_changing_is_left_to_the_repair)
{
	struct sim_thread lost;
	struct slow slow;
	struct task *task;
	u64 present;

	sim_thread_new(&lost, 0);
	sim_switch_to(&lost);
	set_run_put(set_run_get(20));
	task = current_task();
	task->mm.pcp.exact_count = 20;
	task->mm.depth = 1;
	lock_of_lost_thread(&task->mm.pcp.lock);
	sim_switch_to(&sim_main_thread);
	slow_enter_anyway(&slow);
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread)); /* the handler's */
	alarm(20);
	pcp_drain(&task->mm, /* all= */ true);
	pcp_drain(&task->mm, /* all= */ true); /* now that its lock is free */
	slow_leave(&slow);
	present = zone_of(0)->present_pages;
	EXPECT(use_heap(&sim_main_thread));
	drain_this_task(/* only_idle= */ false);
	EXPECT_EQ(zone_of(0)->present_pages, present);
	EXPECT_SOUND();
}

/* A forked child finds the pages of a lost thread's set by their owner. */
SIM_TEST(the_pages_of_a_lost_thread_are_taken_back)
{
	struct sim_thread gone;
	struct task *task;

	sim_thread_new(&gone, 0);
	sim_switch_to(&gone);
	for (unsigned int order = 0; order <= 3; order++)
		pages_put(pages_get(0, order), order);
	task = current_task();
	EXPECT(task->mm.pcp.count > 0);
	sim_switch_to(&sim_main_thread);
	spin_generation += 1u << SPIN_GEN_SHIFT;
	lock_of_lost_thread(&task->mm.pcp.lock);
	mm_fork_repair();
	pcp_abandon(&task->mm);
	/* Or the next child would believe that the set's owner was inside. */
	EXPECT_EQ(task->mm.pcp.lock.word, 0);
	/* Statistics count what a block says it has, whoever had it. */
	EXPECT_EQ(task->mm.pcp.count, 0);
	EXPECT_EQ(zone_of(0)->nr_free_pages, zone_of(0)->present_pages);
	EXPECT_EQ(mm_verify(), 0);
}

/*
 * A lost thread was cutting a block in two: the half is marked already, but the head still covers
 * it.  The block before it is given back, and merges with the whole of it.
 */
SIM_TEST(a_half_that_was_not_cut_off_yet_is_not_taken_back)
{
	struct zone *zone;
	struct page *page;

	EXPECT(sim_start());
	zone = zone_of(0);
	page = buddy_get(0, 0, 3);
	EXPECT(page);
	zone_lock(zone);
	page_set_owned(page + 4, 2, 0);
	page_set_owned(page, 2, 0);
	__free_one_page(zone, page + 4, 2, 0);
	page_set_owned(page + 6, 1, 0);
	page[6].owner = page->owner = 77; /* nobody */
	zone_unlock(zone);
	EXPECT_SOUND();
	mm_fork_repair();
	EXPECT_SOUND();
	EXPECT_EQ(zone->nr_free_pages, zone->present_pages);
}

RUN_TESTS(T(the_batch_follows_the_size_of_the_zone),
	  T(the_height_follows_the_zone_up_to_a_mib_idle_and_16_at_work),
	  T(a_set_that_begins_anew_has_nothing_of_what_it_was),
	  T(a_thread_that_only_allocates_gets_doubling_refills),
	  T(in_the_first_4_mib_a_refill_is_small),
	  T(a_refill_is_a_block_at_least_while_memory_is_short),
	  T(pages_that_read_as_zero_still_do_when_they_go_back),
	  T(an_empty_set_is_drained_without_the_zone),
	  T(the_pages_of_a_refill_come_in_the_order_of_their_addresses),
	  T(a_set_that_is_nearly_full_is_refilled_by_a_batch), T(a_flush_takes_pages_not_blocks),
	  T(a_refill_of_pageblocks_is_one), T(a_refill_of_a_higher_order_is_two_blocks_at_least),
	  T(the_page_freed_last_comes_back_first),
	  T(a_page_of_a_kind_that_has_no_list_is_filed_as_movable),
	  T(orders_0_to_3_and_9_are_recycled_without_the_zone), T(kinds_do_not_mix_in_a_page_set),
	  T(a_thread_that_only_frees_keeps_the_set_below_its_height),
	  T(a_free_halves_the_next_refill_and_an_allocation_the_next_flush),
	  T(a_flush_takes_the_coldest_of_each_list_by_turns),
	  T(an_idle_set_decays_and_a_drained_one_is_empty),
	  T(a_tick_takes_an_eighth_or_less_if_that_is_more_than_32_batches),
	  T(a_set_whose_lock_is_held_is_passed_by),
	  T(a_set_of_a_batch_at_most_does_not_yield),
	  T(a_set_does_not_yield_to_the_zone_of_another_node),
	  T(a_zone_does_not_grow_while_the_set_has_what_is_asked_for),
	  T(a_zone_does_not_grow_while_the_set_of_another_thread_has_what_is_asked_for),
	  T(sets_of_other_threads_yield_once_in_an_eighth_of_the_zone),
	  T(a_large_block_is_made_of_what_the_set_has), T(another_thread_can_drain_a_set),
	  T(a_set_that_a_lost_thread_was_changing_is_left_to_the_repair),
	  T(the_pages_of_a_lost_thread_are_taken_back),
	  T(a_half_that_was_not_cut_off_yet_is_not_taken_back))
