/* SPDX-License-Identifier: MIT */
/*
 * test_slab_common.c - caches that are destroyed while others are at work, and threads that look
 * for idle memory at the same time: src/slab/slab_common.c
 */
#include "base/check.h"
#include "unit.h"
#include <errno.h>
#include <pthread.h>

static struct kmem_cache *s;
static struct kmem_cache_node *n;
static struct slow nested = {.nested = true};

#define SOMEBODY 4711u

static void hold(struct spinlock *lock)
{
	lock->word = spin_generation | SOMEBODY;
}

static bool is_held(const struct spinlock *lock)
{
	return (READ_ONCE(lock->word) & TASK_ID_MASK) == SOMEBODY;
}

static void start(void)
{
	EXPECT(sim_start());
	bug_abort_on_error = false;
	sim.cpu_hint = 0;
	s = cache_create("ends", 64, 8, NULL);
	n = cache_node(s, 0, false);
}

/* A free in a handler links the object by two pointers. */
SIM_TEST(an_object_has_room_for_two_pointers)
{
	EXPECT(sim_start());
	for (u32 size = 1; size <= 16; size++) {
		const struct kmem_cache *c = cache_create("small", size, 1, NULL);

		EXPECT_EQ(c->object_size, size);
		EXPECT_EQ(c->size, sizeof(struct list_head));
		EXPECT_EQ(c->align, alignof(struct list_head));
	}
}

/* A free in a handler may wait for nothing. */
SIM_TEST(what_handlers_have_freed_is_not_in_use)
{
	void *obj;

	start();
	obj = slab_alloc_slow(s, &nested);
	hold(&n->first.list_lock);
	slab_free_slow(s, obj, &nested);
	n->first.list_lock.word = 0;
	EXPECT_EQ(cache_inuse(s), 1);
	EXPECT_EQ(cache_destroy("test", s), 0);
	EXPECT_SOUND();
}

/* ---- another thread has such objects in hand: it constructs them, to put them back ---- */

static struct sim_thread taker;
static pthread_t take_thread;
static bool is_taking, may_go_on;

static void construct_slowly(void *obj)
{
	(void)obj;
	if (!READ_ONCE(take_thread))
		return;
	WRITE_ONCE(is_taking, true);
	while (!READ_ONCE(may_go_on))
		cpu_relax();
}

static void *free_something(void *arg)
{
	sim_impersonate(&taker);
	slab_free(&kmalloc_caches[0], arg);
	return NULL;
}

static void let_it_go_on(void)
{
	WRITE_ONCE(may_go_on, true);
	pthread_join(take_thread, NULL);
}

SIM_TEST(what_another_thread_puts_back_for_a_handler_is_not_in_use)
{
	void *obj, *any;

	start();
	s = cache_create("constructed", 64, 8, construct_slowly);
	n = cache_node(s, 0, false);
	any = slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE);
	obj = slab_alloc_slow(s, &nested);
	hold(&n->first.list_lock);
	slab_free_slow(s, obj, &nested);
	n->first.list_lock.word = 0;
	sim_thread_new(&taker, 0);
	EXPECT(!pthread_create(&take_thread, NULL, free_something, any));
	while (!READ_ONCE(is_taking))
		cpu_relax();
	sim.on_futex_wait = let_it_go_on;
	EXPECT_EQ(cache_destroy("test", s), 0);
	EXPECT_SOUND();
}

/* ---- a pass that has objects of the cache in hand ---- */

static void *objs[8];
static unsigned int nr_in_hand;

/* The pass puts the objects back, and releases its lock. */
static void end_pass(void)
{
	slab_give(s, objs, nr_in_hand);
	nr_in_hand = 0;
	slab_mutex.word = 0;
}

SIM_TEST(a_pass_that_empties_the_barns_of_a_cache_is_waited_for)
{
	start();
	nr_in_hand = slab_take(s, 0, objs, 8, /* exact= */ true, 0, &nested);
	EXPECT_EQ(nr_in_hand, 8);
	hold(&slab_mutex);
	sim.on_futex_wait = end_pass;
	EXPECT_EQ(cache_destroy("test", s), 0);
	EXPECT_EQ(nr_in_hand, 0);
	EXPECT_SOUND();
}

/* ---- a pass that empties a thread's sheaves: two real threads ---- */

static struct sim_thread owner, ender;
static struct kmem_cache *ended;
static pthread_t end_thread;

static void *end_cache(void *arg)
{
	(void)arg;
	sim_impersonate(&ender);
	EXPECT_EQ(cache_destroy("test", ended), 0);
	return NULL;
}

/*
 * First the pass waits, with the objects in hand, and the other thread begins.  Then that one waits
 * for the pass, or else has destroyed its cache too early.
 */
