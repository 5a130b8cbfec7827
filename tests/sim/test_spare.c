/* SPDX-License-Identifier: MIT */
/*
 * test_spare.c - what a process keeps free in a control group with a limit: little if others fill
 * the group, and all if it is alone
 *
 * The group's use is what the zones hold resident, as the kernel would count it, and what others
 * use.
 */
#include "pages.h"
#include "mm/internal.h"
#include "step.h"
#include "slab/internal.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LIMIT (96 * MiB)
#define SOME (16 * MiB)
#define SIZE 600
#define BARN_BYTES (256 * KiB)
#define CALLS 32 /* of free's slow path: slabs are looked at once in so many */

static u64 others; /* bytes that other processes of the group use */

static u64 room(void)
{
	u64 used = (zone_resident(zone_of(0)) << PAGE_SHIFT) + others;

	return LIMIT - MIN(used, (u64)LIMIT);
}

static void start_limited(void)
{
	sim.memory_limit = LIMIT;
	sim.memory_room = room;
	EXPECT(sim_start());
	pages_put(pages_get(0, 0), 0); /* gives the thread a task */
}

static void look(void)
{
	const struct slow freed = {.task = current_task()};

	for (int i = 0; i < CALLS; i++)
		slab_look_at_spare(&freed);
}

static void use_pages_and_free(u64 bytes)
{
	static struct page *pages[LIMIT / PAGE_SIZE];

	for (u64 i = 0; i < bytes / PAGE_SIZE; i++)
		pages[i] = pages_get(__GFP_MOVABLE, 0);
	for (u64 i = 0; i < bytes / PAGE_SIZE; i++)
		pages_put(pages[i], 0);
}

static void use_objects_and_free(u64 bytes)
{
	static void *objs[LIMIT / SIZE];
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(SIZE)];
	struct slow slow;

	for (u64 i = 0; i < bytes / SIZE; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	/* Inside one slow path: a free of an object looks, on its way out. */
	slow_enter_anyway(&slow);
	for (u64 i = 0; i < bytes / SIZE; i++)
		slab_free_slow(s, objs[i], &slow);
	slow_leave(&slow);
}

static u64 resident(void)
{
	return zone_resident(zone_of(0)) << PAGE_SHIFT;
}

SIM_TEST(pages_go_back_where_others_fill_the_group)
{
	start_limited();
	others = LIMIT / 2;
	use_pages_and_free(SOME);
	EXPECT(resident() >= SOME);
	look();
	EXPECT(resident() < SOME / 4);
	EXPECT_SOUND();
}

/* Between pages in use, so that none of them merge. */
SIM_TEST(single_pages_go_back_where_others_fill_the_group)
{
	static struct page *pages[2 * SOME / PAGE_SIZE];

	start_limited();
	others = LIMIT / 2;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = pages_get(__GFP_MOVABLE, 0);
	for (size_t i = 0; i < ARRAY_SIZE(pages); i += 2)
		pages_put(pages[i], 0);
	EXPECT(resident() >= 2 * SOME);
	look();
	EXPECT(resident() < SOME + SOME / 4);
	EXPECT_SOUND();
}

SIM_TEST(empty_slabs_go_back_where_others_fill_the_group)
{
	start_limited();
	others = LIMIT / 2;
	use_objects_and_free(SOME);
	EXPECT(resident() >= SOME);
	look();
	EXPECT(resident() < SOME / 4);
	EXPECT_SOUND();
}

/*
 * Some of each class, so that hardly any slab is left empty: the barns keep most of it.  Those who
 * took it do not allocate any more.
 */
static void leave_in_barns(void)
{
	for (size_t size = 200; size <= 2000; size += 100) {
		static void *objs[BARN_BYTES / 200];
		struct kmem_cache *s = &kmalloc_caches[kmalloc_class(size)];
		size_t nr = BARN_BYTES / size;
		struct slow slow;

		for (size_t i = 0; i < nr; i++)
			objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
		slow_enter_anyway(&slow);
		for (size_t i = 0; i < nr; i++)
			slab_free_slow(s, objs[i], &slow);
		slow_leave(&slow);
	}
}

