/* SPDX-License-Identifier: MIT */
/*
 * test_fork.c - how the child of a fork puts the heap in order: src/slab/fork.c
 *
 * Forks at every step are in tests/sim/test_fork_anywhere.c and test_fork_at_instruction.c.
 */
#include "step.h"
#include "unit.h"
#include <sys/wait.h>
#include <unistd.h>

static struct sim_thread threads[5];

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

	start_with(threads, 4);
	oldest = task_of(&threads[0]);
	sim_thread_exit(&threads[3]);
	for (int i = 0; i < 2; i++) {
		task_exit(task_of(&threads[i]), threads[i].tid);
		sim_thread_exit(&threads[i]);
	}
	task_of(&threads[2])->mm.depth = 1;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	for (int i = 3; i < 5; i++) {
		sim_thread_new(&threads[i], 0);
		EXPECT(use_heap(&threads[i]));
	}
	EXPECT(task_of(&threads[4]) == oldest);
	EXPECT_SOUND();
}

/* Thread 0 has ended, and its block is warm; @nr others have not. */
static struct task *leave_warm(size_t nr)
{
	struct task *left;

	start_with(threads, 1 + nr);
	left = task_of(&threads[0]);
	sim_thread_exit(&threads[0]);
	EXPECT_EQ(left->state, TASK_WARM);
	EXPECT(left->pcs[0].main);
	return left;
}

/* To take it away would copy its pages in each child. */
SIM_TEST(what_a_thread_left_warm_stays_so_in_a_child)
{
	struct task *left = leave_warm(1);
	struct slab_sheaf *main = left->pcs[0].main;

	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(left->state, TASK_WARM);
	EXPECT_EQ(task_of(&threads[1])->state, TASK_DYING);
	sim_thread_new(&threads[2], 0);
	EXPECT(use_heap(&threads[2]));
	EXPECT(task_of(&threads[2]) == left && left->pcs[0].main == main);
	EXPECT_SOUND();
}

/* Every block but the main thread's serves one of @nr threads, again and again. */
static void expect_all_blocks_to_serve(size_t nr)
{
	size_t blocks = 0, are_warm = 0;

	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < nr; i++) {
			sim_thread_new(&threads[i], 0);
			EXPECT(use_heap(&threads[i]));
		}
		for (size_t i = 0; i < nr; i++)
			sim_thread_exit(&threads[i]);
	}
	for (struct task *t = all_tasks; t; t = t->next, blocks++)
		are_warm += t->state == TASK_WARM;
	EXPECT_EQ(blocks, nr + 1);
	EXPECT_EQ(are_warm, nr_barns);
}

/* A lost thread had taken a block off the list, so all are made anew. */
SIM_TEST(each_block_is_on_one_list_in_a_child)
{
	struct task *in_hand;

	(void)leave_warm(3);
	in_hand = task_of(&threads[1]);
	in_hand->state = TASK_DYING;
	in_hand->mm.depth = 1;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	expect_all_blocks_to_serve(4);
	EXPECT_SOUND();
}

/* All sheaves are emptied where a thread was lost at work, so these are nobody's. */
SIM_TEST(what_a_thread_left_warm_is_emptied_in_a_child_where_another_was_inside)
{
	struct task *left = leave_warm(3);

	task_exit(task_of(&threads[1]), threads[1].tid);
	sim_thread_exit(&threads[1]);
	task_of(&threads[2])->mm.depth = 1;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(left->state, TASK_DYING);
	EXPECT(!left->pcs[0].main);
	EXPECT_SOUND();
	expect_all_blocks_to_serve(4);
	EXPECT_SOUND();
}

/* A reclaimer that is lost was taking what is there. */
SIM_TEST(what_a_lost_thread_was_taking_from_a_warm_block_is_out_in_the_child)
{
	struct task *left = leave_warm(1);
	struct kmem_cache *s = &kmalloc_caches[0];

	left->lock.word = task_of(&threads[1])->mm.id | spin_generation;
	left->inflight = left->pcs[0].main;
	task_of(&threads[1])->mm.depth = 1;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	EXPECT(!left->pcs[0].main && !left->lock.word && !left->inflight);
	(void)slab_reclaim(/* all= */ true);
	EXPECT_EQ(cache_inuse(s), 0);
	EXPECT_SOUND();
}

/*
 * The thread that forked may be one that has ended but for its last destructors: its block must
 * not be another's before it is known which it is.
 */
SIM_TEST(a_warm_block_is_nobody_elses_before_it_is_known_who_forked)
{
	struct task *left[2];

	start_with(threads, 2);
	for (int i = 0; i < 2; i++) {
		left[i] = task_of(&threads[i]);
		sim_thread_exit(&threads[i]);
		EXPECT_EQ(left[i]->state, TASK_WARM);
	}
	threads[0].tid += 1000;
	sim.process_id = threads[0].tid;
	sim_wipe_fork_cookie();
	for (int i = 2; i < 4; i++) {
		sim_thread_new(&threads[i], 0);
		EXPECT(use_heap(&threads[i]));
		EXPECT(task_of(&threads[i]) != left[0] && task_of(&threads[i]) != left[1]);
	}
	EXPECT_EQ(sim_fork_cookie(), FORK_UNDECIDED);
	EXPECT(use_heap(&threads[0]));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	/* The other's is free from here on. */
	sim_thread_new(&threads[1], 0);
	EXPECT(use_heap(&threads[1]));
	EXPECT(task_of(&threads[1]) == left[1] && left[1]->state == TASK_LIVE);
	EXPECT(left[1]->pcs[0].main);
	EXPECT_SOUND();
}

