/* SPDX-License-Identifier: MIT */
/*
 * test_barn.c - the store of sheaves of a node: src/slab/barn.c
 */
#include "unit.h"
#include <sys/mman.h>

static struct slow slow;
static struct kmem_cache *s;
static struct kmem_cache_node *n;

static void start(void)
{
	EXPECT(sim_start());
	sim.cpu_hint = 0;
	s = &kmalloc_caches[kmalloc_class(256)];
	n = cache_node(s, 0, false);
}

/* A sheaf of @nr objects that are out of their slabs. */
static struct slab_sheaf *sheaf_of(unsigned int kind, unsigned int nr)
{
	struct slab_sheaf *sheaf = sheaf_alloc(s, kind, &slow);

	EXPECT(sheaf);
	EXPECT(nr <= sheaf->capacity);
	if (nr)
		EXPECT_EQ(slab_take(s, 0, sheaf->objects, nr, true, 0, &slow), nr);
	sheaf->size = (u8)nr;
	return sheaf;
}

static void fill_barn(void)
{
	struct slab_sheaf *sheaf = sheaf_of(0, 3);

	for (; barn_has_room(s, n, sheaf); sheaf = sheaf_of(0, 3))
		EXPECT(barn_put_full(s, n, sheaf));
	EXPECT(!barn_put_full(s, n, sheaf));
}

/* What a barn notes when a sheaf is emptied for want of room, and when one is filled from slabs. */
static void overflow_and_deepen(struct slab_sheaf *sheaf)
{
	barn_overflow(s, n, sheaf);
	barn_deepen(s, n);
}

SIM_TEST(an_empty_barn_has_nothing_to_give)
{
	start();
	EXPECT(!barn_get_full(s, n, NULL));
	EXPECT(!barn_get_empty(n));
	EXPECT_EQ(n->first.barn_miss, 1);
}

/* So that a child finds it if this thread is lost. */
SIM_TEST(what_comes_from_a_barn_is_in_the_hands_of_this_thread)
{
	struct slab_sheaf *full, *empty;

	start();
	full = sheaf_of(1, 5);
	empty = sheaf_of(1, 0);
	EXPECT(barn_put_full(s, n, full));
	EXPECT(barn_put_empty(n, empty));
	EXPECT(barn_get_full(s, n, NULL) == full && barn_get_empty(n) == empty);
	EXPECT_EQ(sheaf_place(full), SHEAF_TRANSIT);
	EXPECT_EQ(sheaf_place(empty), SHEAF_TRANSIT);
	EXPECT(full->owner == task_id() && empty->owner == task_id());
	EXPECT_EQ(n->barn->nr_put, 1);
	EXPECT_EQ(n->barn->nr_get, 1);
	EXPECT_EQ(n->first.barn_miss, 0);
}

SIM_TEST(the_empty_sheaf_put_last_is_got_first)
{
	struct slab_sheaf *sheaves[3];

	start();
	for (int i = 0; i < 3; i++) {
		sheaves[i] = sheaf_of(1, 0);
		EXPECT(barn_put_empty(n, sheaves[i]));
	}
	for (int i = 3; i-- > 0;)
		EXPECT(barn_get_empty(n) == sheaves[i]);
}

static void put_full(struct slab_sheaf **ret_sheaves, int nr)
{
	for (int i = 0; i < nr; i++) {
		ret_sheaves[i] = sheaf_of(1, 5);
		EXPECT(barn_put_full(s, n, ret_sheaves[i]));
	}
}

SIM_TEST(the_full_sheaf_put_last_is_got_first)
{
	struct slab_sheaf *sheaves[3];

	start();
	put_full(sheaves, 3);
	EXPECT_VERIFIED();
	for (int i = 3; i-- > 0;)
		EXPECT(barn_get_full(s, n, NULL) == sheaves[i]);
	EXPECT_EQ(n->barn->nr_full, 0);
}

/* Leave @sheaf as thread @task would. */
static void leave_as(u32 task, struct slab_sheaf *sheaf)
{
	u32 own = task_id_tls;

	task_id_tls = task;
	EXPECT(barn_put_full(s, n, sheaf));
	task_id_tls = own;
}