SIM_TEST(barns_go_back_where_others_fill_the_group)
{
	start_limited();
	others = LIMIT / 2;
	EXPECT(!budget_tight()); /* the limit is seen */
	leave_in_barns();
	EXPECT(resident() >= 3 * MiB);
	look(); /* may find that the thread has allocated */
	look();
	EXPECT(resident() < 1 * MiB);
	EXPECT_SOUND();
}

SIM_TEST(a_thread_that_allocates_keeps_what_lies_in_barns)
{
	start_limited();
	others = LIMIT / 2;
	EXPECT(!budget_tight());
	leave_in_barns();
	for (int i = 0; i < 4; i++) {
		current_task()->slow_allocs += CALLS;
		look();
	}
	EXPECT(resident() >= 3 * MiB);
	EXPECT_SOUND();
}

/* A program may have only objects of its own caches, and never call free(). */
SIM_TEST(a_free_of_an_object_of_a_cache_looks)
{
	static void *objs[SOME / SIZE];
	struct kmem_cache *s;

	start_limited();
	others = LIMIT / 2;
	s = cache_create("objects", SIZE, 8, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	EXPECT(resident() >= SOME);
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		slab_free(s, objs[i]);
	EXPECT(resident() < SOME / 2);
	EXPECT_SOUND();
}

SIM_TEST(a_process_that_is_alone_keeps_what_it_used)
{
	start_limited();
	use_pages_and_free(LIMIT * 3 / 4);
	look();
	EXPECT(resident() >= LIMIT * 3 / 4);
	EXPECT_SOUND();
}

SIM_TEST(a_third_of_the_limit_is_for_whoever_comes_first)
{
	start_limited();
	others = LIMIT / 6;
	use_pages_and_free(LIMIT / 8);
	look();
	EXPECT(resident() >= LIMIT / 8);
	others = LIMIT / 4;
	use_pages_and_free(LIMIT / 4);
	look();
	EXPECT(resident() < LIMIT / 8);
	EXPECT_SOUND();
}

/* Each free page lies between pages in use, so a pass finds no block to give back. */
SIM_TEST(what_cannot_go_back_is_not_looked_at_each_time)
{
	static struct page *pages[SOME / PAGE_SIZE];
	u64 looks;

	start_limited();
	others = LIMIT / 2;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = buddy_get(0, __GFP_MOVABLE, 0);
	for (size_t i = 0; i < ARRAY_SIZE(pages); i += 2)
		buddy_put(pages[i], 0);
	look();
	looks = sim.memory_looks;
	EXPECT(looks > 0);
	look();
	EXPECT_EQ(sim.memory_looks, looks);
	EXPECT_SOUND();
}

/* The next look is half way to what would be too much. */
SIM_TEST(what_may_stay_is_not_looked_at_each_time)
{
	u64 looks;

	start_limited();
	use_pages_and_free(LIMIT / 2);
	look();
	looks = sim.memory_looks;
	EXPECT(looks > 0);
	look();
	EXPECT_EQ(sim.memory_looks, looks);
}

/* What is not resident takes no room, and our own structures are not counted. */
SIM_TEST(only_resident_pages_of_the_heap_are_spare)
{
	const struct page_request rq = {.metadata = true};
	struct page *page;

	start_limited();
	pcp_drain(&current_task()->mm, /* all= */ true);
	EXPECT(page_reporting_pass(0, 0, REPORT_ALL));
	EXPECT(zone_of(0)->nr_free_pages);
	EXPECT_EQ(mm_spare_pages(), 0);
	page = alloc_pages_request(&rq, 4);
	EXPECT(page);
	free_pages_request(page, 4, NULL, false);
	EXPECT_EQ(mm_spare_pages(), 0);
	EXPECT_SOUND();
}

/* After a 128th of the limit more, from 512 KiB to 2 MiB. */
SIM_TEST(what_is_next_to_be_looked_at_goes_by_the_limit)
{
	start_limited();
	for (u64 limit = 32 * MiB; limit <= 512 * MiB; limit *= 2) {
		sim.memory_limit = limit;
		others = 0;
		(void)budget_tight(); /* sees the limit */
		mm_spare_mark = 0;
		budget_note_spare(0, 1000);
		EXPECT_EQ(mm_spare_mark, 1000 + CLAMP(limit / 128, 512 * KiB, 2 * MiB) / PAGE_SIZE);
	}
}

/*
 * Of 96 MiB 48 are used, half of them by this process.  Of the room, all together may keep a
 * quarter free, 12 MiB, and this process half of that.
 */
SIM_TEST(of_the_room_each_keeps_free_by_its_share)
{
	start_limited();
	others = LIMIT / 4;
	while (resident() < LIMIT / 4)
		EXPECT(buddy_get(0, 0, PAGEBLOCK_ORDER));
	EXPECT_EQ(budget_excess(5 * MiB / PAGE_SIZE, /* looked_after= */ true), 0);
	EXPECT_EQ(budget_excess(7 * MiB / PAGE_SIZE, /* looked_after= */ true), REPORT_ALL);
}

/* Others fill the group; @thread: there is the background thread. */
static void come_beside_others(bool thread)
{
	struct slow slow;

	others = LIMIT / 2;
	sim.threads_start = thread;
	use_pages_and_free(SOME);
	EXPECT(slow_enter(&slow));
	slow_leave(&slow);
	WRITE_ONCE(mm_grew, true);
	kswapd_poke(&slow);
	EXPECT_EQ(kswapd_is_running(), thread);
	look();
	EXPECT(resident() < SOME / 4);
}

static void start_beside_others(bool thread)
{
	start_limited();
	come_beside_others(thread);
}

/* Otherwise it would fault in all of it each time. */
SIM_TEST(what_is_soon_taken_again_stays)
{
	start_beside_others(/* thread= */ true);
	for (int i = 0; i < 10; i++) {
		sim.clock_ms += 900;
		use_pages_and_free(SOME);
		look();
		EXPECT(resident() >= SOME);
	}
	sim.clock_ms += 1100;
	use_pages_and_free(SOME + SOME / 2);
	look();
	EXPECT(resident() < SOME / 4);
	EXPECT_SOUND();
}

/* Nobody would give it back when it lies idle. */
SIM_TEST(without_the_thread_it_goes_back_each_time)
{
	start_beside_others(/* thread= */ false);
	for (int i = 0; i < 10; i++) {
		use_pages_and_free(SOME);
		look();
		EXPECT(resident() < SOME / 4);
	}
}

/* Half of what would be free without it, but for 3 MiB: of 48 some 21. */
SIM_TEST(of_what_is_soon_taken_again_the_half_stays)
{
	start_beside_others(/* thread= */ true);
	use_pages_and_free(2 * SOME);
	look();
	EXPECT(resident() >= SOME && resident() < 24 * MiB);
	EXPECT_SOUND();
}

/* They may be between two of their own peaks. */
SIM_TEST(others_may_use_again_what_they_used_a_moment_ago)
{
	start_beside_others(/* thread= */ true);
	others = LIMIT * 3 / 4;
	EXPECT(!budget_tight()); /* sees it */
	others = LIMIT / 2;
	/* In this second and the next one, which are counted from what was seen before. */
	for (int i = 0; i < 5; i++) {
		use_pages_and_free(SOME);
		look();
		EXPECT_EQ(resident() < SOME * 3 / 4, i < 4);
		sim.clock_ms += 900;
	}
}

/* Before, nothing is known of what they use. */
SIM_TEST(others_are_reckoned_with_where_a_limit_comes_later)
{
	start_limited();
	sim.memory_limit = 0;
	EXPECT(!budget_tight()); /* looks */
	sim.memory_limit = LIMIT;
	come_beside_others(/* thread= */ true);
	others = LIMIT * 3 / 4;
	use_pages_and_free(SOME);
	look();
	EXPECT(resident() < SOME * 3 / 4);
}

SIM_TEST(that_next_to_nothing_was_taken_again_says_nothing)
{
	start_beside_others(/* thread= */ true);
	budget_note_spare(/* given= */ 100, 0);
	use_pages_and_free(SOME);
	EXPECT_EQ(budget_excess(SOME / PAGE_SIZE, /* looked_after= */ true), REPORT_ALL);
}

/* A task that ends, say. */
SIM_TEST(what_is_freed_bit_by_bit_and_not_taken_again_goes_back)
{
	static struct page *pages[2 * SOME / PAGE_SIZE];

	start_beside_others(/* thread= */ true);
	sim.clock_ms += 1100;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = pages_get(__GFP_MOVABLE, 0);
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		pages_put(pages[i], 0);
		if (i % (ARRAY_SIZE(pages) / 8) == 0)
			look();
	}
	look();
	EXPECT(resident() < SOME / 4);
	EXPECT_SOUND();
}

