/* SPDX-License-Identifier: MIT */
/*
 * test_home.c - which thread works with which slabs: src/slab/home.c
 */
#include "base/check.h"
#include "unit.h"

#define SIZE 512
#define MOST 64 /* objects in a slab */
#define MOST_SLABS 16

static struct kmem_cache *s;
static struct kmem_cache_node *n;
static struct sim_thread other;
static unsigned int few; /* slabs that a home is left with */

/* Two threads with a home each: two CPUs, as the simulated machine has by default. */
static void start(void)
{
	s = &kmalloc_caches[kmalloc_class(SIZE)];
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
	sim_thread_new(&other, 0);
	sim_switch_to(&other);
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
	sim_switch_to(&sim_main_thread);
	n = cache_node(s, 0, false);
	EXPECT(n && s->objects <= MOST);
	few = few_slabs(s);
}

static void take(void **objs, unsigned int nr)
{
	struct slow slow = {.task = current_task()};

	EXPECT_EQ(slab_take(s, 0, objs, nr, /* exact= */ true, 0, &slow), nr);
}

static struct slab_home *home(unsigned int i)
{
	return n->home[i];
}

SIM_TEST(threads_take_objects_from_slabs_of_their_own)
{
	void *mine[10], *theirs[10];

	start();
	take(mine, 10);
	EXPECT(!home(1)); /* made when first needed */
	sim_switch_to(&other);
	take(theirs, 10);
	EXPECT(home(1));
	EXPECT_EQ(home(0)->nr_slabs, 1);
	EXPECT_EQ(home(1)->nr_slabs, 1);
	EXPECT(slab_of(s, mine[0]) != slab_of(s, theirs[0]));
	EXPECT_EQ(page_home(slab_of(s, mine[0])), 0);
	EXPECT_EQ(page_home(slab_of(s, theirs[0])), 1);
	EXPECT_SOUND();
}

SIM_TEST(objects_go_back_to_the_home_of_their_slab_whoever_frees_them)
{
	void *objs[20];

	start();
	take(objs + 0, 5);
	take(objs + 10, 5);
	sim_switch_to(&other);
	take(objs + 5, 5);
	take(objs + 15, 5);
	/* The objects are of both homes in turns. */
	slab_give(s, objs, 20);
	for (int i = 0; i < 20; i++)
		EXPECT(!objs[i]);
	EXPECT_EQ(home(0)->inuse, 0);
	EXPECT_EQ(home(1)->inuse, 0);
	EXPECT_EQ(home(0)->nr_empty, 1);
	EXPECT_EQ(home(1)->nr_empty, 1);
	EXPECT_SOUND();
}

/* One by one: no four in a row are of one slab. */
SIM_TEST(scattered_objects_of_several_homes_go_back_once)
{
	void *mine[6], *theirs[6], *objs[12];
	unsigned long flushes;

	start();
	bug_abort_on_error = false;
	take(mine, 6);
	sim_switch_to(&other);
	take(theirs, 6);
	for (int i = 0; i < 12; i++)
		objs[i] = i % 2 ? theirs[i / 2] : mine[i / 2];
	flushes = home(0)->flushes + home(1)->flushes;
	slab_give(s, objs, 12);
	EXPECT_EQ(strlen(sim_reports()), 0);
	for (int i = 0; i < 12; i++)
		EXPECT(!objs[i]);
	EXPECT_EQ(home(0)->inuse + home(1)->inuse, 0);
	EXPECT_EQ(home(0)->flushes + home(1)->flushes, flushes + 2);
	EXPECT_SOUND();
}

/* Nodes have homes of the same numbers; a sheaf has both where one node is short of memory. */
SIM_TEST(objects_go_back_to_the_node_of_their_slab)
{
	struct slow slow = {.task = NULL};
	struct kmem_cache_node *far;
	void *near_objs[6], *far_objs[6], *objs[12];

	sim_add_node(GiB, true);
	start();
	take(near_objs, 6);
	EXPECT_EQ(slab_take(s, 1, far_objs, 6, /* exact= */ true, 0, &slow), 6);
	far = cache_node(s, 1, false);
	EXPECT_EQ(home(0)->inuse, 6);
	EXPECT_EQ(far->first.inuse, 6);
	for (int i = 0; i < 12; i++)
		objs[i] = i % 2 ? far_objs[i / 2] : near_objs[i / 2];
	slab_give(s, objs, 12);
	EXPECT_EQ(home(0)->inuse, 0);
	EXPECT_EQ(far->first.inuse, 0);
	EXPECT_EQ(home(0)->nr_empty, 1);
	EXPECT_EQ(far->first.nr_empty, 1);
	EXPECT_SOUND();
}

static unsigned int nr_reports(void)
{
	unsigned int nr = 0;

	for (const char *c = sim_reports(); *c; c++)
		nr += *c == '\n';
	return nr;
}

