/* SPDX-License-Identifier: MIT */
/*
 * test_exact_set.c - exact blocks close to the thread that freed them: src/mm/exact_set.c
 */
#include "unit.h"

static struct per_task_pages *my_set(void)
{
	return &current_task()->mm.pcp;
}

static unsigned long zone_moves(void)
{
	return zone_of(0)->stat.pgalloc + zone_of(0)->stat.pgfree;
}

/* As if blocks had come quickly. */
static void switch_on(void)
{
	set_run_put(set_run_get(9));
	my_set()->exact_on = true;
}

static void get_all(struct page **run, int nr, u64 pages)
{
	for (int i = 0; i < nr; i++) {
		run[i] = set_run_get(pages);
		EXPECT(run[i]);
		EXPECT_EQ(run[i]->nr_pages, pages);
	}
}

/* 64 within 4 ms, and the next are kept; 64 that took longer, and what was kept goes back. */
SIM_TEST(only_blocks_that_come_quickly_are_kept)
{
	struct page *run[1];

	for (int i = 0; i < 127; i++) {
		get_all(run, 1, 20);
		set_run_put(run[0]);
		EXPECT_EQ(my_set()->exact_count, 0);
	}
	for (int i = 0; i < 64; i++) {
		get_all(run, 1, 20);
		set_run_put(run[0]);
		EXPECT_EQ(my_set()->exact_count, 20);
	}
	sim.clock_ms += 4;
	for (int i = 0; i < 64; i++) {
		get_all(run, 1, 20);
		set_run_put(run[0]);
		EXPECT_EQ(my_set()->exact_count, 20);
	}
	/* The next is the 64th since the 192nd. */
	sim.clock_ms += 5;
	get_all(run, 1, 21);
	EXPECT_EQ(my_set()->exact_count, 20);
	set_run_put(run[0]);
	EXPECT_EQ(my_set()->exact_count, 0);
	EXPECT_SOUND();
}

/* Other threads want what it frees. */
SIM_TEST(a_thread_that_only_frees_keeps_nothing)
{
	static struct page *run[64 * 12];
	struct sim_thread other;

	get_all(run, ARRAY_SIZE(run), 9);
	sim_thread_new(&other, 0);
	sim_switch_to(&other);
	for (size_t i = 0; i < ARRAY_SIZE(run); i++) {
		set_run_put(run[i]);
		EXPECT_EQ(my_set()->exact_count, 0);
	}
	/* A thread that asks once keeps some, through a long row of frees, but not for ever. */
	sim_switch_to(&sim_main_thread);
	get_all(run, ARRAY_SIZE(run), 9);
	for (size_t i = 0; i < ARRAY_SIZE(run); i++) {
		set_run_put(run[i]);
		if (i >= 64 * 2 && i < 64 * 7)
			EXPECT(my_set()->exact_count > 0);
	}
	EXPECT_EQ(my_set()->exact_count, 0);
	EXPECT_SOUND();
}

/* A handler may have interrupted a holder of the zone's lock, which an overflow takes. */
SIM_TEST(a_free_that_may_not_wait_is_not_of_the_set)
{
	static struct page *run[64];
	u64 waits, kept;

	switch_on();
	get_all(run, ARRAY_SIZE(run), 20);
	waits = sim.futex_waits;
	kept = my_set()->exact_count;
	EXPECT(zone_trylock(zone_of(0)));
	for (size_t i = 0; i < ARRAY_SIZE(run); i++)
		large_free(run[i], &current_task()->mm, /* nowait= */ true);
	EXPECT_EQ(sim.futex_waits, waits);
	EXPECT_EQ(my_set()->exact_count, kept);
	zone_unlock(zone_of(0));
	EXPECT_SOUND();
}

SIM_TEST(the_block_freed_last_comes_back_first_without_the_zone)
{
	struct page *run[4];
	unsigned long before;

	switch_on();
	get_all(run, 4, 20);
	before = zone_moves();
	for (int i = 0; i < 4; i++)
		set_run_put(run[i]);
	EXPECT_EQ(my_set()->exact_count, 80);
	EXPECT_SOUND();
	for (int i = 4; i-- > 0;)
		EXPECT_EQ(place(set_run_get(20)), place(run[i]));
	EXPECT_EQ(my_set()->exact_count, 0);
	EXPECT_EQ(zone_moves(), before);
}

