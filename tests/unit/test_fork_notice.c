/* SPDX-License-Identifier: MIT */
/*
 * test_fork_notice.c - a child, and which of its threads puts it in order: src/slab/fork_notice.c
 */
#include "unit.h"

static struct sim_thread threads[3];

/* From now on we are in a child that @t has forked, in which it is the first thread. */
static void be_child_of(struct sim_thread *t)
{
	t->tid += 100;
	sim.process_id = t->tid;
	sim_wipe_fork_cookie();
}

/* It writes nothing down, since each page that it writes to has to be copied. */
SIM_TEST(the_child_of_a_lone_thread_does_not_notice)
{
	u32 before;

	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	before = spin_generation;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	spin_long_wait();
	EXPECT_EQ(sim_fork_cookie(), FORK_NEW);
	EXPECT_EQ(spin_generation, before);
}

/* The lone thread has forked, is at work in the child, and has started another one there. */
SIM_TEST(a_thread_that_comes_first_in_the_child_of_a_lone_one_takes_nothing_from_it)
{
	struct task *alone;
	void *obj;

	EXPECT(sim_start());
	obj = slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE);
	alone = current_task();
	be_child_of(&sim_main_thread);
	start_thread(&threads[0]);
	EXPECT_EQ(alone->state, TASK_LIVE);
	EXPECT_EQ(alone->mm.tid, sim.process_id);
	EXPECT(alone->pcs[0].main);
	EXPECT(current_task() == alone);
	EXPECT_EQ(nr_tasks, 2);
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	slab_free(&kmalloc_caches[0], obj);
	EXPECT_SOUND();
}

/* A thread that had never been in has forked, and is the first thread of the child. */
SIM_TEST(a_thread_that_is_the_first_of_its_process_has_lost_the_one_that_was_alone)
{
	struct task *lost;

	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	lost = current_task();
	sim_thread_new(&threads[0], 0);
	be_child_of(&threads[0]);
	lost->lock.word = task_id() | spin_generation;
	EXPECT(use_heap(&threads[0]));
	EXPECT_EQ(lost->lock.word, 0);
	EXPECT_EQ(lost->mm.tid, threads[0].tid); /* has the block now */
	EXPECT_SOUND();
}

/* From its slow_enter() on, a child would notice. */
SIM_TEST(a_second_thread_is_seen_before_it_has_done_anything)
{
	struct slow slow;

	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	sim_thread_new(&threads[0], 0);
	sim_switch_to(&threads[0]);
	slow_enter_anyway(&slow);
	sim_wipe_fork_cookie();
	EXPECT(slab_fork_pending());
	slow_leave(&slow);
}

/* Otherwise a later settling would forget the child's background thread with the parent's. */
SIM_TEST(a_lone_child_settles_before_it_may_start_a_background_thread)
{
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	be_child_of(&sim_main_thread);
	poke();
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(current_task()->mm.tid, sim.process_id);
	EXPECT_EQ(slab_process_id, sim.process_id);
	/* Only once: a thread started since is this child's own. */
	current_task()->mm.tid = 1;
	poke();
	EXPECT_EQ(current_task()->mm.tid, 1);
}

/* It is known by its number, which is another one here. */
SIM_TEST(a_lone_child_settles_before_its_thread_leaves)
{
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	be_child_of(&sim_main_thread);
	sim_run_exit(&sim_main_thread);
	EXPECT_EQ(current_task()->state, TASK_DYING);
	EXPECT_EQ(current_task()->mm.tid, sim.process_id);
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
}

static void grow_old_and_large(void)
{
	grow_large();
	sim.clock_ms += 3600000;
}

/* Before its first pass that thread does nothing by which it could be seen. */
SIM_TEST(a_child_notices_that_it_lost_a_background_thread_that_was_only_started)
{
	EXPECT(sim_start());
	grow_old_and_large();
	EXPECT_EQ(sim.threads_refused, 0);
	sim_wipe_fork_cookie();
	EXPECT(!slab_fork_pending());
	be_child_of(&sim_main_thread);
	grow_old_and_large();
	poke();
	EXPECT_EQ(sim.threads_refused, 1);
	be_child_of(&sim_main_thread);
	EXPECT(slab_fork_pending());
}

/* A child of vfork() has its parent's memory and variables, but is another process. */
static void be_vfork_child_of(struct sim_thread *t)
{
	sim.thread_is_borrowed = true;
	sim.parent_id = sim.process_id;
	t->tid += 100;
	sim.process_id = t->tid;
}

static void be_its_parent_again(struct sim_thread *t)
{
	sim.thread_is_borrowed = false;
	t->tid -= 100;
	sim.process_id = sim.parent_id;
}

/* When the child ends, that thread would seem to be gone, and its block go to another thread. */
SIM_TEST(a_child_of_vfork_makes_no_block_for_the_thread_of_its_parent)
{
	sim.process_id = sim_main_thread.tid;
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	sim_thread_new(&threads[0], 0);
	be_vfork_child_of(&threads[0]);
	EXPECT(!use_heap(&threads[0]));
	be_its_parent_again(&threads[0]);
	EXPECT(use_heap(&threads[0]));
	EXPECT_EQ(task_of(&threads[0])->mm.tid, threads[0].tid);
	EXPECT_SOUND();
}

/* The number that is noted at the start is the program's, not the child's. */
SIM_TEST(a_program_whose_child_of_vfork_was_the_first_to_want_memory_is_served_as_any)
{
	struct slow slow;

	sim.process_id = sim_main_thread.tid;
	be_vfork_child_of(&sim_main_thread);
	EXPECT(!use_heap(&sim_main_thread));
	be_its_parent_again(&sim_main_thread);
	EXPECT_EQ(slab_process_id, sim.process_id);
	slow_enter_anyway(&slow);
	EXPECT(slow.task);
	EXPECT_EQ(slow.task->mm.tid, sim.process_id);
	slow_leave(&slow);
}

