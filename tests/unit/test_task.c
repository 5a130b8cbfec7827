/* SPDX-License-Identifier: MIT */
/*
 * test_task.c - threads get task blocks, or do without: src/slab/task.c
 */
#include "unit.h"

static struct sim_thread threads[600];

SIM_TEST(a_start_without_memory_is_tried_again)
{
	struct slow slow;

	sim.fail_at = 1;
	sim.fail_onward = true;
	EXPECT(!slow_enter(&slow));
	slow_enter_anyway(&slow);
	EXPECT(!slow.task);
	slow_leave(&slow);
	sim.fail_at = 0;
	slow_enter_anyway(&slow);
	EXPECT(slow.task && !slow.nested);
	slow_leave(&slow);
}

SIM_TEST(a_thread_that_has_no_memory_for_a_block_uses_up_no_numbers)
{
	u32 given;
	size_t i;

	/* With nodes to choose from, which is for threads with a block. */
	sim_add_node(GiB, true);
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

/* It ends, and nobody hears of it: its destructors were over before it came in. */
static void end_untold(struct sim_thread *t)
{
	t->exit_value = NULL;
	sim_thread_exit(t);
}

static unsigned int blocks_made(void)
{
	unsigned int nr = 0;

	for (struct task *t = all_tasks; t; t = t->next)
		nr++;
	return nr;
}

static struct task *leaving;

static void leave(void)
{
	task_exit(leaving, leaving->mm.tid);
}

static void look_at_locks(u64 number)
{
	bool held = leaving->lock.word || leaving->mm.pcp.lock.word || tasks_lock.word;

	(void)number;
	EXPECT(!held || leaving->mm.depth);
}

/* Otherwise a handler that forks would repair the child at once, and wait for its own thread. */
SIM_TEST(a_thread_that_leaves_holds_locks_within_its_slow_path_alone)
{
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	leaving = current_task();
	step_through(leave, look_at_locks);
	EXPECT_EQ(leaving->state, TASK_DYING);
}

/* Two threads that drain it may find at the same time that its thread is gone. */
SIM_TEST(a_block_is_left_once)
{
	struct task *left;

	start_with(threads, 1);
	left = task_of(&threads[0]);
	end_untold(&threads[0]);
	task_exit(left, threads[0].tid);
	task_exit(left, threads[0].tid);
	for (int i = 1; i <= 3; i++)
		start_thread(&threads[i]);
	/* The first thread has the block, and the others have made their own. */
	EXPECT_EQ(left->mm.tid, threads[1].tid);
	EXPECT_EQ(blocks_made(), 4);
	/* A late task_exit() for the old thread must not take it from its new one either. */
	task_exit(left, threads[0].tid);
	EXPECT_EQ(left->state, TASK_LIVE);
	/* Nor is it on a list, where it could be had once that one is gone. */
	end_untold(&threads[1]);
	start_thread(&threads[4]);
	EXPECT_EQ(left->mm.tid, threads[1].tid);
}

static void come_in(void)
{
	struct slow slow;

	EXPECT(slow_enter(&slow));
	slow_leave(&slow);
}

static const u64 sequences[2][3] = {{11, 12, 13}, {21, 22, 23}};

/* As on a machine that has hits: sheaves are in cursors. */
static void start_with_hits(size_t nr)
{
	sim.sequences = sequences;
	start_with(threads, nr);
}

static void expect_sequence(const struct hit_rseq_cs *cs, const u64 *sequence)
{
	EXPECT_EQ(cs->start_ip, sequence[0]);
	EXPECT_EQ(cs->post_commit_offset, sequence[1]);
	EXPECT_EQ(cs->abort_ip, sequence[2]);
}

SIM_TEST(a_new_thread_finds_all_that_hits_need)
{
	const struct hit_area *hit;
	ptrdiff_t stray;

	start_with_hits(0);
	sim_thread_new(&threads[0], 0);
	sim_switch_to(&threads[0]);
	come_in();
	hit = &current_task()->hit;
	EXPECT(current_task()->cursors_on);
	expect_sequence(&hit->malloc_cs, sequences[0]);
	expect_sequence(&hit->free_cs, sequences[1]);
	EXPECT(hit->rseq_slot == os_rseq_slot());
	EXPECT(hit_free_tls == (char *)&hit->free_cs);
	for (int i = 0; i < MAP_CURSORS; i++)
		EXPECT(cursor_is_disabled(&hit->cursor[i], &stray));
}

SIM_TEST(without_sequences_hits_find_disabled_cursors)
{
	start_with(threads, 0);
	EXPECT(!current_task()->cursors_on);
	EXPECT(current_task()->hit.rseq_slot == &current_task()->hit.no_rseq);
}

SIM_TEST(where_each_free_is_checked_there_are_no_cursors)
{
	slab_unchecked_last = 0;
	start_with_hits(0);
	EXPECT(!current_task()->cursors_on);
}

/* What it took by hits is known from the cursor alone. */
static void expect_hits_to_count(bool warm)
{
	struct task *left;
	struct cursor *c;
	ptrdiff_t stray;

	start_with_hits(1);
	left = task_of(&threads[0]);
	c = class_cursor(left, 0);
	EXPECT(c->cur >= left->pcs[0].main->objects + 2);
	c->cur -= 2;
	if (!warm)
		task_exit(left, threads[0].tid);
	sim_thread_exit(&threads[0]);
	EXPECT_EQ(left->state, warm ? TASK_WARM : TASK_DYING);
	EXPECT(cursor_is_disabled(c, &stray));
	(void)slab_reclaim(/* all= */ true);
	EXPECT_EQ(cache_inuse(&kmalloc_caches[0]), 2);
	EXPECT_SOUND();
}

SIM_TEST(hits_of_a_thread_that_leaves_its_sheaves_count)
{
	expect_hits_to_count(/* warm= */ true);
}

SIM_TEST(hits_of_a_thread_whose_sheaves_are_emptied_count)
{
	expect_hits_to_count(/* warm= */ false);
}

/* Of a cache that the program has destroyed meanwhile nothing is left. */
SIM_TEST(a_thread_that_begins_warm_finds_sheaves_in_its_cursors)
{
	const struct slab_sheaf *main;
	struct kmem_cache *own;
	struct task *left;

	start_with_hits(1);
	own = cache_create("objects", 64, 8, NULL);
	sim_switch_to(&threads[0]);
	slab_free(own, slab_alloc(own, 0, NUMA_NO_NODE));
	sim_switch_to(&sim_main_thread);
	left = task_of(&threads[0]);
	main = left->pcs[0].main;
	sim_thread_exit(&threads[0]);
	EXPECT_EQ(cache_destroy("test", own), 0);
	sim_thread_new(&threads[1], 0);
	sim_switch_to(&threads[1]);
	come_in();
	EXPECT(current_task() == left);
	EXPECT(class_cursor(left, 0)->cur == main->objects + main->size);
	EXPECT_SOUND();
}

static void handler_comes_in(u64 number)
{
	if (in_child_from_here(number))
		come_in();
}

/* It gets a block, or the handler gets it one. */
SIM_TEST(a_thread_that_is_interrupted_as_it_comes_in_gets_one_block)
{
	start_with(threads, 0);
	sim_thread_new(&threads[0], 0);
	sim_switch_to(&threads[0]);
	step_through(come_in, handler_comes_in);
	step_stop();
	EXPECT(current_task());
	EXPECT_EQ(current_task()->mm.depth, 0);
	EXPECT_EQ(blocks_made(), 2);
	EXPECT_EQ(nr_tasks, 2);
	come_in();
	EXPECT_EQ(current_task()->mm.depth, 0);
	EXPECT_SOUND();
}

/* Of malloc's classes, and of the program's caches, which could not be destroyed otherwise. */
static void expect_all_to_be_found(bool warm)
{
	struct kmem_cache *own, *classes = &kmalloc_caches[kmalloc_class(64)];
	struct task *left;
	void *objs[100];

	start_with(threads, 1);
	own = cache_create("objects", 64, 8, NULL);
	sim_switch_to(&threads[0]);
	for (int i = 0; i < 100; i += 2) {
		objs[i] = slab_alloc(own, 0, NUMA_NO_NODE);
		objs[i + 1] = slab_alloc(classes, 0, NUMA_NO_NODE);
	}
	for (int i = 0; i < 100; i += 2) {
		slab_free(own, objs[i]);
		slab_free(classes, objs[i + 1]);
	}
	sim_switch_to(&sim_main_thread);
	left = task_of(&threads[0]);
	EXPECT(task_pcs(left, own)->main);
	if (!warm)
		task_exit(left, threads[0].tid);
	sim_thread_exit(&threads[0]);
	EXPECT_EQ(left->state, warm ? TASK_WARM : TASK_DYING);
	EXPECT_EQ(!!task_pcs(left, own)->main, warm);
	EXPECT_EQ(!!task_pcs(left, classes)->main, warm);
	EXPECT_SOUND();
	EXPECT_EQ(cache_shrink(own), 0);
	EXPECT_EQ(cache_destroy("test", own), 0);
	(void)slab_reclaim(/* all= */ true);
	EXPECT_EQ(cache_inuse(classes), 0);
	EXPECT_SOUND();
}

SIM_TEST(what_a_thread_that_ended_has_left_warm_can_be_had)
{
	expect_all_to_be_found(/* warm= */ true);
}

SIM_TEST(a_thread_that_is_found_to_be_gone_keeps_no_objects)
{
	expect_all_to_be_found(/* warm= */ false);
}

/* The system promises no fence, and none is needed: nobody is there that could be in a hit. */
SIM_TEST(what_is_warm_is_taken_by_passes_without_a_fence)
{
	struct cursor *c;
	struct task *left;
	ptrdiff_t stray;

	start_with(threads, 1);
	left = task_of(&threads[0]);
	left->cursors_on = true;
	pcs_attach(left, &kmalloc_caches[0], &left->pcs[0]);
	c = class_cursor(left, 0);
	EXPECT(!cursor_is_disabled(c, &stray));
	sim_thread_exit(&threads[0]);
	EXPECT(cursor_is_disabled(c, &stray));
	EXPECT(left->pcs[0].main && !hit_fence_ready);
	for (int pass = 0; pass < 2; pass++)
		slab_reclaim(/* all= */ false);
	EXPECT_EQ(left->state, TASK_WARM);
	EXPECT(!left->pcs[0].main);
	EXPECT_SOUND();
}

/* What one thread of a program leaves the next one needs, as it is known by its number. */
SIM_TEST(a_thread_begins_with_what_the_last_one_has_left)
{
	struct kmem_cache *own;
	struct slab_sheaf *main, *own_main;
	struct task *left;
	u32 given, id;

	start_with(threads, 2);
	nr_barns = 1;
	own = cache_create("objects", 64, 8, NULL);
	sim_switch_to(&threads[0]);
	slab_free(own, slab_alloc(own, 0, NUMA_NO_NODE));
	left = current_task();
	main = left->pcs[0].main;
	own_main = task_pcs(left, own)->main;
	id = left->mm.id;
	given = nr_tasks;
	sim_switch_to(&sim_main_thread);
	sim_thread_exit(&threads[0]);
	/* One is enough for one CPU. */
	sim_thread_exit(&threads[1]);
	EXPECT_EQ(left->state, TASK_WARM);
	EXPECT_EQ(task_of(&threads[1])->state, TASK_DYING);
	start_thread(&threads[2]);
	EXPECT(task_of(&threads[2]) == left && left->state == TASK_LIVE);
	EXPECT(left->pcs[0].main == main && task_pcs(left, own)->main == own_main);
	EXPECT_EQ(left->mm.id, id);
	EXPECT_EQ(nr_tasks, given);
	/* And again. */
	sim_thread_exit(&threads[2]);
	EXPECT_EQ(left->state, TASK_WARM);
	EXPECT_SOUND();
}

/* Of a class of which it has nothing it knows nothing either: the next one's habits are others. */
SIM_TEST(only_what_is_in_sheaves_is_warm)
{
	struct pcs *p, *only_freed;
	struct task *left;
	void *objs[2];

	start_with(threads, 1);
	for (int i = 0; i < 2; i++)
		objs[i] = slab_alloc(&kmalloc_caches[4], 0, NUMA_NO_NODE);
	left = task_of(&threads[0]);
	p = &left->pcs[0];
	only_freed = &left->pcs[4];
	sim_switch_to(&threads[0]);
	for (int i = 0; i < 2; i++)
		slab_free(&kmalloc_caches[4], objs[i]);
	EXPECT(p->misses && only_freed->early_frees == 2 && !only_freed->main);
	EXPECT(left->mm.pcp.count);
	sim_switch_to(&sim_main_thread);
	sim_thread_exit(&threads[0]);
	EXPECT(p->misses && !only_freed->early_frees);
	EXPECT(!left->mm.pcp.count);
	EXPECT_SOUND();
}

/* It may be there for as long as the process. */
SIM_TEST(the_first_thread_leaves_nothing_warm)
{
	struct task *first;

	start_with(threads, 1);
	sim_switch_to(&sim_main_thread);
	first = current_task();
	sim.process_id = sim_main_thread.tid;
	slab_fork_note_process();
	sim_thread_exit(&sim_main_thread);
	EXPECT_EQ(first->state, TASK_DYING);
	EXPECT(!first->pcs[0].main);
}

/* Two that ended are still at their last destructors: a new one does not wait for them. */
SIM_TEST(warm_blocks_of_threads_that_are_still_there_are_passed_by)
{
	struct task *left[4];

	sim.nr_cpus = 4;
	start_with(threads, 4);
	for (int i = 0; i < 4; i++)
		left[i] = task_of(&threads[i]);
	task_exit(left[0], threads[0].tid);
	sim_thread_exit(&threads[0]);
	for (int i = 1; i < 4; i++) {
		sim_run_exit(&threads[i]);
		EXPECT_EQ(left[i]->state, TASK_WARM);
	}
	/* The one that ended first is gone: its block is warm, and that of the other is not. */
	sim_thread_exit(&threads[1]);
	start_thread(&threads[4]);
	EXPECT(task_of(&threads[4]) == left[1]);
	start_thread(&threads[5]);
	EXPECT(task_of(&threads[5]) == left[0]);
	sim_thread_exit(&threads[2]);
	start_thread(&threads[6]);
	EXPECT(task_of(&threads[6]) == left[2]);
	EXPECT_SOUND();
}

/* What it does from then on it does with slabs: its sheaves are the next one's. */
SIM_TEST(destructors_that_come_later_leave_warm_sheaves_alone)
{
	struct task *left;
	unsigned int size;
	void *obj;

	start_with(threads, 1);
	sim_switch_to(&threads[0]);
	left = current_task();
	sim_run_exit(&threads[0]);
	size = left->pcs[0].main->size;
	obj = slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE);
	EXPECT(obj);
	EXPECT_EQ(left->pcs[0].main->size, size);
	slab_free(&kmalloc_caches[0], obj);
	EXPECT_EQ(left->pcs[0].main->size, size);
	EXPECT_EQ(left->state, TASK_WARM);
	EXPECT_SOUND();
}