/* Between others of two homes, so that what is left after the first home is gone through again. */
SIM_TEST(what_is_wrong_among_objects_of_several_homes_is_reported_once)
{
	void *mine[MOST], *theirs, *gone;

	start();
	bug_abort_on_error = false;
	take(mine, s->objects);
	sim_switch_to(&other);
	take(&theirs, 1);
	sim_switch_to(&sim_main_thread);
	take(&gone, 1);
	slab_give(s, (void *[]){gone}, 1);
	node_discard_empty(s, n, /* all= */ true);
	EXPECT(page_type(slab_of(s, gone)) != PAGE_SLAB);
	slab_give(s,
		  (void *[]){mine[0], theirs, gone, mine[1], (char *)mine[2] + 8, mine[3],
			     mine[4]},
		  7);
	EXPECT(strstr(sim_reports(), "double free"));
	EXPECT(strstr(sim_reports(), "into the middle"));
	EXPECT_EQ(nr_reports(), 2);
	EXPECT_EQ(home(0)->inuse, s->objects - 4);
	EXPECT_EQ(home(1)->inuse, 0);
	EXPECT_SOUND();
}

/* Fill slabs, then leave @left objects in each of @partial of them and none in @empty. */
static void leave_slabs(unsigned int partial, unsigned int left, unsigned int empty)
{
	static void *objs[MOST_SLABS][MOST];

	EXPECT(partial + empty <= MOST_SLABS);
	for (unsigned int i = 0; i < partial + empty; i++)
		take(objs[i], s->objects);
	for (unsigned int i = 0; i < partial; i++)
		slab_give(s, objs[i] + left, s->objects - left);
	for (unsigned int i = partial; i < partial + empty; i++)
		slab_give(s, objs[i], s->objects);
}

SIM_TEST(an_empty_slab_of_another_home_is_adopted_before_a_new_one_is_made)
{
	void *objs[2];

	start();
	leave_slabs(0, 0, few + 1);
	sim_switch_to(&other);
	take(objs, 2);
	EXPECT_EQ(home(0)->nr_slabs, few);
	EXPECT_EQ(home(1)->nr_slabs, 1);
	EXPECT_EQ(page_home(slab_of(s, objs[0])), 1);
	EXPECT_EQ(home(0)->inuse, 0);
	EXPECT_EQ(home(1)->inuse, 2);
	EXPECT_EQ(home(0)->node->adopted, 1);
	EXPECT_SOUND();
	slab_give(s, objs, 2);
	EXPECT_EQ(home(1)->nr_empty, 1);
	EXPECT_SOUND();
}

SIM_TEST(a_slab_that_is_less_than_half_full_is_adopted_with_what_is_in_it)
{
	void *objs[2];

	start();
	leave_slabs(few + 1, 3, 0);
	sim_switch_to(&other);
	take(objs, 2);
	EXPECT_EQ(home(0)->nr_slabs, few);
	EXPECT_EQ(home(0)->inuse, 3 * few);
	EXPECT_EQ(home(1)->nr_slabs, 1);
	EXPECT_EQ(home(1)->inuse, 5);
	EXPECT_SOUND();
}

static u64 gone_of_slabs(void)
{
	u64 gone = 0;

	for (u64 pfn = zone_of(0)->start_pfn; pfn < zone_of(0)->accept_pfn;) {
		const struct page *page = pfn_to_page(pfn);

		gone += page_type(page) == PAGE_SLAB ? page_punched(page) : 0;
		pfn += page_block_pages(page);
	}
	return gone;
}

SIM_TEST(what_is_gone_of_a_slab_is_known_when_it_is_adopted)
{
	void *objs[2];

	start();
	leave_slabs(few + 1, 3, 0);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ~(u64)0), few + 1);
	EXPECT_EQ(zone_of(0)->nr_punched_pages, few + 1);
	sim_switch_to(&other);
	take(objs, 2);
	EXPECT_EQ(home(0)->node->adopted, 1);
	EXPECT_EQ(zone_of(0)->nr_punched_pages, gone_of_slabs());
	EXPECT_SOUND();
}

/* They are what its threads fill at the moment. */
SIM_TEST(a_home_is_left_with_a_few_slabs_that_are_not_full)
{
	void *objs[2];

	start();
	leave_slabs(few, 3, few);
	EXPECT_EQ(home(0)->nr_slabs, 2 * few);
	sim_switch_to(&other);
	take(objs, 2);
	EXPECT_EQ(home(0)->nr_slabs, 2 * few);
	EXPECT_EQ(home(1)->nr_slabs, 1);
	EXPECT_EQ(home(1)->inuse, 2);
	EXPECT_SOUND();
}