/*
 * Its parent is a child of @forked that nobody has put in order, and stays so.  Else the number of
 * the child of vfork(), which is soon gone, would be noted for its parent's thread.
 */
static void expect_nothing_put_in_order(struct sim_thread *forked)
{
	struct task *task;
	u32 tid;

	task = task_of(forked);
	tid = task ? task->mm.tid : 0;
	be_child_of(forked);
	be_vfork_child_of(forked);
	for (int i = 0; i < 3; i++)
		(void)use_heap(forked);
	EXPECT(task_of(forked) == task);
	EXPECT(!task || task->mm.tid == tid);
	EXPECT_EQ(sim_fork_cookie(), FORK_NEW);
	be_its_parent_again(forked);
	for (int i = 0; i < 2; i++)
		EXPECT(use_heap(forked));
	EXPECT_EQ(task_of(forked)->mm.tid, forked->tid);
	EXPECT_SOUND();
}

SIM_TEST(a_child_of_vfork_of_a_child_that_lost_threads_puts_nothing_in_order)
{
	start_with(threads, 1);
	expect_nothing_put_in_order(&sim_main_thread);
}

SIM_TEST(a_child_of_vfork_of_a_child_of_which_nobody_has_been_in_puts_nothing_in_order)
{
	sim.process_id = sim_main_thread.tid;
	EXPECT(sim_start());
	expect_nothing_put_in_order(&sim_main_thread);
}

/* Its parent has not noted its number, so it looks like a child of vfork() but for its memory. */
static void expect_child_of_clone_to_be_put_in_order(void)
{
	sim.process_id = sim_main_thread.tid;
	be_child_of(&sim_main_thread);
	sim.thread_is_borrowed = sim.memory_is_copied = true;
	sim.parent_id = sim.process_id;
	be_child_of(&sim_main_thread);
	EXPECT(use_heap(&sim_main_thread));
	slab_fork_settle_lone();
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(slab_process_id, sim.process_id);
	EXPECT_EQ(current_task()->mm.tid, sim.process_id);
	EXPECT_SOUND();
}

SIM_TEST(a_child_of_clone_of_a_child_that_lost_threads_is_put_in_order)
{
	start_with(threads, 1);
	expect_child_of_clone_to_be_put_in_order();
}

SIM_TEST(a_child_of_clone_of_a_lone_child_settles)
{
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	expect_child_of_clone_to_be_put_in_order();
}

SIM_TEST(a_child_of_vfork_that_comes_in_for_a_new_thread_puts_nothing_in_order)
{
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	sim_thread_new(&threads[0], 0);
	expect_nothing_put_in_order(&threads[0]);
}

/* It would note its own number in its parent's heap. */
SIM_TEST(a_child_of_vfork_of_a_lone_child_settles_nothing)
{
	struct task *task;

	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	task = current_task();
	be_child_of(&sim_main_thread);
	sim.thread_is_borrowed = true;
	slab_fork_settle_lone();
	EXPECT_EQ(sim_fork_cookie(), FORK_NEW);
	sim.thread_is_borrowed = false;
	slab_fork_settle_lone();
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(task->mm.depth, 0);
}

/* ---- children whose handlers are called ---- */

static void must_not_wait(void)
{
	EXPECT(false);
}

/* At once, since the child's first slow path might be that of a thread which it starts. */
SIM_TEST(where_the_system_wipes_no_page_handlers_tell_of_a_child)
{
	struct task *lost;
	u32 before;

	sim.no_fork_cookie = true;
	start_with(threads, 1);
	EXPECT_EQ(sim.fork_handlers, 1);
	for (int forks = 1; forks < 3; forks++) {
		lost = task_of(&threads[0]);
		before = spin_generation;
		be_child_of(&sim_main_thread);
		sim.on_sleep = must_not_wait;
		sim.fork_handler();
		EXPECT(spin_generation != before && !slab_fork_pending());
		EXPECT_EQ(lost->state, TASK_DYING);
		EXPECT_EQ(current_task()->mm.depth, 0);
		EXPECT_SOUND();
		start_thread(&threads[0]);
	}
	EXPECT_EQ(sim.fork_handlers, 1);
}

/* As it starts: no page tells of a child, not even that of a lone thread. */
SIM_TEST(where_the_system_wipes_no_page_the_first_thread_registers_a_handler)
{
	sim.no_fork_cookie = true;
	EXPECT(sim_start());
	EXPECT_EQ(sim.fork_handlers, 1);
	slab_fork_end_alone();
	EXPECT(!slab_fork_pending());
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim.fork_handlers, 1);
	poke();
	sim_run_exit(&sim_main_thread);
	EXPECT_EQ(current_task()->state, TASK_WARM);
}

/*
 * Registering takes a lock of the C library.  A child of _Fork() that another thread makes then
 * waits for it for ever when it forks.
 */
SIM_TEST(where_the_system_wipes_a_page_no_thread_registers_a_handler)
{
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	for (int i = 0; i < 3; i++)
		start_thread(&threads[i]);
	sim_switch_to(&sim_main_thread);
	grow_old_and_large();
	poke();
	be_child_of(&sim_main_thread);
	start_thread(&threads[0]);
	EXPECT_EQ(sim.fork_handlers, 0);
}

/* ---- who waits ---- */

#define CLAIM 1 /* the second word of the page: the number of the thread that repairs */

