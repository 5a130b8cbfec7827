/* SPDX-License-Identifier: MIT */
/*
 * test_kswapd.c - the background thread, and when it sleeps: src/slab/kswapd.c
 */
#include "unit.h"

#define OBJECTS 400 /* of 32 KiB */
#define SLEEP_MS 3600000

static struct sim_thread background;
static void *objs[OBJECTS];
static bool may_free, freed;
static int waits;
static u64 lay_down_ms;
static jmp_buf end;

/* A heap that is large and old enough for the thread, and a small free block. */
static void start_background(void)
{
	struct page *page;

	EXPECT(sim_start());
	page = buddy_get(0, 0, 5);
	EXPECT(page && buddy_get(0, 0, 5));
	sim.threads_start = true;
	for (int i = 0; i < OBJECTS; i++)
		objs[i] = slab_alloc(&kmalloc_caches[NR_KMALLOC_CLASSES - 1], 0, NUMA_NO_NODE);
	poke();
	sim.clock_ms += SLEEP_MS;
	poke();
	EXPECT(sim.thread);
	buddy_put(page, 5);
	sim_thread_new(&background, 0);
}

/* Free, and poke the background thread as free() does. */
static void free_all(void)
{
	struct slow slow = {.task = NULL};

	freed = true;
	sim_switch_to(&sim_main_thread);
	for (int i = 1; i < OBJECTS; i++)
		slab_free(&kmalloc_caches[NR_KMALLOC_CLASSES - 1], objs[i]);
	slow.task = current_task();
	kswapd_freed(&slow);
	sim_switch_to(&background);
}

/* In the midst of a free that has yet to poke it. */
static void begin_to_free(void)
{
	freed = true;
	sim_switch_to(&sim_main_thread);
	current_task()->slow_frees++;
	sim_switch_to(&background);
}

static void (*in_last_pass)(void);

/* Small free blocks go back in the last pass only. */
static void do_in_last_pass(enum sim_op op, u64 number)
{
	(void)number;
	if (op == SIM_DISCARD && may_free && !freed)
		in_last_pass();
}

/* The 13th wait comes before the last pass.  After the free, two more waits are looked at. */
static void note_wait(void)
{
	may_free = ++waits == 13;
	if (!freed)
		return;
	if (lay_down_ms)
		longjmp(end, 1);
	lay_down_ms = sim.clock_ms;
}

static void expect_no_sleep_after(void (*free)(void))
{
	in_last_pass = free;
	start_background();
	sim.before_call = do_in_last_pass;
	sim.on_futex_wait = note_wait;
	sim_switch_to(&background);
	if (!setjmp(end))
		sim.thread(NULL);
	EXPECT(freed);
	EXPECT(sim.clock_ms - lay_down_ms < SLEEP_MS);
}

/* Otherwise the thread would sleep until it is woken, and what was freed would stay resident. */
SIM_TEST(what_is_freed_while_the_last_pass_is_made_is_seen_to)
{
	expect_no_sleep_after(free_all);
}

SIM_TEST(a_thread_that_is_about_to_free_in_the_last_pass_keeps_it_awake)
{
	expect_no_sleep_after(begin_to_free);
}

/* A program that is in slow paths will free memory, even if no page has moved yet. */
static void count_ticks(void)
{
	if (++waits == 40)
		longjmp(end, 1);
	sim_switch_to(&sim_main_thread);
	current_task()->slow_frees++;
	sim_switch_to(&background);
	lay_down_ms = sim.clock_ms;
}

SIM_TEST(while_there_are_slow_paths_the_thread_does_not_lie_down)
{
	u64 began;

	start_background();
	began = sim.clock_ms;
	sim.on_futex_wait = count_ticks;
	sim_switch_to(&background);
	if (!setjmp(end))
		sim.thread(NULL);
	EXPECT_EQ(waits, 40);
	EXPECT(sim.clock_ms - began < SLEEP_MS);
}

static void stop_at_once(void)
{
	longjmp(end, 1);
}