SIM_TEST(a_request_takes_the_shortest_block_that_is_at_most_a_third_too_long)
{
	static const u64 lengths[] = {27, 26, 21, 19};
	struct page *run[ARRAY_SIZE(lengths)];

	switch_on();
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		get_all(&run[i], 1, lengths[i]);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		set_run_put(run[i]);
	EXPECT_EQ(set_run_get(20)->nr_pages, 21);
	EXPECT_EQ(set_run_get(20)->nr_pages, 26);
	EXPECT_EQ(set_run_get(20)->nr_pages, 20);
	EXPECT_EQ(my_set()->exact_count, 27 + 19);
}

/* A loop with one aligned buffer does not need the zone; a block aligned to less is not taken. */
SIM_TEST(an_aligned_request_takes_the_next_block_if_it_is_aligned)
{
	struct page *aligned, *other;
	unsigned long before;

	switch_on();
	aligned = set_run_get_aligned(16, 16);
	set_run_put(aligned);
	before = zone_moves();
	EXPECT_EQ(place(set_run_get_aligned(16, 16)), place(aligned));
	EXPECT_EQ(zone_moves(), before);
	do
		other = set_run_get(17);
	while (page_to_pfn(other) % 16 == 0);
	set_run_put(other);
	EXPECT_EQ(page_to_pfn(set_run_get_aligned(16, 16)) % 16, 0);
	EXPECT_EQ(my_set()->exact_count, 17);
	EXPECT_SOUND();
}

SIM_TEST(only_lengths_from_9_to_511_pages_are_kept)
{
	static const u64 lengths[] = {8, 9, 511, 512};
	struct page *run[ARRAY_SIZE(lengths)];
	int kept = 0;

	switch_on();
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		get_all(&run[i], 1, lengths[i]);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		set_run_put(run[i]);
		kept += lengths[i] == 9 || lengths[i] == 511 ? (int)lengths[i] : 0;
		EXPECT_EQ(my_set()->exact_count, kept);
	}
}

/* These share a list. */
SIM_TEST(a_block_of_63_pages_is_not_taken_for_one_of_64)
{
	struct page *run[2];

	switch_on();
	get_all(&run[0], 1, 63);
	get_all(&run[1], 1, 64);
	set_run_put(run[1]);
	set_run_put(run[0]);
	EXPECT_EQ(my_set()->exact_count, 127);
	EXPECT_EQ(my_set()->exact_long, 0);
	EXPECT_EQ(exact_list_of(65), EXACT_LONG_LIST);
	EXPECT_EQ(exact_list_of(9), 0);
	EXPECT_SOUND();
	EXPECT_EQ(set_run_get(64)->nr_pages, 64);
	EXPECT_EQ(my_set()->exact_count, 127);
	EXPECT_EQ(place(set_run_get(63)), place(run[0]));
	EXPECT_EQ(place(set_run_get(64)), place(run[1]));
}

SIM_TEST(short_blocks_stay_when_there_are_too_many_long_ones)
{
	struct page *run[3], *brief;

	switch_on();
	set_run_put(set_run_get(2000));
	get_all(&brief, 1, 20);
	get_all(run, 3, 200);
	set_run_put(brief);
	for (int i = 0; i < 3; i++)
		set_run_put(run[i]);
	EXPECT_EQ(my_set()->exact_count, 20 + 2 * 200);
	EXPECT_SOUND();
}

/* Its list is the next after the last that may do. */
SIM_TEST(a_long_block_is_not_taken_for_a_short_one)
{
	switch_on();
	set_run_put(set_run_get(200));
	EXPECT_EQ(my_set()->exact_long, 200);
	EXPECT_EQ(set_run_get(60)->nr_pages, 60);
	EXPECT_EQ(my_set()->exact_long, 200);
	EXPECT_SOUND();
}