static void others_repair(void)
{
	slab_fork_cookie[0] = FORK_REPAIRED;
	sim.on_sleep = must_not_wait;
}

SIM_TEST(a_thread_that_comes_in_while_another_repairs_waits_for_that)
{
	u32 before;
	u64 sleeps;

	start_with(threads, 1);
	be_child_of(&sim_main_thread);
	slab_fork_cookie[CLAIM] = 4711;
	before = spin_generation;
	sleeps = sim.sleeps;
	sim.on_sleep = others_repair;
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim.sleeps, sleeps + 1);
	EXPECT_EQ(spin_generation, before);
	EXPECT_EQ(task_of(&threads[0])->state, TASK_LIVE);
}

/* Whoever waits for a lock of a thread that is lost, with what it does not know yet. */
SIM_TEST(a_long_wait_for_a_lock_notices_a_fork)
{
	start_with(threads, 1);
	spin_long_wait();
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	be_child_of(&sim_main_thread);
	spin_long_wait();
	EXPECT_EQ(sim_fork_cookie(), FORK_NOTICED);
	EXPECT_EQ(spin_kept_owner, task_id());
}

/* It would belong to the child, and end with it. */
SIM_TEST(a_child_of_vfork_starts_no_background_thread)
{
	sim.process_id = sim_main_thread.tid;
	EXPECT(sim_start());
	grow_old_and_large();
	be_vfork_child_of(&sim_main_thread);
	poke();
	EXPECT_EQ(sim.threads_refused, 0);
	be_its_parent_again(&sim_main_thread);
	poke();
	EXPECT_EQ(sim.threads_refused, 1);
}

/*
 * The parent is a child that has not been in, and so has not noted its number: only the C library
 * knows that the thread is its.
 */
SIM_TEST(a_child_of_vfork_of_a_child_that_has_not_been_in_makes_no_block)
{
	struct slow slow;

	sim.process_id = sim_main_thread.tid;
	EXPECT(sim_start());
	be_child_of(&sim_main_thread);
	be_vfork_child_of(&sim_main_thread);
	slow_enter_anyway(&slow);
	EXPECT(!slow.task);
	EXPECT_EQ(sim_fork_cookie(), FORK_NEW);
	slow_leave(&slow);
	be_its_parent_again(&sim_main_thread);
	EXPECT(use_heap(&sim_main_thread));
}

/* Its destructors are over, so perhaps no thread is left that would end the background thread. */
SIM_TEST(a_thread_that_leaves_starts_no_background_thread)
{
	EXPECT(sim_start());
	grow_old_and_large();
	current_task()->mm.leaving = true;
	poke();
	EXPECT_EQ(sim.threads_refused, 0);
	current_task()->mm.leaving = false;
	poke();
	EXPECT_EQ(sim.threads_refused, 1);
}

/* The repair would take the new thread for gone. */
SIM_TEST(a_child_that_is_not_repaired_yet_starts_no_background_thread)
{
	struct slow outer, inner;

	EXPECT(sim_start());
	start_thread(&threads[0]);
	grow_old_and_large();
	slow_enter_anyway(&outer);
	be_child_of(&sim_main_thread);
	slow_enter_anyway(&inner);
	slow_leave(&inner);
	slow_leave(&outer);
	EXPECT_EQ(sim_fork_cookie(), FORK_NOTICED);
	mm_grew = true;
	kswapd_poke(&outer);
	EXPECT_EQ(sim.threads_refused, 0);
	EXPECT_EQ(sim_fork_cookie(), FORK_NOTICED);
	/* From its next slow path on the child's heap has an age of its own. */
	poke();
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	sim.clock_ms += 3600000;
	poke();
	EXPECT_EQ(sim.threads_refused, 1);
}

/* The handler may have interrupted fork(), which has the lock that registering needs. */
SIM_TEST(a_signal_handler_leaves_it_to_the_next_thread_to_be_called_at_forks)
{
	sim.no_fork_cookie = true;
	sim.in_handler = true;
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	start_thread(&threads[0]);
	EXPECT_EQ(sim.fork_handlers, 0);
	sim.in_handler = false;
	for (int i = 1; i < 3; i++) {
		start_thread(&threads[i]);
		EXPECT_EQ(sim.fork_handlers, 1);
	}
}

/* The handler may have interrupted pthread_create(), which has the lock that a start needs. */
SIM_TEST(a_signal_handler_leaves_the_background_thread_to_what_comes_after_it)
{
	EXPECT(sim_start());
	grow_old_and_large();
	sim.in_handler = true;
	poke();
	EXPECT_EQ(sim.threads_refused, 0);
	sim.in_handler = false;
	sim.clock_ms += 100;
	poke();
	EXPECT_EQ(sim.threads_refused, 1);
}

/* If it forked, its child would believe that it had the background thread, and would have none. */
SIM_TEST(no_signal_handler_comes_while_the_background_thread_is_started)
{
	EXPECT(sim_start());
	sim.threads_start = true;
	grow_old_and_large();
	poke();
	EXPECT(sim.thread);
	EXPECT_EQ(sim.interruptible, 0);
	EXPECT_EQ(sim.blocked, 0);
}

static u64 interrupted_at;
static bool interrupted;
static u32 expected_tid;

static void poke_in_handler(u64 number)
{
	if (number < interrupted_at || sim.blocked)
		return;
	step_stop();
	interrupted = true;
	poke();
	if (sim_fork_cookie() == FORK_REPAIRED)
		current_task()->mm.tid = expected_tid = 1;
}

