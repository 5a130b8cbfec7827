/* SPDX-License-Identifier: MIT */
/*
 * test_holes.c - free pages inside slabs that are in use: src/slab/holes.c
 */
#include "base/check.h"
#include "unit.h"
#include <errno.h>

#define ALL (~(u64)0)

static struct slow slow; /* no task: objects come straight from slabs */
static u32 random_state = 1;

static u32 random_below(u32 n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

static void *take(struct kmem_cache *s)
{
	void *obj;

	EXPECT_EQ(slab_take(s, 0, &obj, 1, true, 0, &slow), 1);
	return memset(obj, 0x5a, s->object_size);
}

static void give(struct kmem_cache *s, void *obj)
{
	slab_give(s, &obj, 1);
}

static bool is_filled_with(const void *p, size_t len, char c)
{
	const char *bytes = p;

	for (size_t i = 0; i < len; i++)
		if (bytes[i] != c)
			return false;
	return true;
}

/* ---- which pages go ---- */

#define SLABS 16
#define MOST 2048 /* objects */

static bool is_live(const struct page *slab, unsigned int i)
{
	return slab->bits[i / 64] >> (i % 64) & 1;
}

/* The model: compares with the address of each object. */
static bool should_go(const struct kmem_cache *s, const struct page *slab, u64 page)
{
	uintptr_t from = (uintptr_t)page_address(slab) + (page << PAGE_SHIFT);

	for (unsigned int i = 0; i < s->objects; i++) {
		uintptr_t obj = (uintptr_t)slab_object(s, slab, i);

		if (is_live(slab, i) && obj < from + PAGE_SIZE && obj + s->size > from)
			return false;
	}
	return true;
}

static u64 check_pages(const struct kmem_cache *s, const struct page *slab)
{
	u64 holes = 0;

	for (u64 page = 0; page < (u64)1 << s->order; page++) {
		char *addr = (char *)page_address(slab) + (page << PAGE_SHIFT);
		bool gone = sim_was_discarded(addr, PAGE_SIZE);

		EXPECT_EQ(gone, should_go(s, slab, page));
		holes += gone;
	}
	for (unsigned int i = 0; i < s->objects; i++)
		if (is_live(slab, i))
			EXPECT(is_filled_with(slab_object(s, slab, i), s->object_size, 0x5a));
	return holes;
}

/* Fill slabs with objects and keep one in @stays_one_of.  Return: the length of @objs. */
static unsigned int thinned_out(struct kmem_cache *s, void **objs, u32 stays_one_of)
{
	unsigned int nr = SLABS * s->objects;

	EXPECT(nr <= MOST);
	for (unsigned int i = 0; i < nr; i++)
		objs[i] = take(s);
	for (unsigned int i = 0; i < nr; i++)
		if (random_below(stays_one_of)) {
			give(s, objs[i]);
			objs[i] = NULL;
		}
	return nr;
}

static void check_class(struct kmem_cache *s, u32 stays_one_of)
{
	struct kmem_cache_node *n = cache_node(s, 0, false);
	u64 pages = 0, got;
	void *objs[MOST];
	unsigned int nr = thinned_out(s, objs, stays_one_of);
	struct page *last = NULL;

	sim_nr_events = 0;
	got = punch_holes(NUMA_NO_NODE, /* dense= */ true, ALL);
	EXPECT_SOUND();
	for (unsigned int i = 0; i < nr; i++) {
		struct page *slab = objs[i] ? slab_of(s, objs[i]) : NULL;

		if (!slab || slab == last)
			continue;
		last = slab;
		pages += check_pages(s, slab);
	}
	EXPECT_EQ(got, pages);
	EXPECT_EQ(n->punched, pages);
	n->punched = 0;
	for (unsigned int i = 0; i < nr; i++)
		if (objs[i])
			give(s, objs[i]);
	cache_shrink(s);
}

SIM_TEST(pages_that_no_object_in_use_reaches_into_go_back_and_no_others)
{
	unsigned int looked_at = 0;

	EXPECT(sim_start());
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++) {
		struct kmem_cache *s = &kmalloc_caches[c];

		if (!s->order)
			continue;
		for (u32 stays = 2; stays <= 32; stays *= 4)
			check_class(s, stays);
		looked_at++;
	}
	EXPECT(looked_at > 10);
}