/* Else it would begin with memory that is far. */
SIM_TEST(what_is_warm_does_not_go_to_a_thread_of_another_node)
{
	struct task *left;

	sim_add_node(GiB, true);
	start_with(threads, 1);
	left = task_of(&threads[0]);
	sim_thread_exit(&threads[0]);
	EXPECT(left->pcs[0].main);
	sim_thread_new(&threads[1], 1);
	sim_switch_to(&threads[1]);
	slab_free(&kmalloc_caches[8], slab_alloc(&kmalloc_caches[8], 0, NUMA_NO_NODE));
	EXPECT(current_task() == left);
	EXPECT_EQ(left->mm.node, 1);
	EXPECT(!left->pcs[0].main);
	EXPECT_SOUND();
}

/* Here it has its memory from the same node, though it runs on another. */
SIM_TEST(what_is_warm_goes_to_a_thread_of_the_same_node)
{
	const struct slab_sheaf *main;
	struct task *left;

	sim_add_node(0, /* has_cpu= */ true);
	start_with(threads, 1);
	left = task_of(&threads[0]);
	main = left->pcs[0].main;
	sim_thread_exit(&threads[0]);
	sim_thread_new(&threads[1], 1);
	sim_switch_to(&threads[1]);
	come_in();
	EXPECT(current_task() == left && left->pcs[0].main == main);
}