/* Settle in a new child, interrupted by @handler one instruction later than in the last one. */
static void settle_in_next_child(void (*handler)(u64 number))
{
	interrupted_at++;
	interrupted = false;
	be_child_of(&sim_main_thread);
	expected_tid = sim.process_id;
	sim.clock_ms += 3600000;
	step_through(poke, handler);
	step_stop();
}

/*
 * The handler waits for nothing and does not go by what is half settled, as the age of the heap,
 * which is still the parent's.  What the handler settles is not settled again.
 */
SIM_TEST(a_lone_child_that_settles_may_be_interrupted)
{
	EXPECT(sim_start());
	grow_large();
	do {
		settle_in_next_child(poke_in_handler);
		EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
		EXPECT_EQ(current_task()->mm.tid, expected_tid);
		EXPECT_EQ(sim.threads_refused, 0);
	} while (interrupted);
}

static void fork_in_handler(u64 number)
{
	if (number < interrupted_at || sim.blocked)
		return;
	step_stop();
	interrupted = true;
	be_child_of(&sim_main_thread);
}

/* Its child has not settled, however far the parent had come. */
SIM_TEST(a_lone_child_that_settles_may_fork)
{
	EXPECT(sim_start());
	grow_large();
	do {
		settle_in_next_child(fork_in_handler);
		poke();
		EXPECT_EQ(sim.threads_refused, 0);
		EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
		EXPECT_EQ(current_task()->mm.tid, sim.process_id);
	} while (interrupted);
	EXPECT(interrupted_at > 100 || !step_can());
}

static void fork_before_settled(u64 number)
{
	if (!sim.blocked && sim_fork_cookie() != FORK_REPAIRED && in_child_from_here(number))
		be_child_of(&sim_main_thread);
}

static void run_exit(void)
{
	sim_run_exit(&sim_main_thread);
}

/* It settles again: its number is another one there. */
SIM_TEST(a_lone_child_whose_thread_leaves_may_fork)
{
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	be_child_of(&sim_main_thread);
	step_through(run_exit, fork_before_settled);
	step_stop();
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(current_task()->mm.tid, sim.process_id);
	EXPECT_EQ(current_task()->state, TASK_DYING);
}

/*
 * The first of two threads has forked; the second was outside at the fork, or inside.  A third one,
 * started in the child, comes in first.
 */
static void fork_without_handlers(bool second_inside)
{
	struct task *second;

	start_with(threads, 1);
	second = task_of(&threads[0]);
	EXPECT(current_task()->pcs[0].main && second->pcs[0].main);
	second->mm.depth = second_inside;
	be_child_of(&sim_main_thread);
	start_thread(&threads[1]);
	EXPECT(use_heap(&threads[1]));
	EXPECT_EQ(sim_fork_cookie(), FORK_UNDECIDED);
}

SIM_TEST(all_that_may_have_forked_keep_what_they_have_until_the_one_comes_in)
{
	struct task *first, *second;

	fork_without_handlers(/* second_inside= */ false);
	first = current_task();
	second = task_of(&threads[0]);
	EXPECT(first->state == TASK_LIVE && first->pcs[0].main);
	EXPECT(second->state == TASK_LIVE && second->pcs[0].main);
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT(first->state == TASK_LIVE && first->pcs[0].main);
	EXPECT_EQ(first->mm.tid, sim.process_id);
	EXPECT(second->state == TASK_DYING && !second->pcs[0].main);
	EXPECT_EQ(second->mm.tid, 0);
	EXPECT_SOUND();
}

SIM_TEST(a_thread_that_was_inside_is_lost_and_the_others_keep_what_they_have)
{
	struct task *first, *second;
	struct slab_sheaf *main;

	fork_without_handlers(/* second_inside= */ true);
	first = current_task();
	second = task_of(&threads[0]);
	main = first->pcs[0].main;
	EXPECT(first->state == TASK_LIVE && main && main->size);
	EXPECT_EQ(second->mm.tid, threads[1].tid); /* has the block now */
	EXPECT(use_heap(&sim_main_thread));
	EXPECT(first->pcs[0].main == main);
	EXPECT_SOUND();
}

/*
 * The second of two threads was draining the first when that forked: it has @lock, of the first's
 * task, and @inflight, a sheaf of the first's, in hand.
 */
static void fork_while_drained(struct spinlock *lock, struct slab_sheaf *inflight)
{
	struct task *first = current_task(), *second = task_of(&threads[0]);
	struct slab_sheaf *main = first->pcs[0].main;
	unsigned int size = main->size;

	EXPECT(size);
	lock->word = second->mm.id | spin_generation;
	first->inflight = inflight;
	second->mm.depth = 1;
	be_child_of(&sim_main_thread);
	for (int i = 1; i < 3; i++) {
		start_thread(&threads[i]);
		EXPECT(use_heap(&threads[i]));
	}
	EXPECT_EQ(sim_fork_cookie(), FORK_UNDECIDED);
	EXPECT(task_of(&threads[1]) != first && task_of(&threads[2]) != first);
	EXPECT_EQ(first->state, TASK_LIVE);
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(first->mm.tid, sim.process_id);
	EXPECT(first->pcs[0].main == main && main->size == size);
	EXPECT(!first->inflight && !lock->word);
	EXPECT_SOUND();
}

SIM_TEST(a_thread_whose_sheaves_a_lost_one_was_draining_may_have_forked)
{
	start_with(threads, 1);
	fork_while_drained(&current_task()->lock, current_task()->pcs[0].main);
}

SIM_TEST(a_thread_whose_page_set_a_lost_one_was_draining_may_have_forked)
{
	start_with(threads, 1);
	pages_put(pages_get(0, 0), 0);
	fork_while_drained(&current_task()->mm.pcp.lock, NULL);
}