/* ---- when ---- */

#define SIZE 3000

static struct kmem_cache *s;

/* One slab of SIZE bytes with one object, the first, in use. */
static char *one_in_a_slab(void)
{
	void *objs[MOST];

	s = &kmalloc_caches[kmalloc_class(SIZE)];
	EXPECT(s->order && s->objects >= 4);
	for (unsigned int i = 0; i < s->objects; i++)
		objs[i] = take(s);
	for (unsigned int i = 1; i < s->objects; i++)
		give(s, objs[i]);
	return objs[0];
}

SIM_TEST(a_slab_is_punched_once_until_objects_come_or_go)
{
	char *first, *second;

	EXPECT(sim_start());
	first = one_in_a_slab();
	EXPECT(punch_holes(0, /* dense= */ true, ALL) > 0);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), 1);
	second = take(s);
	EXPECT(slab_of(s, second) == slab_of(s, first));
	EXPECT(punch_holes(0, /* dense= */ true, ALL) > 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), 2);
	EXPECT(is_filled_with(first, SIZE, 0x5a) && is_filled_with(second, SIZE, 0x5a));
	give(s, first);
	give(s, second);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 0); /* empty: goes as a whole */
	EXPECT_SOUND();
}

#define SMALL 512

/* One object less does not move the slab to another list. */
SIM_TEST(a_page_that_is_left_after_its_slab_was_punched_goes_with_the_next_pass)
{
	unsigned int pages;
	void *objs[MOST];

	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(SMALL)];
	pages = 1u << s->order;
	EXPECT(pages > 1 && bucket_of(s, 1) == bucket_of(s, 2));
	for (unsigned int i = 0; i < s->objects; i++)
		objs[i] = take(s);
	for (unsigned int i = 1; i + 1 < s->objects; i++)
		give(s, objs[i]);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), pages - 2);
	give(s, objs[0]);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 1);
	EXPECT_EQ(page_punched(slab_of(s, objs[s->objects - 1])), pages - 1);
	EXPECT_SOUND();
}

SIM_TEST(a_slab_whose_holes_are_gone_is_not_asked_for_again)
{
	void *objs[MOST];
	unsigned int half;

	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(SMALL)];
	half = s->objects / 2;
	EXPECT_EQ((u64)half * s->size % PAGE_SIZE, 0);
	for (unsigned int i = 0; i < s->objects; i++)
		objs[i] = take(s);
	for (unsigned int i = half - 1; i < s->objects; i++)
		give(s, objs[i]);
	EXPECT(punch_holes(0, /* dense= */ true, ALL) > 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), 1);
	/* The slab moves to another list, but has no more holes than before. */
	for (unsigned int i = 1; i < half - 1; i++)
		give(s, objs[i]);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), 1);
	EXPECT_SOUND();
}

#define IN_PAGE 2 /* objects */

/* All objects of a slab of eight pages, in the order of their addresses. */
static struct page *whole_slab(void **objs)
{
	s = &kmalloc_caches[kmalloc_class(PAGE_SIZE / IN_PAGE)];
	EXPECT_EQ(s->order, 3);
	for (unsigned int i = 0; i < s->objects; i++)
		objs[i] = take(s);
	return slab_of(s, objs[0]);
}

