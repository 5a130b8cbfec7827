/* SPDX-License-Identifier: MIT */
/*
 * test_slub.c - objects where nothing can be waited for: src/slab/slub.c
 */
#include "base/check.h"
#include "step.h"
#include "unit.h"
#include <pthread.h>
#include <sched.h>

static struct slow nested = {.nested = true};

/* As for a handler that has interrupted a thread while it holds the lock of its slabs. */
static struct slab_home *hold_slabs(struct kmem_cache *s)
{
	struct slab_home *home = &cache_node(s, 0, false)->first;

	home->list_lock.word = spin_generation | 4711;
	return home;
}

static void let_go(struct slab_home *home)
{
	home->list_lock.word = 0;
}

/* memalign() relies on the alignment of classes. */
SIM_TEST(an_object_in_a_mapping_of_its_own_is_aligned_as_in_a_slab)
{
	EXPECT(sim_start());
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++) {
		struct kmem_cache *s = &kmalloc_caches[c];
		struct slab_home *home = hold_slabs(s);
		uintptr_t alignment = s->size & -s->size;
		void *obj = slab_alloc_slow(s, &nested);

		EXPECT(obj && direct_size(obj));
		EXPECT_EQ((uintptr_t)obj % alignment, 0);
		let_go(home);
	}
}

SIM_TEST(an_object_freed_while_its_slab_is_held_goes_back_with_the_next_free)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(64)];
	struct slab_home *home;
	void *objs[2];

	EXPECT(sim_start());
	for (int i = 0; i < 2; i++)
		objs[i] = slab_alloc_slow(s, &nested);
	home = hold_slabs(s);
	slab_free_slow(s, objs[0], &nested);
	let_go(home);
	EXPECT_EQ(home->inuse, 2);
	slab_free(s, objs[1]);
	EXPECT_EQ(home->inuse, 0); /* a thread's first frees go to the slab too */
	EXPECT_SOUND();
}

static struct slab_home *busy;

static void let_busy_go(void)
{
	let_go(busy);
}

/* Else it would lie about until the next slow path. */
SIM_TEST(a_free_that_may_wait_waits_until_its_slab_is_let_go)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(64)];
	void *objs[2];

	EXPECT(sim_start());
	for (int i = 0; i < 2; i++)
		objs[i] = slab_alloc_slow(s, &nested);
	busy = hold_slabs(s);
	sim.on_futex_wait = let_busy_go;
	slab_free(s, objs[0]); /* a thread's first frees go to the slab */
	EXPECT_EQ(sim.futex_waits, 1);
	EXPECT_EQ(busy->inuse, 1);
	hold_slabs(s);
	slab_give(s, &objs[1], 1);
	EXPECT_EQ(sim.futex_waits, 2);
	EXPECT_EQ(busy->inuse, 0);
	EXPECT_SOUND();
}

SIM_TEST(a_second_free_that_goes_to_the_slab_at_once_is_reported_and_not_counted)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(64)];
	void *objs[2];

	EXPECT(sim_start());
	bug_abort_on_error = false;
	for (int i = 0; i < 2; i++)
		objs[i] = slab_alloc_slow(s, &nested);
	for (int i = 0; i < 2; i++)
		slab_free_slow(s, objs[0], &nested);
	EXPECT(strstr(sim_reports(), "double free"));
	EXPECT_EQ(cache_inuse(s), 1);
	EXPECT_SOUND();
}

/* A thread that only allocates has to take it along too. */
SIM_TEST(an_object_freed_while_its_slab_is_held_goes_back_with_the_next_allocation_too)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(64)];
	struct slab_home *home;
	void *obj;

	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	obj = slab_alloc_slow(s, &nested);
	home = hold_slabs(s);
	slab_free_slow(s, obj, &nested);
	let_go(home);
	EXPECT_EQ(home->inuse, 1);
	EXPECT(slab_alloc(&kmalloc_caches[kmalloc_class(1000)], 0, NUMA_NO_NODE));
	EXPECT_EQ(home->inuse, 0);
	EXPECT_SOUND();
}

/* Otherwise it would be linked to itself, and the list would have no end. */
SIM_TEST(an_object_freed_twice_while_its_slab_is_held_is_reported_once)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(64)];
	struct slab_home *home;
	void *objs[3];

	EXPECT(sim_start());
	bug_abort_on_error = false;
	bug_ops.abort = NULL;
	for (int i = 0; i < 3; i++)
		objs[i] = slab_alloc_slow(s, &nested);
	home = hold_slabs(s);
	slab_free_slow(s, objs[0], &nested);
	slab_free_slow(s, objs[1], &nested);
	slab_free_slow(s, objs[0], &nested);
	let_go(home);
	slab_free(s, objs[2]);
	EXPECT(strstr(sim_reports(), "double free"));
	EXPECT_EQ(home->inuse, 0);
	EXPECT_SOUND();
}