/* The one that has forked has no task, so all threads that have one are lost. */
SIM_TEST(a_thread_that_had_never_been_in_may_be_the_one_that_has_forked)
{
	struct task *first;

	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	first = current_task();
	start_thread(&threads[0]);
	sim_thread_new(&threads[2], 0);
	be_child_of(&threads[2]);
	start_thread(&threads[1]);
	EXPECT_EQ(sim_fork_cookie(), FORK_UNDECIDED);
	EXPECT_EQ(first->state, TASK_LIVE);
	EXPECT(use_heap(&threads[2]));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT(first->state == TASK_DYING || first == task_of(&threads[2])); /* has the block */
	EXPECT_SOUND();
}

/* The thread repairs the heap as it leaves, and has another number from then on. */
SIM_TEST(a_child_whose_thread_leaves_before_all_else_has_nothing_at_hand_for_it)
{
	struct task *task, *lost_one;

	start_with(threads, 1);
	lost_one = current_task();
	sim_switch_to(&threads[0]);
	task = current_task();
	EXPECT(task->pcs[0].main);
	be_child_of(&threads[0]);
	sim_thread_exit(&threads[0]);
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(lost_one->state, TASK_DYING);
	EXPECT_EQ(task->state, TASK_DYING);
	EXPECT(!task->pcs[0].main);
	EXPECT_SOUND();
}

/*
 * A handler has interrupted the main thread in a slow path, with lock @kept, forked, and started
 * @threads[1] in the child.  @threads[0] is lost, with lock @lost.
 */
static struct spinlock kept = SPINLOCK_INIT(RANK_RECLAIM), lost = SPINLOCK_INIT(RANK_RECLAIM);

static void fork_in_slow_path(struct slow *outer)
{
	struct slow inner;

	start_with(threads, 1);
	sim_switch_to(&threads[0]);
	lost.word = task_id() | spin_generation;
	sim_switch_to(&sim_main_thread);
	slow_enter_anyway(outer);
	kept.word = task_id() | spin_generation;
	be_child_of(&sim_main_thread);
	slow_enter_anyway(&inner);
	EXPECT(inner.nested);
	slow_leave(&inner);
	sim_thread_new(&threads[1], 0);
}

SIM_TEST(a_thread_that_is_started_where_the_fork_was_in_a_slow_path_is_a_guest)
{
	struct slow outer, guest;
	struct task *task;
	void *obj;

	fork_in_slow_path(&outer);
	task = current_task();
	sim_switch_to(&threads[1]);
	EXPECT(slow_enter(&guest));
	EXPECT(guest.nested && !guest.task);
	EXPECT_EQ(spin_trylock(&kept), LOCK_BUSY);
	EXPECT_EQ(spin_trylock(&lost), LOCK_STALE);
	spin_unlock(&lost);
	slow_leave(&guest);
	obj = slab_alloc(&kmalloc_caches[3], 0, NUMA_NO_NODE);
	EXPECT(obj);
	slab_free(&kmalloc_caches[3], obj);
	sim_switch_to(&sim_main_thread);
	EXPECT(task->state == TASK_LIVE && task->pcs[0].main);
	EXPECT_EQ(sim_fork_cookie(), FORK_NOTICED);
	kept.word = 0;
	slow_leave(&outer);
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT(current_task() == task && task->state == TASK_LIVE);
	/* Now it is no guest any more. */
	EXPECT(use_heap(&threads[1]));
	EXPECT(task_of(&threads[1]));
	EXPECT_SOUND();
}

/*
 * A handler has interrupted the main thread in a slow path and forked, but has not been in since.
 * The first to come in is @threads[1], which it has started.
 */
static void fork_unnoticed_in_slow_path(struct slow *outer)
{
	start_with(threads, 1);
	slow_enter_anyway(outer);
	kept.word = task_id() | spin_generation;
	be_child_of(&sim_main_thread);
	sim.first_thread = &sim_main_thread;
	sim_thread_new(&threads[1], 0);
	sim_switch_to(&threads[1]);
}

/* A seccomp filter may end the program for the call. */
SIM_TEST(which_thread_is_the_first_is_asked_only_where_one_was_in_a_slow_path)
{
	start_with(threads, 1);
	be_child_of(&sim_main_thread);
	sim.first_thread = &sim_main_thread;
	start_thread(&threads[1]);
	EXPECT_EQ(sim_fork_cookie(), FORK_UNDECIDED);
	EXPECT_EQ(sim.first_thread_asks, 0);
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
}

SIM_TEST(a_thread_that_is_started_before_the_fork_was_noticed_in_a_slow_path_is_a_guest)
{
	struct slow outer, guest;
	struct task *task;
	u64 sleeps;

	fork_unnoticed_in_slow_path(&outer);
	task = task_of(&sim_main_thread);
	/* It may be refilling a sheaf, and goes on with that. */
	task->inflight = task->pcs[0].main;
	sim_switch_to(&threads[1]);
	sleeps = sim.sleeps;
	slow_enter_anyway(&guest);
	EXPECT(sim.sleeps > sleeps);
	EXPECT_EQ(sim_fork_cookie(), FORK_NOTICED);
	EXPECT_EQ(spin_kept_owner, task->mm.id);
	EXPECT(guest.nested && !guest.task);
	EXPECT_EQ(spin_trylock(&kept), LOCK_BUSY);
	slow_leave(&guest);
	sim_switch_to(&sim_main_thread);
	EXPECT(current_task() == task && task->inflight && task->pcs[0].main);
	EXPECT_EQ(task->state, TASK_LIVE);
	task->inflight = NULL;
	kept.word = 0;
	slow_leave(&outer);
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT(current_task() == task);
	EXPECT_EQ(task_of(&threads[0])->state, TASK_DYING);
	EXPECT(use_heap(&threads[1]));
	EXPECT(task_of(&threads[1]) != task);
	EXPECT_SOUND();
}