static void while_waiting(void)
{
	static pthread_t pass;

	if (!end_thread) {
		pass = pthread_self();
		EXPECT(!pthread_create(&end_thread, NULL, end_cache, NULL));
		return;
	}
	/* Only once: the pass has the lock after that. */
	if (!pthread_equal(pthread_self(), pass) && is_held(&n->barn->lock))
		WRITE_ONCE(n->barn->lock.word, 0);
}

static void go_on_as(struct sim_thread *t)
{
	sim_thread_new(t, 0);
	sim_switch_to(t);
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
}

SIM_TEST(a_pass_that_empties_the_sheaves_of_a_thread_is_waited_for)
{
	struct task *task;
	struct slow slow;

	start();
	ended = s;
	go_on_as(&ender);
	go_on_as(&owner);
	for (int i = 0; i < 8; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (int i = 0; i < 8; i++)
		slab_free(s, objs[i]);
	task = current_task();
	sim_switch_to(&sim_main_thread);
	hold(&n->barn->lock);
	sim.on_futex_wait = while_waiting;
	slow_enter_anyway(&slow);
	task_drain(task, /* only_idle= */ false, &slow);
	slow_leave(&slow);
	pthread_join(end_thread, NULL);
	EXPECT(!sim_reports()[0]);
	EXPECT_SOUND();
}

/* A constructor of another cache, which may wait for a lock of the thread that shrinks this one. */
SIM_TEST(a_thread_in_a_constructor_is_not_waited_for)
{
	struct task *task;

	start();
	go_on_as(&owner);
	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE)); /* it knows the cache */
	task = current_task();
	drain_this_task(/* only_idle= */ false);
	sim_switch_to(&sim_main_thread);
	hold(&task->lock);
	EXPECT_EQ(cache_shrink(s), 0);
	EXPECT_EQ(cache_destroy("test", s), 0);
	task->lock.word = 0;
	EXPECT_SOUND();
}

/* ---- two threads find nothing free at the same time ---- */

static struct task *lost;

/* A handler forks, and the call goes on in the child, where all other threads are lost. */
static void fork_meanwhile(void)
{
	sim.on_futex_wait = NULL;
	sim_wipe_fork_cookie();
	lost->mm.depth = 1;
	lost->lock.word = lost->mm.id | spin_generation;
}

/* Before the repair, what a lost thread had at hand looks as if it were in use. */
SIM_TEST(a_cache_stays_in_a_child_that_is_forked_while_it_is_ended)
{
	start_with(&owner, 1);
	ended = cache_create("ended", 100, 8, NULL);
	EXPECT(ended);
	sim_switch_to(&owner);
	slab_free(ended, slab_alloc(ended, 0, NUMA_NO_NODE));
	lost = current_task();
	EXPECT(task_pcs(lost, ended)->main->size);
	sim_switch_to(&sim_main_thread);
	slab_mutex.word = 4711 | spin_generation;
	sim.on_futex_wait = fork_meanwhile;
	EXPECT_EQ(cache_destroy("test", ended), -EBUSY);
	EXPECT(strstr(sim_reports(), "the cache stays"));
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(cache_destroy("test", ended), 0);
	EXPECT_SOUND();
}

static struct sim_thread shrinker;
static pthread_t first, shrink_thread;
static bool shrinker_waits;

static void *shrink(void *arg)
{
	(void)arg;
	sim_impersonate(&shrinker);
	EXPECT_EQ(shrink_slab(zone_of(0), /* barns= */ false), 1);
	return NULL;
}

/* The first thread waits inside, and goes on when the other one waits as well. */
static void let_it_end(void)
{
	if (!pthread_equal(pthread_self(), first)) {
		WRITE_ONCE(shrinker_waits, true);
		return;
	}
	sim.on_futex_wait = NULL;
	n->first.list_lock.word = 0;
	pthread_join(shrink_thread, NULL);
}

static void leave_empty_slab(void)
{
	nr_in_hand = slab_take(s, 0, objs, 8, /* exact= */ true, 0, &nested);
	slab_give(s, objs, nr_in_hand);
	EXPECT_EQ(n->first.nr_empty, 1);
}

SIM_TEST(a_thread_that_finds_another_one_looking_waits_for_its_result)
{
	start();
	first = pthread_self();
	leave_empty_slab();
	hold(&n->first.list_lock);
	sim.on_futex_wait = let_it_end;
	sim_thread_new(&shrinker, 0);
	EXPECT(!pthread_create(&shrink_thread, NULL, shrink, NULL));
	while (!READ_ONCE(shrinker_waits))
		cpu_relax();
	EXPECT(shrink_slab(zone_of(0), /* barns= */ false));
	EXPECT(!sim.on_futex_wait);
	EXPECT_EQ(n->first.nr_empty, 0);
	EXPECT_SOUND();
}

/* The holder of the mutex may want a lock that this thread has, unless it looks for memory too. */
SIM_TEST(a_thread_that_finds_another_one_at_something_else_goes_on)
{
	start();
	hold(&slab_mutex);
	EXPECT(!shrink_slab(zone_of(0), /* barns= */ false));
	slab_mutex.word = 0;
	EXPECT_EQ(sim.futex_waits, 0);
}

