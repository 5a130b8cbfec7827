/* SPDX-License-Identifier: MIT */
/*
 * test_partial.c - slabs, bitmaps and the lists by fullness: src/slab/partial.c, give.c
 */
#include "base/check.h"
#include "unit.h"

#define SIZE 512

static struct slow slow;
static struct kmem_cache *s;
static struct kmem_cache_node *n;

/* No task: objects come straight from slabs. */
static void start(void)
{
	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(SIZE)];
	n = cache_node(s, 0, false);
	EXPECT(n);
}

static void *take(void)
{
	void *obj;

	EXPECT_EQ(slab_take(s, 0, &obj, 1, true, 0, &slow), 1);
	return obj;
}

static void give(void *obj)
{
	slab_give(s, &obj, 1);
}

SIM_TEST(objects_of_a_fresh_slab_come_in_address_order)
{
	char *first;

	start();
	first = take();
	EXPECT_EQ((uintptr_t)first % (PAGE_SIZE << s->order), 0);
	for (unsigned int i = 1; i < s->objects; i++)
		EXPECT(take() == first + i * SIZE);
	EXPECT_EQ(n->first.nr_slabs, 1);
	EXPECT_EQ(n->first.nr_partial, 0); /* full: on no list */
	EXPECT_EQ(n->first.inuse, s->objects);
	EXPECT_SOUND();
}

SIM_TEST(a_batch_is_filled_from_its_end_with_the_lowest_address_last)
{
	void *objs[8];

	start();
	EXPECT_EQ(slab_take(s, 0, objs, 8, false, 0, &slow), 8);
	for (int i = 0; i < 7; i++)
		EXPECT((char *)objs[i] == (char *)objs[i + 1] + SIZE);
}

/*
 * Objects of 16 bytes, four to a cache line:
 *
 *   XXXX XX.X XXXX .... ....    the gap waits while there are whole lines
 */
SIM_TEST(small_objects_come_by_whole_cache_lines_while_there_are_any)
{
	void *objs[256];
	char *base, *hole;

	start();
	s = &kmalloc_caches[kmalloc_class(16)];
	n = cache_node(s, 0, false);
	EXPECT_EQ(slab_take(s, 0, objs, 12, false, 0, &slow), 12);
	base = objs[11];
	hole = base + 6 * 16;
	give(hole);
	EXPECT_EQ(slab_take(s, 0, objs, 8, false, 0, &slow), 8);
	for (int i = 0; i < 8; i++)
		EXPECT(objs[i] != hole);
	EXPECT_EQ(slab_take(s, 0, objs, s->objects - 20, false, 0, &slow), s->objects - 20);
	EXPECT(take() == hole);
	EXPECT_SOUND();
}

/*
 *   slab 1  [XXXXXXX.]   fullest        the next objects come from 1, then 2, then 3, so that
 *   slab 2  [XXXX....]                  3 has the best chance to become empty
 *   slab 3  [X.......]
 */
SIM_TEST(the_fullest_slab_is_used_first)
{
	void *objs[3][64];
	struct page *slabs[3];
	unsigned int leave[3];

	start();
	leave[0] = s->objects - 1u;
	leave[1] = s->objects / 2u;
	leave[2] = 1;
	for (int i = 0; i < 3; i++) {
		for (unsigned int j = 0; j < s->objects; j++)
			objs[i][j] = take();
		slabs[i] = slab_of(s, objs[i][0]);
	}
	EXPECT_EQ(n->first.nr_slabs, 3);
	for (int i = 2; i >= 0; i--)
		for (unsigned int j = leave[i]; j < s->objects; j++)
			give(objs[i][j]);
	EXPECT_EQ(n->first.nr_partial, 3);
	EXPECT_SOUND();
	for (int i = 0; i < 3; i++)
		for (unsigned int j = leave[i]; j < s->objects; j++)
			EXPECT(slab_of(s, take()) == slabs[i]);
	EXPECT_EQ(n->first.nr_slabs, 3);
	EXPECT_SOUND();
}

