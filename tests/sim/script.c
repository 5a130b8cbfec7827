/* SPDX-License-Identifier: MIT */
/*
 * script.c - a run of page, large, direct, slab and cache operations, determined by a seed
 */
#include "script.h"
#include "pages.h"
#include "platform/vm.h"
#include "slab/internal.h"
#include <string.h>

enum kind { NOTHING, PAGES, LARGE, DIRECT, OBJECT };

struct block {
	enum kind kind;
	void *addr;
	size_t bytes;
	unsigned int order;	  /* PAGES */
	struct kmem_cache *cache; /* OBJECT */
	u64 stamp;
};

#define NR_BLOCKS 96
#define NR_CACHES 3
static struct block blocks[NR_BLOCKS];
static struct kmem_cache *caches[NR_CACHES];

/* Fill the first and the last word of every page: enough to see that a page has two owners. */
static void stamp(struct block *b, u64 value)
{
	b->stamp = value;
	for (size_t at = 0; at < b->bytes; at += PAGE_SIZE) {
		size_t last = MIN(at + PAGE_SIZE, b->bytes) - sizeof(u64);

		memcpy((char *)b->addr + at, &value, sizeof(value));
		memcpy((char *)b->addr + last, &value, sizeof(value));
	}
}

static void check_stamp(const struct block *b)
{
	for (size_t at = 0; at < b->bytes; at += PAGE_SIZE) {
		size_t last = MIN(at + PAGE_SIZE, b->bytes) - sizeof(u64);

		EXPECT(!memcmp((char *)b->addr + at, &b->stamp, sizeof(u64)));
		EXPECT(!memcmp((char *)b->addr + last, &b->stamp, sizeof(u64)));
	}
}

static void check_zero(const struct block *b)
{
	const u64 *words = b->addr;

	for (size_t i = 0; i < b->bytes / sizeof(u64); i++)
		EXPECT_EQ(words[i], 0);
}

static bool enter_for(struct slow *slow, struct page_request *rq)
{
	if (!slow_enter(slow))
		return false;
	*rq = (struct page_request){
		.nid = slow->task ? slow->task->mm.node : mm_nearest_node(0),
		.nowait = slow->nested,
		.task = slow->task ? &slow->task->mm : NULL,
	};
	return true;
}

static void get_pages(struct block *b, u64 r)
{
	static const gfp_t kinds[] = {0, __GFP_MOVABLE, __GFP_RECLAIMABLE};
	unsigned int order = r % 8 ? r / 8 % 5 : r / 8 % NR_PAGE_ORDERS;
	struct page_request rq;
	struct page *page;
	struct slow slow;

	if (!enter_for(&slow, &rq))
		return;
	rq.gfp = kinds[r / 64 % 3];
	page = pages_are_allocated(alloc_pages_request(&rq, order));
	slow_leave(&slow);
	if (!page)
		return;
	*b = (struct block){PAGES, page_address(page), PAGE_SIZE << order, order, NULL, 0};
	EXPECT(!((uintptr_t)b->addr & (b->bytes - 1)));
	if (page_is_zero(page))
		check_zero(b);
}

static void get_large(struct block *b, u64 r)
{
	u64 nr = r % 6 ? 9 + r / 6 % 200 : 600 + r / 6 % 1500, align = r / 8192 % 4 ? 1 : 512;
	struct page_request rq;
	struct page *head;
	struct slow slow;
	bool zero = false;

	if (!enter_for(&slow, &rq))
		return;
	head = run_is_allocated(large_alloc(&rq, nr, align, &zero));
	slow_leave(&slow);
	if (!head)
		return;
	*b = (struct block){LARGE, page_address(head), nr << PAGE_SHIFT, 0, NULL, 0};
	EXPECT(page_to_pfn(head) % align == 0);
	if (zero)
		check_zero(b);
}