/* As many as make 32 KiB, or one that is larger. */
SIM_TEST(a_few_slabs_are_as_many_as_make_32_kib)
{
	start();
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++)
		EXPECT_EQ(few_slabs(&kmalloc_caches[c]),
			  MAX(32 * KiB / (PAGE_SIZE << kmalloc_caches[c].order), 1));
}

/* It can spare partial slabs, but no empty ones. */
SIM_TEST(of_the_kind_that_a_home_has_to_spare_one_is_adopted)
{
	void *objs[2];

	start();
	leave_slabs(few + 1, 3, few);
	EXPECT_EQ(home(0)->nr_empty, few);
	sim_switch_to(&other);
	take(objs, 2);
	EXPECT_EQ(home(0)->nr_empty, few);
	EXPECT_EQ(home(0)->nr_partial, few);
	EXPECT_EQ(home(1)->inuse, 5);
	EXPECT_SOUND();
}

/* Each slab that is wanted looks at one other home, in turns, so that in the end all are found. */
SIM_TEST(homes_are_looked_at_by_turns)
{
	static void *objs[MOST];
	struct sim_thread third;

	sim.nr_cpus = 4;
	start();
	start_thread(&third);
	sim_switch_to(&third);
	leave_slabs(0, 0, few + 1);
	EXPECT_EQ(page_home(list_first_entry(&home(2)->empty, struct page, lru)), 2);
	sim_switch_to(&sim_main_thread);
	for (int i = 0; i < 3; i++)
		take(objs, s->objects);
	EXPECT_EQ(n->adopted, 1);
	EXPECT_EQ(home(0)->nr_slabs, 3);
	EXPECT_EQ(home(2)->nr_slabs, few);
	EXPECT_SOUND();
}

/* Those that became empty last are likely in a CPU's cache. */
SIM_TEST(the_slab_that_has_been_empty_longest_goes_first)
{
	static void *objs[3][MOST];
	struct page *slabs[3];

	start();
	for (int i = 0; i < 3; i++) {
		take(objs[i], s->objects);
		slabs[i] = slab_of(s, objs[i][0]);
	}
	for (int i = 0; i < 3; i++)
		slab_give(s, objs[i], s->objects);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(page_type(slabs[i]), PAGE_SLAB);
		EXPECT(home_discard_empty(s, home(0), 1));
		EXPECT(page_type(slabs[i]) != PAGE_SLAB);
		EXPECT_EQ(home(0)->nr_slabs, 2 - i);
	}
	EXPECT_SOUND();
}

/* The number is for all homes together. */
SIM_TEST(no_more_holes_are_made_than_are_wanted)
{
	start();
	leave_slabs(2, 3, 0);
	sim_switch_to(&other);
	leave_slabs(2, 3, 0);
	EXPECT_EQ(home(0)->nr_partial, 2);
	EXPECT_EQ(home(1)->nr_partial, 2);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, 1), 1);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, 2), 2);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, 2), 1);
	EXPECT_SOUND();
}

SIM_TEST(a_slab_that_is_mostly_full_stays_where_it_is)
{
	void *objs[2];

	start();
	leave_slabs(few + 1, s->objects * 3u / 4, 0);
	sim_switch_to(&other);
	take(objs, 2);
	EXPECT_EQ(home(0)->nr_slabs, few + 1);
	EXPECT_EQ(home(1)->nr_slabs, 1);
	EXPECT_SOUND();
}

SIM_TEST(without_memory_any_slab_of_another_home_will_do)
{
	struct kmem_cache *same_order = &kmalloc_caches[kmalloc_class(384)];
	struct slow slow = {.task = NULL};
	unsigned int nr = 0;
	void *obj;

	start();
	EXPECT_EQ(same_order->order, s->order);
	leave_slabs(2, s->objects * 3u / 4, 0);
	sim_switch_to(&other);
	slow.task = current_task();
	take(&obj, 1);
	sim.fail_at = sim.fallible_calls + 1;
	sim.fail_onward = true;
	while (slab_alloc(same_order, 0, NUMA_NO_NODE))
		;
	while (slab_take(s, 0, &obj, 1, /* exact= */ true, 0, &slow))
		nr++;
	EXPECT_EQ(nr, s->objects - 1u + 2 * (s->objects - s->objects * 3u / 4));
	EXPECT_SOUND();
}

/* The holder of a lock may be preempted; a new slab is quicker. */
SIM_TEST(adoption_waits_for_no_lock)
{
	void *objs[2];

	start();
	leave_slabs(0, 0, few + 1);
	home(0)->list_lock.word = spin_generation | 4711;
	sim_switch_to(&other);
	take(objs, 2);
	EXPECT_EQ(home(0)->nr_slabs, few + 1);
	EXPECT_EQ(home(1)->nr_slabs, 1);
	EXPECT_EQ(home(0)->node->adopted, 0);
	home(0)->list_lock.word = 0;
	EXPECT_SOUND();
}