SIM_TEST(a_thread_gets_back_what_it_left_before_what_others_left_later)
{
	struct slab_sheaf *own[2], *other[2];

	start();
	for (int i = 0; i < 2; i++) {
		own[i] = sheaf_of(1, 5);
		other[i] = sheaf_of(1, 5);
		leave_as(task_id(), own[i]);
	}
	for (int i = 0; i < 2; i++)
		leave_as(task_id() + 1, other[i]);
	for (int i = 2; i-- > 0;)
		EXPECT(barn_get_full(s, n, NULL) == own[i]);
	for (int i = 2; i-- > 0;)
		EXPECT(barn_get_full(s, n, NULL) == other[i]);
	EXPECT_EQ(n->barn->nr_full, 0);
	EXPECT_VERIFIED();
}

SIM_TEST(what_a_thread_left_long_ago_is_not_looked_for)
{
	struct slab_sheaf *own, *other = NULL;

	start();
	n->barn->extra = 4;
	own = sheaf_of(1, 5);
	leave_as(task_id(), own);
	for (int i = 0; i < 8; i++) {
		other = sheaf_of(1, 5);
		leave_as(task_id() + 1, other);
	}
	EXPECT(barn_get_full(s, n, NULL) == other);
	EXPECT(barn_get_full(s, n, NULL) == own);
}

SIM_TEST(what_was_left_on_this_cpu_comes_hottest_first_and_from_elsewhere_coldest_first)
{
	struct slab_sheaf *here[2], *there[2];

	start();
	EXPECT_EQ(nr_barns, 2);
	for (int i = 0; i < 2; i++) {
		here[i] = sheaf_of(1, 5);
		there[i] = sheaf_of(1, 5);
		EXPECT(barn_put_full(s, n, here[i]));
		sim.cpu_hint = 1;
		EXPECT(barn_put_full(s, n, there[i]));
		sim.cpu_hint = 0;
	}
	EXPECT_EQ(n->barn[0].nr_full, 2);
	EXPECT_EQ(n->barn[1].nr_full, 2);
	EXPECT(barn_get_full(s, n, NULL) == here[1]);
	EXPECT(barn_get_full(s, n, NULL) == here[0]);
	EXPECT(!barn_get_full(s, n, NULL));
	EXPECT(barn_get_full_elsewhere(n, NULL) == there[0]);
	EXPECT(barn_get_full_elsewhere(n, NULL) == there[1]);
	EXPECT(!barn_get_full_elsewhere(n, NULL));
}

/* Beginning with the next CPU's; one at a time. */
SIM_TEST(the_barns_of_all_other_cpus_are_looked_into_by_turns)
{
	struct slab_sheaf *sheaves[4];

	sim.nr_cpus = 4;
	start();
	EXPECT_EQ(nr_barns, 4);
	for (int i = 0; i < 4; i++) {
		sheaves[i] = sheaf_of(1, 5);
		sim.cpu_hint = i;
		EXPECT(barn_put_full(s, n, sheaves[i]));
	}
	sim.cpu_hint = 2;
	EXPECT(barn_get_full_elsewhere(n, NULL) == sheaves[3]);
	EXPECT(barn_get_full_elsewhere(n, NULL) == sheaves[0]);
	EXPECT(barn_get_full_elsewhere(n, NULL) == sheaves[1]);
	EXPECT(!barn_get_full_elsewhere(n, NULL));
	EXPECT(barn_get_full(s, n, NULL) == sheaves[2]);
	EXPECT_VERIFIED();
}

/* An empty sheaf of another CPU lies in memory of another thread. */
SIM_TEST(empty_sheaves_stay_on_the_cpu_where_they_were_left)
{
	struct slab_sheaf *empty;

	start();
	empty = sheaf_of(1, 0);
	EXPECT(barn_put_empty(n, empty));
	sim.cpu_hint = 1;
	EXPECT(!barn_swap_full(s, n, sheaf_of(1, 5), 1));
	EXPECT(!barn_get_empty(n));
	sim.cpu_hint = 0;
	EXPECT(barn_get_empty(n) == empty);
	EXPECT(!barn_get_empty(n));
}