static unsigned int nr_in_state(enum task_state state)
{
	unsigned int nr = 0;

	for (struct task *t = all_tasks; t; t = t->next)
		nr += t->state == state;
	return nr;
}

static void another_ends_first(void)
{
	tasks_lock.word = 0;
	sim.on_futex_wait = NULL;
	sim_thread_exit(&threads[1]);
}

/* The second thread ends while the first one waits to put its block on the list. */
SIM_TEST(threads_that_end_at_once_leave_no_more_warm)
{
	start_with(threads, 2);
	nr_barns = 1;
	tasks_lock.word = current_task()->mm.id | spin_generation;
	sim.on_futex_wait = another_ends_first;
	sim_thread_exit(&threads[0]);
	EXPECT(threads[1].gone);
	EXPECT_EQ(nr_in_state(TASK_WARM), 1);
	EXPECT_EQ(nr_in_state(TASK_DYING), 1);
	EXPECT_SOUND();
}

static jmp_buf lost;

static void lose_thread(void)
{
	sim.on_futex_wait = NULL;
	sim_switch_to(&sim_main_thread);
	longjmp(lost, 1);
}

/* It was to be counted as warm: in the child others are. */
SIM_TEST(a_thread_that_is_lost_at_its_end_takes_no_place_among_the_warm)
{
	start_with(threads, 1);
	nr_barns = 1;
	sim_switch_to(&threads[0]);
	pages_put(pages_get(0, 0), 0);
	sim_switch_to(&sim_main_thread);
	zone_of(0)->lock.word = current_task()->mm.id | spin_generation;
	sim.on_futex_wait = lose_thread;
	if (!setjmp(lost)) {
		sim_thread_exit(&threads[0]);
		sim_fail(__FILE__, __LINE__, "it waits for the lock");
	}
	EXPECT_EQ(task_of(&threads[0])->state, TASK_LIVE);
	zone_of(0)->lock.word = 0;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	start_thread(&threads[1]);
	sim_thread_exit(&threads[1]);
	EXPECT_EQ(nr_in_state(TASK_WARM), 1);
	EXPECT_SOUND();
}