/* Take and give back as many objects as fill @nr slabs. */
static void empty_slabs(unsigned int nr)
{
	static void *objs[8192];

	nr *= s->objects;
	EXPECT(nr <= ARRAY_SIZE(objs));
	for (unsigned int i = 0; i < nr; i++)
		objs[i] = take();
	for (unsigned int i = 0; i < nr; i++)
		give(objs[i]);
}

static void give_row(void **objs, int from, int nr, bool up)
{
	void *row[256];

	for (int i = 0; i < nr; i++)
		row[i] = objs[up ? from + i : from + nr - 1 - i];
	slab_give(s, row, (unsigned int)nr);
	for (int i = 0; i < 256; i++)
		EXPECT_EQ(is_object(s, objs[i]), i < from || i >= from + nr);
	EXPECT_EQ(n->first.inuse, 256 - nr);
	EXPECT_EQ(slab_of(s, objs[0])->inuse, 256 - nr);
	EXPECT_EQ(slab_take(s, 0, row, (unsigned int)nr, true, 0, &slow), nr);
}

/* From and to each place in the four words of a bitmap. */
SIM_TEST(a_row_goes_back_wherever_it_begins_and_ends)
{
	static const int lengths[] = {1, 2, 3, 4, 5, 63, 64, 65, 130};
	void *objs[256], *taken[256];

	start();
	s = &kmalloc_caches[kmalloc_class(16)];
	n = cache_node(s, 0, false);
	EXPECT_EQ(slab_take(s, 0, taken, 256, true, 0, &slow), 256);
	for (int i = 0; i < 256; i++) {
		objs[i] = taken[255 - i];
		EXPECT(objs[i] == slab_object(s, slab_of(s, objs[0]), (unsigned int)i));
	}
	for (size_t l = 0; l < ARRAY_SIZE(lengths); l++)
		for (int from = 0; from + lengths[l] <= 256; from++) {
			give_row(objs, from, lengths[l], /* up= */ true);
			give_row(objs, from, lengths[l], /* up= */ false);
		}
	EXPECT_EQ(n->first.nr_slabs, 1);
	EXPECT_SOUND();
}

/* All @objs of a slab are out, and what is wrong is only reported. */
static void start_to_misuse(void *objs[16])
{
	start();
	bug_abort_on_error = false;
	EXPECT_EQ(slab_take(s, 0, objs, 16, /* exact= */ true, 0, &slow), 16);
}

/* Every other object, one of them by an address within it: all are in one word of the bitmap. */
SIM_TEST(an_address_within_an_object_among_others_is_reported_and_frees_none)
{
	void *objs[16], *given[5];

	start_to_misuse(objs);
	for (int i = 0; i < 5; i++)
		given[i] = objs[15 - 2 * i];
	given[2] = (char *)given[2] + 8;
	slab_give(s, given, 5);
	EXPECT(strstr(sim_reports(), "into the middle"));
	EXPECT_EQ(n->first.inuse, 16 - 4);
	EXPECT_SOUND();
}

SIM_TEST(every_other_object_goes_back_and_none_twice)
{
	void *objs[16], *given[8];

	start_to_misuse(objs);
	for (int i = 0; i < 8; i++)
		given[i] = objs[2 * i];
	slab_give(s, given, 8);
	EXPECT_EQ(strlen(sim_reports()), 0);
	EXPECT_EQ(n->first.inuse, 8);
	for (int i = 0; i < 16; i++)
		EXPECT_EQ(is_object(s, objs[i]), i % 2);
	EXPECT_SOUND();
	for (int i = 0; i < 5; i++)
		given[i] = objs[i < 4 ? 2 * i + 1 : 3];
	slab_give(s, given, 5);
	EXPECT(strstr(sim_reports(), "double free"));
	EXPECT_EQ(n->first.inuse, 4);
	EXPECT_SOUND();
}