/* More CPUs than barns, and a thread whose CPU is not known. */
SIM_TEST(every_cpu_has_a_barn)
{
	start();
	sim.cpu_hint = 1000;
	EXPECT(barn_put_full(s, n, sheaf_of(1, 5)));
	sim.cpu_hint = -1;
	EXPECT(barn_put_full(s, n, sheaf_of(1, 5)));
	EXPECT_EQ(n->barn[0].nr_full + n->barn[1].nr_full, 2);
	EXPECT_VERIFIED();
}

SIM_TEST(threads_whose_cpu_is_not_known_share_the_barns)
{
	start();
	sim.cpu_hint = -1;
	for (u32 i = 0; i < 4; i++)
		leave_as(task_id() + i, sheaf_of(1, 5));
	EXPECT_EQ(n->barn[0].nr_full, 2);
	EXPECT_EQ(n->barn[1].nr_full, 2);
}

/* ---- another thread comes first while this one waits for the lock ---- */

static unsigned int nr_left; /* empty sheaves that the other thread leaves */

static void another_comes_first(void)
{
	n->barn->lock.word = 0;
	(void)barn_get_full(s, n, NULL);
	while (barn_get_empty(n))
		;
	while (nr_left--)
		EXPECT(barn_put_empty(n, sheaf_of(0, 0)));
}

static void let_another_come_first(unsigned int leave)
{
	nr_left = leave;
	n->barn->lock.word = spin_generation | 4711;
	sim.on_futex_wait = another_comes_first;
}

SIM_TEST(what_another_thread_took_meanwhile_is_not_there)
{
	struct slab_sheaf *full;

	start();
	full = sheaf_of(1, 5);
	EXPECT(barn_put_full(s, n, sheaf_of(1, 5)));
	let_another_come_first(0);
	EXPECT(!barn_get_full(s, n, NULL));
	EXPECT(barn_put_empty(n, sheaf_of(0, 0)));
	let_another_come_first(0);
	EXPECT(!barn_get_empty(n));
	EXPECT(barn_put_empty(n, sheaf_of(0, 0)));
	let_another_come_first(0);
	EXPECT(!barn_swap_full(s, n, full, 0));
	EXPECT_EQ(sim.futex_waits, 3);
	EXPECT_EQ(n->barn->nr_full + n->barn->nr_empty, 0);
	EXPECT_VERIFIED();
}

SIM_TEST(no_more_empty_sheaves_are_kept_if_others_came_meanwhile)
{
	struct slab_sheaf *sheaf;

	start();
	sheaf = sheaf_of(0, 0);
	let_another_come_first(10);
	EXPECT(!barn_put_empty(n, sheaf));
	EXPECT_EQ(n->barn->nr_empty, 10);
}

SIM_TEST(a_full_sheaf_is_swapped_for_an_empty_one_if_there_are_one_and_room)
{
	struct slab_sheaf *full, *empty;

	start();
	full = sheaf_of(1, 5);
	empty = sheaf_of(1, 0);
	EXPECT(!barn_swap_full(s, n, full, 1));
	EXPECT(barn_put_empty(n, empty));
	EXPECT(!barn_swap_full(s, n, full, 2)); /* too small */
	EXPECT(barn_swap_full(s, n, full, 1) == empty);
	EXPECT_EQ(n->barn->nr_full, 1);
	EXPECT_EQ(n->barn->nr_empty, 0);
	EXPECT_VERIFIED();
	EXPECT(barn_put_empty(n, empty));
	fill_barn();
	EXPECT(!barn_swap_full(s, n, sheaf_of(1, 5), 1));
	EXPECT_EQ(n->barn->nr_empty, 1);
	EXPECT_VERIFIED();
}

SIM_TEST(an_empty_sheaf_is_left_for_a_full_one_only_if_there_is_one)
{
	struct slab_sheaf *full, *empty;

	start();
	full = sheaf_of(1, 5);
	empty = sheaf_of(1, 0);
	EXPECT(!barn_get_full(s, n, empty));
	EXPECT_EQ(n->barn->nr_empty, 0);
	EXPECT(barn_put_full(s, n, full));
	EXPECT(barn_get_full(s, n, empty) == full);
	EXPECT_EQ(n->barn->nr_empty, 1);
	EXPECT_VERIFIED();
}