SIM_TEST(page_by_page_a_slab_says_how_many_are_gone)
{
	unsigned int pages = 8, calls;
	const struct zone *zone = zone_of(0);
	void *objs[MOST];
	struct page *slab;
	u64 mark;

	EXPECT(sim_start());
	slab = whole_slab(objs);
	mark = zone->resident_mark;
	for (unsigned int page = 0; page + 1 < pages; page++) {
		for (unsigned int i = 0; i < IN_PAGE; i++)
			give(s, objs[page * IN_PAGE + i]);
		EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 1);
		EXPECT_EQ(page_punched(slab), page + 1);
		EXPECT_EQ(zone->nr_punched_pages, page + 1);
		EXPECT_EQ(zone->resident_mark, mark - page - 1);
		EXPECT_SOUND();
	}
	calls = sim_count(SIM_DISCARD);
	give(s, objs[(pages - 1) * IN_PAGE]);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), calls);
	EXPECT_SOUND();
}

SIM_TEST(what_was_gone_and_is_locked_now_is_not_counted_again)
{
	void *objs[MOST];
	struct page *slab;

	EXPECT(sim_start());
	slab = whole_slab(objs);
	for (unsigned int i = 0; i < IN_PAGE; i++)
		give(s, objs[i]);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 1);
	for (unsigned int i = 0; i < IN_PAGE; i++)
		give(s, objs[IN_PAGE + i]);
	sim.fail_op = SIM_DISCARD;
	sim.fail_op_always = true;
	sim.fail_error = -EINVAL;
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 0);
	EXPECT_EQ(zone_of(0)->nr_punched_pages, page_punched(slab));
	EXPECT_SOUND();
}

/* Behind one that has a hole now, which would be punched again with every pass. */
SIM_TEST(a_slab_without_new_holes_goes_behind_the_others_too)
{
	void *first[MOST], *second[MOST];

	EXPECT(sim_start());
	(void)whole_slab(first);
	(void)whole_slab(second);
	for (unsigned int i = 0; i < IN_PAGE; i++)
		give(s, first[i]);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 1);
	give(s, first[IN_PAGE]);
	for (unsigned int i = 0; i < IN_PAGE + 1; i++)
		give(s, second[i]);
	EXPECT(slab_bucket(slab_of(s, first[0])) == slab_bucket(slab_of(s, second[0])));
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 1);
	EXPECT_SOUND();
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), 2);
}

#define SPARSE_SLABS 7

/* SPARSE_SLABS slabs with one object each, and one slab that lacks one.  Return: pages of those. */
static u64 sparse_and_dense(void)
{
	void *objs[MOST];
	unsigned int each;

	s = &kmalloc_caches[kmalloc_class(SIZE)];
	each = s->objects;
	for (unsigned int i = 0; i < (SPARSE_SLABS + 1) * each; i++)
		objs[i] = take(s);
	for (unsigned int i = 0; i < SPARSE_SLABS * each; i++)
		if (i % each)
			give(s, objs[i]);
	give(s, objs[SPARSE_SLABS * each]);
	/* Begin a new period. */
	EXPECT_EQ(punch_unneeded(ALL), 0);
	return (u64)SPARSE_SLABS << s->order;
}

SIM_TEST(at_work_slabs_that_are_emptier_than_any_that_was_used_are_punched)
{
	u64 pages, got;

	EXPECT(sim_start());
	pages = sparse_and_dense();
	for (int i = 0; i < 100; i++)
		give(s, take(s));
	got = punch_unneeded(ALL);
	EXPECT(got > pages / 2 && got < pages);
	EXPECT_EQ(cache_node(s, 0, false)->punched, got);
	for (int i = 0; i < 100; i++)
		give(s, take(s));
	EXPECT_EQ(punch_unneeded(ALL), 0);
	EXPECT_SOUND();
}

SIM_TEST(at_work_slabs_as_full_as_those_that_were_used_stay)
{
	void *objs[3];

	EXPECT(sim_start());
	(void)sparse_and_dense();
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 3; i++)
			objs[i] = take(s);
		for (int i = 0; i < 3; i++)
			give(s, objs[i]);
		EXPECT_EQ(punch_unneeded(ALL), 0);
	}
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
}