SIM_TEST(empty_slabs_are_kept_until_they_are_asked_back)
{
	const void *obj;

	start();
	empty_slabs(9);
	obj = page_address(list_first_entry(&n->first.empty, struct page, lru));
	EXPECT(page_map_get(obj) != MAP_NONE);
	EXPECT_EQ(n->first.nr_empty, 9);
	EXPECT_EQ(n->first.nr_slabs, 9);
	EXPECT_EQ(n->first.inuse, 0);
	EXPECT_EQ(home_discard_empty(s, &n->first, 3), (u64)3 << s->order);
	EXPECT_EQ(n->first.nr_slabs, 6);
	EXPECT_SOUND();
	EXPECT_EQ(node_discard_empty(s, n, /* all= */ true), (u64)6 << s->order);
	EXPECT_EQ(n->first.nr_slabs, 0);
	/* A stray free() finds nothing there. */
	EXPECT_EQ(page_map_get(obj), MAP_NONE);
	EXPECT_EQ(zone_of(0)->nr_free_pages, zone_of(0)->present_pages);
	EXPECT_SOUND();
}

/* To fill the rest of a sheaf no empty slab is opened; for a request of exactly so many it is. */
SIM_TEST(an_empty_slab_is_not_opened_for_the_rest_of_a_batch)
{
	void *objs[64];
	void *left;

	start();
	empty_slabs(2);
	left = take();
	EXPECT_EQ(slab_take(s, 0, objs, s->objects + 3, false, 0, &slow), s->objects - 1);
	EXPECT_EQ(n->first.nr_empty, 1);
	slab_give(s, objs + 4, s->objects - 1);
	EXPECT_EQ(slab_take(s, 0, objs, s->objects + 3, true, 0, &slow), s->objects + 3);
	EXPECT_EQ(n->first.nr_empty, 0);
	slab_give(s, objs, s->objects + 3);
	give(left);
	EXPECT_SOUND();
}

/* The rest can wait for the next request. */
SIM_TEST(no_more_empty_slabs_go_back_than_a_zone_would_grow_by)
{
	struct kmem_cache *later;
	unsigned int nr;
	void *obj;

	start();
	later = s + 1;
	nr = (unsigned int)(MAX_ORDER_NR_PAGES >> s->order);
	EXPECT_EQ(slab_take(later, 0, &obj, 1, true, 0, &slow), 1);
	empty_slabs(nr);
	slab_give(later, &obj, 1);
	EXPECT_EQ(shrink_slab(zone_of(0), /* barns= */ false), nr << s->order);
	EXPECT_EQ(n->first.nr_slabs, 0);
	EXPECT_EQ(cache_node(later, 0, false)->first.nr_empty, 1);
	EXPECT(shrink_slab(zone_of(0), /* barns= */ false) > 0);
	EXPECT_EQ(cache_node(later, 0, false)->first.nr_empty, 0);
	EXPECT_SOUND();
}

/* What the background thread takes from a cache that is in use. */
SIM_TEST(the_fewest_empty_slabs_of_a_while_are_known)
{
	start();
	empty_slabs(9);
	EXPECT_EQ(n->first.low_empty, 0);
	EXPECT_EQ(home_discard_empty(s, &n->first, n->first.low_empty), 0);
	EXPECT_EQ(n->first.low_empty, 9);
	empty_slabs(4);
	EXPECT_EQ(n->first.nr_empty, 9);
	EXPECT_EQ(n->first.low_empty, 5);
	EXPECT_EQ(node_discard_empty(s, n, /* all= */ false), (u64)5 << s->order);
	EXPECT_EQ(n->first.nr_empty, 4);
	EXPECT_EQ(n->first.low_empty, 4);
	EXPECT_SOUND();
}