SIM_TEST(full_sheaves_are_kept_up_to_the_limit)
{
	struct slab_sheaf *over;

	start();
	for (u32 i = 0; i < s->max_full; i++)
		EXPECT(barn_put_full(s, n, sheaf_of(0, 3)));
	over = sheaf_of(0, 3);
	EXPECT(!barn_put_full(s, n, over));
	EXPECT_EQ(n->barn->nr_full, s->max_full);
	EXPECT_VERIFIED();
}

SIM_TEST(a_barn_keeps_as_many_more_as_were_given_back_and_fetched_again)
{
	struct slab_sheaf *sheaf;

	start();
	sheaf = sheaf_of(0, 3);
	barn_deepen(s, n);
	EXPECT_EQ(n->barn->extra, 0);
	for (int i = 0; i < 3; i++)
		barn_overflow(s, n, sheaf);
	EXPECT_EQ(n->first.barn_over, 3);
	EXPECT_EQ(n->barn->extra, 0);
	for (int i = 0; i < 9; i++)
		barn_deepen(s, n);
	fill_barn();
	EXPECT_EQ(n->barn->nr_full, s->max_full + 3);
	EXPECT_VERIFIED();
}

/* Objects from both halves of a run in turns: none is beside its neighbour in the sheaf. */
static struct slab_sheaf *scattered_sheaf(void)
{
	struct slab_sheaf *sheaf = sheaf_of(4, 0);
	void *objs[200];

	EXPECT_EQ(slab_take(s, 0, objs, 200, true, 0, &slow), 200);
	for (int i = 0; i < 50; i++) {
		sheaf->objects[2 * i] = objs[i];
		sheaf->objects[2 * i + 1] = objs[100 + i];
	}
	sheaf->size = 100;
	return sheaf;
}

SIM_TEST(beyond_the_usual_a_barn_keeps_no_sheaf_of_scattered_small_objects)
{
	struct slab_sheaf *scattered;

	start();
	s = &kmalloc_caches[kmalloc_class(64)];
	n = cache_node(s, 0, false);
	scattered = scattered_sheaf();
	overflow_and_deepen(scattered);
	EXPECT_EQ(n->barn->extra, 0);
	overflow_and_deepen(sheaf_of(1, 20));
	EXPECT_EQ(n->barn->extra, 1);
	for (u32 i = 0; i < s->max_full; i++)
		EXPECT(barn_put_full(s, n, sheaf_of(0, 3)));
	EXPECT(!barn_put_full(s, n, scattered));
	EXPECT(barn_put_full(s, n, sheaf_of(1, 20)));
	EXPECT_VERIFIED();
}

/* ---- small objects of many slabs ---- */

#define MANY 20000

static void *many[MANY];

/* @nr objects of @size bytes are taken from slabs, by this thread alone. */
static void start_with_many(size_t size, unsigned int nr)
{
	start();
	s = &kmalloc_caches[kmalloc_class(size)];
	n = cache_node(s, 0, false);
	EXPECT_EQ(slab_take(s, 0, many, nr, true, 0, &slow), nr);
	/* The first sheaf is kept whatever it holds. */
	EXPECT(barn_put_full(s, n, sheaf_of(0, 3)));
}

/* A sheaf of objects each of which is @apart objects from the one before. */
static struct slab_sheaf *sheaf_of_objects_apart(unsigned int apart)
{
	struct slab_sheaf *sheaf = sheaf_of(4, 0);

	for (unsigned int i = 0; i < 100; i++)
		sheaf->objects[i] = many[i * apart];
	sheaf->size = 100;
	return sheaf;
}

static void give_one_as(u32 task)
{
	static unsigned int nr = MANY;
	u32 own = task_id_tls;

	task_id_tls = task;
	slab_give(s, &many[--nr], 1);
	task_id_tls = own;
}

