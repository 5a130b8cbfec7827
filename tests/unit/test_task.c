/* SPDX-License-Identifier: MIT */
/*
 * test_task.c - threads get task blocks, or do without: src/slab/task.c
 */
#include "step.h"
#include "unit.h"

static struct sim_thread threads[600];

SIM_TEST(a_thread_that_has_no_memory_for_a_block_uses_up_no_numbers)
{
	u32 given;
	size_t i;

	EXPECT(sim_start());
	sim.fail_at = sim.fallible_calls + 1;
	sim.fail_onward = true;
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		sim_thread_new(&threads[i], 0);
		if (!use_heap(&threads[i]))
			break;
	}
	EXPECT(i < ARRAY_SIZE(threads));
	given = nr_tasks;
	EXPECT_EQ(given, i);
	for (int tries = 0; tries < 100; tries++)
		EXPECT(!use_heap(&threads[i]));
	EXPECT_EQ(nr_tasks, given);
	sim.fail_at = 0;
	EXPECT(use_heap(&threads[i]));
	EXPECT_EQ(nr_tasks, given + 1);
	EXPECT_SOUND();
}

static struct task *leaving;

static void leave(void)
{
	task_exit(leaving);
}

static void look_at_locks(u64 number)
{
	bool held = leaving->lock.word || leaving->mm.pcp.lock.word || tasks_lock.word;

	(void)number;
	EXPECT(!held || leaving->mm.depth);
}

/* A handler that forks there repairs the child at once, and would wait for its own thread. */
SIM_TEST(a_thread_that_leaves_holds_locks_within_its_slow_path_alone)
{
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	leaving = current_task();
	step_through(leave, look_at_locks);
	EXPECT_EQ(leaving->state, TASK_DYING);
}

RUN_TESTS(T(a_thread_that_has_no_memory_for_a_block_uses_up_no_numbers),
	  T(a_thread_that_leaves_holds_locks_within_its_slow_path_alone))