static void let_go_of_warm_lock(void)
{
	leaving->lock.word = 0;
}

/* A reclaimer that is at its sheaves is waited for. */
SIM_TEST(a_thread_begins_warm_once_nobody_is_at_its_sheaves)
{
	start_with(threads, 1);
	leaving = task_of(&threads[0]);
	sim_thread_exit(&threads[0]);
	leaving->lock.word = current_task()->mm.id | spin_generation;
	sim.on_futex_wait = let_go_of_warm_lock;
	start_thread(&threads[1]);
	EXPECT(sim.futex_waits);
	EXPECT(task_of(&threads[1]) == leaving);
	EXPECT_SOUND();
}

/* malloc's hit looks a class up by size; objects of another node have no cursor. */
SIM_TEST(a_thread_that_moves_to_another_node_looks_sizes_up_for_that)
{
	const struct hit_area *hit;

	sim_add_node(GiB, true);
	start_with(threads, 0);
	hit = &current_task()->hit;
	for (int node = 0; node < 2; node++) {
		sim_main_thread.node = node;
		for (int i = 0; i < 40; i++)
			EXPECT(use_heap(&sim_main_thread));
		EXPECT_EQ(current_task()->mm.node, node);
		EXPECT_EQ(hit->tables_node, node + 1);
		for (u32 size = 1; size <= HIT_MAX_SIZE; size++)
			EXPECT_EQ(hit->size_to_map[size],
				  kmalloc_map_value(kmalloc_class(size), node));
	}
	EXPECT_SOUND();
}