SIM_TEST(a_thread_that_has_many_slabs_to_itself_leaves_scattered_objects_there)
{
	struct slab_sheaf *near_each_other, *scattered;
	u32 own, another;

	start_with_many(64, MANY);
	own = task_id();
	another = own + 1;
	scattered = sheaf_of_objects_apart(150);
	near_each_other = sheaf_of_objects_apart(1024 / 64 - 1);
	EXPECT(!barn_put_full(s, n, scattered));
	EXPECT(barn_has_room(s, n, near_each_other));
	EXPECT(barn_has_room(s, n, sheaf_of(0, 1)));
	EXPECT(barn_has_room(s, n, sheaf_of(0, 3)));
	/* Another thread has used them once, and then for a while. */
	give_one_as(another);
	EXPECT(barn_has_room(s, n, scattered));
	for (int i = 0; i < USES_ALONE; i++)
		give_one_as(another);
	EXPECT(barn_has_room(s, n, scattered));
	/* It is back, but not for long yet. */
	for (int i = 0; i < USES_ALONE; i++) {
		give_one_as(own);
		EXPECT(barn_has_room(s, n, scattered));
	}
	give_one_as(own);
	EXPECT(!barn_has_room(s, n, scattered));
	/* An empty barn takes it. */
	EXPECT(barn_get_full(s, n, NULL));
	EXPECT(barn_put_full(s, n, scattered));
	EXPECT_VERIFIED();
}

SIM_TEST(scattered_objects_of_few_slabs_are_left_in_a_barn)
{
	start_with_many(64, MiB / 64 - 1000);
	EXPECT(barn_put_full(s, n, sheaf_of_objects_apart(150)));
}

static void turn_round(struct slab_sheaf *sheaf)
{
	for (unsigned int i = 0, j = sheaf->size - 1u; i < j; i++, j--) {
		void *obj = sheaf->objects[i];

		sheaf->objects[i] = sheaf->objects[j];
		sheaf->objects[j] = obj;
	}
}

SIM_TEST(every_other_object_makes_a_row_too)
{
	struct slab_sheaf *sheaf;

	start_with_many(64, 1000);
	sheaf = sheaf_of_objects_apart(2);
	overflow_and_deepen(sheaf);
	EXPECT_EQ(n->barn->extra, 1);
	turn_round(sheaf);
	overflow_and_deepen(sheaf);
	EXPECT_EQ(n->barn->extra, 2);
	overflow_and_deepen(sheaf_of_objects_apart(3));
	EXPECT_EQ(n->barn->extra, 2);
}

SIM_TEST(objects_of_256_bytes_are_left_in_a_barn_wherever_they_lie)
{
	start_with_many(256, MANY);
	EXPECT(barn_put_full(s, n, sheaf_of_objects_apart(150)));
}

SIM_TEST(a_barn_does_not_keep_any_number_more)
{
	struct slab_sheaf *sheaf;

	start();
	sheaf = sheaf_of(0, 3);
	for (u32 i = 0; i < 2 * s->max_extra; i++)
		overflow_and_deepen(sheaf);
	EXPECT_EQ(n->barn->extra, s->max_extra);
	EXPECT(s->max_extra * s->capacity * s->size <= 16 * MiB);
}

SIM_TEST(as_many_overflows_are_known_as_can_be_counted)
{
	struct slab_sheaf *sheaf;

	start();
	sheaf = sheaf_of(0, 3);
	n->barn->overflowed = UINT16_MAX;
	barn_overflow(s, n, sheaf);
	EXPECT_EQ(n->barn->overflowed, UINT16_MAX);
	EXPECT_EQ(n->first.barn_over, 1);
}

SIM_TEST(what_was_left_first_goes_first_and_no_more_than_is_wanted)
{
	struct slab_sheaf *sheaves[4];

	start();
	put_full(sheaves, 4);
	EXPECT(barn_put_empty(n, sheaf_of(1, 0)));
	barn_flush(s, n, 2);
	EXPECT_EQ(n->barn->nr_full, 2);
	EXPECT_EQ(n->barn->nr_empty, 1);
	EXPECT(barn_get_full(s, n, NULL) == sheaves[3]);
	EXPECT(barn_put_full(s, n, sheaves[3]));
	barn_flush(s, n, ~0u);
	EXPECT_EQ(n->barn->nr_full, 0);
	EXPECT_EQ(n->barn->nr_empty, 1);
	EXPECT_VERIFIED();
}