static struct slow forked_in;

static void first_leaves(void)
{
	sim_switch_to(&sim_main_thread);
	kept.word = 0;
	slow_leave(&forked_in);
	sim_switch_to(&threads[1]);
}

/* It has returned from the handler, and may be at work in slabs. */
SIM_TEST(a_thread_that_forked_in_a_slow_path_gets_time_to_leave_it)
{
	fork_unnoticed_in_slow_path(&forked_in);
	sim.on_sleep = first_leaves;
	enter_and_leave();
	EXPECT_EQ(sim_fork_cookie(), FORK_UNDECIDED);
	EXPECT(task_of(&threads[1]));
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(current_task()->state, TASK_LIVE);
	EXPECT_SOUND();
}

/* The same, but the main thread was alone. */
static struct task *fork_alone_in_slow_path(void)
{
	struct task *alone;

	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	alone = current_task();
	slow_enter_anyway(&forked_in);
	kept.word = task_id() | spin_generation;
	be_child_of(&sim_main_thread);
	sim_thread_new(&threads[1], 0);
	sim_switch_to(&threads[1]);
	return alone;
}

SIM_TEST(a_thread_that_is_started_where_a_lone_one_forked_in_a_slow_path_is_a_guest)
{
	struct task *alone = fork_alone_in_slow_path();
	struct slow guest;

	EXPECT(slow_enter(&guest));
	EXPECT(sim.sleeps && !sim.first_thread_asks);
	EXPECT_EQ(sim_fork_cookie(), FORK_NOTICED);
	EXPECT(guest.nested && !guest.task);
	EXPECT_EQ(spin_trylock(&kept), LOCK_BUSY);
	slow_leave(&guest);
	first_leaves();
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT(current_task() == alone && alone->state == TASK_LIVE);
	EXPECT(use_heap(&threads[1]));
	EXPECT(task_of(&threads[1]) != alone);
	EXPECT_SOUND();
}

SIM_TEST(a_lone_thread_that_forked_in_a_slow_path_gets_time_to_leave_it)
{
	struct task *alone = fork_alone_in_slow_path();
	u32 before = spin_generation;

	sim.on_sleep = first_leaves;
	EXPECT(use_heap(&threads[1]));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(spin_generation, before);
	EXPECT_EQ(alone->state, TASK_LIVE);
	EXPECT_SOUND();
}

static void newcomer_forks(void)
{
	be_child_of(&threads[1]);
}

/* In its child that one is lost, with its locks. */
SIM_TEST(a_thread_may_fork_while_it_gives_a_lone_one_time)
{
	struct task *alone = fork_alone_in_slow_path();
	u32 before = spin_generation;

	sim.on_sleep = newcomer_forks;
	EXPECT(use_heap(&threads[1]));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT(spin_generation != before);
	EXPECT_EQ(spin_kept_owner, 0);
	EXPECT_EQ(alone->mm.tid, threads[1].tid); /* has the block now */
	EXPECT_SOUND();
}

static struct slow staying;

static void guest_leaves(void)
{
	sim_switch_to(&threads[1]);
	slow_leave(&staying);
	sim_switch_to(&sim_main_thread);
}

SIM_TEST(a_thread_that_forked_in_a_slow_path_waits_for_its_guests_before_it_repairs)
{
	struct slow outer;
	u64 sleeps;

	fork_in_slow_path(&outer);
	sim_switch_to(&threads[1]);
	EXPECT(slow_enter(&staying));
	/* In a handler, whose end is not that of the guest. */
	enter_and_leave();
	sim_switch_to(&sim_main_thread);
	kept.word = 0;
	slow_leave(&outer);
	sleeps = sim.sleeps;
	sim.on_sleep = guest_leaves;
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim.sleeps, sleeps + 1);
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
}

#define NOT_REACHED 10

static void guest_comes_in(void)
{
	EXPECT(slow_enter(&staying));
}

/* The guest was counted in time, so the repair waits for it. */
static void is_waited_for(void)
{
	_exit(0);
}

static void owner_goes_on(u64 number)
{
	if (number < interrupted_at)
		return;
	step_stop();
	interrupted = true;
	sim_switch_to(&sim_main_thread);
	kept.word = 0;
	slow_leave(&forked_in);
	sim.on_sleep = is_waited_for;
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	sim_switch_to(&threads[1]);
}

static void guest_comes_late(void)
{
	fork_in_slow_path(&forked_in);
	sim_switch_to(&threads[1]);
	step_through(guest_comes_in, owner_goes_on);
	step_stop();
	if (!interrupted)
		_exit(NOT_REACHED);
	EXPECT(!staying.nested);
}

/* At any instruction of its way in, the other thread may go on and repair. */
static void a_thread_that_comes_in_while_guests_are_sent_off_is_waited_for_or_no_guest(void **state)
{
	int status = 0;

	(void)state;
	for (interrupted_at = 1; !status; interrupted_at++)
		status = sim_run_status(guest_comes_late);
	assert_int_equal(status, NOT_REACHED);
}

static void leave_staying(void)
{
	slow_leave(&staying);
}

static void handler_is_waited_for(u64 number)
{
	struct slow handler;

	if (!in_child_from_here(number))
		return;
	slow_enter_anyway(&handler);
	EXPECT(handler.nested);
	sim_switch_to(&sim_main_thread);
	kept.word = 0;
	slow_leave(&forked_in);
	sim.on_sleep = is_waited_for;
	EXPECT(use_heap(&sim_main_thread));
	sim_fail(__FILE__, __LINE__, "the handler is waited for");
}