/* Pass after pass, between which the cache is used and needs one empty slab. */
SIM_TEST(a_cache_in_use_gives_back_the_empty_slabs_that_it_does_not_need)
{
	start();
	empty_slabs(20);
	EXPECT(n->first.nr_empty >= 20);
	for (int pass = 0; pass < 3; pass++) {
		give(take());
		slab_reclaim(/* all= */ false);
	}
	EXPECT(n->first.nr_empty <= 1);
	EXPECT_SOUND();
}

/* Take pages until none is free.  Return: how many. */
static u64 use_up(struct zone *zone)
{
	while (zone->nr_free_pages)
		EXPECT(buddy_get(0, 0, 0));
	return zone->present_pages;
}

SIM_TEST(a_zone_does_not_grow_while_a_cache_has_empty_slabs)
{
	struct zone *zone = zone_of(0);
	u64 present;

	start();
	empty_slabs(9);
	present = use_up(zone);
	EXPECT(buddy_get(0, 0, 0));
	EXPECT_EQ(zone->present_pages, present);
	EXPECT_EQ(n->first.nr_slabs, 0);
	EXPECT_SOUND();
	use_up(zone);
	EXPECT(buddy_get(0, 0, 0));
	EXPECT(zone->present_pages > present);
}

/* A zone must grow though another thread, or a pass, has the mutex of the caches. */
SIM_TEST(a_zone_grows_while_the_list_of_caches_is_in_use)
{
	struct zone *zone = zone_of(0);
	u64 present;

	start();
	empty_slabs(9);
	present = use_up(zone);
	spin_lock(&slab_mutex);
	EXPECT(buddy_get(0, 0, 0));
	spin_unlock(&slab_mutex);
	EXPECT(zone->present_pages > present);
	EXPECT_EQ(n->first.nr_slabs, 9);
}

SIM_TEST(a_second_free_of_an_object_is_reported_and_changes_nothing)
{
	void *a, *b;

	start();
	bug_abort_on_error = false;
	bug_ops.abort = NULL;
	a = take();
	b = take();
	give(a);
	give(a);
	EXPECT(strstr(sim_reports(), "double free"));
	EXPECT_EQ(n->first.inuse, 1);
	EXPECT_SOUND();
	EXPECT(take() == a);
	EXPECT(take() != b);
}

SIM_TEST(a_free_into_the_middle_of_an_object_is_reported_and_changes_nothing)
{
	char *a;

	start();
	bug_abort_on_error = false;
	a = take();
	give(a + 16);
	EXPECT(strstr(sim_reports(), "middle"));
	EXPECT_EQ(n->first.inuse, 1);
	EXPECT_SOUND();
}

/* A slab of @s whose objects do not begin at its start; all of them are taken. */
static struct page *coloured_slab(void)
{
	char *obj;

	do {
		for (unsigned int i = 1; i < s->objects; i++)
			(void)take();
		obj = take();
	} while (!slab_colour(s, (uintptr_t)obj));
	return slab_of(s, obj);
}

SIM_TEST(a_free_of_what_lies_around_the_objects_of_a_slab_is_reported_and_changes_nothing)
{
	struct page *slab;
	unsigned long inuse;

	start();
	s = &kmalloc_caches[kmalloc_class(640)];
	n = cache_node(s, 0, false);
	bug_abort_on_error = false;
	slab = coloured_slab();
	inuse = n->first.inuse;
	for (size_t offset = 0; offset < PAGE_SIZE << s->order; offset += 8) {
		char *p = (char *)page_address(slab) + offset;
		void *pair[] = {slab_object(s, slab, 3), p};

		if ((p - (char *)slab_object(s, slab, 0)) % s->size == 0)
			continue;
		sim_clear_reports();
		give(p);
		EXPECT(strstr(sim_reports(), "middle"));
		sim_clear_reports();
		slab_give(s, pair, 2);
		EXPECT(strstr(sim_reports(), "middle"));
		EXPECT_EQ(n->first.inuse, inuse - 1);
		EXPECT(take() == slab_object(s, slab, 3));
	}
	EXPECT_SOUND();
}