static void come_in_often(void)
{
	for (int i = 0; i < 40; i++)
		come_in();
}

/* It would have the objects of one node in the cursors of another. */
SIM_TEST(a_thread_that_moves_to_another_node_leaves_behind_what_it_has)
{
	struct task *task;
	struct slow outer;
	struct cursor *c;
	ptrdiff_t stray;

	sim_add_node(GiB, true);
	start_with_hits(0);
	task = current_task();
	c = class_cursor(task, 0);
	pages_put(pages_get(0, 0), 0);
	EXPECT(!cursor_is_disabled(c, &stray) && task->mm.pcp.count);
	EXPECT(slow_enter(&outer));
	sim_main_thread.node = 1;
	/* Not in a handler. */
	come_in_often();
	EXPECT_EQ(task->mm.node, 0);
	slow_leave(&outer);
	/* Nor while somebody is at its sheaves. */
	task->lock.word = TASK_ID_BARE | 4711 | spin_generation;
	come_in_often();
	EXPECT_EQ(task->mm.node, 0);
	task->lock.word = 0;
	come_in_often();
	EXPECT_EQ(task->mm.node, 1);
	EXPECT(!task->pcs[0].main && cursor_is_disabled(c, &stray) && !task->mm.pcp.count);
	pages_put(pages_get(0, 0), 0);
	EXPECT(task->mm.pcp.count && task->mm.pcp.zone == zone_of(1));
	EXPECT_SOUND();
}