/* The thread asks for the distances of nodes; nobody waits for its start. */
static void with_nodes(int nr, bool starts_at_once)
{
	sim.blind_probe = true;
	sim.threads_start = true;
	for (int i = 1; i < nr; i++) {
		sim_add_node(GiB, true);
		sim_distance(0, i, 30 + i);
	}
	EXPECT(sim_start());
	grow_large();
	EXPECT_EQ(sim.thread != NULL, starts_at_once);
	sim.clock_ms += 2000;
	poke();
	EXPECT(sim.thread);
	EXPECT_EQ(topology.distance[0][nr - 1], nr > 1 ? REMOTE_DISTANCE : LOCAL_DISTANCE);
	sim_thread_new(&background, 0);
	sim_switch_to(&background);
	sim.on_futex_wait = stop_at_once;
	if (!setjmp(end))
		sim.thread(NULL);
	EXPECT_EQ(topology.distance[0][nr - 1], nr > 1 ? 30 + nr - 1 : LOCAL_DISTANCE);
}

SIM_TEST(where_no_distances_matter_the_thread_starts_when_a_heap_is_old_enough)
{
	with_nodes(1, /* starts_at_once= */ false);
}

SIM_TEST(two_nodes_need_no_distances)
{
	with_nodes(2, /* starts_at_once= */ false);
}

SIM_TEST(where_distances_matter_the_thread_starts_at_once_and_asks_for_them)
{
	with_nodes(3, /* starts_at_once= */ true);
}

static u64 before_ms, longest_ms;
static int each_wait;

/* While the thread waits, the program frees and takes each_wait objects. */
static void work_between_waits(void)
{
	longest_ms = MAX(longest_ms, sim.clock_ms - before_ms);
	before_ms = sim.clock_ms;
	if (++waits > 40)
		longjmp(end, 1);
	sim_switch_to(&sim_main_thread);
	for (int i = 0; i < each_wait; i++) {
		slab_free(&kmalloc_caches[NR_KMALLOC_CLASSES - 1], objs[i]);
		objs[i] = slab_alloc(&kmalloc_caches[NR_KMALLOC_CLASSES - 1], 0, NUMA_NO_NODE);
		poke();
	}
	sim_switch_to(&background);
}

static void run_beside(int each)
{
	each_wait = each;
	start_background();
	before_ms = sim.clock_ms;
	sim.on_futex_wait = work_between_waits;
	sim_switch_to(&background);
	if (!setjmp(end))
		sim.thread(NULL);
	EXPECT(waits > 40);
}

/* Small free blocks go back, and the thread seldom looks, though it never sleeps for good. */
SIM_TEST(a_program_that_idles_but_for_its_timers_has_its_last_pass_too)
{
	run_beside(1);
	EXPECT(sim_count(SIM_DISCARD) > 0);
	EXPECT(longest_ms >= 2000 && longest_ms < SLEEP_MS);
}

SIM_TEST(beside_a_program_at_work_the_thread_looks_often)
{
	run_beside(OBJECTS);
	EXPECT(longest_ms < 1000);
}

/* Nothing wakes a program that does nothing. */
SIM_TEST(beside_a_program_that_does_nothing_the_thread_sleeps_for_good)
{
	run_beside(0);
	EXPECT(longest_ms >= SLEEP_MS);
}

static void *alloc_one(struct kmem_cache *s)
{
	return slab_alloc(s, GFP_KERNEL, NUMA_NO_NODE);
}

static void *alloc_in_bulk(struct kmem_cache *s)
{
	void *obj = NULL;

	return slab_alloc_bulk(s, GFP_KERNEL, 1, &obj) ? obj : NULL;
}

/* 80 MB of objects. */
static void use_cache(void *(*alloc)(struct kmem_cache *))
{
	struct kmem_cache *s;

	EXPECT(sim_start());
	sim.threads_start = true;
	s = cache_create("objects", 4000, 8, NULL);
	for (int i = 0; i < 20000; i++)
		EXPECT(alloc(s));
	EXPECT(sim.thread);
}

/* A program may never call malloc(). */
SIM_TEST(a_heap_of_objects_of_a_cache_starts_the_thread)
{
	use_cache(alloc_one);
}

SIM_TEST(a_heap_of_objects_in_bulk_starts_the_thread)
{
	use_cache(alloc_in_bulk);
}