SIM_TEST(a_free_into_a_slab_that_is_gone_is_reported)
{
	void *a;

	start();
	bug_abort_on_error = false;
	a = take();
	give(a);
	node_discard_empty(s, n, /* all= */ true);
	give(a);
	EXPECT(strstr(sim_reports(), "double free"));
	EXPECT_SOUND();
}

/* The pages belong to another cache by now, which has an object at that very place. */
SIM_TEST(a_free_into_a_slab_of_another_cache_is_reported_and_changes_nothing)
{
	struct kmem_cache *other;
	void *old[2], *objs[2];

	start();
	bug_abort_on_error = false;
	other = cache_create("other", SIZE, 8, NULL);
	EXPECT_EQ(slab_take(s, 0, old, 2, true, 0, &slow), 2);
	slab_give(s, (void *[]){old[0], old[1]}, 2);
	node_discard_empty(s, n, /* all= */ true);
	EXPECT_EQ(slab_take(other, 0, objs, 2, true, 0, &slow), 2);
	EXPECT(objs[0] == old[0] && objs[1] == old[1]);
	slab_give(s, (void *[]){old[0], old[1]}, 2);
	EXPECT(strstr(sim_reports(), "double free"));
	EXPECT(is_object(other, objs[0]) && is_object(other, objs[1]));
	EXPECT_EQ(cache_node(other, 0, false)->first.inuse, 2);
	EXPECT_SOUND();
}

SIM_TEST(a_constructor_runs_once_for_each_object_of_a_slab)
{
	extern void count_constructed(void *);
	struct kmem_cache *c;
	void *objs[10];

	start();
	c = cache_create("constructed", 100, 8, count_constructed);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 10; i++) {
			objs[i] = slab_alloc(c, 0, NUMA_NO_NODE);
			EXPECT_EQ(*(u32 *)objs[i], 0xc0ffee);
		}
		for (int i = 0; i < 10; i++)
			slab_free(c, objs[i]);
	}
	EXPECT_EQ(cache_destroy("test", c), 0);
	EXPECT_SOUND();
}

void count_constructed(void *obj);
void count_constructed(void *obj)
{
	*(u32 *)obj = 0xc0ffee;
}

SIM_TEST(a_cache_with_objects_in_use_is_not_ended)
{
	struct kmem_cache *c;
	void *obj;

	start();
	bug_abort_on_error = false;
	c = cache_create("busy", 100, 8, NULL);
	obj = slab_alloc(c, 0, NUMA_NO_NODE);
	EXPECT(cache_destroy("test", c) < 0);
	EXPECT(strstr(sim_reports(), "busy"));
	slab_free(c, obj);
	EXPECT_EQ(cache_destroy("test", c), 0);
	EXPECT_SOUND();
}

/* ---- after a fork ---- */

struct census {
	unsigned long slabs, partial, empty, inuse;
};

static struct census census(void)
{
	return (struct census){n->first.nr_slabs, n->first.nr_partial, n->first.nr_empty,
			       n->first.inuse};
}

static void some_history(void **objs, int nr)
{
	u64 state = 12;

	for (int i = 0; i < nr; i++)
		objs[i] = take();
	for (int i = 0; i < nr; i++)
		if (sim_random(&state) % 2 || i < nr / 4) {
			give(objs[i]);
			objs[i] = NULL;
		}
}

static void ruin(void)
{
	for (int i = 0; i < NR_PARTIAL_BUCKETS; i++)
		n->first.partial[i].next = (void *)8;
	n->first.empty.prev = (void *)16;
	n->first.nr_slabs = n->first.nr_partial = n->first.inuse = 77777;
	n->first.nr_empty = 3;
}