/* The thread's own sheaves need no lock of others. */
SIM_TEST(a_request_that_may_not_wait_is_served_from_the_own_sheaf)
{
	struct kmem_cache *s;
	struct slab_home *home;
	void *objs[3];

	EXPECT(sim_start());
	s = cache_create("own", 64, 8, NULL);
	objs[0] = slab_alloc(s, 0, NUMA_NO_NODE); /* brings a sheaf */
	home = hold_slabs(s);
	objs[1] = slab_alloc(s, GFP_NOWAIT, NUMA_NO_NODE);
	EXPECT_EQ(slab_alloc_bulk(s, GFP_NOWAIT, 1, &objs[2]), 1);
	EXPECT(objs[1] && objs[2] && objs[1] != objs[2]);
	let_go(home);
	for (int i = 0; i < 3; i++)
		slab_free(s, objs[i]);
	EXPECT_SOUND();
}

/* A mapping of its own may lie on any node. */
SIM_TEST(what_has_to_be_of_a_node_has_no_mapping_of_its_own)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(64)];
	struct slab_home *home;
	void *obj;

	EXPECT(sim_start());
	home = hold_slabs(s);
	EXPECT(!slab_alloc(s, GFP_NOWAIT | __GFP_THISNODE, 0));
	obj = slab_alloc(s, GFP_NOWAIT, 0);
	EXPECT(obj && direct_size(obj));
	let_go(home);
}

#define IN_SLABS 500

/* Not all objects can be had.  Putting those that can into a sheaf could wait for a lock. */
SIM_TEST(what_was_taken_in_vain_goes_back_without_waiting)
{
	static void *objs[4 * IN_SLABS];
	struct kmem_cache *s;
	struct slab_home *home;
	u64 waits;

	EXPECT(sim_start());
	s = cache_create("bulk", 64, 8, NULL);
	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE)); /* has sheaves */
	EXPECT_EQ(slab_take(s, 0, objs, IN_SLABS, true, 0, &nested), IN_SLABS);
	slab_give(s, objs, IN_SLABS);
	sim.fail_op = SIM_MAP_AT;
	sim.fail_op_always = true;
	while (pages_get(0, 0))
		continue;
	home = &cache_node(s, 0, false)->first;
	for_each_barn (cache_node(s, 0, false), barn)
		barn->lock.word = spin_generation | 4711;
	waits = sim.futex_waits;
	EXPECT_EQ(slab_alloc_bulk(s, GFP_NOWAIT, ARRAY_SIZE(objs), objs), 0);
	EXPECT_EQ(sim.futex_waits, waits);
	EXPECT(home->inuse < IN_SLABS / 4);
	for_each_barn (cache_node(s, 0, false), barn)
		barn->lock.word = 0;
	EXPECT_SOUND();
}

static struct kmem_cache *held;
static u64 steps;

static void count_step(u64 number)
{
	steps = number;
}

static void take_in_vain(void)
{
	void *obj;

	EXPECT(!slab_take(held, 0, &obj, 1, true, 0, &nested));
}

static void alloc_in_vain(void)
{
	EXPECT(!slab_alloc(held, GFP_NOWAIT, NUMA_NO_NODE));
}

SIM_TEST(a_free_of_memory_of_another_node_is_counted_as_one_too)
{
	unsigned long before;
	void *obj;

	sim_add_node(GiB, true);
	EXPECT(sim_start());
	obj = slab_alloc(&kmalloc_caches[3], __GFP_THISNODE, 1);
	EXPECT(obj && page_to_nid(virt_to_page(obj)) == 1);
	EXPECT_EQ(current_task()->mm.node, 0);
	before = current_task()->slow_frees;
	slab_free(&kmalloc_caches[3], obj);
	EXPECT_EQ(current_task()->slow_frees, before + 1);
}

/* Locks are held shortly.  With one try, half of the requests of four threads were refused. */
SIM_TEST(a_request_that_may_not_wait_looks_several_times)
{
	u64 one;

	EXPECT(sim_start());
	held = cache_create("held", 64, 8, NULL);
	hold_slabs(held);
	step_through(take_in_vain, count_step);
	step_stop();
	one = steps;
	step_through(alloc_in_vain, count_step);
	step_stop();
	EXPECT(steps + 8 * 16 >= 8 * one); /* less what is around it */
}

static struct sim_thread forker;
static jmp_buf in_child;
static bool forks;

static void construct(void *obj)
{
	memset(obj, 0, 64);
	if (forks)
		longjmp(in_child, 1);
}