/* The latest two above 64 pages, for requests that are up to a third shorter. */
SIM_TEST(two_long_blocks_stay)
{
	static const u64 lengths[] = {200, 190, 149, 20};
	struct page *run[ARRAY_SIZE(lengths)];
	unsigned long before;

	switch_on();
	/* So that the zone need not grow, which would empty the set. */
	set_run_put(set_run_get(2000));
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		get_all(&run[i], 1, lengths[i]);
	my_set()->exact_asked = 150;
	set_run_put(run[0]);
	set_run_put(run[1]);
	EXPECT_EQ(my_set()->exact_count, 390);
	EXPECT_EQ(my_set()->exact_long, 390);
	my_set()->exact_asked = 149;
	set_run_put(run[2]);
	set_run_put(run[3]);
	EXPECT_EQ(my_set()->exact_count, 190 + 149 + 20);
	EXPECT_EQ(my_set()->exact_long, 190 + 149);
	EXPECT_SOUND();
	before = zone_moves();
	EXPECT_EQ(place(set_run_get(149)), place(run[2]));
	set_run_put(run[2]);
	EXPECT_EQ(place(set_run_get(150)), place(run[1]));
	set_run_put(run[1]);
	EXPECT_EQ(zone_moves(), before);
	/* More than a third too long, and too short. */
	EXPECT_EQ(set_run_get(142)->nr_pages, 149);
	EXPECT_EQ(set_run_get(142)->nr_pages, 142);
	EXPECT_EQ(set_run_get(191)->nr_pages, 191);
	EXPECT_EQ(my_set()->exact_long, 190);
	EXPECT_SOUND();
}

/* What a vector has outgrown, or what nobody asks for any more, merges. */
SIM_TEST(a_long_block_that_would_not_do_for_the_latest_request_is_not_kept)
{
	struct page *run[3];

	switch_on();
	get_all(&run[0], 1, 300);
	get_all(&run[1], 1, 135);
	get_all(&run[2], 1, 101);
	set_run_put(run[1]); /* a third and a page more */
	EXPECT_EQ(my_set()->exact_long, 0);
	set_run_put(run[0]);
	EXPECT_EQ(my_set()->exact_long, 0);
	set_run_put(run[2]);
	EXPECT_EQ(my_set()->exact_long, 101);
	get_all(&run[0], 1, 150);
	set_run_put(set_run_get(101));
	EXPECT_EQ(my_set()->exact_long, 101);
	get_all(&run[0], 1, 102);
	set_run_put(set_run_get(200));
	EXPECT_EQ(my_set()->exact_long, 101 + 200);
	EXPECT_SOUND();
}

SIM_TEST(a_long_block_that_lies_otherwise_will_not_do_for_an_aligned_request)
{
	struct page *aligned, *other;

	switch_on();
	aligned = set_run_get_aligned(100, 64);
	do
		other = set_run_get(100);
	while (page_to_pfn(other) % 64 == 0);
	set_run_put(aligned);
	set_run_put(other);
	EXPECT_EQ(place(set_run_get_aligned(100, 64)), place(aligned));
	EXPECT_EQ(page_to_pfn(set_run_get_aligned(100, 64)) % 64, 0);
	EXPECT_EQ(my_set()->exact_long, 100);
	EXPECT_SOUND();
}

/* The limit for the others stays as it is. */
SIM_TEST(long_blocks_do_not_make_a_set_full)
{
	struct page *run[9], *large[2];

	switch_on();
	get_all(large, 2, 300);
	get_all(run, 9, 16);
	for (int i = 0; i < 2; i++)
		set_run_put(large[i]);
	for (int i = 0; i < 9; i++) {
		set_run_put(run[i]);
		EXPECT_EQ(my_set()->exact_count, 600 + (i < 8 ? (i + 1) * 16 : 96));
	}
	EXPECT_EQ(my_set()->exact_long, 600);
	EXPECT_SOUND();
	pcp_drain(&current_task()->mm, /* all= */ true);
	EXPECT_EQ(my_set()->exact_count, 0);
	EXPECT_EQ(my_set()->exact_long, 0);
	EXPECT_SOUND();
}

/* 9 times 16 pages are more than 128: down to 96, the oldest go. */
SIM_TEST(a_full_set_gives_back_its_coldest)
{
	struct page *run[9];

	switch_on();
	get_all(run, 9, 16);
	for (int i = 0; i < 9; i++) {
		set_run_put(run[i]);
		EXPECT_EQ(my_set()->exact_count, i < 8 ? (i + 1) * 16 : 96);
	}
	EXPECT_SOUND();
	for (int i = 9; i-- > 3;)
		EXPECT_EQ(place(set_run_get(16)), place(run[i]));
	EXPECT_EQ(my_set()->exact_count, 0);
}

/* Its limit doubles each time it overflows, if as much was taken since; up to 8 MiB. */
SIM_TEST(a_set_that_is_used_may_grow)
{
	static struct page *run[150];

	switch_on();
	for (int high = 128; high <= 4096; high *= 2) {
		int at_most = 0;

		get_all(run, 150, 16);
		for (int i = 0; i < 150; i++) {
			set_run_put(run[i]);
			at_most = MAX(at_most, my_set()->exact_count);
		}
		EXPECT_EQ(at_most, MIN(high, 2048));
		for (int i = 0; i < 150; i++)
			set_run_put(set_run_get(16));
	}
	pcp_drain(&current_task()->mm, /* all= */ false);
	EXPECT_EQ(my_set()->exact_high, 1024);
	EXPECT_SOUND();
}