/* The guest is counted for as long as its handlers are nested, and then they are guests. */
SIM_TEST(a_handler_that_comes_in_as_its_guest_leaves_is_waited_for)
{
	fork_in_slow_path(&forked_in);
	sim_switch_to(&threads[1]);
	EXPECT(slow_enter(&staying));
	step_through(leave_staying, handler_is_waited_for);
}

/* In its own child it is no guest. */
SIM_TEST(a_guest_may_fork)
{
	struct slow outer, inner;

	fork_in_slow_path(&outer);
	sim_switch_to(&threads[1]);
	EXPECT(slow_enter(&staying));
	be_child_of(&threads[1]);
	slow_enter_anyway(&inner);
	EXPECT_EQ(spin_trylock(&kept), LOCK_STALE);
	spin_unlock(&kept);
	slow_leave(&inner);
	slow_leave(&staying);
	EXPECT(use_heap(&threads[1]));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_SOUND();
}

/* Another thread of the child has noticed the fork already. */
SIM_TEST(the_thread_that_forked_is_no_guest_of_one_that_it_started)
{
	struct slow slow;

	start_with(threads, 1);
	be_child_of(&sim_main_thread);
	sim_thread_new(&threads[1], 0);
	sim_switch_to(&threads[1]);
	spin_long_wait();
	EXPECT_EQ(sim_fork_cookie(), FORK_NOTICED);
	sim_switch_to(&sim_main_thread);
	slow_enter_anyway(&slow);
	EXPECT(slow.task && !slow.nested);
	slow_leave(&slow);
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_SOUND();
}

static void others_notice(void)
{
	slab_fork_cookie[0] = FORK_NOTICED;
	spin_kept_owner = TASK_ID_BARE | 4711;
}

/* Otherwise it would leave in another generation than it came in, and be counted for ever. */
SIM_TEST(a_thread_that_comes_in_while_another_notices_waits_for_that)
{
	struct slow guest;
	u64 sleeps;

	start_with(threads, 1);
	be_child_of(&sim_main_thread);
	slab_fork_cookie[0] = FORK_NOTICING;
	sim_thread_new(&threads[2], 0);
	sim_switch_to(&threads[2]);
	sleeps = sim.sleeps;
	sim.on_sleep = others_notice;
	slow_enter_anyway(&guest);
	EXPECT_EQ(sim.sleeps, sleeps + 1);
	EXPECT(guest.nested && !guest.task);
	slow_leave(&guest);
}

/*
 * The main thread has forked, and a handler interrupts it as it comes in: it forks, and its child
 * comes in, or leaves that to what was interrupted.
 */
static bool handler_comes_in;

static void fork_once_more(u64 number)
{
	(void)number;
	if (!signal_comes_at(interrupted_at))
		return;
	interrupted = true;
	be_child_of(&sim_main_thread);
	if (handler_comes_in)
		enter_and_leave();
}

static void handler_forks_as_the_first_comes_in(void)
{
	start_with(threads, 1);
	task_of(&threads[0])->mm.depth = 1;
	be_child_of(&sim_main_thread);
	step_through(enter_and_leave, fork_once_more);
	step_stop();
	if (!interrupted)
		_exit(NOT_REACHED);
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(slab_process_id, sim.process_id);
	EXPECT_EQ(current_task()->mm.tid, sim.process_id);
	start_thread(&threads[1]);
	EXPECT(task_of(&threads[1]));
	EXPECT_SOUND();
}

/* As the interrupted repair would go on in it, all that this has noted would be its parent's. */
static void a_child_of_a_child_that_is_put_in_order_just_then_is_put_in_order_too(void **state)
{
	(void)state;
	if (!step_can())
		skip();
	for (int i = 0; i < 2; i++) {
		int status = 0;

		handler_comes_in = i;
		for (interrupted_at = 1; !status; interrupted_at += 25)
			status = sim_run_status(handler_forks_as_the_first_comes_in);
		assert_int_equal(status, NOT_REACHED);
		assert_in_range(interrupted_at, 30, 1000);
	}
}

static bool in_a_child;
static const u32 *lone_cookie;
static int steps_noticing;

static void fork_here(u64 number)
{
	steps_noticing += slab_fork_cookie != lone_cookie;
	if (number < interrupted_at || steps_noticing > 100 || sim.blocked)
		return;
	step_stop();
	interrupted = true;
	be_child_of(&threads[0]);
}

static void second_forks_as_it_comes_in(void)
{
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	lost.word = task_id() | spin_generation;
	if (in_a_child)
		be_child_of(&sim_main_thread);
	lone_cookie = slab_fork_cookie;
	sim_thread_new(&threads[0], 0);
	sim_switch_to(&threads[0]);
	step_through(enter_and_leave, fork_here);
	step_stop();
	if (!interrupted)
		_exit(NOT_REACHED);
	EXPECT(use_heap(&threads[0]));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	sim_switch_to(&threads[0]);
	EXPECT_EQ(spin_trylock(&lost), LOCK_STALE);
	EXPECT_EQ(nr_tasks, 2);
	EXPECT_SOUND();
}

/*
 * The first thread, which was alone, may have had any lock.  In the child it is lost, even if it
 * had forked itself before (in_a_child).
 */
static void a_second_thread_that_forks_as_it_comes_in_has_lost_the_first(void **state)
{
	(void)state;
	if (!step_can())
		skip();
	for (int i = 0; i < 2; i++) {
		int status = 0;

		in_a_child = i;
		for (interrupted_at = 1; !status; interrupted_at++)
			status = sim_run_status(second_forks_as_it_comes_in);
		assert_int_equal(status, NOT_REACHED);
		assert_in_range(interrupted_at, 40, 1000);
	}
}

