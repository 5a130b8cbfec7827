/* SPDX-License-Identifier: MIT */
/*
 * test_exit_check.c - the check for double frees at the program's end: src/slab/exit_check.c
 */
#include "base/check.h"
#include "unit.h"

static struct kmem_cache *s;
static struct kmem_cache_node *n;

static struct pcs *mine(void)
{
	return &current_task()->pcs[s->class];
}

/* @nr objects of @size bytes, taken and freed. */
static void start(size_t size, unsigned int nr)
{
	static void *objs[4096];

	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(size)];
	for (unsigned int i = 0; i < nr; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (unsigned int i = 0; i < nr; i++)
		slab_free(s, objs[i]);
	n = s->node[0];
}

static void report_only(void)
{
	bug_abort_on_error = false;
	bug_ops.abort = NULL;
}

SIM_TEST(what_seems_well_stays_where_it_is)
{
	unsigned long flushes;

	start(64, 8);
	flushes = n->first.flushes;
	EXPECT(mine()->main->size);
	slab_check_at_exit();
	EXPECT(mine()->main->size);
	EXPECT_EQ(n->first.flushes, flushes);
	EXPECT_EQ(strlen(sim_reports()), 0);
}

SIM_TEST(what_seems_well_stays_though_a_barn_of_another_class_has_some)
{
	struct kmem_cache *other;
	struct slab_sheaf *sheaf;
	struct slow slow;

	start(1024, 8);
	other = s;
	slow_enter_anyway(&slow);
	sheaf = sheaf_alloc(other, 0, &slow);
	sheaf->objects[sheaf->size++] = mine()->main->objects[--mine()->main->size];
	EXPECT(barn_put_full(other, n, sheaf));
	slow_leave(&slow);
	s = &kmalloc_caches[kmalloc_class(64)];
	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	EXPECT(mine()->main->size);
	slab_check_at_exit();
	EXPECT(mine()->main->size);
	EXPECT_EQ(n->barn[0].nr_full, 0);
	EXPECT_EQ(strlen(sim_reports()), 0);
}

SIM_TEST(two_full_sheaves_that_seem_well_stay_too)
{
	unsigned long flushes;

	start(16, 60);
	barn_flush(s, n, ~0u);
	EXPECT(mine()->spare && mine()->main->size && mine()->spare->size);
	flushes = n->first.flushes;
	slab_check_at_exit();
	/* The check may mistake one object for another, and then gives all back; not with these. */
	EXPECT_EQ(n->first.flushes, flushes);
	EXPECT_EQ(strlen(sim_reports()), 0);
}

