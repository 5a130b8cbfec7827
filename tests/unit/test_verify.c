/* SPDX-License-Identifier: MIT */
/*
 * test_verify.c - every invariant, broken on purpose: src/mm/verify.c and src/slab/verify.c
 *
 * Each test breaks one thing, sees it reported by its number, and mends it.
 */
#include "unit.h"

static void expect_mm_report(const char *what)
{
	EXPECT(mm_verify() > 0);
	EXPECT(strstr(sim_reports(), what));
	sim_clear_reports();
}

static void expect_slab_report(const char *what)
{
	EXPECT(slab_verify() > 0);
	EXPECT(strstr(sim_reports(), what));
	sim_clear_reports();
}

static struct page *first_free(unsigned int order)
{
	for (int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
		if (!list_empty(&zone_of(0)->free_area[order].free_list[mt]))
			return list_first_entry(&zone_of(0)->free_area[order].free_list[mt],
						struct page, lru);
	return NULL;
}

static void start(void)
{
	EXPECT(sim_start());
	EXPECT(buddy_get(0, __GFP_MOVABLE, 0));
	EXPECT_SOUND();
	EXPECT_EQ(sim_reports()[0], 0);
}

SIM_TEST(I_1_a_page_without_a_state_is_reported)
{
	u32 state;

	start();
	state = at(0)->state;
	at(0)->state = PAGE_NONE;
	expect_mm_report("I-1");
	at(0)->state = state;
	EXPECT_SOUND();
}

SIM_TEST(I_1_a_block_that_reaches_out_of_the_zone_is_reported)
{
	struct page *head;
	bool zero;

	start();
	head = run_get(0, 600, 1, &zero);
	head->nr_pages = 1 << 30;
	expect_mm_report("I-1");
	head->nr_pages = 600;
	EXPECT_SOUND();
}

SIM_TEST(I_2_an_unaligned_free_block_is_reported)
{
	struct page *page;
	u32 state;

	start();
	page = first_free(3);
	state = page->state;
	page->state = page_state(PAGE_FREE, 9, 0);
	expect_mm_report("I-2 alignment");
	page->state = state;
	EXPECT_SOUND();
}

SIM_TEST(I_2_a_bit_that_is_not_what_its_page_is_is_reported)
{
	struct zone *zone = zone_of(0);
	u64 pfn;

	start();
	pfn = page_to_pfn(first_free(3));
	section_set_taken(zone, pfn + 7, 1);
	expect_mm_report("I-2 map");
	section_set_free(zone, pfn + 7, 1);
	section_set_free(zone, page_to_pfn(at(0)), 1);
	expect_mm_report("I-2 map");
	section_set_taken(zone, page_to_pfn(at(0)), 1);
	EXPECT_SOUND();
}

SIM_TEST(I_3_free_buddies_that_did_not_merge_are_reported)
{
	struct zone *zone = zone_of(0);
	struct page *page;

	start();
	page = first_free(4);
	zone_lock(zone);
	del_page_from_free_list(zone, page, 4);
	add_to_free_list(zone, page + 8, 3, MIGRATE_MOVABLE, PG_ZERO);
	add_to_free_list(zone, page, 3, MIGRATE_MOVABLE, PG_ZERO);
	zone_unlock(zone);
	expect_mm_report("I-3");
}

SIM_TEST(I_4_a_count_that_is_not_the_length_of_its_lists_is_reported)
{
	start();
	zone_of(0)->free_area[5].nr_free++;
	expect_mm_report("I-4");
	zone_of(0)->free_area[5].nr_free--;
	EXPECT_SOUND();
}

SIM_TEST(I_4_a_stranger_on_a_free_list_is_reported)
{
	start();
	/* A page in use, linked beside the free ones. */
	list_add(&at(0)->lru, &zone_of(0)->free_area[0].free_list[MIGRATE_MOVABLE]);
	expect_mm_report("I-4");
	list_del(&at(0)->lru);
	EXPECT_SOUND();
}

SIM_TEST(I_4_a_free_block_on_no_list_is_reported)
{
	struct page *page;

	start();
	page = first_free(2);
	list_del(&page->lru);
	EXPECT(mm_verify() > 0);
	EXPECT(strstr(sim_reports(), "I-4"));
}

SIM_TEST(I_5_wrong_sums_of_a_zone_are_reported)
{
	struct zone *zone = zone_of(0);

	start();
	zone->nr_free_pages++;
	expect_mm_report("I-5");
	zone->nr_free_pages--;
	zone->nr_zero_pages--;
	expect_mm_report("I-5");
	zone->nr_zero_pages++;
	zone->free_area[5].nr_zero++;
	expect_mm_report("I-5");
	zone->free_area[5].nr_zero--;
	zone->present_pages++;
	expect_mm_report("I-5");
	zone->present_pages--;
	EXPECT_SOUND();
}

SIM_TEST(I_12_a_list_of_another_type_than_the_pageblock_is_reported)
{
	struct zone *zone = zone_of(0);

	start();
	set_pageblock_migratetype(zone, zone->start_pfn, MIGRATE_RECLAIMABLE);
	expect_mm_report("I-12");
	set_pageblock_migratetype(zone, zone->start_pfn, MIGRATE_MOVABLE);
	EXPECT_SOUND();
}

SIM_TEST(I_14_marks_that_do_not_rise_are_reported)
{
	start();
	zone_of(0)->_watermark[WMARK_LOW] = zone_of(0)->_watermark[WMARK_HIGH] + 1;
	expect_mm_report("I-14");
}

/* ---- slab ---- */

static struct kmem_cache *s;
static void *obj;

static void start_slab(void)
{
	s = &kmalloc_caches[kmalloc_class(256)];
	for (int i = 0; i < 50; i++)
		obj = slab_alloc(s, 0, NUMA_NO_NODE);
	EXPECT_SOUND();
	EXPECT_EQ(sim_reports()[0], 0);
}

/* A slab of which some objects are out: taken one by one, past the sheaves. */
static struct page *partial_slab(void)
{
	struct slow none = {0};

