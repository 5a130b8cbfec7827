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

/* As free() does. */
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

/* Small free blocks go in the last pass alone. */
static void free_in_last_pass(enum sim_op op, u64 number)
{
	(void)number;
	if (op == SIM_DISCARD && may_free && !freed)
		free_all();
}

/* After the tick that finds that nothing has happened for long, and after what comes then. */
static void note_wait(void)
{
	may_free = ++waits == 13;
	if (!freed)
		return;
	if (lay_down_ms)
		longjmp(end, 1);
	lay_down_ms = sim.clock_ms;
}

/* It would sleep until somebody else calls, and what was freed stay resident. */
SIM_TEST(what_is_freed_while_the_last_pass_is_made_is_seen_to)
{
	start_background();
	sim.before_call = free_in_last_pass;
	sim.on_futex_wait = note_wait;
	sim_switch_to(&background);
	if (!setjmp(end))
		sim.thread(NULL);
	EXPECT(freed);
	EXPECT(sim.clock_ms - lay_down_ms < SLEEP_MS);
}

RUN_TESTS(T(what_is_freed_while_the_last_pass_is_made_is_seen_to))
