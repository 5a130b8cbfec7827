/* SPDX-License-Identifier: MIT */
/*
 * test_pcs.c - a thread's two sheaves for a cache: src/slab/pcs.c
 */
#include "base/check.h"
#include "unit.h"
#include <errno.h>
#include <sys/mman.h>

static struct kmem_cache *s;
static struct kmem_cache_node *n;

static void start(size_t size)
{
	s = &kmalloc_caches[kmalloc_class(size)];
	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	n = s->node[0];
	EXPECT(current_task());
}

/* The same with a cache of the program. */
static void start_own(void)
{
	EXPECT(sim_start());
	s = cache_create("own", 64, 8, NULL);
	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	n = s->node[0];
}

static struct pcs *mine(void)
{
	return task_pcs(current_task(), s);
}

static unsigned int held(void)
{
	struct pcs *p = mine();

	return (p->main ? p->main->size : 0u) + (p->spare ? p->spare->size : 0u);
}

static struct barn *own_barn(void)
{
	return &n->barn[task_id() % nr_barns];
}

SIM_TEST(the_object_freed_last_is_allocated_first)
{
	void *objs[20];

	start(128);
	for (int i = 0; i < 20; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (int i = 0; i < 5; i++)
		slab_free(s, objs[i]);
	for (int i = 5; i-- > 0;)
		EXPECT(slab_alloc(s, 0, NUMA_NO_NODE) == objs[i]);
}

/* Objects that came from another thread lie among that thread's. */
SIM_TEST(the_first_frees_of_a_thread_go_back_to_the_slab)
{
	struct sim_thread other;
	void *objs[8];

	start(64);
	for (int i = 0; i < 8; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	sim_thread_new(&other, 0);
	sim_switch_to(&other);
	for (int i = 0; i < 4; i++)
		slab_free(s, objs[i]);
	EXPECT_EQ(held(), 0);
	/* A thread that goes on freeing gets a sheaf. */
	for (int i = 4; i < 8; i++)
		slab_free(s, objs[i]);
	EXPECT_EQ(held(), 4);
	EXPECT_SOUND();
}

/* More than four threads for each CPU; the last one runs. */
static void start_many_threads(void)
{
	static struct sim_thread threads[8];

	start(64);
	EXPECT_EQ(nr_barns, 2);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		sim_thread_new(&threads[i], 0);
		sim_switch_to(&threads[i]);
		slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	}
}

/* Most threads that use a class use it a few times. */
SIM_TEST(where_threads_are_many_the_first_large_objects_come_from_slabs)
{
	start_many_threads();
	s = &kmalloc_caches[kmalloc_class(2048)];
	for (int i = 0; i < 4; i++) {
		slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
		EXPECT(!mine()->main && !mine()->spare);
	}
	/* A thread that goes on gets a sheaf, and what it frees stays there. */
	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	EXPECT_EQ(held(), 1);
	EXPECT_SOUND();
}

SIM_TEST(where_threads_are_many_the_first_sheaf_is_given_two_kib_of_objects)
{
	start_many_threads();
	s = &kmalloc_caches[kmalloc_class(256)];
	EXPECT(slab_alloc(s, 0, NUMA_NO_NODE));
	EXPECT_EQ(held(), 2 * KiB / 256 - 1);
	EXPECT_SOUND();
}

SIM_TEST(where_threads_are_few_the_first_object_brings_a_sheaf)
{
	start(64);
	s = &kmalloc_caches[kmalloc_class(2048)];
	EXPECT(slab_alloc(s, 0, NUMA_NO_NODE));
	EXPECT_EQ(held(), 8 * KiB / 2048 - 1);
	EXPECT_SOUND();
}

SIM_TEST(objects_of_a_fresh_sheaf_ascend)
{
	char *last = NULL;

	s = &kmalloc_caches[kmalloc_class(64)];
	for (int i = 0; i < 8; i++) {
		char *obj = slab_alloc(s, 0, NUMA_NO_NODE);

		EXPECT(!last || obj == last + 64);
		last = obj;
	}
}

SIM_TEST(sheaves_start_small_and_grow_when_missed_in_often)
{
	unsigned int kinds = 0, last = 0;

	start(64);
	EXPECT_EQ(mine()->main->capacity, 12);
	for (int i = 0; i < 3000; i++) {
		EXPECT(slab_alloc(s, 0, NUMA_NO_NODE));
		EXPECT(mine()->main->capacity >= last);
		kinds += mine()->main->capacity > last;
		last = mine()->main->capacity;
	}
	EXPECT_EQ(last, MIN(32 * KiB / 64, 252));
	EXPECT_EQ(kinds, NR_SHEAF_KINDS);
	EXPECT_SOUND();
}

SIM_TEST(sheaves_of_a_thread_that_only_frees_grow_too)
{
	static void *objs[3000];
	struct sim_thread consumer;

	start(64);
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	sim_thread_new(&consumer, 0);
	sim_switch_to(&consumer);
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		slab_free(s, objs[i]);
	EXPECT_EQ(mine()->main->capacity, MIN(32 * KiB / 64, 252));
	EXPECT_SOUND();
}

/* Take @nr objects and give them back, first one first, @rounds times. */
static void burst(int nr, int rounds)
{
	static void *objs[30000];

	EXPECT(nr <= (int)ARRAY_SIZE(objs));
	for (; rounds; rounds--) {
		for (int i = 0; i < nr; i++)
			objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
		for (int i = 0; i < nr; i++)
			slab_free(s, objs[i]);
	}
}

/* A larger one would save nothing; the smallest grows all the same. */
SIM_TEST(sheaves_that_are_missed_in_seldom_stay_small)
{
	start(64);
	for (int i = 0; i < 3000; i++) {
		EXPECT(slab_alloc(s, 0, NUMA_NO_NODE));
		sim.clock_ms += 1;
	}
	EXPECT_EQ(mine()->main->capacity, 28);
	EXPECT_SOUND();
}

/* No thread wants such a sheaf any more: those of twelve classes made 80 KiB. */
SIM_TEST(sheaves_that_became_too_small_do_not_stay_in_the_barn)
{
	struct list_head *pos;

	start(64);
	burst(3000, 4);
	for (int i = 0; i < 3000; i++)
		slab_alloc(s, 0, NUMA_NO_NODE);
	EXPECT(own_barn()->nr_empty > 0);
	list_for_each (pos, &own_barn()->empty)
		EXPECT_EQ(list_entry(pos, struct slab_sheaf, barn_list)->capacity, s->capacity);
	EXPECT_SOUND();
}

/* Fresh memory needs no constructor, which would touch the whole slab. */
SIM_TEST(a_sheaf_touches_no_more_of_fresh_memory_than_it_takes)
{
	struct kmem_cache *sheaves = sheaf_cache(NR_SHEAF_KINDS - 1);
	unsigned char resident[8];
	struct slow slow;
	void *sheaf;

	start(64);
	EXPECT(slow_enter(&slow));
	EXPECT(slab_take(sheaves, 0, &sheaf, 1, true, 0, &slow) == 1);
	slow_leave(&slow);
	EXPECT_EQ(PAGE_SIZE << sheaves->order, sizeof(resident) * PAGE_SIZE);
	EXPECT(!mincore(sheaf, sizeof(resident) * PAGE_SIZE, resident));
	for (size_t i = 1; i < sizeof(resident); i++)
		EXPECT(!(resident[i] & 1));
}

SIM_TEST(a_sheaf_holds_at_most_32_kib_of_objects_or_twelve)
{
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++) {
		unsigned int most = 0;

		start(kmalloc_class_size(c));
		for (int i = 0; i < 1500; i++) {
			EXPECT(slab_alloc(s, 0, NUMA_NO_NODE));
			most = MAX(most, mine()->main->capacity);
		}
		EXPECT(most <= 12 || most * s->size <= 32 * KiB);
		EXPECT(most == 2 || most * s->size <= 128 * KiB);
		EXPECT_EQ(most, s->capacity);
	}
}