	for (int i = 0; i < 2; i++)
		if (!s->node[0]->first.nr_partial)
			EXPECT_EQ(slab_take(s, 0, &obj, 1, true, 0, &none), 1);
	for (int i = 0; i < NR_PARTIAL_BUCKETS; i++)
		if (!list_empty(&s->node[0]->first.partial[i]))
			return list_first_entry(&s->node[0]->first.partial[i], struct page, lru);
	return NULL;
}

/* In a block, a run and a slab. */
SIM_TEST(I_1_a_free_page_inside_a_block_is_reported)
{
	struct page *head[3];

	start_slab();
	head[0] = pages_get(0, 3);
	head[1] = set_run_get(20);
	head[2] = find_slab(slab_alloc(&kmalloc_caches[kmalloc_class(1024)], 0, NUMA_NO_NODE));
	EXPECT(head[0] && head[1] && head[2] && page_block_pages(head[2]) > 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(head); i++) {
		struct page *inside = head[i] + 1;
		u32 state = inside->state;

		inside->state = page_state(PAGE_FREE, 0, 0);
		expect_mm_report("I-1 free page inside a block");
		inside->state = state;
		EXPECT_SOUND();
	}
}

SIM_TEST(I_22_a_count_that_is_not_the_bitmap_is_reported)
{
	struct page *slab;

	start_slab();
	slab = partial_slab();
	slab->bits[0] ^= 1;
	expect_slab_report("I-22");
	slab->bits[0] ^= 1;
	EXPECT_SOUND();
}

SIM_TEST(I_22_counts_of_a_home_that_its_slabs_do_not_add_up_to_are_reported)
{
	struct slab_home *home;

	start_slab();
	home = &s->node[0]->first;
	home->inuse++;
	expect_slab_report("I-22");
	home->inuse--;
	home->nr_slabs++;
	expect_slab_report("I-22");
	home->nr_slabs--;
	EXPECT_SOUND();
}

SIM_TEST(I_24_a_slab_on_the_wrong_list_is_reported)
{
	struct page *slab;

	start_slab();
	slab = partial_slab();
	list_move(&slab->lru, &s->node[0]->first.empty);
	expect_slab_report("I-24");
}

SIM_TEST(I_24_a_slab_that_names_another_home_is_reported)
{
	struct page *slab;

	start_slab();
	slab = partial_slab();
	slab->state += 1u << PAGE_HOME_SHIFT;
	expect_slab_report("I-24");
	slab->state -= 1u << PAGE_HOME_SHIFT;
	EXPECT_SOUND();
}

SIM_TEST(I_24_wrong_counts_of_lists_are_reported)
{
	start_slab();
	s->node[0]->first.nr_partial++;
	expect_slab_report("I-24");
	s->node[0]->first.nr_partial--;
	EXPECT_SOUND();
	s->node[0]->first.nr_empty++;
	expect_slab_report("I-24");
}

SIM_TEST(I_29_a_listed_slab_of_another_cache_is_reported)
{
	struct page *slab;

	start_slab();
	slab = partial_slab();
	slab->cache = s + 1;
	expect_slab_report("I-29");
	slab->cache = s;
	EXPECT_SOUND();
}

static struct slab_sheaf *sheaf_in_barn(void)
{
	struct list_head *pos;