/* That a slab was opened shows that nothing was free. */
SIM_TEST(at_work_a_cache_that_grew_keeps_its_pages)
{
	EXPECT(sim_start());
	(void)one_in_a_slab();
	EXPECT_EQ(punch_unneeded(ALL), 0);
	(void)take(s);
	for (int i = 0; i < 3; i++)
		(void)one_in_a_slab();
	EXPECT_EQ(punch_unneeded(ALL), 0);
}

SIM_TEST(at_work_a_dense_cache_keeps_its_pages)
{
	void *objs[MOST];
	unsigned int nr;

	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(SIZE)];
	nr = SLABS * s->objects;
	for (unsigned int i = 0; i < nr; i++)
		objs[i] = take(s);
	for (unsigned int i = 1; i < s->objects; i++)
		give(s, objs[i]);
	EXPECT_EQ(punch_unneeded(ALL), 0);
	EXPECT_EQ(punch_unneeded(ALL), 0);
	EXPECT(punch_holes(0, /* dense= */ false, ALL) > 0);
}

/* Empty slabs go as a whole; they do not make a cache sparse. */
SIM_TEST(at_work_a_dense_cache_keeps_its_pages_though_it_has_empty_slabs)
{
	static void *objs[MOST];
	unsigned int nr;

	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(SIZE)];
	nr = SLABS * s->objects;
	EXPECT(2 * nr <= MOST);
	for (unsigned int i = 0; i < 2 * nr; i++)
		objs[i] = take(s);
	for (unsigned int i = 1; i < s->objects; i++)
		give(s, objs[i]);
	for (unsigned int i = nr; i < 2 * nr; i++)
		give(s, objs[i]);
	EXPECT_EQ(cache_node(s, 0, false)->first.nr_empty, SLABS);
	EXPECT_EQ(punch_unneeded(ALL), 0);
	EXPECT_EQ(punch_unneeded(ALL), 0);
}

/* Other processes may have taken the room by the time that it is used again. */
SIM_TEST(the_mark_of_a_zone_falls_with_what_goes_back)
{
	u64 mark, pages;

	EXPECT(sim_start());
	one_in_a_slab();
	mark = zone_of(0)->resident_mark;
	pages = punch_holes(0, /* dense= */ true, ALL);
	EXPECT(pages > 0);
	EXPECT_EQ(zone_of(0)->resident_mark, mark - pages);
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 0);
	EXPECT_EQ(zone_of(0)->resident_mark, mark - pages);
}

/* Otherwise the system would fill the hole again, with a huge page. */
SIM_TEST(what_lies_around_a_hole_is_not_huge)
{
	unsigned int before;

	mm_hugepages = HUGEPAGES_ALWAYS;
	EXPECT(sim_start());
	one_in_a_slab();
	before = sim_count(SIM_NO_HUGE);
	EXPECT(punch_holes(0, /* dense= */ true, ALL) > 0);
	EXPECT_EQ(sim_count(SIM_NO_HUGE), before + 1);
	EXPECT_SOUND();
}

SIM_TEST(an_object_in_a_page_that_went_back_reads_as_zero)
{
	char *first, *next, *end, *page;
	void *obj;

	EXPECT(sim_start());
	first = one_in_a_slab();
	punch_holes(0, /* dense= */ true, ALL);
	EXPECT_EQ(slab_take(s, 0, &obj, 1, true, 0, &slow), 1);
	next = obj;
	end = next + s->object_size;
	EXPECT(slab_of(s, next) == slab_of(s, first));
	/* It begins in the page where the first object ends, which did not go back. */
	page = (char *)ALIGN_UP((uintptr_t)next, PAGE_SIZE);
	EXPECT(page < end);
	EXPECT(is_filled_with(page, (size_t)(end - page), 0));
}