SIM_TEST(an_object_that_is_in_a_sheaf_twice_is_reported)
{
	start(64, 8);
	report_only();
	mine()->main->objects[0] = mine()->main->objects[1];
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

static bool is_held(struct spinlock *lock)
{
	bool held = spin_trylock(lock) == LOCK_BUSY;

	if (!held)
		spin_unlock(lock);
	return held;
}

static void look_while_held(struct spinlock *lock)
{
	lock->word = spin_generation | 4711;
	slab_check_at_exit();
	lock->word = 0;
	EXPECT_EQ(sim.futex_waits + sim.sleeps, 0);
	EXPECT_EQ(strlen(sim_reports()), 0);
}

/* A holder of a lock may be asleep, or gone: the program ends nevertheless. */
SIM_TEST(where_a_lock_is_held_nothing_is_looked_for)
{
	start(64, 8);
	report_only();
	mine()->main->objects[0] = mine()->main->objects[1];
	look_while_held(&n->first.list_lock);
	look_while_held(&n->barn[0].lock);
	look_while_held(&current_task()->lock);
	look_while_held(&slab_mutex);
	/* exit() in a handler that has interrupted malloc */
	current_task()->mm.depth = 1;
	slab_check_at_exit();
	current_task()->mm.depth = 0;
	EXPECT_EQ(strlen(sim_reports()), 0);
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
	EXPECT(mine()->main); /* emptied, but not drained as if it were another thread's */
	EXPECT(!is_held(&slab_mutex) && !is_held(&current_task()->lock));
}

SIM_TEST(a_thread_that_has_nothing_looks_for_nothing)
{
	EXPECT(sim_start());
	EXPECT(!current_task());
	slab_check_at_exit();
	EXPECT_EQ(strlen(sim_reports()), 0);
}

static struct sim_thread ended;

/* A thread has ended, and its block is warm: its sheaf, out of a cursor, has 3 objects or more. */
static struct slab_sheaf *leave_warm(void)
{
	struct slab_sheaf *main;
	struct task *task;

	start(64, 1);
	sim_thread_new(&ended, 0);
	sim_switch_to(&ended);
	for (int i = 0; i < 8; i++)
		slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	task = current_task();
	main = mine()->main;
	task->cursors_on = true;
	pcs_attach(task, s, mine());
	sim_switch_to(&sim_main_thread);
	sim_thread_exit(&ended);
	EXPECT(task->state == TASK_WARM && main->size >= 3);
	return main;
}

SIM_TEST(an_object_that_a_thread_which_has_ended_freed_twice_is_reported)
{
	struct slab_sheaf *main = leave_warm();

	main->objects[0] = main->objects[2];
	report_only();
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

/* ---- threads at work ---- */

static struct sim_thread at_work;

/* Another thread has freed an object of class @c twice.  Return: its task. */
static struct task *double_free_at_work(unsigned int c)
{
	void *objs[3];
	struct pcs *p;

	start(64, 8);
	report_only();
	sim_thread_new(&at_work, 0);
	sim_switch_to(&at_work);
	s = &kmalloc_caches[c];
	for (int i = 0; i < 3; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (int i = 0; i < 3; i++)
		slab_free(s, objs[i]);
	p = mine();
	EXPECT(p->main && p->main->size >= 2);
	p->main->objects[0] = p->main->objects[1];
	sim_switch_to(&sim_main_thread);
	return task_of(&at_work);
}

SIM_TEST(an_object_that_another_thread_freed_twice_is_reported)
{
	(void)double_free_at_work(0);
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

SIM_TEST(an_object_of_the_largest_class_that_another_thread_freed_twice_is_reported)
{
	(void)double_free_at_work(NR_KMALLOC_CLASSES - 1);
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

SIM_TEST(a_thread_whose_sheaves_are_in_use_is_left_alone)
{
	struct task *task = double_free_at_work(10);

	look_while_held(&task->lock);
}

SIM_TEST(what_a_thread_which_has_ended_left_stays_where_a_lock_is_held)
{
	struct slab_sheaf *main = leave_warm();
	unsigned int size = main->size;

	n->first.list_lock.word = spin_generation | 4711;
	slab_check_at_exit();
	n->first.list_lock.word = 0;
	EXPECT_EQ(sim.futex_waits, 0);
	EXPECT_EQ(main->size, size);
	EXPECT_EQ(sheaf_place(main), SHEAF_TASK);
	EXPECT_SOUND();
}

SIM_TEST(an_object_that_a_thread_which_has_ended_freed_as_well_is_reported)
{
	struct slab_sheaf *main = leave_warm();

	main->objects[0] = mine()->main->objects[0];
	report_only();
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

SIM_TEST(an_object_that_is_in_both_sheaves_is_reported)
{
	start(16, 60);
	report_only();
	barn_flush(s, n, ~0u);
	EXPECT(mine()->spare && mine()->main->size && mine()->spare->size);
	mine()->spare->objects[mine()->spare->size - 1] = mine()->main->objects[0];
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

SIM_TEST(an_object_that_is_in_its_slab_already_is_reported)
{
	void *obj;

	start(64, 8);
	report_only();
	obj = mine()->main->objects[0];
	slab_give(s, &obj, 1);
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

SIM_TEST(a_pointer_into_the_middle_of_an_object_is_reported)
{
	start(64, 8);
	report_only();
	mine()->main->objects[0] = (char *)mine()->main->objects[0] + 16;
	slab_check_at_exit();
	EXPECT(strlen(sim_reports()));
}

/* As while its thread is in a slow path; the bytes around a sheaf are no objects. */
SIM_TEST(a_sheaf_whose_cursor_is_elsewhere_is_not_looked_at)
{
	struct slab_sheaf *main;
	struct cursor *c;

	start(64, 8);
	report_only();
	main = mine()->main;
	main->objects[0] = main->objects[1];
	current_task()->cursors_on = true;
	c = task_cursor(current_task(), s);
	c->cur = main->objects - 1;
	slab_check_at_exit();
	c->cur = main->objects + main->capacity + 1;
	slab_check_at_exit();
	EXPECT_EQ(strlen(sim_reports()), 0);
	c->cur = main->objects + main->size;
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

SIM_TEST(a_full_sheaf_is_looked_at_to_its_last_object)
{
	struct slow slow = {.task = NULL};
	struct slab_sheaf *main;
	unsigned int more;

	start(64, 8);
	report_only();
	main = mine()->main;
	more = main->capacity - main->size;
	EXPECT_EQ(slab_take(s, 0, main->objects + main->size, more, true, 0, &slow), more);
	main->size = main->capacity;
	main->objects[main->size - 1] = main->objects[0];
	current_task()->cursors_on = true;
	pcs_attach(current_task(), s, mine());
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

/* It was freed once more after its slab had gone back. */
SIM_TEST(an_object_whose_slab_is_gone_is_reported)
{
	static void *objs[1000];
	struct slow slow = {.task = NULL};
	void *gone;

	start(64, 8);
	report_only();
	EXPECT_EQ(slab_take(s, 0, objs, 1000, true, 0, &slow), 1000);
	gone = objs[0];
	slab_give(s, objs, 1000);
	node_discard_empty(s, n, /* all= */ true);
	EXPECT(!find_slab(gone));
	mine()->main->objects[0] = gone;
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

SIM_TEST(an_object_of_another_cache_of_that_size_is_reported)
{
	struct kmem_cache *other;

	start(64, 8);
	report_only();
	other = cache_create("other", 64, 16, NULL);
	EXPECT_EQ(other->size, s->size);
	mine()->main->objects[0] = slab_alloc(other, 0, NUMA_NO_NODE);
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

/* Once in a sheaf and once in a barn.  Barns are not checked, they are given back. */
SIM_TEST(an_object_that_is_in_a_barn_as_well_is_reported)
{
	struct slab_sheaf *sheaf;
	struct slow slow;

	start(64, 8);
	report_only();
	slow_enter_anyway(&slow);
	sheaf = sheaf_alloc(s, 0, &slow);
	sheaf->objects[sheaf->size++] = mine()->main->objects[0];
	EXPECT(barn_put_full(s, n, sheaf));
	slow_leave(&slow);
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

/* What was left first goes back first. */
SIM_TEST(all_that_a_barn_has_is_looked_at)
{
	struct slab_sheaf *sheaf[3];
	struct slow slow;

	start(64, 8);
	report_only();
	slow_enter_anyway(&slow);
	for (int i = 0; i < 3; i++) {
		sheaf[i] = sheaf_alloc(s, 0, &slow);
		sheaf[i]->objects[sheaf[i]->size++] =
			mine()->main->objects[--mine()->main->size];
		EXPECT(barn_put_full(s, n, sheaf[i]));
	}
	sheaf[2]->objects[sheaf[2]->size++] = sheaf[2]->objects[0];
	slow_leave(&slow);
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

static void look_at_own_cache(bool cursors_on)
{
	struct kmem_cache *own;
	struct slab_sheaf *main;

	EXPECT(sim_start());
	own = cache_create("own", 64, 16, NULL);
	report_only();
	slab_free(own, slab_alloc(own, 0, NUMA_NO_NODE));
	main = current_task()->ext[own->id / PCS_CHUNK]->pcs[own->id % PCS_CHUNK].main;
	EXPECT(main->size > 1);
	main->objects[0] = main->objects[1];
	current_task()->cursors_on = cursors_on;
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

SIM_TEST(a_cache_of_the_program_is_looked_at_too)
{
	look_at_own_cache(/* cursors_on= */ false);
}

/* It has the number that our own caches have, too, which have no sheaves. */
SIM_TEST(what_seems_well_of_a_cache_of_the_program_stays)
{
	struct kmem_cache *own;
	struct pcs *p;

	EXPECT(sim_start());
	own = cache_create("own", 64, 16, NULL);
	EXPECT_EQ(own->id, sheaf_cache(0)->id);
	slab_free(own, slab_alloc(own, 0, NUMA_NO_NODE));
	p = task_pcs(current_task(), own);
	EXPECT(p->main->size);
	slab_check_at_exit();
	EXPECT(p->main->size);
	EXPECT_EQ(strlen(sim_reports()), 0);
	EXPECT_SOUND();
}

/* The system promises no fence, so what such a cache has stays out of its cursor. */
SIM_TEST(a_cache_whose_cursor_is_not_used_is_looked_at_too)
{
	EXPECT(!hit_fence_promised());
	look_at_own_cache(/* cursors_on= */ true);
}

SIM_TEST(an_object_of_the_largest_class_is_looked_at_too)
{
	start(KMALLOC_MAX_SIZE, 3);
	report_only();
	EXPECT(mine()->main->size >= 2);
	mine()->main->objects[0] = mine()->main->objects[1];
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

SIM_TEST(of_a_cache_that_this_thread_never_used_the_barns_are_looked_at)
{
	struct kmem_cache *own;
	struct slab_sheaf *sheaf;
	struct slow slow;
	void *obj;

	start(64, 8);
	report_only();
	own = cache_create("own", 64, 16, NULL);
	n = cache_node(own, 0, false);
	slab_check_at_exit();
	EXPECT_EQ(strlen(sim_reports()), 0);
	slow_enter_anyway(&slow);
	EXPECT_EQ(slab_take(own, 0, &obj, 1, true, 0, &slow), 1);
	sheaf = sheaf_alloc(own, 0, &slow);
	sheaf->objects[sheaf->size++] = obj;
	sheaf->objects[sheaf->size++] = obj;
	EXPECT(barn_put_full(own, n, sheaf));
	slow_leave(&slow);
	EXPECT(!task_pcs(current_task(), own));
	slab_check_at_exit();
	EXPECT(strstr(sim_reports(), "double free"));
}

RUN_TESTS(T(what_seems_well_stays_where_it_is),
	  T(what_seems_well_stays_though_a_barn_of_another_class_has_some),
	  T(two_full_sheaves_that_seem_well_stay_too),
	  T(an_object_that_is_in_a_sheaf_twice_is_reported),
	  T(where_a_lock_is_held_nothing_is_looked_for),
	  T(a_thread_that_has_nothing_looks_for_nothing),
	  T(a_sheaf_whose_cursor_is_elsewhere_is_not_looked_at),
	  T(a_full_sheaf_is_looked_at_to_its_last_object),
	  T(an_object_whose_slab_is_gone_is_reported), T(all_that_a_barn_has_is_looked_at),
	  T(an_object_that_is_in_both_sheaves_is_reported),
	  T(an_object_that_a_thread_which_has_ended_freed_twice_is_reported),
	  T(what_a_thread_which_has_ended_left_stays_where_a_lock_is_held),
	  T(an_object_that_a_thread_which_has_ended_freed_as_well_is_reported),
	  T(an_object_that_is_in_its_slab_already_is_reported),
	  T(an_object_that_another_thread_freed_twice_is_reported),
	  T(an_object_of_the_largest_class_that_another_thread_freed_twice_is_reported),
	  T(an_object_of_the_largest_class_is_looked_at_too),
	  T(of_a_cache_that_this_thread_never_used_the_barns_are_looked_at),
	  T(a_thread_whose_sheaves_are_in_use_is_left_alone),
	  T(a_pointer_into_the_middle_of_an_object_is_reported),
	  T(an_object_that_is_in_a_barn_as_well_is_reported),
	  T(an_object_of_another_cache_of_that_size_is_reported),
	  T(a_cache_of_the_program_is_looked_at_too),
	  T(what_seems_well_of_a_cache_of_the_program_stays),
	  T(a_cache_whose_cursor_is_not_used_is_looked_at_too))