/* What is left for a full one is not refused. */
SIM_TEST(empty_sheaves_beyond_ten_go_when_a_barn_shrinks)
{
	start();
	for (int i = 0; i < 14; i++) {
		EXPECT(barn_put_full(s, n, sheaf_of(0, 3)));
		EXPECT(barn_get_full(s, n, sheaf_of(0, 0)));
	}
	EXPECT_EQ(n->barn->nr_empty, 14);
	n->barn->extra = 4;
	EXPECT_EQ(barn_shrink(s, n, BARN_HALF_EXTRA), 0);
	EXPECT_EQ(n->barn->nr_empty, 12);
	EXPECT_EQ(barn_shrink(s, n, BARN_NO_EXTRA), 0);
	EXPECT_EQ(n->barn->nr_empty, 10);
	EXPECT_VERIFIED();
}

SIM_TEST(what_a_barn_keeps_beyond_the_usual_is_halved_or_taken_away)
{
	struct slab_sheaf *sheaf;

	start();
	sheaf = sheaf_of(0, 3);
	for (int i = 0; i < 12; i++)
		overflow_and_deepen(sheaf);
	barn_overflow(s, n, sheaf);
	fill_barn();
	EXPECT_EQ(n->barn->nr_full, s->max_full + 12);
	EXPECT_EQ(barn_shrink(s, n, BARN_HALF_EXTRA), 6 * 3);
	EXPECT_EQ(n->barn->nr_full, s->max_full + 6);
	/* The overflow is forgotten. */
	barn_deepen(s, n);
	EXPECT_EQ(n->barn->extra, 6);
	EXPECT_EQ(barn_shrink(s, n, BARN_NO_EXTRA), 6 * 3);
	EXPECT_EQ(n->barn->nr_full, s->max_full);
	EXPECT(!barn_has_room(s, n, sheaf));
	EXPECT_VERIFIED();
}

SIM_TEST(ten_empty_sheaves_are_kept)
{
	struct slab_sheaf *sheaf;

	start();
	for (int i = 0; i < 10; i++)
		EXPECT(barn_put_empty(n, sheaf_of(0, 0)));
	sheaf = sheaf_of(0, 0);
	EXPECT(!barn_put_empty(n, sheaf));
	EXPECT_EQ(n->barn->nr_empty, 10);
	EXPECT_VERIFIED();
}

SIM_TEST(an_empty_sheaf_smaller_than_asked_for_is_not_swapped)
{
	struct slab_sheaf *empty, *full;

	start();
	empty = sheaf_of(1, 0);
	full = sheaf_of(1, 5);
	EXPECT(barn_put_empty(n, empty));
	EXPECT(!barn_swap_full(s, n, full, 2));
	EXPECT_EQ(n->barn->nr_empty, 1);
	EXPECT_EQ(n->barn->nr_full, 0);
	EXPECT(barn_get_empty(n) == empty);
	EXPECT_EQ(n->barn->nr_empty, 0);
}

SIM_TEST(a_barn_whose_lock_is_held_is_passed_by)
{
	start();
	EXPECT(barn_put_full(s, n, sheaf_of(0, 3)));
	spin_lock(&n->barn->lock);
	EXPECT(!barn_lock(n->barn, /* nowait= */ true));
	spin_unlock(&n->barn->lock);
	EXPECT(barn_lock(n->barn, /* nowait= */ true));
	spin_unlock(&n->barn->lock);
	EXPECT_VERIFIED();
}

SIM_TEST(shrinking_to_nothing_frees_the_sheaves_too)
{
	start();
	for (int i = 0; i < 4; i++) {
		sim.cpu_hint = i;
		EXPECT(barn_put_full(s, n, sheaf_of(1, 6)));
		EXPECT(barn_put_empty(n, sheaf_of(2, 0)));
	}
	EXPECT_EQ(n->first.inuse, 24);
	EXPECT_EQ(barn_shrink(s, n, BARN_NOTHING), 24);
	EXPECT_EQ(n->first.inuse, 0);
	for (unsigned int k = 0; k < NR_SHEAF_KINDS; k++)
		EXPECT_EQ(cache_inuse(sheaf_cache(k)), 0);
	EXPECT_VERIFIED();
}