SIM_TEST(a_burst_of_frees_fills_spare_then_barn_then_slabs)
{
	unsigned int two_sheaves;

	start(256);
	burst(30000, 1);
	two_sheaves = 2u * s->capacity;
	EXPECT(held() <= two_sheaves);
	EXPECT(own_barn()->nr_full > 0 && own_barn()->nr_full <= s->max_full);
	/* All others are back in their slabs. */
	EXPECT(n->first.inuse <= two_sheaves + s->max_full * s->capacity);
	EXPECT(n->first.inuse >= held());
	EXPECT_SOUND();
	/* Objects come from the barn again: no slab is made while it has some. */
	unsigned long slabs = n->first.nr_slabs;

	for (unsigned int i = 0; i < s->max_full; i++)
		slab_alloc(s, 0, NUMA_NO_NODE);
	EXPECT(n->first.nr_slabs <= slabs);
}

/* What was freed last is in the CPU's cache. */
SIM_TEST(what_was_freed_longest_ago_goes_to_the_slabs)
{
	static void *objs[3000];
	size_t nr = ARRAY_SIZE(objs) / 2, last;
	unsigned long flushed;
	unsigned int kept;

	start(512);
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	/* Free until the barn has enough; then allocate, so that the thread has a spare. */
	while (nr)
		slab_free(s, objs[--nr]);
	while (nr < 3u * s->capacity)
		objs[nr++] = slab_alloc(s, 0, NUMA_NO_NODE);
	flushed = n->home[0]->flushed;
	for (last = 0; last < nr + 3u * s->capacity; last++)
		slab_free(s, last < nr ? objs[last] : objs[ARRAY_SIZE(objs) / 2 + last - nr]);
	EXPECT(n->home[0]->flushed > flushed);
	kept = held();
	EXPECT(kept > s->capacity);
	for (unsigned int i = 0; i < kept; i++) {
		last--;
		EXPECT(slab_alloc(s, 0, NUMA_NO_NODE) ==
		       (last < nr ? objs[last] : objs[ARRAY_SIZE(objs) / 2 + last - nr]));
	}
	EXPECT_SOUND();
}

SIM_TEST(bursts_deeper_than_the_barn_do_not_go_to_the_slabs_for_long)
{
	unsigned long moves;

	start(256);
	burst(30000, 3);
	moves = n->first.refilled + n->first.flushed;
	burst(30000, 3);
	EXPECT(n->first.inuse >= 29000);
	EXPECT(n->first.refilled + n->first.flushed - moves <= 1000);
	EXPECT_SOUND();
}

SIM_TEST(a_zone_does_not_grow_while_a_barn_keeps_more_than_usual)
{
	struct zone *zone = zone_of(0);
	u64 present;

	start(256);
	burst(30000, 6);
	EXPECT(own_barn()->nr_full > s->max_full);
	while (zone->nr_free_pages)
		EXPECT(buddy_get(0, 0, 0));
	present = zone->present_pages;
	EXPECT(buddy_get(0, 0, 0));
	EXPECT_EQ(zone->present_pages, present);
	EXPECT_EQ(own_barn()->nr_full, s->max_full);
	EXPECT_SOUND();
}

SIM_TEST(working_around_the_edge_of_a_sheaf_does_not_go_to_the_barn)
{
	void *objs[64];
	unsigned long moves;

	start(1024);
	for (int i = 0; i < 64; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (int i = 0; i < 64; i++)
		slab_free(s, objs[i]);
	/* Half a capacity up and down: at most the two sheaves change places. */
	moves = own_barn()->nr_get + own_barn()->nr_put + n->first.refills + n->first.flushes;
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < s->capacity / 2; i++)
			objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
		for (int i = 0; i < s->capacity / 2; i++)
			slab_free(s, objs[i]);
	}
	EXPECT(own_barn()->nr_get + own_barn()->nr_put + n->first.refills + n->first.flushes <=
	       moves + 4);
}

/*
 * Objects scattered over a large heap go back to their slabs, out of which they come in rows,
 * unless other threads use these slabs as well.
 */