static void look_at_tables(u64 number)
{
	const struct hit_area *hit = &leaving->hit;
	int node = hit->tables_node - 1;

	(void)number;
	if (node < 0)
		return;
	EXPECT_EQ(hit->size_to_map[0], kmalloc_map_value(0, node));
	EXPECT_EQ(hit->steps_to_map[KMALLOC_MAX_SIZE / HIT_STEP],
		  kmalloc_map_value(NR_KMALLOC_CLASSES - 1, node));
}

/* In a forked child another thread may find them as they were just then. */
SIM_TEST(tables_are_whole_at_every_instruction_or_say_that_they_are_not)
{
	sim_add_node(GiB, true);
	start_with(threads, 1);
	leaving = task_of(&threads[0]);
	sim_thread_exit(&threads[0]);
	sim_thread_new(&threads[1], 1);
	sim_switch_to(&threads[1]);
	step_through(come_in, look_at_tables);
	EXPECT(current_task() == leaving);
	EXPECT_EQ(leaving->hit.tables_node, 2);
}

/* Destructors that come later may still allocate. */
SIM_TEST(the_block_of_a_thread_that_is_not_gone_yet_is_nobody_elses)
{
	struct task *left;

	start_with(threads, 1);
	sim_switch_to(&threads[0]);
	left = current_task();
	task_exit(left, threads[0].tid);
	sim_switch_to(&sim_main_thread);
	start_thread(&threads[1]);
	EXPECT_EQ(left->mm.tid, threads[0].tid);
	end_untold(&threads[0]);
	start_thread(&threads[2]);
	EXPECT_EQ(left->mm.tid, threads[2].tid);
	EXPECT_EQ(blocks_made(), 3);
	EXPECT_SOUND();
}

/* It leaves the block to others, but is still there. */
static void leave_block(struct sim_thread *t)
{
	task_exit(task_of(t), t->tid);
}

static void expect_block(struct sim_thread *t, const struct task *block)
{
	start_thread(t);
	EXPECT(task_of(t) == block);
}

/* One that is on a list, too, would be given away once its thread is gone untold. */
SIM_TEST(a_block_that_was_passed_by_before_it_serves_a_thread_is_on_no_list)
{
	struct task *left[2];

	start_with(threads, 2);
	for (int i = 0; i < 2; i++) {
		left[i] = task_of(&threads[i]);
		leave_block(&threads[i]);
	}
	start_thread(&threads[2]);
	EXPECT_EQ(blocks_made(), 4);
	end_untold(&threads[0]);
	expect_block(&threads[3], left[0]);
	end_untold(&threads[3]);
	start_thread(&threads[4]);
	EXPECT_EQ(left[0]->state, TASK_LIVE);
	EXPECT_EQ(left[0]->mm.tid, threads[3].tid);
}

SIM_TEST(a_warm_block_that_serves_a_thread_is_on_no_list)
{
	struct task *left;

	start_with(threads, 1);
	left = task_of(&threads[0]);
	sim_thread_exit(&threads[0]);
	expect_block(&threads[1], left);
	end_untold(&threads[1]);
	start_thread(&threads[2]);
	EXPECT_EQ(left->mm.tid, threads[1].tid);
}

/* Those that stay may be many, and a birth is not to look at them all. */
SIM_TEST(a_new_thread_looks_at_four_blocks_that_are_left)
{
	struct task *left[6];

	start_with(threads, 6);
	for (int i = 0; i < 6; i++) {
		left[i] = task_of(&threads[i]);
		leave_block(&threads[i]);
	}
	end_untold(&threads[3]);
	expect_block(&threads[6], left[3]);
	/* They come in the order 4, 5, 0, 1, 2. */
	end_untold(&threads[2]);
	start_thread(&threads[7]);
	EXPECT_EQ(blocks_made(), 8);
	expect_block(&threads[8], left[2]);
}

/* There are so many numbers only as fit into a lock. */
SIM_TEST(a_block_that_serves_another_thread_has_the_number_that_it_had)
{
	struct task *left;
	u32 id;

	start_with(threads, 1);
	left = task_of(&threads[0]);
	id = left->mm.id;
	leave_block(&threads[0]);
	end_untold(&threads[0]);
	expect_block(&threads[1], left);
	EXPECT_EQ(left->mm.id, id);
	EXPECT_EQ(nr_tasks, 2);
}