#define SIZE_OF_25 1280 /* of which 25 go into a slab of eight pages */

SIM_TEST(slabs_that_are_nearly_full_go_only_when_everything_does)
{
	void *objs[MOST];
	uintptr_t page;

	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(SIZE_OF_25)];
	EXPECT(s->order == 3 && s->objects >= 24);
	for (unsigned int i = 0; i < s->objects; i++)
		objs[i] = take(s);
	page = (uintptr_t)page_address(slab_of(s, objs[0])) + PAGE_SIZE;
	for (unsigned int i = 0; i < s->objects; i++) {
		uintptr_t obj = (uintptr_t)objs[i];

		if (obj < page + PAGE_SIZE && obj + s->size > page)
			give(s, objs[i]);
	}
	EXPECT_EQ(punch_holes(0, /* dense= */ false, ALL), 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
	EXPECT(punch_holes(0, /* dense= */ true, ALL) > 0);
}

SIM_TEST(slabs_that_are_less_than_three_quarters_full_go_always)
{
	unsigned int most;
	void *objs[MOST];

	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(SIZE_OF_25)];
	most = (s->objects + 1u) * 3 / 4;
	for (unsigned int i = 0; i < s->objects; i++)
		objs[i] = take(s);
	for (unsigned int i = most + 1; i < s->objects; i++)
		give(s, objs[i]);
	EXPECT_EQ(punch_holes(0, /* dense= */ false, ALL), 0);
	give(s, objs[most]);
	EXPECT(punch_holes(0, /* dense= */ false, ALL) > 0);
}

SIM_TEST(at_work_slabs_that_are_nearly_full_stay_though_nothing_was_used)
{
	struct page *dense;
	void *objs[MOST];
	unsigned int each;

	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(SIZE_OF_25)];
	each = s->objects;
	for (unsigned int i = 0; i < 4 * each; i++)
		objs[i] = take(s);
	dense = slab_of(s, objs[0]);
	for (unsigned int i = (each + 1) * 3 / 4 + 1; i < each; i++)
		give(s, objs[i]);
	for (unsigned int i = each; i < 4 * each; i++)
		if (i % each)
			give(s, objs[i]);
	EXPECT_EQ(punch_unneeded(ALL), 0);
	EXPECT(punch_unneeded(ALL) > 0);
	EXPECT_EQ(page_punched(dense), 0);
	EXPECT(punch_holes(0, /* dense= */ true, ALL) > 0);
	EXPECT(page_punched(dense) > 0);
}

SIM_TEST(at_work_slabs_of_any_node_are_punched_as_many_as_are_wanted)
{
	static void *objs[MOST];
	unsigned int nr;
	u64 first;

	sim_add_node(GiB, true);
	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(SIZE)];
	nr = SLABS * s->objects;
	EXPECT_EQ(slab_take(s, 1, objs, nr, true, 0, &slow), nr);
	for (unsigned int i = 0; i < nr; i++)
		if (i % s->objects)
			give(s, objs[i]);
	EXPECT_EQ(punch_unneeded(ALL), 0);
	first = punch_unneeded(1);
	EXPECT(first > 0 && first < 1u << s->order);
	EXPECT(punch_unneeded(ALL) > first);
	EXPECT(cache_node(s, 1, false)->punched > first);
}

static void constructor(void *obj)
{
	memset(obj, 0x77, 1500);
}

SIM_TEST(objects_stay_as_they_were_constructed)
{
	struct kmem_cache *made;
	void *objs[64];

	EXPECT(sim_start());
	made = cache_create("made", 1500, 8, constructor);
	EXPECT(made && made->order && made->objects <= ARRAY_SIZE(objs));
	EXPECT_EQ(slab_take(made, 0, objs, made->objects, true, 0, &slow), made->objects);
	for (unsigned int i = 0; i + 1 < made->objects; i++)
		give(made, objs[i]);
	EXPECT_EQ(punch_holes(NUMA_NO_NODE, /* dense= */ true, ALL), 0);
	EXPECT_EQ(slab_take(made, 0, objs, 1, true, 0, &slow), 1);
	EXPECT(is_filled_with(objs[0], 1500, 0x77));
}

