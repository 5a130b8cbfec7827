/* SPDX-License-Identifier: MIT */
/*
 * test_reclaim.c - what a pass takes back, and what it leaves: src/slab/reclaim.c
 */
#include "unit.h"

static struct kmem_cache *s;
static struct kmem_cache_node *n;

static void start(size_t size)
{
	EXPECT(sim_start());
	EXPECT(use_heap(&sim_main_thread));
	s = &kmalloc_caches[kmalloc_class(size)];
	n = cache_node(s, 0, /* nowait= */ false);
	EXPECT(n);
}

/* ---- pages inside slabs ---- */

#define SLABS 8
#define MOST 64

/* Leave @left objects, of a page each, in each of SLABS slabs. */
static void leave_in_slabs(unsigned int left)
{
	struct slow slow = {.task = current_task()};
	static void *of[SLABS][MOST];

	EXPECT(s->objects <= MOST && s->order);
	for (unsigned int i = 0; i < SLABS; i++)
		EXPECT_EQ(slab_take(s, 0, of[i], s->objects, /* exact= */ true, 0, &slow),
			  s->objects);
	for (unsigned int i = 0; i < SLABS; i++)
		slab_give(s, of[i], s->objects - left);
}

static u64 gone(void)
{
	return zone_of(0)->nr_punched_pages;
}

/* In each slab one page of eight is free. */
SIM_TEST(a_forced_pass_takes_the_holes_of_slabs_that_are_nearly_full)
{
	start(PAGE_SIZE);
	leave_in_slabs(s->objects - 1u);
	EXPECT_EQ(slab_reclaim(/* all= */ false), 0);
	slab_reclaim_rest();
	EXPECT_EQ(gone(), 0);
	EXPECT(slab_reclaim(/* all= */ true) >= SLABS);
	EXPECT_EQ(gone(), SLABS);
	EXPECT_SOUND();
}

SIM_TEST(once_nothing_happens_the_holes_of_sparse_slabs_go)
{
	start(PAGE_SIZE);
	leave_in_slabs(2);
	EXPECT_EQ(slab_reclaim(/* all= */ false), 0);
	EXPECT_EQ(gone(), 0);
	slab_reclaim_rest();
	EXPECT_EQ(gone(), SLABS * (s->objects - 2u));
	EXPECT_SOUND();
}

/* ---- barns and empty slabs ---- */

static struct barn *own_barn(void)
{
	return &n->barn[task_id() % nr_barns];
}

static void *objs[4000];

static void use_and_free(unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (unsigned int i = 0; i < nr; i++)
		slab_free(s, objs[i]);
}

static u32 nr_empty(void)
{
	u32 empty = 0;

	for_each_home (n, home)
		empty += home->nr_empty;
	return empty;
}

static void pass(void)
{
	(void)slab_reclaim(/* all= */ false);
}

/* By a pass that finds no use since the last one. */
SIM_TEST(a_cache_that_nobody_uses_is_emptied)
{
	start(512);
	use_and_free(ARRAY_SIZE(objs));
	EXPECT(own_barn()->nr_full > 1);
	EXPECT(nr_empty() > 1);
	pass();
	EXPECT(own_barn()->nr_full > 1);
	pass();
	EXPECT_EQ(own_barn()->nr_full, 0);
	EXPECT_EQ(own_barn()->nr_empty, 0);
	EXPECT_EQ(nr_empty(), 0);
	EXPECT_EQ(cache_inuse(s), 0);
	EXPECT_SOUND();
}

/* Filling a sheaf from slabs counts as use, and so does a sheaf from a barn. */
SIM_TEST(a_cache_in_use_keeps_its_barns)
{
	start(512);
	use_and_free(ARRAY_SIZE(objs));
	pass();
	own_barn()->nr_get++;
	pass();
	EXPECT(own_barn()->nr_full > 1);
	n->home[0]->refills++;
	pass();
	EXPECT(own_barn()->nr_full > 1);
	pass();
	EXPECT_EQ(own_barn()->nr_full, 0);
	EXPECT_SOUND();
}

/* If there are deep bursts again, the barn soon learns it again. */
SIM_TEST(of_what_a_barn_keeps_beyond_the_usual_half_goes_with_each_pass)
{
	start(512);
	use_and_free(100);
	own_barn()->extra = 8;
	own_barn()->nr_get++;
	pass();
	EXPECT_EQ(own_barn()->extra, 4);
	own_barn()->nr_get++;
	pass();
	EXPECT_EQ(own_barn()->extra, 2);
	pass();
	EXPECT_EQ(own_barn()->extra, 0);
}

static u32 empty_sheaf_slabs(void)
{
	u32 empty = 0;

	for (unsigned int k = 0; k < NR_SHEAF_KINDS; k++)
		for_each_home (sheaf_cache(k)->node[0], home)
			empty += home->nr_empty;
	return empty;
}

SIM_TEST(slabs_of_our_own_structures_go_back_too)
{
	static struct slab_sheaf *sheaves[1000];
	struct slow slow = {.task = NULL};

	start(512);
	for (size_t i = 0; i < ARRAY_SIZE(sheaves); i++)
		sheaves[i] = sheaf_alloc(s, 0, &slow);
	for (size_t i = 0; i < ARRAY_SIZE(sheaves); i++)
		sheaf_free(sheaves[i]);
	EXPECT(empty_sheaf_slabs() > 10);
	(void)slab_reclaim(/* all= */ true);
	EXPECT_EQ(empty_sheaf_slabs(), 0);
	EXPECT_SOUND();
}

/* A handler that asks for memory back may have interrupted a slow path that holds locks. */
SIM_TEST(in_a_slow_path_no_pass_is_made)
{
	struct slow slow;

	start(512);
	use_and_free(ARRAY_SIZE(objs));
	slow_enter_anyway(&slow);
	EXPECT_EQ(slab_reclaim(/* all= */ true), 0);
	EXPECT(own_barn()->nr_full > 1);
	slow_leave(&slow);
	EXPECT(slab_reclaim(/* all= */ true) > 0);
	EXPECT_EQ(own_barn()->nr_full, 0);
}

RUN_TESTS(T(a_forced_pass_takes_the_holes_of_slabs_that_are_nearly_full),
	  T(once_nothing_happens_the_holes_of_sparse_slabs_go),
	  T(a_cache_that_nobody_uses_is_emptied), T(a_cache_in_use_keeps_its_barns),
	  T(of_what_a_barn_keeps_beyond_the_usual_half_goes_with_each_pass),
	  T(slabs_of_our_own_structures_go_back_too), T(in_a_slow_path_no_pass_is_made))