/* The lists are useless where their thread was lost, but each sheaf knows its place. */
SIM_TEST(the_barn_of_a_lost_thread_is_found_again_sheaf_by_sheaf)
{
	struct kmem_cache *other;
	struct kmem_cache_node *on;
	struct slab_sheaf *sheaf;
	unsigned int nr_full;
	u32 id;

	start();
	other = &kmalloc_caches[kmalloc_class(512)];
	on = cache_node(other, 0, false);
	for (int i = 0; i < 7; i++)
		EXPECT(barn_put_full(s, n, sheaf_of((unsigned int)i % 3, 4)));
	for (int i = 0; i < 3; i++)
		EXPECT(barn_put_empty(n, sheaf_of((unsigned int)i, 0)));
	/* All that a slab has. */
	n->barn->extra = 64;
	for (unsigned int i = 0; i < sheaf_cache(4)->objects; i++)
		EXPECT(barn_put_full(s, n, sheaf_of(4, 1)));
	nr_full = n->barn->nr_full;
	/* Neighbours that belong elsewhere: another cache's barn, and a thread's hands. */
	EXPECT(barn_put_empty(on, sheaf_of(0, 0)));
	sheaf_of(0, 0);
	/* One that was about to be left here, and one that is free, whatever it says. */
	id = (u32)((uintptr_t)n->barn / CACHE_LINE);
	sheaf_of(0, 0)->owner = id;
	sheaf = sheaf_of(0, 0);
	sheaf_free(sheaf);
	sheaf_set_place(sheaf, SHEAF_BARN_EMPTY, id);
	n->barn->full.next = (void *)8;
	n->barn->empty.prev = (void *)8;
	n->barn->nr_full = 500;
	n->barn->nr_empty = 1;
	spin_generation += 1u << SPIN_GEN_SHIFT;
	lock_of_lost_thread(&n->barn->lock);
	EXPECT(barn_lock(n->barn, /* nowait= */ false));
	EXPECT_EQ(n->barn->lock.word, spin_generation | task_id());
	spin_unlock(&n->barn->lock);
	EXPECT_EQ(n->barn->nr_full, nr_full);
	EXPECT_EQ(n->barn->nr_empty, 3);
	EXPECT_EQ(on->barn->nr_empty, 1);
	EXPECT_VERIFIED();
}