SIM_TEST(where_the_system_refuses_nothing_is_lost)
{
	char *first;

	EXPECT(sim_start());
	first = one_in_a_slab();
	sim.fail_op = SIM_DISCARD;
	sim.fail_op_always = true;
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 0);
	EXPECT(is_filled_with(first, SIZE, 0x5a));
	EXPECT_SOUND();
	sim.fail_op_always = false;
	EXPECT(punch_holes(0, /* dense= */ true, ALL) > 0);
	EXPECT_SOUND();
}

SIM_TEST(where_the_system_refuses_it_is_not_asked_again_for_each_slab)
{
	EXPECT(sim_start());
	(void)sparse_and_dense();
	sim.fail_op = SIM_DISCARD;
	sim.fail_op_always = true;
	EXPECT_EQ(punch_holes(0, /* dense= */ false, ALL), 0);
	EXPECT_EQ(sim.faults, 1);
	EXPECT_SOUND();
}

static void fail_first_discard(enum sim_op op, u64 number)
{
	(void)number;
	sim.fail_op_always = op == SIM_DISCARD && !sim.faults;
}

/* A program that locks what must not go to swap may free it locked. */
SIM_TEST(behind_a_slab_with_something_locked_the_others_go)
{
	static void *objs[MOST];
	unsigned int slabs;

	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(SIZE)];
	for (unsigned int i = 0; i < SLABS * s->objects; i++)
		objs[i] = take(s);
	for (unsigned int i = 0; i < SLABS * s->objects; i++)
		if (i % s->objects)
			give(s, objs[i]);
	sim.fail_op = SIM_DISCARD;
	sim.fail_error = -EINVAL;
	sim.before_call = fail_first_discard;
	EXPECT(punch_holes(0, /* dense= */ true, ALL) > 0);
	EXPECT_EQ(sim.faults, 1);
	slabs = sim_count(SIM_DISCARD);
	EXPECT_EQ(slabs, SLABS - 1);
	EXPECT_SOUND();
	/* The locked slab is not tried again and again. */
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), slabs);
	EXPECT_SOUND();
}

#define LOCKED_SLABS 80

/* After mlockall() each call would be in vain. */
SIM_TEST(where_everything_seems_to_be_locked_no_more_is_asked_for)
{
	static void *objs[LOCKED_SLABS * 16];
	unsigned int nr;

	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(SIZE)];
	nr = LOCKED_SLABS * s->objects;
	EXPECT(nr <= ARRAY_SIZE(objs));
	for (unsigned int i = 0; i < nr; i++)
		objs[i] = take(s);
	for (unsigned int i = 0; i < nr; i++)
		if (i % s->objects)
			give(s, objs[i]);
	sim.fail_op = SIM_DISCARD;
	sim.fail_op_always = true;
	sim.fail_error = -EINVAL;
	EXPECT_EQ(punch_holes(0, /* dense= */ true, ALL), 0);
	EXPECT_EQ(sim.faults, 64);
	EXPECT_SOUND();
}

/* What goes back on another node does not help a node that grows. */
SIM_TEST(holes_are_made_on_the_node_that_is_short)
{
	void *far;

	sim_add_node(GiB, true);
	EXPECT(sim_start());
	one_in_a_slab();
	EXPECT_EQ(slab_take(s, 1, &far, 1, true, 0, &slow), 1);
	EXPECT_EQ(page_to_nid(slab_of(s, far)), 1);
	EXPECT(punch_holes(1, /* dense= */ true, ALL) > 0);
	EXPECT_EQ(cache_node(s, 0, false)->punched, 0);
	EXPECT(cache_node(s, 1, false)->punched > 0);
	EXPECT(punch_holes(NUMA_NO_NODE, /* dense= */ true, ALL) > 0);
	EXPECT(cache_node(s, 0, false)->punched > 0);
	EXPECT_SOUND();
}