SIM_TEST(taking_the_list_lock_of_a_lost_thread_rebuilds_the_lists)
{
	void *objs[300];
	struct census before, after;

	start();
	some_history(objs, 300);
	before = census();
	ruin();
	lock_of_lost_thread(&n->first.list_lock);
	home_lock(s, &n->first, /* nowait= */ false);
	spin_unlock(&n->first.list_lock);
	after = census();
	EXPECT(!memcmp(&before, &after, sizeof(before)));
	EXPECT_SOUND();
	for (int i = 0; i < 300; i++)
		if (objs[i])
			give(objs[i]);
	EXPECT_EQ(n->first.inuse, 0);
	EXPECT_SOUND();
}

/* The counts have not followed the bitmap yet; the bitmap is the authority. */
SIM_TEST(rebuilding_counts_objects_by_the_bitmap)
{
	void *objs[40];
	struct page *slab;

	start();
	for (int i = 0; i < 40; i++)
		objs[i] = take();
	slab = slab_of(s, objs[0]);
	slab->bits[0] &= ~1ul; /* given back, and then its thread was lost */
	home_lock(s, &n->first, /* nowait= */ false);
	home_rebuild(s, &n->first);
	spin_unlock(&n->first.list_lock);
	EXPECT_EQ(n->first.inuse, 39);
	EXPECT_SOUND();
	EXPECT(take() == objs[0]);
}

/* A child must not need memory for this, while it holds the lock. */
SIM_TEST(rebuilding_on_several_nodes_takes_no_memory)
{
	unsigned long nodes;

	sim_no_nodes();
	for (int i = 0; i < 4; i++)
		sim_add_node(GiB, true);
	start();
	take();
	nodes = 0;
	for (int i = 0; i < 4; i++)
		nodes += s->node[i] != NULL;
	EXPECT_EQ(nodes, 1);
	home_lock(s, &n->first, /* nowait= */ false);
	home_rebuild(s, &n->first);
	spin_unlock(&n->first.list_lock);
	for (int i = 0; i < 4; i++)
		nodes -= s->node[i] != NULL;
	EXPECT_EQ(nodes, 0);
	EXPECT_SOUND();
}

RUN_TESTS(T(a_row_goes_back_wherever_it_begins_and_ends),
	  T(every_other_object_goes_back_and_none_twice),
	  T(an_address_within_an_object_among_others_is_reported_and_frees_none),
	  T(objects_of_a_fresh_slab_come_in_address_order),
	  T(a_batch_is_filled_from_its_end_with_the_lowest_address_last),
	  T(small_objects_come_by_whole_cache_lines_while_there_are_any),
	  T(the_fullest_slab_is_used_first), T(empty_slabs_are_kept_until_they_are_asked_back),
	  T(the_fewest_empty_slabs_of_a_while_are_known),
	  T(a_cache_in_use_gives_back_the_empty_slabs_that_it_does_not_need),
	  T(a_zone_does_not_grow_while_a_cache_has_empty_slabs),
	  T(a_zone_grows_while_the_list_of_caches_is_in_use),
	  T(a_second_free_of_an_object_is_reported_and_changes_nothing),
	  T(a_free_into_the_middle_of_an_object_is_reported_and_changes_nothing),
	  T(a_free_of_what_lies_around_the_objects_of_a_slab_is_reported_and_changes_nothing),
	  T(a_free_into_a_slab_that_is_gone_is_reported),
	  T(a_free_into_a_slab_of_another_cache_is_reported_and_changes_nothing),
	  T(a_constructor_runs_once_for_each_object_of_a_slab),
	  T(a_cache_with_objects_in_use_is_not_ended),
	  T(an_empty_slab_is_not_opened_for_the_rest_of_a_batch),
	  T(no_more_empty_slabs_go_back_than_a_zone_would_grow_by),
	  T(taking_the_list_lock_of_a_lost_thread_rebuilds_the_lists),
	  T(rebuilding_counts_objects_by_the_bitmap),
	  T(rebuilding_on_several_nodes_takes_no_memory))