static void get_direct(struct block *b, u64 r)
{
	size_t bytes = (1 + r % 40) * PAGE_SIZE, align = r / 64 % 3 ? PAGE_SIZE : MiB;
	void *p = mm_ready ? direct_alloc(bytes, align, false) : NULL;

	if (!p)
		return;
	*b = (struct block){DIRECT, p, bytes, 0, NULL, 0};
	EXPECT(!((uintptr_t)p & (align - 1)));
	EXPECT_EQ(direct_size(p), bytes);
	check_zero(b);
}

static void get_object(struct block *b, u64 r)
{
	struct kmem_cache *s =
		r % 4 ? &kmalloc_caches[r / 4 % NR_KMALLOC_CLASSES] : caches[r / 4 % NR_CACHES];
	void *obj = s ? slab_alloc(s, 0, NUMA_NO_NODE) : NULL;

	if (obj)
		*b = (struct block){OBJECT, obj, s->object_size, 0, s, 0};
}

static void put(struct block *b)
{
	struct slow slow;

	check_stamp(b);
	switch (b->kind) {
	case PAGES:
		slow_enter_anyway(&slow);
		free_pages_request(virt_to_page(b->addr), b->order,
				   slow.task ? &slow.task->mm : NULL, slow.nested);
		slow_leave(&slow);
		break;
	case LARGE:
		large_free(virt_to_page(b->addr), NULL, false);
		break;
	case DIRECT:
		EXPECT(direct_free(b->addr, false));
		break;
	case OBJECT:
		slab_free(b->cache, b->addr);
		break;
	case NOTHING:
		break;
	}
	b->kind = NOTHING;
}

static void resize(struct block *b, u64 r)
{
	size_t bytes;
	void *p;

	check_stamp(b);
	if (b->kind == LARGE) {
		u64 old = b->bytes >> PAGE_SHIFT, nr = r % 2 ? 1 + r / 2 % old : old + r / 2 % 64;

		if (large_resize(virt_to_page(b->addr), nr))
			b->bytes = nr << PAGE_SHIFT;
	} else if (b->kind == DIRECT) {
		bytes = (1 + r % 80) * PAGE_SIZE;
		p = direct_resize(b->addr, bytes, false);
		if (p) {
			b->addr = p;
			b->bytes = bytes;
		}
	}
	stamp(b, b->stamp ^ r);
}

static bool used_cache(const struct kmem_cache *s)
{
	for (int i = 0; i < NR_BLOCKS; i++)
		if (blocks[i].kind == OBJECT && blocks[i].cache == s)
			return true;
	return false;
}

static void make_or_end_cache(u64 r)
{
	struct kmem_cache **s = &caches[r % NR_CACHES];

	if (!*s)
		*s = cache_create("script", (u32)(16 + r / 4 % 5000), 16, NULL);
	else if (!used_cache(*s) && !cache_destroy("sim", *s))
		*s = NULL;
	else if (*s)
		cache_shrink(*s);
}

static void upkeep(u64 r)
{
	sim.clock_ms += r % 700;
	if (mm_ready)
		slab_reclaim(/* all= */ r / 1024 % 6 == 0);
}

static bool step(u64 r)
{
	struct block *b = &blocks[r % NR_BLOCKS];
	u64 what = r / NR_BLOCKS % 20, arg = r / NR_BLOCKS / 20;

	if (what == 0)
		make_or_end_cache(arg);
	else if (what == 1)
		upkeep(arg);
	else if (b->kind != NOTHING && what < 5)
		resize(b, arg);
	else if (b->kind != NOTHING)
		put(b);
	else {
		if (what < 9)
			get_pages(b, arg);
		else if (what < 12)
			get_large(b, arg);
		else if (what < 13)
			get_direct(b, arg);
		else
			get_object(b, arg);
		if (b->kind == NOTHING)
			return false;
		stamp(b, r);
	}
	return true;
}

void script_run(struct script *s)
{
	u64 state = s->seed * 0x9e3779b97f4a7c15ul + 1;

	for (int i = 0; i < s->steps; i++) {
		if (!step(sim_random(&state) >> 1))
			s->refused++;
		if (s->verify_each && mm_ready)
			EXPECT_SOUND();
	}
}