static jmp_buf in_child;

static void be_lost(void)
{
	sim.on_futex_wait = NULL;
	longjmp(in_child, 1);
}

SIM_TEST(a_thread_that_was_lost_while_it_looked_is_not_waited_for)
{
	struct slow slow;

	start();
	start_thread(&shrinker);
	leave_empty_slab();
	hold(&n->first.list_lock);
	sim_switch_to(&shrinker);
	sim.on_futex_wait = be_lost;
	if (!setjmp(in_child)) {
		slow_enter_anyway(&slow);
		shrink_slab(zone_of(0), /* barns= */ false);
		EXPECT(false);
	}
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
	sim.futex_waits = 0;
	hold(&slab_mutex);
	EXPECT(!shrink_slab(zone_of(0), /* barns= */ false));
	EXPECT_EQ(sim.futex_waits, 0);
}

/* Threads allocate the room for their sheaves by 64 numbers. */
SIM_TEST(a_cache_that_is_made_anew_has_the_lowest_number_that_is_free)
{
	struct kmem_cache *first, *second, *third;

	start();
	first = cache_create("first", 64, 8, NULL);
	second = cache_create("second", 64, 8, NULL);
	EXPECT_EQ(second->id, first->id + 1);
	for (int i = 0; i < 100; i++) {
		third = cache_create("third", 64, 8, NULL);
		EXPECT_EQ(third->id, second->id + 1);
		EXPECT_EQ(cache_destroy("test", third), 0);
	}
	EXPECT_EQ(cache_destroy("test", first), 0);
	first = cache_create("first", 64, 8, NULL);
	EXPECT_EQ(first->id, second->id - 1);
	third = cache_create("third", 64, 8, NULL);
	EXPECT_EQ(third->id, second->id + 1);
	EXPECT(cache_by_id(third->id) == third && cache_by_id(first->id) == first);
}

static struct kmem_cache *by_index(int index)
{
	struct kmem_cache *s;

	spin_lock(&slab_mutex);
	s = cache_by_index(index);
	spin_unlock(&slab_mutex);
	return s;
}

/* A caller that asks for cache after cache goes on from the last one, which may be gone. */
SIM_TEST(caches_are_found_by_their_place_also_when_some_have_left)
{
	struct kmem_cache *made[4];
	int first = 0;

	EXPECT(sim_start());
	while (by_index(first))
		first++;
	for (int i = 0; i < 4; i++)
		made[i] = cache_create("one of four", 100, 8, NULL);
	for (int i = 0; i < 4; i++)
		EXPECT(by_index(first + i) == made[i]);
	EXPECT_EQ(cache_destroy("test", made[3]), 0);
	EXPECT(!by_index(first + 3));
	EXPECT(by_index(first + 2) == made[2]);
	EXPECT_EQ(cache_destroy("test", made[0]), 0);
	EXPECT(by_index(first + 1) == made[2]);
	EXPECT(by_index(first) == made[1]);
	EXPECT(!by_index(first + 2));
	EXPECT_SOUND();
}

/* ---- there is no memory except what another thread gives back ---- */

static void let_go_of_mutex(void)
{
	slab_mutex.word = 0;
}

SIM_TEST(a_thread_without_memory_waits_for_one_that_gives_some_back)
{
	void *obj;

	start();
	obj = slab_alloc_slow(s, &nested);
	sim.fail_op = SIM_MAP_AT;
	sim.fail_op_always = true;
	while (buddy_get(0, 0, 0))
		;
	slab_free_slow(s, obj, &nested);
	hold(&slab_mutex);
	sim.on_sleep = let_go_of_mutex;
	EXPECT(buddy_get(0, 0, 0));
	EXPECT(!slab_mutex.word);
	EXPECT(!buddy_get(0, 0, MAX_PAGE_ORDER));
	EXPECT_SOUND();
}

RUN_TESTS(T(a_thread_without_memory_waits_for_one_that_gives_some_back),
	  T(an_object_has_room_for_two_pointers),
	  T(caches_are_found_by_their_place_also_when_some_have_left),
	  T(a_cache_that_is_made_anew_has_the_lowest_number_that_is_free),
	  T(what_handlers_have_freed_is_not_in_use),
	  T(what_another_thread_puts_back_for_a_handler_is_not_in_use),
	  T(a_pass_that_empties_the_barns_of_a_cache_is_waited_for),
	  T(a_pass_that_empties_the_sheaves_of_a_thread_is_waited_for),
	  T(a_thread_in_a_constructor_is_not_waited_for),
	  T(a_cache_stays_in_a_child_that_is_forked_while_it_is_ended),
	  T(a_thread_that_finds_another_one_looking_waits_for_its_result),
	  T(a_thread_that_finds_another_one_at_something_else_goes_on),
	  T(a_thread_that_was_lost_while_it_looked_is_not_waited_for))