/* So have the chunks for the program's caches. */
SIM_TEST(a_block_may_have_memory_that_was_used_before)
{
	struct page_request rq = {.metadata = true};
	static struct page *pages[2048];
	struct kmem_cache *own;
	void *obj;

	start_with(threads, 0);
	own = cache_create("objects", 64, 8, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = alloc_pages_request(&rq, 0);
		memset(page_address(pages[i]), 0xff, PAGE_SIZE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		free_pages_request(pages[i], 0, NULL, false);
	for (int i = 0; i < 100; i++) {
		start_thread(&threads[i]);
		sim_switch_to(&threads[i]);
		EXPECT_EQ(current_task()->slow_frees, 1);
		obj = slab_alloc(own, 0, NUMA_NO_NODE);
		EXPECT(obj);
		slab_free(own, obj);
		sim_switch_to(&sim_main_thread);
	}
	EXPECT_SOUND();
}

/*
 * Another copy of the library, under dlmopen(), numbers its keys alike, in the same table of each
 * thread: the value may be its task, or be there again when the thread has left.
 */
SIM_TEST(the_end_of_a_thread_goes_by_what_it_has_here)
{
	static struct task other_copys;
	struct task *left;

	start_with(threads, 1);
	left = task_of(&threads[0]);
	threads[0].exit_value = &other_copys;
	sim_run_exit(&threads[0]);
	EXPECT_EQ(left->state, TASK_WARM);
	threads[0].exit_value = &other_copys;
	sim_thread_exit(&threads[0]);
	expect_block(&threads[1], left);
	end_untold(&threads[1]);
	start_thread(&threads[2]);
	EXPECT_EQ(left->mm.tid, threads[1].tid);
}

SIM_TEST(a_thread_that_has_nothing_here_ends_without_harm)
{
	start_with(threads, 0);
	sim_thread_new(&threads[0], 0);
	threads[0].exit_value = current_task();
	sim_thread_exit(&threads[0]);
	EXPECT_EQ(current_task()->state, TASK_LIVE);
	EXPECT_SOUND();
}

/* Nothing else tells of its end but that the system does not know it any more. */
SIM_TEST(the_block_of_a_thread_that_told_nobody_of_its_end_is_found_by_a_pass)
{
	struct task *left;

	start_with(threads, 1);
	left = task_of(&threads[0]);
	for (int pass = 0; pass < 3; pass++)
		slab_reclaim(/* all= */ false);
	EXPECT_EQ(left->state, TASK_LIVE);
	end_untold(&threads[0]);
	slab_reclaim(/* all= */ false);
	EXPECT_EQ(left->state, TASK_DYING);
	EXPECT_SOUND();
}

/*
 * The program has used up all keys.  There are 31 blocks whose threads are gone, 32 of threads that
 * stay, and one for the main thread.
 */
static void start_without_key(void)
{
	sim.no_exit_key = true;
	start_with(threads, 31);
	for (int i = 0; i < 31; i++)
		sim_thread_exit(&threads[i]);
	for (int i = 31; i < 63; i++)
		start_thread(&threads[i]);
}

SIM_TEST(threads_that_end_unseen_are_looked_for_when_there_are_64_blocks)
{
	start_without_key();
	EXPECT_EQ(blocks_made(), 64);
	EXPECT_EQ(nr_in_state(TASK_LIVE), 64);
	start_thread(&threads[63]);
	EXPECT_EQ(blocks_made(), 64);
	EXPECT_EQ(nr_in_state(TASK_DYING), 30);
	/* Not as long as one of these is there. */
	sim_thread_exit(&threads[31]);
	start_thread(&threads[64]);
	EXPECT_EQ(task_of(&threads[31])->state, TASK_LIVE);
	EXPECT_EQ(nr_in_state(TASK_DYING), 29);
}

SIM_TEST(threads_that_end_unseen_are_not_looked_for_again_until_there_are_128)
{
	start_without_key();
	for (int i = 63; i < 95; i++)
		start_thread(&threads[i]);
	EXPECT_EQ(blocks_made(), 65);
	sim_thread_exit(&threads[31]);
	for (int i = 95; i < 158; i++)
		start_thread(&threads[i]);
	EXPECT_EQ(blocks_made(), 128);
	EXPECT_EQ(task_of(&threads[31])->state, TASK_LIVE);
	expect_block(&threads[158], task_of(&threads[31]));
	EXPECT_EQ(blocks_made(), 128);
}

/* It does not see its parent's threads, not even the one that called vfork(). */
SIM_TEST(a_pass_that_a_child_of_vfork_makes_ends_nobody)
{
	start_with(threads, 1);
	sim.all_seem_gone = true;
	for (int pass = 0; pass < 3; pass++)
		slab_reclaim(/* all= */ true);
	EXPECT_EQ(task_of(&threads[0])->state, TASK_LIVE);
	sim.all_seem_gone = false;
	EXPECT_SOUND();
}

/* The lost thread had taken a block, but it was not its own yet: nobody would find it again. */
static void block_in_hand_is_found(bool at_the_list)
{
	struct task *in_hand;

	start_with(threads, 1);
	in_hand = task_of(&threads[0]);
	in_hand->state = TASK_DYING;
	if (at_the_list)
		tasks_lock.word = TASK_ID_BARE | 4711 | spin_generation;
	else
		in_hand->mm.depth = 1;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	start_thread(&threads[1]);
	EXPECT_EQ(in_hand->mm.tid, threads[1].tid);
	EXPECT_EQ(blocks_made(), 2);
	EXPECT_SOUND();
}

SIM_TEST(the_block_that_a_lost_thread_had_in_hand_serves_another)
{
	block_in_hand_is_found(/* at_the_list= */ false);
}

/* For a thread that never had a block, nothing else tells where it was. */
SIM_TEST(the_block_that_a_lost_thread_was_taking_off_the_list_serves_another)
{
	block_in_hand_is_found(/* at_the_list= */ true);
}

RUN_TESTS(T(the_end_of_a_thread_goes_by_what_it_has_here),
	  T(a_thread_that_has_nothing_here_ends_without_harm),
	  T(a_start_without_memory_is_tried_again),
	  T(a_thread_that_is_interrupted_as_it_comes_in_gets_one_block),
	  T(a_thread_that_moves_to_another_node_leaves_behind_what_it_has),
	  T(tables_are_whole_at_every_instruction_or_say_that_they_are_not),
	  T(a_new_thread_finds_all_that_hits_need),
	  T(without_sequences_hits_find_disabled_cursors),
	  T(where_each_free_is_checked_there_are_no_cursors),
	  T(hits_of_a_thread_that_leaves_its_sheaves_count),
	  T(hits_of_a_thread_whose_sheaves_are_emptied_count),
	  T(a_thread_that_begins_warm_finds_sheaves_in_its_cursors),
	  T(what_is_warm_goes_to_a_thread_of_the_same_node),
	  T(threads_that_end_unseen_are_looked_for_when_there_are_64_blocks),
	  T(threads_that_end_unseen_are_not_looked_for_again_until_there_are_128),
	  T(a_block_that_was_passed_by_before_it_serves_a_thread_is_on_no_list),
	  T(a_warm_block_that_serves_a_thread_is_on_no_list),
	  T(a_new_thread_looks_at_four_blocks_that_are_left),
	  T(a_block_that_serves_another_thread_has_the_number_that_it_had),
	  T(a_block_may_have_memory_that_was_used_before),
	  T(what_a_thread_that_ended_has_left_warm_can_be_had),
	  T(a_thread_that_is_found_to_be_gone_keeps_no_objects),
	  T(what_is_warm_is_taken_by_passes_without_a_fence), T(only_what_is_in_sheaves_is_warm),
	  T(a_thread_begins_with_what_the_last_one_has_left),
	  T(the_first_thread_leaves_nothing_warm),
	  T(warm_blocks_of_threads_that_are_still_there_are_passed_by),
	  T(destructors_that_come_later_leave_warm_sheaves_alone),
	  T(what_is_warm_does_not_go_to_a_thread_of_another_node),
	  T(threads_that_end_at_once_leave_no_more_warm),
	  T(a_thread_that_is_lost_at_its_end_takes_no_place_among_the_warm),
	  T(a_thread_begins_warm_once_nobody_is_at_its_sheaves),
	  T(a_thread_that_moves_to_another_node_looks_sizes_up_for_that),
	  T(a_thread_that_has_no_memory_for_a_block_uses_up_no_numbers), T(a_block_is_left_once),
	  T(the_block_of_a_thread_that_is_not_gone_yet_is_nobody_elses),
	  T(the_block_of_a_thread_that_told_nobody_of_its_end_is_found_by_a_pass),
	  T(a_pass_that_a_child_of_vfork_makes_ends_nobody),
	  T(the_block_that_a_lost_thread_had_in_hand_serves_another),
	  T(the_block_that_a_lost_thread_was_taking_off_the_list_serves_another),
	  T(a_thread_that_leaves_holds_locks_within_its_slow_path_alone))
