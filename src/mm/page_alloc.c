/* SPDX-License-Identifier: MIT */
/*
 * page_alloc.c - the front door of the page allocator
 *
 *   alloc_pages_request
 *     get_page_from_freelist      each zone of the node's list, nearest first
 *       rmqueue
 *         pcp_alloc               orders 0 to 3 and 9 on the thread's own node
 *         rmqueue_buddy           zone->lock
 *       zone_reclaim              what lies idle, then once more
 *       accept_memory_after       then once more
 *       zone_reclaim_at_last      then once more
 *
 * Linux:  mm/page_alloc.c.  The slow path ends here with the system's refusal: reclaim,
 *         compaction and the OOM policy come with watermarks that can refuse.
 */
#include "base/check.h"
#include "mm/internal.h"
#include "mm/mm.h"

struct zone *page_zone(const struct page *page)
{
	u64 pfn = page_to_pfn(page);
	struct zone *zone;

	for_each_populated_zone (zone)
		if (zone_spans_pfn(zone, pfn))
			return zone;
	BUG_ON(true);
}

int page_find_nid(const struct page *page)
{
	return page_zone(page)->node;
}

void zone_lock(struct zone *zone)
{
	if (unlikely(spin_lock(&zone->lock) == LOCK_STALE))
		buddy_rebuild(zone);
}

bool zone_trylock(struct zone *zone)
{
	enum lock_result r = spin_trylock(&zone->lock);

	if (unlikely(r == LOCK_STALE))
		buddy_rebuild(zone);
	return r != LOCK_BUSY;
}

#define NOWAIT_TRIES 16 /* some hundred ns: what most holders take */

static slowpath bool zone_lock_nowait(struct zone *zone)
{
	for (int i = 0; i < NOWAIT_TRIES; i++) {
		if (zone_trylock(zone))
			return true;
		cpu_relax();
	}
	return false;
}

bool zone_lock_ctx(struct zone *zone, bool nowait)
{
	if (unlikely(nowait))
		return zone_lock_nowait(zone);
	zone_lock(zone);
	return true;
}

/* gfp_migratetype() */
static enum migratetype request_migratetype(gfp_t gfp)
{
	if (gfp & __GFP_MOVABLE)
		return MIGRATE_MOVABLE;
	return gfp & __GFP_RECLAIMABLE ? MIGRATE_RECLAIMABLE : MIGRATE_UNMOVABLE;
}

/* *busy: the lock is held, so nothing is known of what there is. */
static struct page *rmqueue_buddy(struct zone *zone, unsigned int order, enum migratetype mt,
				  bool nowait, bool *busy)
{
	struct page *page;

	*busy = !zone_lock_ctx(zone, nowait);
	if (*busy)
		return NULL;
	page = __rmqueue(zone, order, mt);
	if (page)
		page_set_owned(page, order, READ_ONCE(page->state));
	zone_unlock(zone);
	if (page && !nowait)
		budget_check(zone, fresh_pages(page, order));
	return page;
}

static struct page *rmqueue(struct zone *zone, const struct page_request *rq, unsigned int order,
			    bool *busy)
{
	enum migratetype mt = request_migratetype(rq->gfp);
	struct page *page;

	if (pcp_serves(rq->task, zone, rq->nowait) && pcp_allowed_order(order)) {
		page = pcp_alloc(rq->task, zone, order, mt);
		if (likely(page))
			return page;
	}
	return rmqueue_buddy(zone, order, mt, rq->nowait, busy);
}

u64 (*shrink_slab)(const struct zone *zone, bool barns);
bool (*yield_page_sets)(const struct zone *zone);
void (*reclaim_at_last)(const struct zone *zone);

#define SETS_PART 8 /* of a zone */

/*
 * Has so much of @zone been handed out since all page sets yielded last that filling them again
 * costs little by comparison?
 */
static bool sets_are_due(struct zone *zone)
{
	unsigned long now = READ_ONCE(zone->stat.pgalloc);

	if (zone->metadata ||
	    now - READ_ONCE(zone->sets_yielded) < READ_ONCE(zone->present_pages) / SETS_PART)
		return false;
	WRITE_ONCE(zone->sets_yielded, now);
	return true;
}

/**
 * zone_reclaim - before @zone takes more memory into use, look for what lies idle
 * @nr: pages asked for
 * @step: RECLAIM_PAGE_SET at first; how far the request has come
 *
 * First the page set of this thread; then empty slabs; then, now and then, the page sets of the
 * other threads: three that took turns with blocks of up to 140 KB had 15 MiB of 27 there, where 5
 * were in use.  If there are enough free pages that only lie badly, objects in barns that nobody
 * uses may be the cause.  Each of these once for a request: while other threads free there is
 * always another empty slab, and never what was asked for.
 *
 * Linux:  node_reclaim() before the next node, with shrink_slab(); compaction by its role.
 * Return: whether another look at the free lists is worth it.
 */
bool zone_reclaim(const struct page_request *rq, struct zone *zone, u64 nr, enum reclaim_step *step)
{
	bool found = false;

	while (!found && !rq->nowait && *step < RECLAIM_DONE)
		switch ((*step)++) {
		case RECLAIM_PAGE_SET:
			found = pcp_yield(rq->task, zone);
			break;
		case RECLAIM_SLABS:
			found = shrink_slab(zone, /* barns= */ false);
			break;
		case RECLAIM_SETS:
			found = sets_are_due(zone) && yield_page_sets(zone);
			break;
		default:
			found = READ_ONCE(zone->nr_free_pages) >= nr &&
				shrink_slab(zone, /* barns= */ true);
		}
	return found;
}