SIM_TEST(a_home_of_a_lost_thread_is_rebuilt_and_the_others_are_left_alone)
{
	void *objs[2];

	start();
	leave_slabs(2, s->objects * 3u / 4, 0);
	sim_switch_to(&other);
	take(objs, 2);
	page_map_set(page_to_pfn(slab_of(s, objs[0])), 1, MAP_NONE); /* it was opening it */
	home(1)->partial[0].next = (void *)8;
	home(1)->nr_slabs = home(1)->inuse = 77777;
	lock_of_lost_thread(&home(1)->list_lock);
	EXPECT(home_lock(s, home(1), /* nowait= */ true));
	spin_unlock(&home(1)->list_lock);
	EXPECT_EQ(home(1)->nr_slabs, 1);
	EXPECT_EQ(home(1)->inuse, 2);
	EXPECT_EQ(home(0)->nr_slabs, 2);
	EXPECT_SOUND();
}

SIM_TEST(a_double_free_is_reported_wherever_the_slab_lives)
{
	void *objs[2], *again;

	start();
	bug_abort_on_error = false;
	sim_switch_to(&other);
	take(objs, 2);
	again = objs[0];
	slab_give(s, objs, 1);
	sim_switch_to(&sim_main_thread);
	slab_give(s, &again, 1);
	EXPECT(strstr(sim_reports(), "double free"));
	EXPECT_EQ(home(1)->inuse, 1);
	EXPECT_SOUND();
}

SIM_TEST(our_own_structures_have_one_home)
{
	unsigned long homes = 0;
	struct list_head *pos;

	start();
	list_for_each (pos, &slab_caches) {
		const struct kmem_cache *c = list_entry(pos, struct kmem_cache, list);

		if (!c->one_home)
			continue;
		for_each_home (c->node[0], h)
			homes += h->index > 0;
	}
	EXPECT_EQ(homes, 0);
}

static unsigned long inuse_of(const char *name)
{
	struct list_head *pos;

	list_for_each (pos, &slab_caches) {
		const struct kmem_cache *c = list_entry(pos, struct kmem_cache, list);

		if (!strcmp(c->name, name))
			return cache_inuse(c);
	}
	return 0;
}

SIM_TEST(what_a_cache_is_made_of_ends_with_it)
{
	unsigned long before, nodes, caches;
	struct kmem_cache *c;
	void *obj;

	start();
	before = inuse_of("slab_home");
	nodes = inuse_of("kmem_cache_node");
	caches = inuse_of("kmem_cache");
	c = cache_create("short-lived", 100, 8, NULL);
	for (int i = 0; i < 2; i++) {
		obj = slab_alloc(c, 0, NUMA_NO_NODE);
		slab_free(c, obj);
		sim_switch_to(&other);
	}
	EXPECT(c->node[0]->home[1]);
	EXPECT_EQ(inuse_of("slab_home"), before + 1);
	EXPECT_EQ(inuse_of("kmem_cache_node"), nodes + 1);
	EXPECT_EQ(cache_destroy("test", c), 0);
	EXPECT_EQ(inuse_of("slab_home"), before);
	EXPECT_EQ(inuse_of("kmem_cache_node"), nodes);
	EXPECT_EQ(inuse_of("kmem_cache"), caches);
	EXPECT_SOUND();
}

RUN_TESTS(T(threads_take_objects_from_slabs_of_their_own),
	  T(objects_go_back_to_the_home_of_their_slab_whoever_frees_them),
	  T(scattered_objects_of_several_homes_go_back_once),
	  T(objects_go_back_to_the_node_of_their_slab),
	  T(what_is_wrong_among_objects_of_several_homes_is_reported_once),
	  T(an_empty_slab_of_another_home_is_adopted_before_a_new_one_is_made),
	  T(a_slab_that_is_less_than_half_full_is_adopted_with_what_is_in_it),
	  T(what_is_gone_of_a_slab_is_known_when_it_is_adopted),
	  T(a_home_is_left_with_a_few_slabs_that_are_not_full),
	  T(a_few_slabs_are_as_many_as_make_32_kib),
	  T(of_the_kind_that_a_home_has_to_spare_one_is_adopted), T(homes_are_looked_at_by_turns),
	  T(the_slab_that_has_been_empty_longest_goes_first),
	  T(no_more_holes_are_made_than_are_wanted),
	  T(a_slab_that_is_mostly_full_stays_where_it_is), T(adoption_waits_for_no_lock),
	  T(without_memory_any_slab_of_another_home_will_do),
	  T(a_home_of_a_lost_thread_is_rebuilt_and_the_others_are_left_alone),
	  T(a_double_free_is_reported_wherever_the_slab_lives), T(our_own_structures_have_one_home),
	  T(what_a_cache_is_made_of_ends_with_it))