void script_free_all(void)
{
	for (int i = 0; i < NR_BLOCKS; i++)
		if (blocks[i].kind != NOTHING)
			put(&blocks[i]);
	for (int i = 0; i < NR_CACHES; i++) {
		if (caches[i])
			EXPECT_EQ(cache_destroy("sim", caches[i]), 0);
		caches[i] = NULL;
	}
}

/* ---- the balance ---- */

static unsigned long count_tasks(void)
{
	unsigned long n = 0;

	for (struct task *t = all_tasks; t; t = t->next)
		n++;
	return n;
}

/* What caches have made for themselves, besides the first home, which is a part of its node. */
struct made {
	unsigned long nodes, homes;
};

static struct made count_made(void)
{
	struct made made = {0};
	struct list_head *pos;

	list_for_each (pos, &slab_caches) {
		const struct kmem_cache *s = list_entry(pos, struct kmem_cache, list);

		for (int n = 0; n < topology.nr_nodes; n++) {
			if (!s->node[n])
				continue;
			made.nodes += !s->metadata;
			for_each_home (s->node[n], home)
				made.homes += home->index > 0;
		}
	}
	return made;
}

static unsigned long expected_metadata(const struct kmem_cache *s)
{
	if (!strcmp(s->name, "task"))
		return count_tasks();
	if (!strcmp(s->name, "slab_home"))
		return count_made().homes;
	return !strcmp(s->name, "kmem_cache_node") ? count_made().nodes : 0;
}

static void expect_no_objects(void)
{
	struct list_head *pos;

	list_for_each (pos, &slab_caches) {
		struct kmem_cache *s = list_entry(pos, struct kmem_cache, list);

		for (int n = 0; n < topology.nr_nodes; n++) {
			if (!s->node[n] || s->metadata)
				continue;
			for_each_home (s->node[n], home) {
				EXPECT_EQ(home->inuse, 0);
				EXPECT_EQ(home->nr_slabs, 0);
			}
		}
	}
	list_for_each (pos, &slab_caches) {
		struct kmem_cache *s = list_entry(pos, struct kmem_cache, list);

		/* Tables of sheaves by cache stay with their task. */
		if (s->metadata && strcmp(s->name, "task_pcs"))
			EXPECT_EQ(cache_inuse(s), expected_metadata(s));
	}
}

static void expect_no_mappings_lost(void)
{
	u64 known = ALIGN_UP(page_map.nr, OS_PAGE), left;

	for (int n = 0; n <= topology.nr_nodes; n++) {
		const struct zone *zone =
			n == topology.nr_nodes ? &meta_zone : &node_data[n].zones[ZONE_NORMAL];
		u64 blocks_of = (zone->end_pfn - zone->start_pfn) >> PAGEBLOCK_ORDER;

		if (!zone->end_pfn)
			continue;
		known += ALIGN_UP(DIV_ROUND_UP(blocks_of, PAGEBLOCKS_PER_SECTION) *
					  sizeof(struct mem_section),
				  OS_PAGE) +
			 ALIGN_UP(DIV_ROUND_UP(blocks_of, 8), OS_PAGE);
		known += (zone->commit_pfn - zone->start_pfn) * (PAGE_SIZE + sizeof(struct page));
	}
	EXPECT(sim.mapped_bytes >= known);
	left = sim.mapped_bytes - known;
	/* The fork cookie and the table of direct mappings. */
	EXPECT(left <= 4 * OS_PAGE);
}

void script_expect_nothing_lost(void)
{
	unsigned long direct;
	size_t direct_bytes;

	EXPECT_SOUND();
	slab_reclaim(/* all= */ true);
	EXPECT_SOUND();
	expect_no_objects();
	for (int n = 0; n < topology.nr_nodes; n++) {
		const struct zone *zone = &node_data[n].zones[ZONE_NORMAL];

		EXPECT_EQ(zone->nr_free_pages, zone->present_pages);
	}
	direct_totals(&direct, &direct_bytes);
	EXPECT_EQ(direct, 0);
	EXPECT_EQ(direct_bytes, 0);
	expect_no_mappings_lost();
}