/**
 * zone_reclaim_at_last - the system gives no more: wait for what others have in hand
 * @reports: zone->reports, before the caller looked for free pages and found none
 * @step: as zone_reclaim() left it
 *
 * A thread that is giving memory back, which may be our own, has a good part of what is free in
 * hand, or the lock that leads to it: with 9 MiB free and no more to be had, malloc() returned NULL
 * in a third of the instants of another thread's malloc_trim().  So such a thread is waited for;
 * its lock once for a request.
 *
 * Return: whether another look at the free lists is worth it.
 */
slowpath bool zone_reclaim_at_last(const struct page_request *rq, struct zone *zone, u32 reports,
				   enum reclaim_step *step)
{
	if (rq->nowait)
		return false;
	if (page_reporting_wait(zone, reports))
		return true;
	if (*step == RECLAIM_WAITED)
		return false;
	*step = RECLAIM_WAITED;
	reclaim_at_last(zone);
	return true;
}

static struct page *try_zone(struct zone *zone, const struct page_request *rq, unsigned int order,
			     bool over_budget)
{
	enum reclaim_step step = RECLAIM_PAGE_SET;
	u64 seen, nr = (u64)1 << order;
	struct page *page;
	bool busy = false;
	u32 reports;

	/*
	 * A loop, since another thread may take what was just accepted.  A zone that is busy is not
	 * taken for empty: handlers that came while others held the lock made a heap of 64 MiB grow
	 * to 45 GiB.
	 */
	do {
		seen = READ_ONCE(zone->accept_pfn);
		reports = READ_ONCE(zone->reports);
		page = rmqueue(zone, rq, order, &busy);
	} while (!page && !busy &&
		 (zone_reclaim(rq, zone, nr, &step) ||
		  accept_memory_after(zone, seen, nr, rq->nowait, over_budget,
				      /* large= */ false) ||
		  (over_budget && zone_reclaim_at_last(rq, zone, reports, &step))));
	return page;
}

/* Two rounds over the nodes: first each within its budget, then whoever still can. */
static struct page *get_page_from_freelist(const struct page_request *rq, unsigned int order)
{
	struct pglist_data *pgdat = &node_data[rq->nid];
	int nr = zonelist_length(rq->nid, rq->gfp & __GFP_THISNODE);

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < nr; i++) {
			struct zone *zone = &node_data[pgdat->fallback[i]].zones[ZONE_NORMAL];
			struct page *page =
				try_zone(zone, rq, order, /* over_budget= */ round == 1);

			if (page)
				return page;
		}
	}
	return NULL;
}

/**
 * alloc_pages_request - 2^@order contiguous pages, aligned to their size
 *
 * Return: the head, still marked PCP, as in the hands of this thread, until the caller stores
 * what it is; PG_ZERO in its state if the pages read as zero.  NULL if the system has no more.
 */
struct page *alloc_pages_request(const struct page_request *rq, unsigned int order)
{
	if (unlikely(order > MAX_PAGE_ORDER || (rq->gfp & (__GFP_DMA | __GFP_DMA32))))
		return NULL;
	if (rq->metadata)
		return try_zone(&meta_zone, rq, order, /* over_budget= */ true);
	return get_page_from_freelist(rq, order);
}

/*
 * A free that may not wait and finds the lock held leaves the block here, marked as in its hands;
 * the next free that may wait takes all of them along.  In a forked child they are lost blocks.
 * Linux: free_one_page() and zone->trylock_free_pages.
 */
struct list_head *deferred_blocks;

slowpath void defer_block(struct page *head)
{
	stack_push(&deferred_blocks, &head->lru);
}

/* A block in somebody's hands.  Under zone->lock. */
slowpath void free_in_hand(struct zone *zone, struct page *head, u32 flags)
{
	page_map_set(page_to_pfn(head), 1, MAP_NONE);
	if (page_type(head) == PAGE_PCP)
		__free_one_page(zone, head, page_order(head), flags);
	else
		free_page_range(zone, page_to_pfn(head), head->nr_pages, flags);
}

slowpath void take_deferred_blocks(void)
{
	struct list_head *node = stack_take(&deferred_blocks), *next;

	for (; node; node = next) {
		struct page *head = list_entry(node, struct page, lru);
		struct zone *zone = page_zone(head);

		next = node->next;
		zone_lock(zone);
		free_in_hand(zone, head, 0);
		zone_unlock(zone);
	}
}

/**
 * free_pages_request - give back what alloc_pages_request() returned
 * @task: whose page set may take it; NULL for none
 * @nowait: wait for no lock
 *
 * The pages are taken to be dirty, so PG_ZERO is dropped.
 */
set_apart void free_pages_request(struct page *page, unsigned int order, struct mm_task *task,
				  bool nowait)
{
	struct zone *zone = page_zone(page);

	page_set_owned(page, order, 0);
	if (pcp_serves(task, zone, nowait) && pcp_allowed_order(order) &&
	    pcp_free(task, zone, page, order))
		return;
	if (!zone_lock_ctx(zone, nowait)) {
		defer_block(page);
		return;
	}
	__free_one_page(zone, page, order, 0);
	zone_unlock(zone);
	if (unlikely(READ_ONCE(deferred_blocks)) && !nowait)
		take_deferred_blocks();
}
