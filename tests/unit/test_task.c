/* SPDX-License-Identifier: MIT */
/*
 * test_task.c - threads get task blocks, or do without: src/slab/task.c
 */
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

RUN_TESTS(T(a_thread_that_has_no_memory_for_a_block_uses_up_no_numbers))