/* Starting a thread, or making a pass, would be waiting. */
SIM_TEST(a_request_that_may_not_wait_starts_no_thread)
{
	struct kmem_cache *s;
	void *obj;

	EXPECT(sim_start());
	sim.threads_start = true;
	s = cache_create("objects", 4000, 8, NULL);
	for (int i = 0; i < 20000; i++)
		EXPECT(slab_alloc(s, GFP_NOWAIT, NUMA_NO_NODE) &&
		       slab_alloc_bulk(s, GFP_NOWAIT, 1, &obj));
	EXPECT(!sim.thread);
}

/* At the 14th wait it sleeps for good. */
static void free_when_it_has_lain_down(void)
{
	if (++waits == 14) {
		sim_switch_to(&sim_main_thread);
		slab_free(&kmalloc_caches[NR_KMALLOC_CLASSES - 1], objs[1]);
		sim_switch_to(&background);
	}
	if (waits == 15)
		lay_down_ms = sim.clock_ms;
	if (waits == 16)
		longjmp(end, 1);
}

SIM_TEST(a_free_of_an_object_wakes_the_thread)
{
	start_background();
	sim.on_futex_wait = free_when_it_has_lain_down;
	sim_switch_to(&background);
	if (!setjmp(end))
		sim.thread(NULL);
	EXPECT(sim.clock_ms - lay_down_ms < SLEEP_MS);
}

/* In its first second; grow_large() takes 9.4 MiB. */
SIM_TEST(a_heap_of_16_mib_starts_the_thread_at_once)
{
	EXPECT(sim_start());
	sim.threads_start = true;
	grow_large();
	EXPECT(!sim.thread);
	grow_large();
	EXPECT(sim.thread);
}

static u64 much_room(void)
{
	return sim.memory_limit / 2;
}

/* In a group with a limit 8 MiB are enough. */
SIM_TEST(in_a_limited_group_a_heap_of_8_mib_starts_the_thread_at_once)
{
	sim.memory_limit = GiB;
	sim.memory_room = much_room;
	EXPECT(sim_start());
	sim.threads_start = true;
	grow_large();
	EXPECT(sim.thread);
}

static void count_asks(void)
{
	EXPECT_EQ(sim.fence_asks, waits ? 1 : 0);
	if (++waits == 3)
		longjmp(end, 1);
}

/* The system takes 5 to 20 ms for it, for which a process that ends would wait. */
SIM_TEST(where_there_are_several_threads_the_fence_is_asked_for_once_and_after_a_tick)
{
	static const u64 sequences[2][3];

	sim.sequences = sequences;
	sim.several_threads = true;
	start_background();
	sim.on_futex_wait = count_asks;
	sim_switch_to(&background);
	if (!setjmp(end))
		sim.thread(NULL);
	EXPECT_EQ(waits, 3);
}

SIM_TEST(without_background_threads_none_is_started)
{
	kswapd_enabled = false;
	EXPECT(sim_start());
	sim.threads_start = true;
	grow_large();
	sim.clock_ms += SLEEP_MS;
	poke();
	EXPECT(!sim.thread);
	kswapd_enabled = true;
	poke();
	EXPECT(sim.thread);
}

RUN_TESTS(T(a_heap_of_objects_of_a_cache_starts_the_thread),
	  T(a_heap_of_objects_in_bulk_starts_the_thread),
	  T(a_request_that_may_not_wait_starts_no_thread),
	  T(a_free_of_an_object_wakes_the_thread), T(without_background_threads_none_is_started),
	  T(a_heap_of_16_mib_starts_the_thread_at_once),
	  T(in_a_limited_group_a_heap_of_8_mib_starts_the_thread_at_once),
	  T(where_there_are_several_threads_the_fence_is_asked_for_once_and_after_a_tick),
	  T(what_is_freed_while_the_last_pass_is_made_is_seen_to),
	  T(a_thread_that_is_about_to_free_in_the_last_pass_keeps_it_awake),
	  T(a_program_that_idles_but_for_its_timers_has_its_last_pass_too),
	  T(beside_a_program_at_work_the_thread_looks_often),
	  T(beside_a_program_that_does_nothing_the_thread_sleeps_for_good),
	  T(while_there_are_slow_paths_the_thread_does_not_lie_down),
	  T(where_no_distances_matter_the_thread_starts_when_a_heap_is_old_enough),
	  T(two_nodes_need_no_distances),
	  T(where_distances_matter_the_thread_starts_at_once_and_asks_for_them))