/* What lies outside all zones is used by this process too, so it is alone. */
SIM_TEST(direct_mappings_are_of_this_process)
{
	start_limited();
	EXPECT(direct_alloc(LIMIT / 2, PAGE_SIZE, /* nowait= */ false));
	others = LIMIT / 2; /* stands for the mapping */
	use_pages_and_free(LIMIT / 4);
	look();
	EXPECT(resident() >= LIMIT / 4);
}

SIM_TEST(a_limit_that_is_gone_is_not_looked_for_any_more)
{
	start_limited();
	others = LIMIT / 2;
	use_pages_and_free(SOME);
	EXPECT(READ_ONCE(mm_spare_mark) != NO_SPARE_MARK);
	sim.memory_limit = 0;
	look();
	EXPECT_EQ(READ_ONCE(mm_spare_mark), NO_SPARE_MARK);
	EXPECT(resident() >= SOME);
	EXPECT_SOUND();
}

static void look_once(void)
{
	const struct slow freed = {.task = current_task()};

	current_task()->spare_calls = CALLS - 1;
	slab_look_at_spare(&freed);
}

/* Often enough to look at slabs as well. */
static void free_in_handler(u64 number)
{
	(void)number;
	for (int i = 0; i < CALLS; i++)
		slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
}

/* It may have interrupted a look, and so hold what that holds. */
SIM_TEST(a_handler_that_frees_does_not_wait_for_its_own_thread)
{
	start_limited();
	use_objects_and_free(SOME);
	(void)budget_tight(); /* sees the limit */
	EXPECT(READ_ONCE(mm_spare_mark) != NO_SPARE_MARK);
	step_through(look_once, free_in_handler);
	step_stop();
	EXPECT_SOUND();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_go_back_where_others_fill_the_group),
		cmocka_unit_test(single_pages_go_back_where_others_fill_the_group),
		cmocka_unit_test(empty_slabs_go_back_where_others_fill_the_group),
		cmocka_unit_test(barns_go_back_where_others_fill_the_group),
		cmocka_unit_test(a_thread_that_allocates_keeps_what_lies_in_barns),
		cmocka_unit_test(a_free_of_an_object_of_a_cache_looks),
		cmocka_unit_test(a_process_that_is_alone_keeps_what_it_used),
		cmocka_unit_test(a_third_of_the_limit_is_for_whoever_comes_first),
		cmocka_unit_test(what_cannot_go_back_is_not_looked_at_each_time),
		cmocka_unit_test(what_may_stay_is_not_looked_at_each_time),
		cmocka_unit_test(only_resident_pages_of_the_heap_are_spare),
		cmocka_unit_test(what_is_next_to_be_looked_at_goes_by_the_limit),
		cmocka_unit_test(of_the_room_each_keeps_free_by_its_share),
		cmocka_unit_test(what_is_soon_taken_again_stays),
		cmocka_unit_test(without_the_thread_it_goes_back_each_time),
		cmocka_unit_test(of_what_is_soon_taken_again_the_half_stays),
		cmocka_unit_test(others_may_use_again_what_they_used_a_moment_ago),
		cmocka_unit_test(others_are_reckoned_with_where_a_limit_comes_later),
		cmocka_unit_test(that_next_to_nothing_was_taken_again_says_nothing),
		cmocka_unit_test(what_is_freed_bit_by_bit_and_not_taken_again_goes_back),
		cmocka_unit_test(direct_mappings_are_of_this_process),
		cmocka_unit_test(a_limit_that_is_gone_is_not_looked_for_any_more),
		cmocka_unit_test(a_handler_that_frees_does_not_wait_for_its_own_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
