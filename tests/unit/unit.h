/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_UNIT_H
#define BUDDY_TESTS_UNIT_H
/*
 * unit.h - helpers for the tests of one source file each
 */
#include "mm/internal.h"
#include "pages.h"
#include "platform/vm.h"
#include "slab/internal.h"
#include "slab/pcs.h"
#include "step.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Where a page lies in node 0's zone, counted from its start. */
static inline u64 place(const struct page *page)
{
	return page_to_pfn(page) - zone_of(0)->start_pfn;
}

/* The page at @where. */
static inline struct page *at(u64 where)
{
	return pfn_to_page(zone_of(0)->start_pfn + where);
}

/* Make @lock look as after a fork: taken a generation ago, by a thread that does not exist. */
static inline void lock_of_lost_thread(struct spinlock *lock)
{
	u32 before = (spin_generation - (1u << SPIN_GEN_SHIFT)) & SPIN_GEN_MASK;

	lock->word = before | 4711;
}

/* One pass of reclaim over the sheaves and pages of the running thread. */
static inline void drain_this_task(bool only_idle)
{
	struct slow slow;

	slow_enter_anyway(&slow);
	task_drain(current_task(), only_idle, &slow);
	slow_leave(&slow);
}

/* Thread @t allocates and frees.  Return: whether it has a task block now. */
static inline bool use_heap(struct sim_thread *t)
{
	bool has_task;
	void *obj;

	sim_switch_to(t);
	obj = slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE);
	if (obj)
		slab_free(&kmalloc_caches[0], obj);
	has_task = current_task();
	sim_switch_to(&sim_main_thread);
	return has_task;
}

/* Poke the background thread, as a thread does that leaves a slow path in which the heap grew. */
static inline void poke(void)
{
	struct slow slow;

	slow_enter_anyway(&slow);
	slow_leave(&slow);
	mm_grew = true;
	kswapd_poke(&slow);
}

/* A heap of 10 MB in objects of the largest class. */
static inline void grow_large(void)
{
	for (int i = 0; i < 300; i++)
		EXPECT(slab_alloc(&kmalloc_caches[NR_KMALLOC_CLASSES - 1], 0, NUMA_NO_NODE));
	poke();
}

/* The task block of @t. */
static inline struct task *task_of(struct sim_thread *t)
{
	struct task *task;

	sim_switch_to(t);
	task = current_task();
	sim_switch_to(&sim_main_thread);
	return task;
}

/* A new thread on node 0, which has been in a slow path and has a task block. */
static inline void start_thread(struct sim_thread *t)
{
	sim_thread_new(t, 0);
	EXPECT(use_heap(t));
}

/* The main thread and @nr others, all of which have been in a slow path. */
static inline void start_with(struct sim_thread *others, size_t nr)
{
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	for (size_t i = 0; i < nr; i++) {
		start_thread(&others[i]);
	}
}

static inline void enter_and_leave(void)
{
	struct slow slow;

	slow_enter_anyway(&slow);
	slow_leave(&slow);
}

/*
 * For step_through(): fork at this instruction, the @number-th.  Return: whether this is the child,
 * which is to go on, to the end of the test if it likes, and is not stepped through any more.
 */
static inline bool in_child_from_here(u64 number)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		step_stop();
		return true;
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	if (status)
		fprintf(stderr, "a fork before instruction %llu\n", (unsigned long long)number);
	EXPECT_EQ(status, 0);
	return false;
}

/*
 * For step_through(): is this the @nth instruction before which a signal could come?  Then what
 * follows is not stepped through any more.
 */
static inline bool signal_comes_at(u64 nth)
{
	static u64 could_come;

	could_come += !sim.blocked;
	if (could_come < nth || sim.blocked)
		return false;
	step_stop();
	return true;
}

#define RUN_TESTS(...)                                                                             \
	int main(void)                                                                             \
	{                                                                                          \
		const struct CMUnitTest tests[] = {__VA_ARGS__};                                   \
                                                                                                   \
		return cmocka_run_group_tests(tests, NULL, NULL);                                  \
	}

#define T(name) cmocka_unit_test(name)

#endif