/* The count has 16 bits, and must not wrap if much is taken without an overflow. */
SIM_TEST(what_was_taken_counts_up_to_the_most_that_a_set_may_grow_to)
{
	switch_on();
	my_set()->exact_taken = EXACT_SET_HIGH_MAX - 1;
	for (int i = 0; i < 4000; i++)
		set_run_put(set_run_get(20));
	EXPECT_EQ(my_set()->exact_taken, EXACT_SET_HIGH_MAX);
}

/* It would stay in this node's set for good. */
SIM_TEST(a_block_of_another_node_is_not_kept)
{
	struct page *head;
	bool zero;
	u64 free;

	sim_add_node(GiB, true);
	switch_on();
	set_run_put(set_run_get(20));
	head = run_get(1, 20, 1, &zero);
	EXPECT(head && page_to_nid(head) == 1);
	free = zone_of(1)->nr_free_pages;
	set_run_put(head);
	EXPECT_EQ(my_set()->exact_count, 20);
	EXPECT_EQ(zone_of(1)->nr_free_pages, free + 20);
	EXPECT_SOUND();
}

/* While it is kept, its byte of the page map stays, since the next request is of the same kind. */
SIM_TEST(what_goes_back_to_the_zone_is_no_large_block_any_more)
{
	struct page *head;
	unsigned long flushes;

	switch_on();
	head = set_run_get(20);
	page_map_set(page_to_pfn(head), 1, MAP_LARGE);
	set_run_put(head);
	EXPECT_EQ(page_map_get(page_address(head)), MAP_LARGE);
	flushes = zone_of(0)->stat.flush;
	exact_set_trim(my_set(), 0, 0);
	EXPECT_EQ(page_map_get(page_address(head)), MAP_NONE);
	EXPECT_EQ(zone_of(0)->stat.flush, flushes + 1);
	/* There is nothing to give back, so the zone's lock is not wanted. */
	exact_set_trim(my_set(), 0, 0);
	EXPECT_EQ(zone_of(0)->stat.flush, flushes + 1);
}

/* Half of them at each tick. */
SIM_TEST(an_idle_set_keeps_half_of_its_blocks_short_and_long)
{
	struct page *run[4], *large[2];

	switch_on();
	get_all(run, 4, 20);
	get_all(large, 2, 300);
	for (int i = 0; i < 2; i++)
		set_run_put(large[i]);
	for (int i = 0; i < 4; i++)
		set_run_put(run[i]);
	EXPECT_EQ(my_set()->exact_nr_long, 2);
	EXPECT_EQ(my_set()->exact_count, 2 * 300 + 4 * 20);
	pcp_drain(&current_task()->mm, /* all= */ false);
	EXPECT_EQ(my_set()->exact_count, 300 + 2 * 20);
	pcp_drain(&current_task()->mm, /* all= */ false);
	EXPECT_EQ(my_set()->exact_count, 20);
	pcp_drain(&current_task()->mm, /* all= */ false);
	EXPECT_EQ(my_set()->exact_count, 0);
	EXPECT_SOUND();
}

SIM_TEST(lengths_take_turns_in_giving_back)
{
	struct page *run[3][4];
	int left[3] = {0};

	switch_on();
	for (u64 n = 0; n < 3; n++)
		get_all(run[n], 4, 10 + n);
	for (int i = 0; i < 4; i++)
		for (u64 n = 0; n < 3; n++)
			set_run_put(run[n][i]);
	/* The last block made it more than 128; one or two of each length went, down to 96. */
	for (u64 n = 0; n < 3; n++)
		while (my_set()->exact_lists >> exact_list_of(10 + n) & 1) {
			EXPECT_EQ(set_run_get(10 + n)->nr_pages, 10 + n);
			left[n]++;
		}
	for (int n = 0; n < 3; n++)
		EXPECT(left[n] == 2 || left[n] == 3);
	EXPECT_SOUND();
}