/* As far apart as our own structures may lie, even those of a large machine. */
SIM_TEST(a_barn_far_away_keeps_its_sheaves_when_another_is_found_again)
{
	size_t span = META_SPAN_MAX, far;
	struct kmem_cache_node near_node = {0}, far_node = {0};
	char *mem;

	sim_one_node(4096 * (u64)GiB);
	start();
	EXPECT(meta_zone.end_pfn - meta_zone.start_pfn <= META_SPAN_MAX >> PAGE_SHIFT);
	/* valgrind has less room for a program. */
	while ((mem = mmap(NULL, span, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) == MAP_FAILED)
		span /= 2;
	far = span - PAGE_SIZE;
	for (size_t bytes = PAGE_SIZE; bytes <= far;
	     bytes = bytes < far ? MIN(2 * bytes, far) : ~0ul) {
		barns_init(&near_node, mem);
		barns_init(&far_node, mem + bytes);
		EXPECT(barn_put_empty(&far_node, sheaf_of(0, 0)));
		lock_of_lost_thread(&near_node.barn->lock);
		EXPECT(barn_lock(near_node.barn, /* nowait= */ true));
		EXPECT_EQ(near_node.barn->nr_empty, 0);
		spin_unlock(&near_node.barn->lock);
		EXPECT(barn_get_empty(&far_node));
	}
}

/* It may be long until a thread comes to that CPU's barn, so the repair cannot wait for one. */
SIM_TEST(the_repair_of_a_child_puts_the_barns_of_all_cpus_in_order)
{
	struct sim_thread other;
	struct slow inside;

	start();
	sim_thread_new(&other, 0);
	sim_switch_to(&other);
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
	current_task()->mm.depth = 1;
	sim_switch_to(&sim_main_thread);
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
	for (int cpu = 0; cpu < 2; cpu++) {
		sim.cpu_hint = cpu;
		EXPECT(barn_put_full(s, n, sheaf_of(1, 5)));
		/* Linked and not counted yet. */
		n->barn[cpu].nr_full = 0;
		lock_of_lost_thread(&n->barn[cpu].lock);
	}
	sim_wipe_fork_cookie();
	slow_enter_anyway(&inside);
	slow_leave(&inside);
	EXPECT_EQ(n->barn[0].nr_full, 1);
	EXPECT_EQ(n->barn[1].nr_full, 1);
	EXPECT_VERIFIED();
}

static struct slab_sheaf *watched;

/* Else barn_rebuild() passes it by for its owner, and collect_sheaf() for its place. */
static void expect_to_be_found_in_a_child(u64 number)
{
	(void)number;
	if (sheaf_place(watched) == SHEAF_BARN_FULL || sheaf_place(watched) == SHEAF_BARN_EMPTY)
		EXPECT_EQ(watched->owner, (u32)((uintptr_t)n->barn / CACHE_LINE));
}

static void leave_and_take(void)
{
	EXPECT(barn_put_full(s, n, watched));
	EXPECT(barn_get_full(s, n, NULL) == watched);
	slab_give(s, watched->objects, watched->size);
	watched->size = 0;
	EXPECT(barn_put_empty(n, watched));
	EXPECT(barn_get_empty(n) == watched);
}

SIM_TEST(at_any_instruction_a_sheaf_on_its_way_would_be_found_in_a_child)
{
	start();
	watched = sheaf_of(0, 4);
	step_through(leave_and_take, expect_to_be_found_in_a_child);
	EXPECT_EQ(sheaf_place(watched), SHEAF_TRANSIT);
	EXPECT_VERIFIED();
}

RUN_TESTS(T(an_empty_barn_has_nothing_to_give),
	  T(what_comes_from_a_barn_is_in_the_hands_of_this_thread),
	  T(at_any_instruction_a_sheaf_on_its_way_would_be_found_in_a_child),
	  T(the_empty_sheaf_put_last_is_got_first),
	  T(the_barns_of_all_other_cpus_are_looked_into_by_turns),
	  T(threads_whose_cpu_is_not_known_share_the_barns),
	  T(what_another_thread_took_meanwhile_is_not_there),
	  T(no_more_empty_sheaves_are_kept_if_others_came_meanwhile),
	  T(a_thread_gets_back_what_it_left_before_what_others_left_later),
	  T(what_a_thread_left_long_ago_is_not_looked_for), T(the_full_sheaf_put_last_is_got_first),
	  T(what_was_left_on_this_cpu_comes_hottest_first_and_from_elsewhere_coldest_first),
	  T(empty_sheaves_stay_on_the_cpu_where_they_were_left), T(every_cpu_has_a_barn),
	  T(a_full_sheaf_is_swapped_for_an_empty_one_if_there_are_one_and_room),
	  T(an_empty_sheaf_is_left_for_a_full_one_only_if_there_is_one),
	  T(full_sheaves_are_kept_up_to_the_limit),
	  T(a_barn_keeps_as_many_more_as_were_given_back_and_fetched_again),
	  T(beyond_the_usual_a_barn_keeps_no_sheaf_of_scattered_small_objects),
	  T(a_barn_does_not_keep_any_number_more),
	  T(a_thread_that_has_many_slabs_to_itself_leaves_scattered_objects_there),
	  T(scattered_objects_of_few_slabs_are_left_in_a_barn),
	  T(every_other_object_makes_a_row_too),
	  T(objects_of_256_bytes_are_left_in_a_barn_wherever_they_lie),
	  T(as_many_overflows_are_known_as_can_be_counted),
	  T(what_was_left_first_goes_first_and_no_more_than_is_wanted),
	  T(empty_sheaves_beyond_ten_go_when_a_barn_shrinks),
	  T(what_a_barn_keeps_beyond_the_usual_is_halved_or_taken_away),
	  T(ten_empty_sheaves_are_kept), T(an_empty_sheaf_smaller_than_asked_for_is_not_swapped),
	  T(a_barn_whose_lock_is_held_is_passed_by), T(shrinking_to_nothing_frees_the_sheaves_too),
	  T(the_barn_of_a_lost_thread_is_found_again_sheaf_by_sheaf),
	  T(a_barn_far_away_keeps_its_sheaves_when_another_is_found_again),
	  T(the_repair_of_a_child_puts_the_barns_of_all_cpus_in_order))