/* A thread that has such objects in hand is waited for, but here it was lost in the fork. */
SIM_TEST(a_child_does_not_wait_for_a_lost_thread_that_had_deferred_objects)
{
	struct kmem_cache *s;
	struct slab_home *home;
	void *objs[2];
	u64 waits;

	EXPECT(sim_start());
	s = cache_create("made", 64, 8, construct);
	start_thread(&forker);
	for (int i = 0; i < 2; i++)
		objs[i] = slab_alloc_slow(s, &nested);
	home = hold_slabs(s);
	slab_free_slow(s, objs[0], &nested);
	let_go(home);
	if (!setjmp(in_child)) {
		forks = true;
		slab_free(s, objs[1]);
		EXPECT(!"a constructor was called");
	}
	forks = false;
	sim_switch_to(&forker);
	sim.process_id = forker.tid;
	sim_wipe_fork_cookie();
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	waits = sim.futex_waits;
	settle_deferred();
	EXPECT_EQ(sim.futex_waits, waits);
	EXPECT_SOUND();
}

static bool asks, was_settled;

static void construct_and_settle(void *obj)
{
	(void)obj;
	if (asks)
		was_settled = settle_deferred();
	asks = false;
}

/* It may never come back, or be the caller itself. */
SIM_TEST(a_thread_that_stays_in_a_constructor_is_not_waited_for_for_ever)
{
	struct slab_home *home;
	struct kmem_cache *s;
	void *obj;

	EXPECT(sim_start());
	s = cache_create("asks", 64, 8, construct_and_settle);
	obj = slab_alloc_slow(s, &nested);
	home = hold_slabs(s);
	slab_free_slow(s, obj, &nested);
	let_go(home);
	asks = was_settled = true;
	EXPECT(settle_deferred());
	EXPECT(!asks && !was_settled);
	EXPECT_SOUND();
}

static struct sim_thread ender;
static struct kmem_cache *ended;
static pthread_t end_thread;
static bool begins, has_ended;

static void *end_cache(void *arg)
{
	(void)arg;
	sim_impersonate(&ender);
	EXPECT_EQ(cache_destroy("test", ended), 0);
	WRITE_ONCE(has_ended, true);
	return NULL;
}

static u32 ender_waits; /* of the thread that ends the cache; atomic */

static void count_wait(void)
{
	atomic_add(&ender_waits, 1);
}

/* For longer than one wait of the thread that destroys the other cache, or until it gives up. */
static void construct_slowly(void *obj)
{
	(void)obj;
	if (!begins)
		return;
	begins = false;
	EXPECT(!pthread_create(&end_thread, NULL, end_cache, NULL));
	while (READ_ONCE(ender_waits) < 3 * PATIENCE_MS && !READ_ONCE(has_ended))
		sched_yield();
}

/* Otherwise objects that are in hand would be reported as in use. */
SIM_TEST(destroying_a_cache_waits_for_a_thread_that_has_its_deferred_objects)
{
	struct kmem_cache *s;
	struct slab_home *homes[2];
	void *objs[2];

	EXPECT(sim_start());
	s = cache_create("slow", 64, 8, construct_slowly);
	ended = cache_create("ended", 64, 8, NULL);
	start_thread(&ender);
	objs[0] = slab_alloc_slow(ended, &nested);
	objs[1] = slab_alloc_slow(s, &nested);
	homes[0] = hold_slabs(ended);
	homes[1] = hold_slabs(s);
	slab_free_slow(ended, objs[0], &nested);
	slab_free_slow(s, objs[1], &nested); /* it is taken first */
	let_go(homes[0]);
	let_go(homes[1]);
	begins = true;
	sim.on_futex_wait = count_wait;
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
	pthread_join(end_thread, NULL);
	sim.on_futex_wait = NULL;
	EXPECT(has_ended);
	EXPECT(!sim_reports()[0]);
	EXPECT_SOUND();
}

RUN_TESTS(T(destroying_a_cache_waits_for_a_thread_that_has_its_deferred_objects),
	  T(what_has_to_be_of_a_node_has_no_mapping_of_its_own),
	  T(what_was_taken_in_vain_goes_back_without_waiting),
	  T(a_free_of_memory_of_another_node_is_counted_as_one_too),
	  T(a_request_that_may_not_wait_looks_several_times),
	  T(a_child_does_not_wait_for_a_lost_thread_that_had_deferred_objects),
	  T(a_thread_that_stays_in_a_constructor_is_not_waited_for_for_ever),
	  T(a_request_that_may_not_wait_is_served_from_the_own_sheaf),
	  T(an_object_in_a_mapping_of_its_own_is_aligned_as_in_a_slab),
	  T(an_object_freed_twice_while_its_slab_is_held_is_reported_once),
	  T(an_object_freed_while_its_slab_is_held_goes_back_with_the_next_free),
	  T(a_free_that_may_wait_waits_until_its_slab_is_let_go),
	  T(a_second_free_that_goes_to_the_slab_at_once_is_reported_and_not_counted),
	  T(an_object_freed_while_its_slab_is_held_goes_back_with_the_next_allocation_too))