	start_slab();
	drain_this_task(false);
	for_each_barn (s->node[0], barn)
		list_for_each (pos, &barn->full)
			return list_entry(pos, struct slab_sheaf, barn_list);
	EXPECT(!"there is a sheaf in the barn");
	return NULL;
}

SIM_TEST(I_27_wrong_counts_of_a_barn_are_reported)
{
	sheaf_in_barn();
	s->node[0]->barn->nr_full++;
	expect_slab_report("I-27");
	s->node[0]->barn->nr_full--;
	s->node[0]->barn->nr_empty++;
	expect_slab_report("I-27");
}

SIM_TEST(I_27_an_empty_sheaf_among_the_full_is_reported)
{
	struct slab_sheaf *sheaf = sheaf_in_barn();

	sheaf->size = 0;
	expect_slab_report("I-27");
	sheaf->size = (u8)(sheaf->capacity + 1);
	expect_slab_report("I-27");
}

SIM_TEST(I_27_an_object_of_another_cache_in_a_sheaf_is_reported)
{
	struct slab_sheaf *sheaf = sheaf_in_barn();
	void *was = sheaf->objects[0];

	sheaf->objects[0] = slab_alloc(s + 3, 0, NUMA_NO_NODE);
	expect_slab_report("I-27");
	sheaf->objects[0] = was;
	EXPECT_SOUND();
}

SIM_TEST(I_27_a_sentinel_that_was_overwritten_is_reported)
{
	struct slab_sheaf *sheaf = sheaf_in_barn();

	sheaf->sentinel = sheaf;
	expect_slab_report("I-27");
}

/* ---- what threads have at hand ---- */

static struct per_task_pages *set_with_a_page(void)
{
	struct page *page, *run;