static void come_in_as_handler(u64 number)
{
	steps_noticing += slab_fork_cookie != lone_cookie;
	if (steps_noticing <= 100 && !sim.blocked && in_child_from_here(number))
		enter_and_leave();
}

/* The handler may be the one that notices. */
SIM_TEST(a_second_thread_in_a_lone_child_may_be_interrupted_as_it_comes_in)
{
	struct task *alone;

	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	alone = current_task();
	be_child_of(&sim_main_thread);
	lone_cookie = slab_fork_cookie;
	sim_thread_new(&threads[0], 0);
	sim_switch_to(&threads[0]);
	step_through(enter_and_leave, come_in_as_handler);
	step_stop();
	EXPECT(current_task());
	EXPECT_EQ(current_task()->mm.tid, threads[0].tid);
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(alone->state, TASK_LIVE);
	EXPECT_EQ(alone->mm.tid, sim.process_id);
	sim.on_sleep = must_not_wait;
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_SOUND();
}

RUN_TESTS(T(a_second_thread_in_a_lone_child_may_be_interrupted_as_it_comes_in),
	  T(the_child_of_a_lone_thread_does_not_notice),
	  T(a_thread_that_comes_first_in_the_child_of_a_lone_one_takes_nothing_from_it),
	  T(a_thread_that_is_the_first_of_its_process_has_lost_the_one_that_was_alone),
	  T(a_second_thread_is_seen_before_it_has_done_anything),
	  T(a_lone_child_settles_before_it_may_start_a_background_thread),
	  T(a_lone_child_settles_before_its_thread_leaves),
	  T(a_lone_child_that_settles_may_be_interrupted), T(a_lone_child_that_settles_may_fork),
	  T(a_child_notices_that_it_lost_a_background_thread_that_was_only_started),
	  T(a_signal_handler_leaves_the_background_thread_to_what_comes_after_it),
	  T(no_signal_handler_comes_while_the_background_thread_is_started),
	  T(a_child_whose_thread_leaves_before_all_else_has_nothing_at_hand_for_it),
	  T(a_thread_that_is_started_where_the_fork_was_in_a_slow_path_is_a_guest),
	  T(which_thread_is_the_first_is_asked_only_where_one_was_in_a_slow_path),
	  T(a_thread_that_is_started_before_the_fork_was_noticed_in_a_slow_path_is_a_guest),
	  T(a_thread_that_forked_in_a_slow_path_gets_time_to_leave_it),
	  T(a_thread_that_is_started_where_a_lone_one_forked_in_a_slow_path_is_a_guest),
	  T(a_lone_thread_that_forked_in_a_slow_path_gets_time_to_leave_it),
	  T(a_thread_may_fork_while_it_gives_a_lone_one_time),
	  T(a_thread_that_forked_in_a_slow_path_waits_for_its_guests_before_it_repairs),
	  T(a_handler_that_comes_in_as_its_guest_leaves_is_waited_for),
	  T(a_guest_may_fork),
	  T(the_thread_that_forked_is_no_guest_of_one_that_it_started),
	  T(a_thread_that_comes_in_while_another_notices_waits_for_that),
	  T(a_child_of_a_child_that_is_put_in_order_just_then_is_put_in_order_too),
	  T(a_second_thread_that_forks_as_it_comes_in_has_lost_the_first),
	  T(a_thread_that_comes_in_while_guests_are_sent_off_is_waited_for_or_no_guest),
	  T(a_thread_that_leaves_starts_no_background_thread),
	  T(a_child_of_vfork_makes_no_block_for_the_thread_of_its_parent),
	  T(a_program_whose_child_of_vfork_was_the_first_to_want_memory_is_served_as_any),
	  T(a_child_of_vfork_of_a_child_that_has_not_been_in_makes_no_block),
	  T(a_child_of_vfork_of_a_child_that_lost_threads_puts_nothing_in_order),
	  T(a_child_of_vfork_of_a_child_of_which_nobody_has_been_in_puts_nothing_in_order),
	  T(a_child_of_clone_of_a_child_that_lost_threads_is_put_in_order),
	  T(a_child_of_clone_of_a_lone_child_settles),
	  T(a_child_of_vfork_that_comes_in_for_a_new_thread_puts_nothing_in_order),
	  T(a_child_of_vfork_of_a_lone_child_settles_nothing),
	  T(where_the_system_wipes_no_page_handlers_tell_of_a_child),
	  T(where_the_system_wipes_no_page_the_first_thread_registers_a_handler),
	  T(where_the_system_wipes_a_page_no_thread_registers_a_handler),
	  T(a_lone_child_whose_thread_leaves_may_fork),
	  T(a_thread_that_comes_in_while_another_repairs_waits_for_that),
	  T(a_long_wait_for_a_lock_notices_a_fork),
	  T(a_child_of_vfork_starts_no_background_thread),
	  T(a_child_that_is_not_repaired_yet_starts_no_background_thread),
	  T(a_signal_handler_leaves_it_to_the_next_thread_to_be_called_at_forks),
	  T(all_that_may_have_forked_keep_what_they_have_until_the_one_comes_in),
	  T(a_thread_that_was_inside_is_lost_and_the_others_keep_what_they_have),
	  T(a_thread_whose_sheaves_a_lost_one_was_draining_may_have_forked),
	  T(a_thread_whose_page_set_a_lost_one_was_draining_may_have_forked),
	  T(a_thread_that_had_never_been_in_may_be_the_one_that_has_forked))
