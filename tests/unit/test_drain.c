/* SPDX-License-Identifier: MIT */
/*
 * test_drain.c - what a pass takes from a thread that does not use it: src/slab/drain.c
 *
 * Cursors, and hits that are under way, are in test_pcs.c.
 */
#include "unit.h"

static struct sim_thread other;
static struct task *task;
static struct kmem_cache *s;

/* A thread that has objects of a program's cache in a sheaf, and pages in its set. */
static void start(void)
{
	void *objs[40];

	start_with(&other, 1);
	s = cache_create("objects", 64, 8, NULL);
	sim_switch_to(&other);
	task = current_task();
	for (int i = 0; i < 40; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (int i = 0; i < 40; i++)
		slab_free(s, objs[i]);
	pages_put(pages_get(0, 0), 0);
	sim_switch_to(&sim_main_thread);
}

static void pass(void)
{
	struct slow slow;

	slow_enter_anyway(&slow);
	task_drain(task, /* only_idle= */ true, &slow);
	slow_leave(&slow);
}

static const struct pcs *pcs(void)
{
	return task_pcs(task, s);
}

SIM_TEST(what_a_thread_has_of_a_cache_goes_with_the_second_pass)
{
	start();
	EXPECT(pcs()->main && pcs()->used);
	pass();
	EXPECT(pcs()->main && !pcs()->used);
	pass();
	EXPECT(!pcs()->main && !pcs()->spare);
	EXPECT_SOUND();
}

SIM_TEST(sheaves_that_are_missed_in_stay)
{
	start();
	for (int i = 0; i < 4; i++) {
		pass();
		sim_switch_to(&other);
		for (int o = 0; o < 200; o++)
			EXPECT(slab_alloc(s, 0, NUMA_NO_NODE));
		sim_switch_to(&sim_main_thread);
	}
	EXPECT(pcs()->main);
	pass();
	EXPECT(pcs()->main);
	pass();
	EXPECT(!pcs()->main);
	EXPECT_SOUND();
}

/* The set of a thread at work decays; an idle thread has no use for its set. */
SIM_TEST(pages_of_an_idle_thread_go_with_the_second_pass)
{
	start();
	EXPECT(task->mm.pcp.count > 0);
	pass();
	EXPECT(task->mm.pcp.count > 0);
	task->slow_frees++;
	pass();
	EXPECT(task->mm.pcp.count > 0);
	pass();
	EXPECT_EQ(task->mm.pcp.count, 0);
	EXPECT_SOUND();
}

/* A call that asks for memory back gets all of it. */
SIM_TEST(a_forced_drain_takes_what_is_in_use_too)
{
	struct slow slow;

	start();
	slow_enter_anyway(&slow);
	task_drain(task, /* only_idle= */ false, &slow);
	slow_leave(&slow);
	EXPECT(!pcs()->main && !pcs()->spare);
	EXPECT_EQ(task->mm.pcp.count, 0);
	EXPECT_SOUND();
}

/* It would be found in the barns if the thread had left it there: no memory, no cache for later. */
SIM_TEST(what_is_warm_goes_when_there_is_no_memory)
{
	start();
	reclaim_at_last(zone_of(0));
	EXPECT(pcs()->main && task->pcs[0].main); /* what is a thread's stays */
	sim_thread_exit(&other);
	EXPECT_EQ(task->state, TASK_WARM);
	EXPECT(pcs()->main && task->pcs[0].main);
	task->lock.word = current_task()->mm.id | spin_generation;
	reclaim_at_last(zone_of(0));
	EXPECT(pcs()->main); /* nobody is waited for */
	task->lock.word = 0;
	reclaim_at_last(zone_of(0));
	EXPECT_EQ(task->state, TASK_WARM);
	EXPECT(!pcs()->main && !task->pcs[0].main);
	EXPECT_EQ(cache_inuse(s), 0);
	EXPECT_SOUND();
}

RUN_TESTS(T(what_a_thread_has_of_a_cache_goes_with_the_second_pass),
	  T(sheaves_that_are_missed_in_stay), T(pages_of_an_idle_thread_go_with_the_second_pass),
	  T(a_forced_drain_takes_what_is_in_use_too), T(what_is_warm_goes_when_there_is_no_memory))