SIM_TEST(draining_merges_what_the_set_had)
{
	struct zone *zone = zone_of(0);
	struct page *run[4];

	switch_on();
	get_all(run, 4, 30);
	for (int i = 0; i < 4; i++)
		set_run_put(run[i]);
	pcp_drain(&current_task()->mm, /* all= */ false);
	EXPECT_EQ(my_set()->exact_count, 60);
	pcp_drain(&current_task()->mm, /* all= */ true);
	EXPECT_EQ(my_set()->exact_count, 0);
	EXPECT_EQ(zone->nr_free_pages, zone->present_pages);
	EXPECT_SOUND();
}

SIM_TEST(a_zone_does_not_grow_while_the_set_has_what_is_asked_for)
{
	struct zone *zone = zone_of(0);
	struct page *run[2];
	u64 present;

	switch_on();
	get_all(run, 2, 64);
	while (zone->nr_free_pages >= 64)
		EXPECT(set_run_get(64));
	present = zone->present_pages;
	for (int i = 0; i < 2; i++)
		set_run_put(run[i]);
	/* Nothing of this length is kept; merged, the two are enough. */
	EXPECT_EQ(set_run_get(125)->nr_pages, 125);
	EXPECT_EQ(zone->present_pages, present);
	EXPECT_SOUND();
}

/* A drain has the lock, or the thread that a handler interrupted: straight to the zone. */
SIM_TEST(nobody_waits_for_a_set)
{
	struct page *run[2];
	u64 nr_free;

	switch_on();
	get_all(run, 2, 20);
	set_run_put(run[0]);
	EXPECT_EQ(spin_lock(&my_set()->lock), LOCK_TAKEN);
	nr_free = zone_of(0)->nr_free_pages;
	set_run_put(run[1]);
	EXPECT_EQ(zone_of(0)->nr_free_pages, nr_free + 20);
	EXPECT(place(set_run_get(20)) != place(run[0]));
	spin_unlock(&my_set()->lock);
	EXPECT_EQ(place(set_run_get(20)), place(run[0]));
}

/* A forked child finds the blocks of a lost thread's set by their state. */
SIM_TEST(the_blocks_of_a_lost_thread_are_taken_back)
{
	struct sim_thread gone;
	struct page *run[3];
	struct task *task;

	sim_thread_new(&gone, 0);
	sim_switch_to(&gone);
	switch_on();
	get_all(run, 3, 40);
	for (int i = 0; i < 3; i++)
		set_run_put(run[i]);
	task = current_task();
	EXPECT_EQ(task->mm.pcp.exact_count, 120);
	sim_switch_to(&sim_main_thread);
	spin_generation += 1u << SPIN_GEN_SHIFT;
	mm_fork_repair();
	pcp_abandon(&task->mm);
	EXPECT_EQ(task->mm.pcp.exact_count, 0);
	EXPECT_EQ(zone_of(0)->nr_free_pages, zone_of(0)->present_pages);
	EXPECT_SOUND();
}

RUN_TESTS(T(a_free_that_may_not_wait_is_not_of_the_set), T(only_blocks_that_come_quickly_are_kept),
	  T(a_thread_that_only_frees_keeps_nothing),
	  T(the_block_freed_last_comes_back_first_without_the_zone),
	  T(a_request_takes_the_shortest_block_that_is_at_most_a_third_too_long),
	  T(an_aligned_request_takes_the_next_block_if_it_is_aligned),
	  T(only_lengths_from_9_to_511_pages_are_kept),
	  T(a_block_of_63_pages_is_not_taken_for_one_of_64), T(two_long_blocks_stay),
	  T(a_long_block_is_not_taken_for_a_short_one),
	  T(short_blocks_stay_when_there_are_too_many_long_ones),
	  T(a_long_block_that_would_not_do_for_the_latest_request_is_not_kept),
	  T(a_long_block_that_lies_otherwise_will_not_do_for_an_aligned_request),
	  T(long_blocks_do_not_make_a_set_full), T(a_full_set_gives_back_its_coldest),
	  T(a_set_that_is_used_may_grow),
	  T(what_was_taken_counts_up_to_the_most_that_a_set_may_grow_to),
	  T(a_block_of_another_node_is_not_kept),
	  T(what_goes_back_to_the_zone_is_no_large_block_any_more),
	  T(an_idle_set_keeps_half_of_its_blocks_short_and_long),
	  T(lengths_take_turns_in_giving_back),
	  T(draining_merges_what_the_set_had),
	  T(a_zone_does_not_grow_while_the_set_has_what_is_asked_for), T(nobody_waits_for_a_set),
	  T(the_blocks_of_a_lost_thread_are_taken_back))