SIM_TEST(scattered_objects_go_back_to_slabs_that_one_thread_uses)
{
	enum { NR = 2 * MiB / 64, STRIDE = 7919 };
	static void *objs[NR];
	struct sim_thread other;

	start(64);
	sim_thread_new(&other, 0);
	for (int threads = 1; threads <= 2; threads++) {
		for (int i = 0; i < NR; i++)
			objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
		for (int i = 0; i < NR; i++) {
			if (threads == 2 && i % 500 == 0)
				sim_switch_to(i % 1000 ? &other : &sim_main_thread);
			slab_free(s, objs[(size_t)i * STRIDE % NR]);
		}
		EXPECT_EQ(own_barn()->nr_full, threads == 1 ? 1 : s->max_full);
		EXPECT_SOUND();
	}
}

/* ---- memory of another thread ---- */

#define HANDED 200

/*
 * Take objects of this thread's home, and switch to another thread, which has used the heap.
 * Return: how many objects are out of the slabs of the first one's home.
 */
static unsigned long hand_over(void **handed)
{
	static struct sim_thread other;
	unsigned long out;

	start(64);
	for (int i = 0; i < HANDED; i++)
		handed[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	out = n->first.inuse;
	sim_thread_new(&other, 0);
	sim_switch_to(&other);
	burst(2000, 3);
	return out;
}

SIM_TEST(the_few_objects_of_another_home_go_back_to_it)
{
	void *handed[HANDED];
	unsigned long out = hand_over(handed);

	for (int i = 0; i < HANDED; i++)
		slab_free(s, handed[i]);
	burst(2000, 200);
	EXPECT_EQ(n->first.inuse, out - HANDED);
	EXPECT(n->strange > 0);
	EXPECT_SOUND();
}

/* They are freed first, so they are in the spare while main is exchanged. */
SIM_TEST(objects_of_another_home_do_not_stay_in_the_spare)
{
	static void *handed[HANDED], *own[2000];
	unsigned long out = hand_over(handed);

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		own[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (int i = 0; i < HANDED; i++)
		slab_free(s, handed[i]);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		slab_free(s, own[i]);
	EXPECT_EQ(n->first.inuse, out - HANDED);
	EXPECT_SOUND();
}

/* So the thread that allocates them finds whole sheaves there. */
SIM_TEST(a_thread_that_is_handed_all_its_objects_leaves_them_in_the_barn)
{
	static void *handed[252];
	struct sim_thread other;
	unsigned long flushed = 0, put = 0;

	start(64);
	sim_thread_new(&other, 0);
	sim_switch_to(&other);
	burst(10, 1); /* so that it has a home */
	for (int round = 0; round < 600; round++) {
		if (round == 350) {
			flushed = n->first.flushed;
			put = n->barn[0].nr_put;
		}
		sim_switch_to(&sim_main_thread);
		for (size_t i = 0; i < ARRAY_SIZE(handed); i++)
			handed[i] = slab_alloc(s, 0, NUMA_NO_NODE);
		sim_switch_to(&other);
		for (size_t i = 0; i < ARRAY_SIZE(handed); i++)
			slab_free(s, handed[i]);
	}
	/* Now and then it checks whether they are still those of another home. */
	EXPECT(n->first.flushed - flushed >= ARRAY_SIZE(handed));
	EXPECT(n->first.flushed - flushed <= 10 * ARRAY_SIZE(handed));
	EXPECT(n->barn[0].nr_put - put >= 240);
	EXPECT_SOUND();
}

/* Objects in a second sheaf would be missing elsewhere. */
SIM_TEST(a_thread_that_only_frees_has_no_spare)
{
	static void *handed[8000];
	struct sim_thread other;

	start(256);
	for (size_t i = 0; i < ARRAY_SIZE(handed); i++)
		handed[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	sim_thread_new(&other, 0);
	sim_switch_to(&other);
	for (size_t i = 0; i < ARRAY_SIZE(handed); i++) {
		slab_free(s, handed[i]);
		EXPECT(!mine()->spare);
	}
	EXPECT(own_barn()->nr_put > 0);
	EXPECT(n->first.flushed > 0); /* the barn has enough */
	EXPECT_SOUND();
	/* When it takes objects as well, it has one. */
	burst(600, 1);
	EXPECT(mine()->spare);
	EXPECT(mine()->spare->size);
	/* But not for ever. */
	for (size_t i = 0; i < ARRAY_SIZE(handed); i++)
		handed[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (size_t i = 0; i < ARRAY_SIZE(handed); i++)
		slab_free(s, handed[i]);
	EXPECT(!mine()->spare);
	EXPECT_SOUND();
}

static bool is_of_home(const struct slab_sheaf *sheaf, unsigned int home)
{
	return page_home(slab_of(sheaf_cache(sheaf_kind(sheaf)), sheaf)) == home;
}

/* Use as much as a burst does, and look at the sheaves that come by. */
static void expect_arrays_of_home(unsigned int home)
{
	static void *objs[2000];

	for (size_t i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
		EXPECT(is_of_home(mine()->main, home));
		EXPECT(!mine()->spare || is_of_home(mine()->spare, home));
	}
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		slab_free(s, objs[i]);
}

/* Two threads that began on one CPU have arrays of each other; later each has a CPU of its own. */
SIM_TEST(arrays_of_another_home_go_back_to_it)
{
	struct sim_thread threads[2];

	start(64);
	for (int t = 0; t < 2; t++)
		sim_thread_new(&threads[t], 0);
	sim.cpu_hint = 0;
	for (int round = 0; round < 10; round++) {
		sim_switch_to(&threads[round % 2]);
		burst(2000, 3);
	}
	for (int t = 0; t < 2; t++) {
		sim.cpu_hint = t;
		sim_switch_to(&threads[t]);
		burst(2000, 40);
		expect_arrays_of_home((task_id() - 1) % nr_homes);
	}
	EXPECT_SOUND();
}

SIM_TEST(rows_stay_in_the_barn_though_one_thread_uses_the_slabs)
{
	start(64);
	burst(2 * MiB / 64 - 4000, 3);
	EXPECT(own_barn()->nr_full >= s->max_full);
	EXPECT_SOUND();
}

/* The border between the two sheaves moves away if a program keeps crossing it. */
SIM_TEST(going_up_and_down_in_a_sheaf_soon_leaves_the_spare_alone)
{
	start(4096); /* a sheaf has 12 of these and never more */
	for (int depth = 1; depth <= 10; depth++) {
		for (int shift = 0; shift < 24; shift++) {
			struct pcs before;

			EXPECT(slab_alloc(s, 0, NUMA_NO_NODE));
			burst(depth, 8);
			before = *mine();
			burst(depth, 20);
			EXPECT(!memcmp(mine(), &before, sizeof(before)));
		}
	}
	EXPECT_SOUND();
}

/* With room for two objects, half of a sheaf must not come to none. */
SIM_TEST(sheaves_of_two_objects_share_as_well)
{
	unsigned long refills;
	void *objs[6];

	start(64);
	s = cache_create("two", 64 * KiB, 16, NULL);
	EXPECT(s);
	EXPECT_EQ(s->capacity, 2);
	for (int i = 0; i < 6; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (int i = 0; i < 6; i++)
		slab_free(s, objs[i]);
	n = s->node[0];
	refills = n->first.refills;
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 3; i++)
			objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
		for (int i = 0; i < 3; i++)
			slab_free(s, objs[i]);
	}
	EXPECT_EQ(n->first.refills, refills);
	EXPECT_SOUND();
}

/* The bursts are larger than the sheaves at first, but never need the barn in the end. */
SIM_TEST(sheaves_grow_until_a_burst_fits_in_one)
{
	start(64);
	burst(20, 3);
	EXPECT(mine()->main->capacity < 20);
	burst(20, 200);
	EXPECT(mine()->main->capacity >= 20);
	EXPECT(!mine()->spare || mine()->spare->capacity >= 20);
	EXPECT_SOUND();
}

/* A handler has interrupted its own thread there. */
SIM_TEST(a_task_whose_lock_is_held_is_served_from_slabs)
{
	unsigned int had;
	void *obj;

	start(128);
	had = held();
	EXPECT(task_trylock(current_task()));
	obj = slab_alloc(s, 0, NUMA_NO_NODE);
	EXPECT(obj);
	slab_free(s, obj);
	EXPECT_EQ(held(), had);
	spin_unlock(&current_task()->lock);
	EXPECT_SOUND();
}

/* Of two idle scans the first sees that they were used, the second that they were not. */
SIM_TEST(sheaves_that_nobody_uses_are_taken_away)
{
	start(128);
	burst(100, 20);
	EXPECT(held() > 0 && mine()->kind > 0);
	drain_this_task(/* only_idle= */ true);
	EXPECT(held() > 0);
	drain_this_task(true);
	EXPECT_EQ(held(), 0);
	EXPECT(!mine()->main && !mine()->spare);
	EXPECT_EQ(mine()->kind, 0);
	EXPECT_SOUND();
	/* Their objects are in the barn for others. */
	EXPECT(own_barn()->nr_full >= 1);
}

/*
 * A handler has interrupted a drain and forked.  In the child the drain goes on, and comes to the
 * task of a lost thread, which had put a full sheaf into the barn but still points to it.
 */
SIM_TEST(what_a_lost_thread_was_replacing_is_left_to_the_repair)
{
	struct task *lost;
	struct sim_thread other;
	struct slow slow;

	start(64);
	lost = current_task();
	pcs_detach(lost, s, mine());
	lost->mm.depth = 1;
	lost->lock.word = task_id() | spin_generation;
	EXPECT(barn_put_full(s, n, mine()->main));
	sim_thread_new(&other, 0);
	sim_switch_to(&other);
	EXPECT(slab_alloc(s, 0, NUMA_NO_NODE));
	slow_enter_anyway(&slow);
	sim_wipe_fork_cookie();
	spin_long_wait();
	task_drain(lost, /* only_idle= */ false, &slow);
	EXPECT(lost->pcs[s->class].main);
	slow_leave(&slow);
	sim_wipe_fork_cookie();
	slow_enter_anyway(&slow);
	slow_leave(&slow);
	EXPECT(!lost->pcs[s->class].main);
	EXPECT_SOUND();
}

/* It holds its task's lock, and its constructor may wait for a lock of the pass's caller. */
SIM_TEST(a_pass_goes_by_a_thread_that_is_in_a_constructor)
{
	struct sim_thread other;
	struct task *busy;

	start(64);
	busy = current_task();
	EXPECT(mine()->main && mine()->main->size);
	sim_thread_new(&other, 0);
	sim_switch_to(&other);
	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	busy->lock.word = busy->mm.id | spin_generation;
	slab_reclaim(/* all= */ false);
	slab_reclaim(/* all= */ true);
	EXPECT(busy->pcs[s->class].main);
	EXPECT(!mine()->main);
	busy->lock.word = 0;
	slab_reclaim(/* all= */ true);
	EXPECT(!busy->pcs[s->class].main);
	EXPECT_SOUND();
}

SIM_TEST(an_object_is_in_one_place_only_through_any_mix)
{
	static void *objs[2000];
	u64 state = 77;

	start(48);
	for (int i = 0; i < 60000; i++) {
		void **o = &objs[sim_random(&state) % (i < 30000 ? 2000 : 200)];

		if (*o) {
			EXPECT_EQ(*(void ***)*o, o);
			slab_free(s, *o);
			*o = NULL;
		} else {
			*o = slab_alloc(s, 0, NUMA_NO_NODE);
			*(void ***)*o = o;
		}
		if (i % 3000 == 0)
			EXPECT_SOUND();
	}
}

SIM_TEST(bulk_is_all_or_nothing)
{
	void *objs[100];
	unsigned long inuse;

	start(2048);
	EXPECT_EQ(slab_alloc_bulk(s, 0, 100, objs), 100);
	for (int i = 0; i < 100; i++)
		for (int k = 0; k < i; k++)
			EXPECT(objs[i] != objs[k]);
	for (int i = 0; i < 100; i++)
		slab_free(s, objs[i]);
	slab_reclaim(true);
	inuse = n->first.inuse;
	EXPECT_EQ(inuse, 0);
	/* Take all that is accepted; no more can be had. */
	while (zone_of(0)->nr_free_pages + (u64)current_task()->mm.pcp.count > 40)
		EXPECT(pages_get(0, 0));
	sim.fail_at = 1;
	sim.fail_onward = true;
	EXPECT_EQ(slab_alloc_bulk(s, 0, 100, objs), 0);
	slab_reclaim(true);
	EXPECT_EQ(n->first.inuse, 0);
	EXPECT_SOUND();
}

/*
 * A reclaimer takes the sheaf of another thread, which is in the middle of a hit.  The hit commits
 * with one instruction that reads the cursor, adds, and writes it:
 *
 *   hit        read was .......... write was - 1      over the disabled cursor: it is in use
 *   reclaimer           disable
 *
 *   hit                  read disabled, write disabled - 1
 *   reclaimer  disable                                 still disabled, one object fewer
 */
static struct cursor *cursor;
static void **was;
static int hit_moves; /* slots */
static bool hit_read_early;
static void *hit_pushed;

static int commit_under_fence(void)
{
	if (hit_moves > 0)
		*was = hit_pushed;
	cursor->cur = (hit_read_early ? was : cursor->cur) + hit_moves;
	return 0;
}

/* Hits have pushed one object @times in a row; slow paths find that. */
static void free_again_and_again(unsigned int times)
{
	static void *objs[6];
	struct slab_sheaf *main;
	void *first;

	start(64);
	for (int i = 0; i < 6; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	slab_free(s, objs[1]);
	slab_free(s, objs[0]);
	main = mine()->main;
	for (unsigned int i = 1; i < times; i++)
		main->objects[main->size++] = objs[0];
	bug_abort_on_error = false;
	bug_ops.abort = NULL;
	first = slab_alloc(s, 0, NUMA_NO_NODE);
	EXPECT(first == objs[0]);
	EXPECT(slab_alloc(s, 0, NUMA_NO_NODE) == objs[1]);
	EXPECT(slab_alloc(s, 0, NUMA_NO_NODE) != objs[0]);
	EXPECT_SOUND();
}

SIM_TEST(what_was_freed_twice_in_a_row_is_reported_and_handed_out_once)
{
	free_again_and_again(2);
	EXPECT(strstr(sim_reports(), "double free of an object of malloc-64"));
}

SIM_TEST(what_was_freed_four_times_in_a_row_is_handed_out_once)
{
	free_again_and_again(4);
	EXPECT(strstr(sim_reports(), "double free of an object of malloc-64"));
}

SIM_TEST(what_was_freed_once_is_not_reported)
{
	free_again_and_again(1);
	EXPECT(!strstr(sim_reports(), "double free"));
}

SIM_TEST(a_second_free_in_a_row_that_finds_no_room_is_reported_and_changes_nothing)
{
	void *objs[12];

	start(64);
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (size_t i = 0; i < ARRAY_SIZE(objs) && mine()->main->size < mine()->main->capacity; i++)
		slab_free(s, objs[i]);
	EXPECT_EQ(mine()->main->size, mine()->main->capacity);
	bug_abort_on_error = false;
	bug_ops.abort = NULL;
	slab_free(s, mine()->main->objects[mine()->main->size - 1]);
	EXPECT(strstr(sim_reports(), "double free of an object of malloc-64"));
	EXPECT_EQ(mine()->main->size, mine()->main->capacity);
	EXPECT(!mine()->spare || !mine()->spare->size);
	EXPECT_SOUND();
}

/* A sheaf from a barn had the barn's links in front of its objects. */
SIM_TEST(a_pop_from_an_empty_sheaf_in_a_cursor_finds_the_same_twice)
{
	struct task *task;
	struct cursor *c;

	start(64);
	task = current_task();
	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	task->cursors_on = true;
	c = &task->hit.cursor[kmalloc_map_value(s->class, 0) / 2];
	mine()->main->barn_list.prev = &slab_caches;
	pcs_attach(task, s, mine());
	EXPECT(c->cur - mine()->main->size == mine()->main->objects);
	c->cur -= mine()->main->size;
	EXPECT(!c->cur[-1] && !c->cur[-2]);
	(void)pcs_detach(task, s, mine());
	EXPECT_EQ(mine()->main->size, 0);
	EXPECT(!c->cur[-1] && !c->cur[-2]);
}

/*
 * Six objects are taken, and the rest of the sheaf is in a cursor that is enabled by hand, since
 * the simulated machine has no hits.  The thread is drained as by another one; @on_fence stands for
 * the fence.
 */
static void drain_with_cursor(int moves, bool read_early, int (*on_fence)(void))
{
	struct slow slow = {.task = NULL};
	struct task *task;
	struct pcs *p;

	if (!s)
		start(64);
	task = current_task();
	p = mine();
	for (int i = 0; i < 6; i++)
		hit_pushed = slab_alloc(s, 0, NUMA_NO_NODE);
	task->cursors_on = true;
	cursor = task_cursor(task, s);
	hit_fence_ready = true;
	pcs_attach(task, s, p);
	was = cursor->cur;
	EXPECT(was > p->main->objects && was < cursor->end);
	hit_moves = moves;
	hit_read_early = read_early;
	sim.on_fence = on_fence;
	task_drain(task, /* only_idle= */ false, &slow);
	sim.on_fence = NULL;
}

static void drain_under_a_hit(int moves, bool read_early)
{
	drain_with_cursor(moves, read_early, commit_under_fence);
}

static int refuse_fence(void)
{
	return -EPERM;
}

/* The promised fence is refused, and the hit commits after the drain. */
static void drain_without_fence(int moves, bool read_early)
{
	struct pcs *p;

	drain_with_cursor(moves, read_early, refuse_fence);
	EXPECT(!hit_fence_ready);
	/* The next drain does not take the sheaf either, though the cursor is disabled. */
	task_drain(current_task(), /* only_idle= */ false, &(struct slow){.task = NULL});
	EXPECT(mine()->main);
	(void)commit_under_fence();
	p = mine();
	EXPECT(pcs_detach(current_task(), s, p) == p->main);
	EXPECT_EQ(p->main->size, was - p->main->objects + moves);
	EXPECT(moves <= 0 || p->main->objects[p->main->size - 1] == hit_pushed);
	pcs_attach(current_task(), s, p);
	EXPECT(cursor->cur == (s->class == CLASS_NONE ? cursor_disabled_at() : was + moves));
	EXPECT_SOUND();
}

SIM_TEST(where_the_fence_is_refused_a_sheaf_stays_with_its_thread)
{
	drain_without_fence(0, false);
}

SIM_TEST(where_the_fence_is_refused_a_late_pop_counts)
{
	drain_without_fence(-1, false);
}

SIM_TEST(where_the_fence_is_refused_a_late_push_counts)
{
	drain_without_fence(1, false);
}

SIM_TEST(where_the_fence_is_refused_a_hit_may_put_its_cursor_back)
{
	drain_without_fence(-1, true);
}

SIM_TEST(where_the_fence_is_refused_a_late_push_into_a_cache_of_the_program_counts)
{
	start_own();
	drain_without_fence(1, false);
}

static int keep_fence(void)
{
	return 0;
}

/* To disable those too would send the thread's next call to the slow path, at each pass. */
SIM_TEST(a_pass_does_not_touch_the_cursors_of_caches_in_use)
{
	struct slow slow = {.task = NULL};
	struct kmem_cache *idle = &kmalloc_caches[kmalloc_class(128)];
	struct task *task;

	start(64);
	slab_free(idle, slab_alloc(idle, 0, NUMA_NO_NODE));
	task = current_task();
	task->cursors_on = true;
	hit_fence_ready = true;
	pcs_attach(task, s, mine());
	pcs_attach(task, idle, task_pcs(task, idle));
	was = task_cursor(task, s)->cur;
	mine()->used = true;
	task_pcs(task, idle)->used = false;
	sim.on_fence = keep_fence;
	task_drain(task, /* only_idle= */ true, &slow);
	EXPECT(!task_pcs(task, idle)->main);
	EXPECT(mine()->main && task_cursor(task, s)->cur == was);
}

/* The child of a lone thread has not noticed yet that its thread has another number. */
SIM_TEST(a_thread_that_drains_itself_is_not_taken_for_gone)
{
	struct sim_thread parents;
	struct task *task;

	start(64);
	task = current_task();
	sim_thread_new(&parents, 0);
	parents.tid = sim_main_thread.tid;
	sim_thread_exit(&parents);
	EXPECT(os_thread_gone(task->mm.tid));
	sim_main_thread.tid += 100;
	sim.process_id = sim_main_thread.tid;
	sim_wipe_fork_cookie();
	slab_reclaim(true);
	slab_reclaim(true);
	slab_reclaim(true);
	EXPECT_EQ(task->state, TASK_LIVE);
}

/* There may be hits in its cursors, but its page set is guarded by a lock alone. */
SIM_TEST(where_no_fence_is_promised_a_thread_keeps_its_sheaves_and_not_its_pages)
{
	struct slow slow = {.task = NULL};
	struct task *task;

	start(64);
	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	pages_put(pages_get(0, 0), 0);
	task = current_task();
	EXPECT(mine()->main && task->mm.pcp.count);
	task->cursors_on = true;
	hit_fence_ready = false;
	task_drain(task, /* only_idle= */ false, &slow);
	EXPECT(mine()->main);
	EXPECT_EQ(task->mm.pcp.count, 0);
}

/* Have a cache of the program whose sheaf is in this thread's cursor, if a fence is @promised. */
static struct task *start_own_in_cursor(bool promised)
{
	struct task *task;

	start_own();
	task = current_task();
	task->cursors_on = true;
	hit_fence_ready = promised;
	pcs_attach(task, s, mine());
	return task;
}

/* Without the promise, cursors of such caches are never enabled. */
SIM_TEST(where_no_fence_is_promised_what_a_thread_has_of_a_cache_of_the_program_is_taken)
{
	struct slow slow = {.task = NULL};
	struct task *task;

	task = start_own_in_cursor(/* promised= */ false);
	EXPECT(task_cursor(task, s)->cur == cursor_disabled_at());
	EXPECT(mine()->main && mine()->main->size);
	task_drain(task, /* only_idle= */ false, &slow);
	EXPECT(!mine()->main);
	EXPECT_SOUND();
}

/* So it is in a child, which has to ask for the promise again: the cursor is in use already. */
SIM_TEST(without_a_promise_a_cursor_in_use_of_a_cache_of_the_program_is_left)
{
	struct slow slow = {.task = NULL};
	struct task *task;

	task = start_own_in_cursor(/* promised= */ true);
	hit_fence_ready = false;
	task_drain(task, /* only_idle= */ false, &slow);
	EXPECT(mine()->main);
	EXPECT(task_cursor(task, s)->cur == mine()->main->objects + mine()->main->size);
}

static int no_fence_is_needed(void)
{
	fail_msg("a fence");
	return 0;
}

/* By destroying it the program says that nobody uses it, so no fence is needed. */
SIM_TEST(a_cache_that_ends_is_taken_out_of_the_cursors_of_other_threads)
{
	struct sim_thread other;
	struct task *task;

	task = start_own_in_cursor(/* promised= */ true);
	/* A hit takes an object, which is given back to its slab. */
	slab_give(s, (void *[]){*--task_cursor(task, s)->cur}, 1);
	sim_thread_new(&other, 0);
	sim_switch_to(&other);
	sim.on_fence = no_fence_is_needed;
	EXPECT_EQ(cache_destroy("test", s), 0);
	sim.on_fence = NULL;
	sim_switch_to(&sim_main_thread);
	EXPECT(task_cursor(task, s)->cur == cursor_disabled_at());
	EXPECT_SOUND();
}

/* Objects out of slabs that no sheaf has: what the program, and the hit, hold. */
static unsigned long held_by_program(void)
{
	unsigned long cached = 0;
	struct list_head *pos;

	for_each_barn (n, barn)
		list_for_each (pos, &barn->full)
			cached += list_entry(pos, struct slab_sheaf, barn_list)->size;
	return n->first.inuse - cached;
}

SIM_TEST(a_pop_that_commits_after_its_cursor_was_disabled_keeps_its_object)
{
	drain_under_a_hit(-1, false);
	EXPECT(!mine()->main);
	EXPECT_EQ(held_by_program(), 7);
	EXPECT(cursor->cur == cursor->end || !cursor->cur[-1]);
	EXPECT_SOUND();
}

SIM_TEST(a_push_that_commits_after_its_cursor_was_disabled_is_not_lost)
{
	drain_under_a_hit(1, false);
	EXPECT(!mine()->main);
	EXPECT_EQ(held_by_program(), 5);
	EXPECT_SOUND();
}

SIM_TEST(a_pop_from_a_cache_of_the_program_keeps_its_object_too)
{
	start_own();
	drain_under_a_hit(-1, false);
	EXPECT(!mine()->main);
	EXPECT_EQ(held_by_program(), 7);
	EXPECT_SOUND();
}

SIM_TEST(a_push_into_a_cache_of_the_program_is_not_lost_either)
{
	start_own();
	drain_under_a_hit(1, false);
	EXPECT(!mine()->main);
	EXPECT_EQ(held_by_program(), 5);
	EXPECT_SOUND();
}

SIM_TEST(a_hit_that_writes_over_the_disabled_cursor_keeps_its_sheaf)
{
	drain_under_a_hit(-1, true);
	EXPECT(mine()->main);
	EXPECT(cursor->cur == was - 1);
}

/* The tables of the hits: by bytes, and above HIT_MAX_SIZE by steps. */
SIM_TEST(a_thread_finds_every_size_in_its_tables)
{
	const struct hit_area *hit;

	start(128);
	hit = &current_task()->hit;
	for (size_t size = 0; size <= KMALLOC_MAX_SIZE; size++) {
		u8 value = size <= HIT_MAX_SIZE ? hit->size_to_map[size]
						: hit->steps_to_map[DIV_ROUND_UP(size, HIT_STEP)];

		EXPECT_EQ(value, kmalloc_map_value(kmalloc_class(size), 0));
	}
}

/* Leave a full sheaf of the smallest kind in the barn of the other CPU. */
static struct barn *leave_elsewhere(void)
{
	struct slab_sheaf *sheaf;
	struct slow slow;
	unsigned int home = sim.cpu_hint;

	slow_enter_anyway(&slow);
	sheaf = sheaf_alloc(s, 0, &slow);
	slow_leave(&slow);
	sheaf->size = sheaf->capacity;
	for (unsigned int i = 0; i < sheaf->size; i++)
		sheaf->objects[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	sim.cpu_hint = !home;
	EXPECT(barn_put_full(s, n, sheaf));
	sim.cpu_hint = home;
	return &n->barn[!home];
}

/*
 * Otherwise a thread takes objects of its own from slabs.  Those of a thread that only allocates
 * lie with the threads that free them.
 */
SIM_TEST(only_a_thread_that_takes_more_than_it_leaves_gets_sheaves_of_other_cpus)
{
	struct barn *elsewhere;
	int nr = 0;

	sim.cpu_hint = 0;
	start(64);
	elsewhere = leave_elsewhere();
	for (int round = 0; round < 50; round++)
		burst(100, 1);
	EXPECT_EQ(elsewhere->nr_full, 1);
	for (; elsewhere->nr_full && nr < 10000; nr++)
		EXPECT(slab_alloc(s, 0, NUMA_NO_NODE));
	EXPECT(nr > 100 && nr < 10000);
}

SIM_TEST(without_memory_what_lies_elsewhere_is_taken)
{
	struct kmem_cache *other = &kmalloc_caches[kmalloc_class(256)];
	struct barn *elsewhere;
	int nr = 0;

	sim.cpu_hint = 0;
	start(64);
	elsewhere = leave_elsewhere();
	sim.fail_at = sim.fallible_calls + 1;
	sim.fail_onward = true;
	while (slab_alloc(other, 0, NUMA_NO_NODE))
		;
	while (slab_alloc(s, 0, NUMA_NO_NODE))
		nr++;
	/* So few that the thread did not yet count as one that takes more than it leaves. */
	EXPECT(nr < 200);
	EXPECT_EQ(elsewhere->nr_full, 0);
}

/*
 * The first thread of a process after pthread_exit(): its destructors have run, but for the system
 * it never goes.
 */
SIM_TEST(a_thread_that_never_goes_keeps_no_block_from_others)
{
	u32 tasks;

	start(64);
	task_exit(current_task(), current_task()->mm.tid);
	for (int i = 0; i < 8; i++) {
		struct sim_thread next;

		sim_thread_new(&next, 0);
		sim_switch_to(&next);
		slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
		if (i == 0)
			tasks = nr_tasks;
		sim_thread_exit(&next);
	}
	EXPECT_EQ(nr_tasks, tasks);
}

/* Nobody will empty its page set any more. */
SIM_TEST(what_a_thread_frees_in_its_last_destructors_goes_to_the_zone)
{
	struct page *page, *run;
	bool zero;

	start(64);
	page = pages_get(__GFP_MOVABLE, 0);
	run = run_get(0, 20, 1, &zero);
	EXPECT(page && run);
	task_exit(current_task(), current_task()->mm.tid);
	current_task()->mm.pcp.exact_on = true; /* as if such blocks came often */
	pages_put(page, 0);
	large_free(run, &current_task()->mm, /* nowait= */ false);
	EXPECT_EQ(current_task()->mm.pcp.count, 0);
	EXPECT_EQ(current_task()->mm.pcp.exact_count, 0);
	EXPECT(page_type(page) != PAGE_PCP);
}

static struct task *at_work;

static void is_done(void)
{
	at_work->lock.word = 0;
}

/* That thread will not be long; a pass in the background goes by, since it comes again anyway. */
SIM_TEST(a_forced_pass_waits_shortly_for_a_thread_that_is_at_work)
{
	struct sim_thread other;

	start(128);
	sim_thread_new(&other, 0);
	sim_switch_to(&other);
	start(128);
	at_work = current_task();
	sim_switch_to(&sim_main_thread);
	EXPECT(at_work->pcs[s->class].main);
	at_work->lock.word = spin_generation | at_work->mm.id;
	sim.on_sleep = is_done;
	slab_reclaim(/* all= */ false);
	slab_reclaim(/* all= */ false);
	EXPECT_EQ(sim.sleeps, 0);
	EXPECT(at_work->pcs[s->class].main);
	slab_reclaim(/* all= */ true);
	EXPECT_EQ(sim.sleeps, 1);
	EXPECT(!at_work->pcs[s->class].main);
	EXPECT_SOUND();
}

/* Each sheaf without such objects takes one off the count, as long as that is not too high. */
SIM_TEST(a_sheaf_without_objects_of_another_home_makes_up_for_one_with_some)
{
	struct pcs *p;

	start(128);
	slab_alloc(s, 0, NUMA_NO_NODE);
	p = mine();
	EXPECT(p->main && p->main->size);
	p->strange = 5;
	EXPECT(!is_strange(s, n, p, p->main));
	EXPECT_EQ(p->strange, 4);
	/* After many, one sheaf in 32 is looked at; if it has none, the count is halved. */
	p->strange = 64;
	p->looks = 33;
	EXPECT(!is_strange(s, n, p, p->main));
	EXPECT_EQ(p->strange, 64);
	p->looks = 64;
	EXPECT(!is_strange(s, n, p, p->main));
	EXPECT_EQ(p->strange, 32);
}

RUN_TESTS(T(a_forced_pass_waits_shortly_for_a_thread_that_is_at_work),
	  T(a_sheaf_without_objects_of_another_home_makes_up_for_one_with_some),
	  T(a_pass_goes_by_a_thread_that_is_in_a_constructor),
	  T(a_thread_that_never_goes_keeps_no_block_from_others),
	  T(what_a_thread_frees_in_its_last_destructors_goes_to_the_zone),
	  T(where_no_fence_is_promised_a_thread_keeps_its_sheaves_and_not_its_pages),
	  T(where_no_fence_is_promised_what_a_thread_has_of_a_cache_of_the_program_is_taken),
	  T(without_a_promise_a_cursor_in_use_of_a_cache_of_the_program_is_left),
	  T(a_cache_that_ends_is_taken_out_of_the_cursors_of_other_threads),
	  T(a_pop_from_a_cache_of_the_program_keeps_its_object_too),
	  T(a_push_into_a_cache_of_the_program_is_not_lost_either),
	  T(where_the_fence_is_refused_a_late_push_into_a_cache_of_the_program_counts),
	  T(a_pop_that_commits_after_its_cursor_was_disabled_keeps_its_object),
	  T(a_push_that_commits_after_its_cursor_was_disabled_is_not_lost),
	  T(a_hit_that_writes_over_the_disabled_cursor_keeps_its_sheaf),
	  T(where_the_fence_is_refused_a_sheaf_stays_with_its_thread),
	  T(where_the_fence_is_refused_a_late_pop_counts),
	  T(where_the_fence_is_refused_a_late_push_counts),
	  T(where_the_fence_is_refused_a_hit_may_put_its_cursor_back),
	  T(a_pass_does_not_touch_the_cursors_of_caches_in_use),
	  T(a_thread_that_drains_itself_is_not_taken_for_gone),
	  T(what_was_freed_twice_in_a_row_is_reported_and_handed_out_once),
	  T(what_was_freed_four_times_in_a_row_is_handed_out_once),
	  T(what_was_freed_once_is_not_reported),
	  T(a_second_free_in_a_row_that_finds_no_room_is_reported_and_changes_nothing),
	  T(a_pop_from_an_empty_sheaf_in_a_cursor_finds_the_same_twice),
	  T(a_thread_finds_every_size_in_its_tables), T(the_object_freed_last_is_allocated_first),
	  T(the_first_frees_of_a_thread_go_back_to_the_slab),
	  T(where_threads_are_many_the_first_large_objects_come_from_slabs),
	  T(where_threads_are_many_the_first_sheaf_is_given_two_kib_of_objects),
	  T(where_threads_are_few_the_first_object_brings_a_sheaf),
	  T(objects_of_a_fresh_sheaf_ascend), T(sheaves_start_small_and_grow_when_missed_in_often),
	  T(sheaves_that_are_missed_in_seldom_stay_small),
	  T(sheaves_of_a_thread_that_only_frees_grow_too),
	  T(sheaves_that_became_too_small_do_not_stay_in_the_barn),
	  T(a_sheaf_touches_no_more_of_fresh_memory_than_it_takes),
	  T(a_sheaf_holds_at_most_32_kib_of_objects_or_twelve),
	  T(a_burst_of_frees_fills_spare_then_barn_then_slabs),
	  T(what_was_freed_longest_ago_goes_to_the_slabs),
	  T(bursts_deeper_than_the_barn_do_not_go_to_the_slabs_for_long),
	  T(a_zone_does_not_grow_while_a_barn_keeps_more_than_usual),
	  T(working_around_the_edge_of_a_sheaf_does_not_go_to_the_barn),
	  T(scattered_objects_go_back_to_slabs_that_one_thread_uses),
	  T(the_few_objects_of_another_home_go_back_to_it),
	  T(objects_of_another_home_do_not_stay_in_the_spare),
	  T(a_thread_that_is_handed_all_its_objects_leaves_them_in_the_barn),
	  T(a_thread_that_only_frees_has_no_spare),
	  T(arrays_of_another_home_go_back_to_it),
	  T(rows_stay_in_the_barn_though_one_thread_uses_the_slabs),
	  T(going_up_and_down_in_a_sheaf_soon_leaves_the_spare_alone),
	  T(sheaves_of_two_objects_share_as_well), T(sheaves_grow_until_a_burst_fits_in_one),
	  T(a_task_whose_lock_is_held_is_served_from_slabs),
	  T(sheaves_that_nobody_uses_are_taken_away),
	  T(what_a_lost_thread_was_replacing_is_left_to_the_repair),
	  T(only_a_thread_that_takes_more_than_it_leaves_gets_sheaves_of_other_cpus),
	  T(without_memory_what_lies_elsewhere_is_taken),
	  T(an_object_is_in_one_place_only_through_any_mix), T(bulk_is_all_or_nothing))
