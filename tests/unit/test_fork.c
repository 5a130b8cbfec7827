/* SPDX-License-Identifier: MIT */
/*
 * test_fork.c - how the child of a fork puts the heap in order: src/slab/fork.c
 *
 * Forks at every step are in tests/sim/test_fork_anywhere.c and test_fork_at_instruction.c.
 */
#include "unit.h"

static struct sim_thread threads[4];

/* It was outside, and nobody was inside: what it had is in order, and is taken over as it is. */
SIM_TEST(pages_that_a_lost_thread_kept_are_free_in_the_child)
{
	const struct zone *zone = zone_of(0);
	u64 before, kept;

	start_with(threads, 1);
	sim_switch_to(&threads[0]);
	pages_put(pages_get(0, 0), 0);
	sim_switch_to(&sim_main_thread);
	kept = (u64)task_of(&threads[0])->mm.pcp.count;
	before = zone->nr_free_pages;
	EXPECT(kept > 0);
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	EXPECT(zone->nr_free_pages >= before + kept);
	EXPECT_SOUND();
}

/*
 * It was lost while it took the last page out of a list: from one side the list does not lead to
 * the page any more, from the other it still does.
 */
SIM_TEST(a_page_set_that_a_lost_thread_was_emptying_is_found_anew)
{
	const struct zone *zone = zone_of(0);
	struct per_task_pages *pcp;
	struct list_head *list = NULL;
	u64 before;

	start_with(threads, 1);
	pages_put(pages_get(0, 3), 3);
	pcp = &current_task()->mm.pcp;
	for (int i = 0; i < NR_PCP_LISTS; i++)
		if (!list_empty(&pcp->lists[i]))
			list = &pcp->lists[i];
	EXPECT(list);
	before = zone->nr_free_pages + (u64)(pcp->count + task_of(&threads[0])->mm.pcp.count);
	list->prev = list;
	pcp->lock.word = task_of(&threads[0])->mm.id | spin_generation;
	task_of(&threads[0])->mm.depth = 1;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(zone->nr_free_pages + (u64)pcp->count, before);
	EXPECT_SOUND();
}

/* The system promised the fence to the parent only. */
SIM_TEST(a_child_does_not_count_on_the_fence_of_its_parent)
{
	start_with(threads, 1);
	hit_fence_ready = true;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	EXPECT(!hit_fence_ready);
}

/* What a thread took by hits is known from the cursor alone. */
static void expect_hits_to_be_known_in_a_child(bool was_inside)
{
	struct kmem_cache *s;
	struct task *lost;
	struct cursor *c;

	start_with(threads, 1);
	s = cache_create("own", 64, 8, NULL);
	sim_switch_to(&threads[0]);
	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	lost = current_task();
	lost->cursors_on = true;
	hit_fence_ready = true;
	pcs_attach(lost, s, task_pcs(lost, s));
	c = task_cursor(lost, s);
	EXPECT(c->cur > task_pcs(lost, s)->main->objects + 2);
	c->cur -= 2; /* two hits */
	lost->mm.depth = was_inside;
	sim_switch_to(&sim_main_thread);
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	EXPECT(!task_pcs(lost, s)->main && c->cur == cursor_disabled_at());
	EXPECT_EQ(cache_shrink(s), 2);
	EXPECT_SOUND();
}

SIM_TEST(what_an_idle_thread_took_from_a_cache_of_the_program_is_out_in_the_child)
{
	expect_hits_to_be_known_in_a_child(false);
}

SIM_TEST(what_a_thread_inside_took_from_a_cache_of_the_program_is_out_in_the_child)
{
	expect_hits_to_be_known_in_a_child(true);
}

/* Linking them anew would write to each, and copy a page for each. */
SIM_TEST(blocks_that_are_left_stay_on_their_list_in_a_child)
{
	struct task *oldest;

	start_with(threads, 3);
	oldest = task_of(&threads[0]);
	sim_thread_exit(&threads[0]);
	sim_thread_exit(&threads[1]);
	task_of(&threads[2])->mm.depth = 1;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	sim_thread_new(&threads[3], 0);
	EXPECT(use_heap(&threads[3]));
	EXPECT(task_of(&threads[3]) == oldest);
	EXPECT_SOUND();
}

RUN_TESTS(T(pages_that_a_lost_thread_kept_are_free_in_the_child),
	  T(a_page_set_that_a_lost_thread_was_emptying_is_found_anew),
	  T(a_child_does_not_count_on_the_fence_of_its_parent),
	  T(what_an_idle_thread_took_from_a_cache_of_the_program_is_out_in_the_child),
	  T(what_a_thread_inside_took_from_a_cache_of_the_program_is_out_in_the_child),
	  T(blocks_that_are_left_stay_on_their_list_in_a_child))