/* In a child, where a thread came in first that was started there: it is known who forked. */
static struct task *leave_warm_without_number(void)
{
	struct task *left;

	start_with(threads, 2);
	left = task_of(&threads[1]);
	for (int i = 0; i < 2; i++)
		sim_thread_exit(&threads[i]);
	threads[0].tid += 1000;
	sim.process_id = threads[0].tid;
	sim_wipe_fork_cookie();
	sim_thread_new(&threads[2], 0);
	EXPECT(use_heap(&threads[2]));
	EXPECT(use_heap(&threads[0]));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(left->state, TASK_WARM);
	EXPECT(!left->mm.tid && left->pcs[0].main);
	return left;
}

/* All sheaves are collected, so that these were free, and the next thread's all the same. */
SIM_TEST(what_a_thread_without_a_number_left_warm_is_emptied_in_a_child_of_the_child)
{
	struct task *left = leave_warm_without_number();

	task_of(&threads[2])->mm.depth = 1;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&threads[0]));
	EXPECT_EQ(left->state, TASK_DYING);
	EXPECT(!left->pcs[0].main);
	EXPECT_SOUND();
}

/* Its new thread is lost at the start, and is seen by the lock alone. */
SIM_TEST(a_thread_that_was_taking_a_warm_block_without_a_number_is_lost_inside)
{
	struct task *left = leave_warm_without_number();

	left->lock.word = left->mm.id | spin_generation;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&threads[0]));
	EXPECT_EQ(left->state, TASK_DYING);
	EXPECT(!left->pcs[0].main && !left->lock.word);
	EXPECT_SOUND();
}

/* In a new thread of the child, which is not stepped through: the main thread, which forked. */
static void *survive(void *unused)
{
	sim_impersonate(&sim_main_thread);
	sim_wipe_fork_cookie();
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
	EXPECT_SOUND();
	for (int i = 2; i < 4; i++) {
		sim_thread_new(&threads[i], 0);
		EXPECT(use_heap(&threads[i]));
	}
	EXPECT(task_of(&threads[2]) != task_of(&threads[3]));
	EXPECT_SOUND();
	(void)slab_reclaim(/* all= */ true);
	EXPECT(cache_inuse(&kmalloc_caches[0]) <= 1); /* the lost thread may have had one */
	EXPECT_SOUND();
	return unused;
}

enum { STRIDE = 3 }; /* all of them take 15 s, and find no more */

static void fork_here(u64 number)
{
	int status;
	pid_t pid;

	if (number % STRIDE)
		return;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		sim_in_thread(survive);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		fprintf(stderr, "a fork before instruction %llu\n", (unsigned long long)number);
	EXPECT_EQ(status, 0);
}

static void end_first(void)
{
	sim_run_exit(&threads[0]);
}

SIM_TEST(a_thread_may_be_lost_at_any_instruction_of_its_end)
{
	start_with(threads, 2);
	sim_thread_exit(&threads[1]);
	sim_switch_to(&threads[0]);
	step_through(end_first, fork_here);
	EXPECT_EQ(current_task()->state, TASK_WARM);
}

static void use_object(void)
{
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
}

SIM_TEST(a_thread_may_be_lost_at_any_instruction_of_a_warm_begin)
{
	struct task *left = leave_warm(0);

	sim_thread_new(&threads[1], 0);
	sim_switch_to(&threads[1]);
	step_through(use_object, fork_here);
	EXPECT(current_task() == left);
}

RUN_TESTS(T(pages_that_a_lost_thread_kept_are_free_in_the_child),
	  T(a_page_set_that_a_lost_thread_was_emptying_is_found_anew),
	  T(a_child_does_not_count_on_the_fence_of_its_parent),
	  T(what_an_idle_thread_took_from_a_cache_of_the_program_is_out_in_the_child),
	  T(what_a_thread_inside_took_from_a_cache_of_the_program_is_out_in_the_child),
	  T(blocks_that_are_left_stay_on_their_list_in_a_child),
	  T(what_a_thread_left_warm_stays_so_in_a_child), T(each_block_is_on_one_list_in_a_child),
	  T(what_a_thread_left_warm_is_emptied_in_a_child_where_another_was_inside),
	  T(what_a_lost_thread_was_taking_from_a_warm_block_is_out_in_the_child),
	  T(a_warm_block_is_nobody_elses_before_it_is_known_who_forked),
	  T(what_a_thread_without_a_number_left_warm_is_emptied_in_a_child_of_the_child),
	  T(a_thread_that_was_taking_a_warm_block_without_a_number_is_lost_inside),
	  T(a_thread_may_be_lost_at_any_instruction_of_its_end),
	  T(a_thread_may_be_lost_at_any_instruction_of_a_warm_begin))