	start();
	page = pages_get(0, 0);
	run = set_run_get(20);
	EXPECT(page && run);
	pages_put(page, 0);
	current_task()->mm.pcp.exact_on = true;
	set_run_put(run);
	EXPECT(current_task()->mm.pcp.count);
	EXPECT_EQ(current_task()->mm.pcp.exact_count, 20);
	EXPECT_SOUND();
	return &current_task()->mm.pcp;
}

static struct page *first_in(struct list_head *lists, int nr)
{
	for (int i = 0; i < nr; i++)
		if (!list_empty(&lists[i]))
			return list_first_entry(&lists[i], struct page, lru);
	return NULL;
}

SIM_TEST(I_18_wrong_counts_of_a_page_set_are_reported)
{
	struct per_task_pages *pcp = set_with_a_page();

	pcp->count++;
	expect_slab_report("I-18");
	pcp->count -= 2;
	expect_slab_report("I-18");
	pcp->count++;
	pcp->exact_count--;
	expect_slab_report("I-18");
	pcp->exact_count++;
	pcp->exact_long++;
	expect_slab_report("I-18");
	pcp->exact_long--;
	pcp->exact_nr_long++;
	expect_slab_report("I-18");
	pcp->exact_nr_long--;
	pcp->exact_lists ^= 1;
	expect_slab_report("I-18");
	pcp->exact_lists ^= 1;
	EXPECT_SOUND();
}

SIM_TEST(I_18_limits_of_a_page_set_that_do_not_hold_are_reported)
{
	struct per_task_pages *pcp = set_with_a_page();
	int high = pcp->high, exact_high = pcp->exact_high;

	pcp->high = pcp->high_min - 1;
	expect_slab_report("I-18");
	pcp->high = MAX(pcp->high_min, pcp->high_max) + 1;
	expect_slab_report("I-18");
	pcp->high = high;
	pcp->exact_high = EXACT_SET_HIGH_MAX + 1;
	expect_slab_report("I-18");
	pcp->exact_high = exact_high;
	EXPECT_SOUND();
}

SIM_TEST(I_19_a_stranger_in_a_page_set_is_reported)
{
	struct per_task_pages *pcp = set_with_a_page();
	struct page *page = first_in(pcp->lists, NR_PCP_LISTS);
	struct page *run = first_in(pcp->exact, NR_EXACT_LISTS);
	u32 state = page->state, owner = page->owner;

	page->state = page_state(PAGE_ALLOC, 0, 0);
	expect_slab_report("I-19");
	page->state = page_state(PAGE_PCP, 1, 0);
	expect_slab_report("I-19");
	page->state = state;
	page->owner = owner + 1;
	expect_slab_report("I-19");
	page->owner = owner;
	run->nr_pages--;
	expect_slab_report("I-19");
	run->nr_pages++;
	state = run->state;
	run->state = page_state(PAGE_EXACT, 0, 0);
	expect_slab_report("I-19");
	run->state = state;
	EXPECT_SOUND();
}

SIM_TEST(I_21_factors_beyond_their_bounds_are_reported)
{
	struct per_task_pages *pcp = set_with_a_page();
	int free_count = pcp->free_count;

	pcp->alloc_factor += 6;
	expect_slab_report("I-21");
	pcp->alloc_factor -= 6;
	pcp->free_count = (pcp->batch << 5) + 1000;
	expect_slab_report("I-21");
	pcp->free_count = free_count;
	EXPECT_SOUND();
}

/* Two sheaves at hand, with objects in the spare. */
static struct pcs *two_sheaves(void)
{
	static void *objs[100];
	struct pcs *p;

