/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_SIM_PAGES_H
#define BUDDY_TESTS_SIM_PAGES_H
/*
 * pages.h - pages as the layer above asks for them, and straight from the buddy
 */
#include "sim.h"

/* Say that @page is the program's: until then it counts as in the hands of its thread. */
static inline struct page *pages_are_allocated(struct page *page)
{
	if (page) {
		page->refcount = 0;
		page_set_state(page, page_state(PAGE_ALLOC, page_order(page),
						READ_ONCE(page->state) & PG_ZERO));
	}
	return page;
}

static inline struct page *run_is_allocated(struct page *head)
{
	if (head)
		page_set_state(head, page_state(PAGE_EXACT, 0, 0));
	return head;
}

/* As the layer above asks: for the running thread, with its page set. */
static inline struct page *pages_get(gfp_t gfp, unsigned int order)
{
	struct page_request rq;
	struct page *page;
	struct slow slow;

	if (!slow_enter(&slow))
		return NULL;
	rq = (struct page_request){.gfp = gfp,
				   .nid = slow.task->mm.node,
				   .task = &slow.task->mm};
	page = pages_are_allocated(alloc_pages_request(&rq, order));
	slow_leave(&slow);
	return page;
}

static inline void pages_put(struct page *page, unsigned int order)
{
	struct slow slow;

	slow_enter_anyway(&slow);
	free_pages_request(page, order, slow.task ? &slow.task->mm : NULL, slow.nested);
	slow_leave(&slow);
}

/* Straight from the buddy of @nid, without a page set, so that the place can be predicted. */
static inline struct page *buddy_get(int nid, gfp_t gfp, unsigned int order)
{
	struct page_request rq = {.gfp = gfp, .nid = nid};

	return pages_are_allocated(alloc_pages_request(&rq, order));
}

static inline void buddy_put(struct page *page, unsigned int order)
{
	free_pages_request(page, order, NULL, false);
}

static inline struct page *run_get(int nid, u64 nr, u64 align, bool *ret_zero)
{
	struct page_request rq = {.nid = nid};

	return run_is_allocated(large_alloc(&rq, nr, align, ret_zero));
}

/* A run for the running thread, with its set of exact blocks.  @align in pages. */
static inline struct page *set_run_get_aligned(u64 nr, u64 align)
{
	struct page_request rq;
	struct page *head;
	struct slow slow;
	bool zero;

	if (!slow_enter(&slow))
		return NULL;
	rq = (struct page_request){.nid = slow.task->mm.node, .task = &slow.task->mm};
	head = run_is_allocated(large_alloc(&rq, nr, align, &zero));
	slow_leave(&slow);
	return head;
}

static inline struct page *set_run_get(u64 nr)
{
	return set_run_get_aligned(nr, 1);
}

static inline void set_run_put(struct page *head)
{
	struct slow slow;

	slow_enter_anyway(&slow);
	large_free(head, &slow.task->mm, slow.nested);
	slow_leave(&slow);
}

static inline struct zone *zone_of(int nid)
{
	return &node_data[nid].zones[ZONE_NORMAL];
}

#endif