/* ---- how much is gone ---- */

/* The sum over the slabs that objs[] are in. */
static u64 gone_from_slabs(void **objs, unsigned int nr)
{
	const struct page *last = NULL;
	u64 pages = 0;

	for (unsigned int i = 0; i < nr; i++) {
		const struct page *slab = objs[i] ? slab_of(s, objs[i]) : NULL;

		if (!slab || slab == last)
			continue;
		last = slab;
		pages += page_punched(slab);
	}
	return pages;
}

SIM_TEST(what_is_gone_of_slabs_is_not_resident_until_objects_may_lie_there)
{
	const struct zone *zone = zone_of(0);
	static void *objs[MOST], *more[MOST];
	u64 resident, gone, was;
	unsigned int nr, got, i;

	EXPECT(sim_start());
	s = &kmalloc_caches[kmalloc_class(SIZE)];
	nr = thinned_out(s, objs, 3);
	resident = zone_resident(zone);
	gone = punch_holes(0, /* dense= */ true, ALL);
	EXPECT(gone > 0);
	EXPECT_EQ(zone->nr_punched_pages, gone);
	EXPECT_EQ(zone_resident(zone), resident - gone);
	EXPECT_EQ(gone_from_slabs(objs, nr), gone);
	/* Freeing an object touches no page, and a page that is gone already is counted once. */
	for (i = 0; !objs[i] || !objs[i + 1] || slab_of(s, objs[i]) != slab_of(s, objs[i + 1]);)
		i++;
	give(s, objs[i]);
	objs[i] = NULL;
	EXPECT_EQ(zone->nr_punched_pages, gone);
	gone += punch_holes(0, /* dense= */ true, ALL);
	EXPECT_EQ(zone->nr_punched_pages, gone);
	EXPECT_EQ(gone_from_slabs(objs, nr), gone);
	/* An object that is taken counts the pages that it reaches as resident, in the end all. */
	for (got = 0; zone->nr_punched_pages; got++) {
		was = zone->nr_punched_pages;
		EXPECT(got < MOST);
		more[got] = take(s);
		EXPECT(was - zone->nr_punched_pages <= 2);
	}
	EXPECT_EQ(gone_from_slabs(objs, nr), 0);
	EXPECT_EQ(zone_resident(zone), resident);
	/* Punch them again; a slab that is given back is not counted any more. */
	while (got)
		give(s, more[--got]);
	EXPECT(punch_holes(0, /* dense= */ true, ALL) > 0);
	EXPECT(zone->nr_punched_pages > 0);
	for (i = 0; i < nr; i++)
		if (objs[i])
			give(s, objs[i]);
	cache_shrink(s);
	EXPECT_EQ(zone->nr_punched_pages, 0);
	EXPECT_SOUND();
}

SIM_TEST(a_child_counts_anew_what_is_gone)
{
	struct zone *zone = zone_of(0);
	u64 gone;

	EXPECT(sim_start());
	one_in_a_slab();
	gone = punch_holes(0, /* dense= */ true, ALL);
	EXPECT(gone > 0);
	zone->nr_punched_pages = 4711; /* the fork came between the slab's count and the sum */
	mm_fork_repair();
	EXPECT_EQ(zone->nr_punched_pages, gone);
}

/* ---- growth ---- */

/* @bytes of objects of SIZE, one in ten of which stay. */
static void sparse_heap(u64 bytes)
{
	static void *objs[16 * MiB / SIZE * 2];
	unsigned int nr = (unsigned int)(bytes / SIZE);

	EXPECT(nr <= ARRAY_SIZE(objs));
	s = &kmalloc_caches[kmalloc_class(SIZE)];
	for (unsigned int i = 0; i < nr; i++)
		objs[i] = take(s);
	for (unsigned int i = 0; i < nr; i++)
		if (random_below(10))
			give(s, objs[i]);
}