	start_slab();
	p = &current_task()->pcs[s->class];
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		slab_free(s, objs[i]);
	EXPECT(p->main && p->spare && p->spare->size);
	EXPECT_SOUND();
	return p;
}

SIM_TEST(I_26_sheaves_of_a_thread_that_are_not_sound_are_reported)
{
	struct pcs *p = two_sheaves();
	struct slab_sheaf *main = p->main, *spare = p->spare;
	u8 size = spare->size;

	p->spare = main;
	expect_slab_report("I-26");
	p->main = NULL;
	expect_slab_report("I-26");
	p->main = main;
	p->spare = spare;
	spare->size = (u8)(spare->capacity + 1);
	expect_slab_report("I-26");
	spare->size = size;
	sheaf_set_place(spare, SHEAF_TRANSIT, task_id());
	expect_slab_report("I-26");
	sheaf_set_place(spare, SHEAF_TASK, task_id() + 1);
	expect_slab_report("I-26");
	sheaf_set_place(spare, SHEAF_TASK, task_id());
	p->main->sentinel = spare;
	expect_slab_report("I-26");
	p->main->sentinel = NULL;
	EXPECT_SOUND();
}

SIM_TEST(I_26_a_sheaf_in_a_cursor_that_is_linked_is_reported)
{
	struct pcs *p = two_sheaves();
	struct task *task = current_task();

	task->cursors_on = true;
	pcs_attach(task, s, p);
	EXPECT_SOUND();
	p->main->barn_list.prev = &p->main->barn_list;
	expect_slab_report("I-26");
	(void)pcs_detach(task, s, p);
	task->cursors_on = false;
	EXPECT_SOUND();
}

SIM_TEST(I_26_an_object_of_another_cache_in_a_spare_is_reported)
{
	struct slab_sheaf *spare = two_sheaves()->spare;
	void *was = spare->objects[0];

	spare->objects[0] = slab_alloc(s + 3, 0, NUMA_NO_NODE);
	expect_slab_report("I-26");
	spare->objects[0] = was;
	EXPECT_SOUND();
}

/* It has ended, and its block is warm. */
SIM_TEST(I_26_sheaves_that_a_thread_has_left_are_looked_at)
{
	static struct sim_thread ended;
	struct slab_sheaf *main;

	start_slab();
	start_thread(&ended);
	main = task_of(&ended)->pcs[0].main;
	sim_thread_exit(&ended);
	EXPECT_SOUND();
	sheaf_set_place(main, SHEAF_TRANSIT, ended.task_id);
	expect_slab_report("I-26");
	sheaf_set_place(main, SHEAF_TASK, ended.task_id);
	EXPECT_SOUND();
}

RUN_TESTS(T(I_1_a_page_without_a_state_is_reported),
	  T(I_1_a_block_that_reaches_out_of_the_zone_is_reported),
	  T(I_1_a_free_page_inside_a_block_is_reported),
	  T(I_2_an_unaligned_free_block_is_reported),
	  T(I_2_a_bit_that_is_not_what_its_page_is_is_reported),
	  T(I_3_free_buddies_that_did_not_merge_are_reported),
	  T(I_4_a_count_that_is_not_the_length_of_its_lists_is_reported),
	  T(I_4_a_stranger_on_a_free_list_is_reported), T(I_4_a_free_block_on_no_list_is_reported),
	  T(I_5_wrong_sums_of_a_zone_are_reported),
	  T(I_12_a_list_of_another_type_than_the_pageblock_is_reported),
	  T(I_14_marks_that_do_not_rise_are_reported),
	  T(I_22_a_count_that_is_not_the_bitmap_is_reported),
	  T(I_22_counts_of_a_home_that_its_slabs_do_not_add_up_to_are_reported),
	  T(I_24_a_slab_on_the_wrong_list_is_reported),
	  T(I_24_a_slab_that_names_another_home_is_reported),
	  T(I_24_wrong_counts_of_lists_are_reported),
	  T(I_29_a_listed_slab_of_another_cache_is_reported),
	  T(I_18_wrong_counts_of_a_page_set_are_reported),
	  T(I_18_limits_of_a_page_set_that_do_not_hold_are_reported),
	  T(I_19_a_stranger_in_a_page_set_is_reported),
	  T(I_21_factors_beyond_their_bounds_are_reported),
	  T(I_26_sheaves_of_a_thread_that_are_not_sound_are_reported),
	  T(I_26_a_sheaf_in_a_cursor_that_is_linked_is_reported),
	  T(I_26_an_object_of_another_cache_in_a_spare_is_reported),
	  T(I_26_sheaves_that_a_thread_has_left_are_looked_at),
	  T(I_27_wrong_counts_of_a_barn_are_reported),
	  T(I_27_an_empty_sheaf_among_the_full_is_reported),
	  T(I_27_an_object_of_another_cache_in_a_sheaf_is_reported),
	  T(I_27_a_sentinel_that_was_overwritten_is_reported))