static void grow_by_steps(unsigned int steps)
{
	struct kmem_cache *other = &kmalloc_caches[kmalloc_class(200)];

	while (steps--) {
		unsigned long accepted = zone_of(0)->stat.accepted;

		while (zone_of(0)->stat.accepted == accepted)
			(void)take(other);
	}
}

SIM_TEST(a_large_heap_that_grows_gives_back_as_much_from_inside_its_slabs)
{
	const struct kmem_cache_node *n;
	u64 punched;

	EXPECT(sim_start());
	sparse_heap(24 * MiB);
	n = cache_node(s, 0, false);
	EXPECT_EQ(n->punched, 0); /* nothing was free while it grew */
	grow_by_steps(1);
	punched = n->punched;
	EXPECT(punched >= MAX_ORDER_NR_PAGES);
	EXPECT(punched < MAX_ORDER_NR_PAGES + (1u << s->order));
	grow_by_steps(1);
	EXPECT(n->punched > punched);
	EXPECT(n->punched < 2 * (MAX_ORDER_NR_PAGES + (1u << s->order)));
	EXPECT_SOUND();
}

SIM_TEST(a_small_heap_that_grows_keeps_its_pages)
{
	EXPECT(sim_start());
	sparse_heap(8 * MiB);
	grow_by_steps(1);
	EXPECT_EQ(cache_node(s, 0, false)->punched, 0);
	EXPECT_EQ(sim_count(SIM_DISCARD), 0);
}

RUN_TESTS(T(pages_that_no_object_in_use_reaches_into_go_back_and_no_others),
	  T(a_slab_is_punched_once_until_objects_come_or_go),
	  T(a_page_that_is_left_after_its_slab_was_punched_goes_with_the_next_pass),
	  T(a_slab_whose_holes_are_gone_is_not_asked_for_again),
	  T(page_by_page_a_slab_says_how_many_are_gone),
	  T(what_was_gone_and_is_locked_now_is_not_counted_again),
	  T(a_slab_without_new_holes_goes_behind_the_others_too),
	  T(slabs_that_are_less_than_three_quarters_full_go_always),
	  T(at_work_a_dense_cache_keeps_its_pages_though_it_has_empty_slabs),
	  T(at_work_slabs_that_are_nearly_full_stay_though_nothing_was_used),
	  T(at_work_slabs_of_any_node_are_punched_as_many_as_are_wanted),
	  T(at_work_slabs_that_are_emptier_than_any_that_was_used_are_punched),
	  T(at_work_slabs_as_full_as_those_that_were_used_stay),
	  T(at_work_a_cache_that_grew_keeps_its_pages), T(at_work_a_dense_cache_keeps_its_pages),
	  T(the_mark_of_a_zone_falls_with_what_goes_back), T(what_lies_around_a_hole_is_not_huge),
	  T(an_object_in_a_page_that_went_back_reads_as_zero),
	  T(slabs_that_are_nearly_full_go_only_when_everything_does),
	  T(objects_stay_as_they_were_constructed), T(where_the_system_refuses_nothing_is_lost),
	  T(where_the_system_refuses_it_is_not_asked_again_for_each_slab),
	  T(behind_a_slab_with_something_locked_the_others_go),
	  T(where_everything_seems_to_be_locked_no_more_is_asked_for),
	  T(holes_are_made_on_the_node_that_is_short),
	  T(what_is_gone_of_slabs_is_not_resident_until_objects_may_lie_there),
	  T(a_child_counts_anew_what_is_gone),
	  T(a_large_heap_that_grows_gives_back_as_much_from_inside_its_slabs),
	  T(a_small_heap_that_grows_keeps_its_pages))
