/* SPDX-License-Identifier: MIT */
/*
 * large.c - blocks of exactly so many pages
 *
 * Up to MAX_PAGE_ORDER: take the order above and give the tail back (alloc_pages_exact()).
 * Beyond: a run of free MAX_PAGE_ORDER blocks, best fit and lowest address, extended into
 * memory not yet accepted where it reaches the end; the tail goes back too.  A freed block
 * stays with its pages for the next one until page reporting ages it out.
 *
 * Locks:  zone->lock; accept_lock to extend a run.
 */
#include "base/check.h"
#include "mm/internal.h"
#include "mm/mm.h"
#include <string.h>

/*
 * Mark the front of a block that was just taken as an exact one of @nr pages and free the rest.
 * @zero: PG_ZERO if the rest is not resident.  Under zone->lock.
 */
static void make_exact(struct zone *zone, struct page *head, u64 nr, u64 whole, u32 zero)
{
	head->nr_pages = whole;
	page_set_state(head, page_state(PAGE_EXACT, 0, 0));
	if (whole > nr) {
		stat_add(zone->stat.pgalloc, 0ul - (whole - nr));
		stat_add(zone->stat.pgfree, 0ul - (whole - nr));
		free_page_range(zone, page_to_pfn(head) + nr, whole - nr, zero);
	}
	barrier();
	head->nr_pages = nr;
}

static struct page *alloc_order(struct zone *zone, u64 nr, unsigned int order, bool nowait,
				bool *ret_zero)
{
	struct page *page;
	u32 zero;

	if (!zone_lock_ctx(zone, nowait))
		return NULL;
	page = __rmqueue(zone, order, MIGRATE_UNMOVABLE);
	if (page) {
		zero = READ_ONCE(page->state) & PG_ZERO;
		*ret_zero = zero;
		make_exact(zone, page, nr, (u64)1 << order, zero);
	}
	zone_unlock(zone);
	return page;
}


/* First bit from @bit on whose value is @value, or @end. */
static u64 next_bit(const struct zone *zone, u64 bit, u64 end, bool value)
{
	while (bit < end) {
		unsigned long w = zone->max_free_map[bit / 64];

		w = (value ? w : ~w) >> (bit % 64);
		if (w)
			return MIN(bit + (u64)__builtin_ctzl(w), end);
		bit = ALIGN_DOWN(bit, 64) + 64;
	}
	return end;
}

/*
 * Best fit among the runs of free blocks; @ret_tail is the length of the run that ends where
 * acceptance has got to, which could be extended.  Under zone->lock.
 */
static u64 find_run(const struct zone *zone, u64 want, u64 align_blocks, u64 *ret_tail)
{
	u64 end = (zone->accept_pfn - zone->start_pfn) >> MAX_PAGE_ORDER;
	u64 base = zone->start_pfn >> MAX_PAGE_ORDER;
	u64 best = ~(u64)0, best_len = ~(u64)0, last = 0;

	for (u64 bit = next_bit(zone, 0, end, true); bit < end;
	     bit = next_bit(zone, last, end, true)) {
		u64 first = ALIGN_UP(base + bit, align_blocks) - base;

		last = next_bit(zone, bit, end, false);
		if (first + want <= last && last - bit < best_len) {
			best = first;
			best_len = last - bit;
			if (best_len == want)
				break;
		}
		if (last == end)
			*ret_tail = last - bit;
	}
	return best;
}

/* Take @want free MAX_PAGE_ORDER blocks from @bit on.  Under zone->lock. */
static struct page *take_run(struct zone *zone, u64 bit, u64 want, u64 nr, bool *ret_zero)
{
	struct page *head = pfn_to_page(zone->start_pfn + (bit << MAX_PAGE_ORDER));
	u32 zero = PG_ZERO, last_zero = 0;

	for (u64 i = 0; i < want; i++) {
		struct page *page = head + i * MAX_ORDER_NR_PAGES;

		last_zero = READ_ONCE(page->state) & PG_ZERO;
		zero &= last_zero;
		del_page_from_free_list(zone, page, MAX_PAGE_ORDER);
		for (u64 p = 0; p < MAX_ORDER_NR_PAGES; p += PAGEBLOCK_NR_PAGES)
			set_pageblock_migratetype(zone, page_to_pfn(page) + p, MIGRATE_UNMOVABLE);
	}
	stat_add(zone->stat.pgalloc, want << MAX_PAGE_ORDER);
	stat_inc(zone->stat.run_alloc);
	head->nr_pages = want << MAX_PAGE_ORDER;
	page_set_state(head, page_state(PAGE_EXACT, 0, 0));
	for (u64 i = 1; i < want; i++)
		page_set_state(head + i * MAX_ORDER_NR_PAGES, PAGE_NONE);
	/* Only the last block has a tail to give back, whatever the others are. */
	make_exact(zone, head, nr, want << MAX_PAGE_ORDER, last_zero);
	*ret_zero = zero;
	return head;
}

static struct page *alloc_run(struct zone *zone, u64 nr, u64 align, bool nowait, bool *ret_zero)
{
	u64 want = DIV_ROUND_UP(nr, MAX_ORDER_NR_PAGES);
	u64 align_blocks = MAX(align >> MAX_PAGE_ORDER, (u64)1);

	/* Each failed try accepts more; another thread may win what was accepted. */
	for (int tries = 0; tries < 8; tries++) {
		u64 tail = 0, bit;
		struct page *page = NULL;

		if (!zone_lock_ctx(zone, nowait))
			return NULL;
		bit = find_run(zone, want, align_blocks, &tail);
		if (bit != ~(u64)0)
			page = take_run(zone, bit, want, nr, ret_zero);
		zone_unlock(zone);
		if (page)
			return page;
		want = DIV_ROUND_UP(nr, MAX_ORDER_NR_PAGES);
		/* A large alignment may need up to align_blocks - 1 more in front. */
		if (!accept_memory(zone, (want + align_blocks - 1 - MIN(tail, want - 1))
						 << MAX_PAGE_ORDER,
				   nowait, /* over_budget= */ true))
			return NULL;
	}
	return NULL;
}

static struct page *alloc_in_zone(struct zone *zone, const struct page_request *rq, u64 nr,
				  u64 align, bool *ret_zero, bool over_budget)
{
	unsigned int order = fls64(MAX(nr, align) - 1);
	struct page *page;

	if (order > MAX_PAGE_ORDER)
		return alloc_run(zone, nr, align, rq->nowait, ret_zero);
	do {
		page = alloc_order(zone, nr, order, rq->nowait, ret_zero);
	} while (!page && accept_memory(zone, (u64)1 << order, rq->nowait, over_budget));
	return page;
}

struct page *large_alloc(const struct page_request *rq, u64 nr, u64 align, bool *ret_zero)
{
	struct pglist_data *pgdat = &node_data[rq->nid];
	int nodes = rq->gfp & __GFP_THISNODE ? MIN(pgdat->nr_fallback, 1) : pgdat->nr_fallback;

	if (rq->gfp & (__GFP_DMA | __GFP_DMA32))
		return NULL;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < nodes; i++) {
			struct zone *zone = &node_data[pgdat->fallback[i]].zones[ZONE_NORMAL];
			struct page *page;

			if (nr > (zone->end_pfn - zone->start_pfn) / 2)
				continue;
			page = alloc_in_zone(zone, rq, nr, align, ret_zero, round == 1);
			if (page)
				return page;
		}
	}
	return NULL;
}

/* Blocks that could not be freed at once; see page_alloc.c for the same with orders. */
static struct page *deferred_exact; /* atomic; linked through private[3] */

static void free_exact(struct zone *zone, struct page *head)
{
	free_page_range(zone, page_to_pfn(head), head->nr_pages, 0);
}

void large_free(struct page *head, bool nowait)
{
	struct zone *zone = page_zone(head);
	struct page *next;

	if (!zone_lock_ctx(zone, nowait)) {
		next = READ_ONCE(deferred_exact);
		do {
			head->private[3] = (uintptr_t)next;
			/* Release pairs with the exchange below. */
		} while (!__atomic_compare_exchange_n(&deferred_exact, &next, head, true,
						      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
		return;
	}
	free_exact(zone, head);
	zone_unlock(zone);
	if (likely(!READ_ONCE(deferred_exact)) || nowait)
		return;
	for (head = __atomic_exchange_n(&deferred_exact, NULL, __ATOMIC_ACQUIRE); head;
	     head = next) {
		next = (struct page *)head->private[3];
		head->private[3] = 0;
		zone = page_zone(head);
		zone_lock(zone);
		free_exact(zone, head);
		zone_unlock(zone);
	}
}

/* Free pages directly behind @pfn, block by block, until @nr are found.  Under zone->lock. */
static bool free_behind(const struct zone *zone, u64 pfn, u64 nr)
{
	u64 end = pfn + nr;

	while (pfn < end) {
		const struct page *page = pfn_to_page(pfn);

		if (pfn >= zone->accept_pfn || page_type(page) != PAGE_FREE)
			return false;
		pfn += (u64)1 << page_order(page);
	}
	return true;
}

/*
 * Take the free pages [pfn, pfn + nr), which start at a head; give back what the last block has
 * over.  They become part of the exact block in front.  Under zone->lock.
 */
static void take_behind(struct zone *zone, struct page *head, u64 pfn, u64 nr)
{
	u64 end = pfn + nr;

	while (pfn < end) {
		struct page *page = pfn_to_page(pfn);
		unsigned int order = page_order(page);
		u64 next = pfn + ((u64)1 << order);
		u32 zero = READ_ONCE(page->state) & PG_ZERO;

		del_page_from_free_list(zone, page, order);
		stat_add(zone->stat.pgalloc, 1ul << order);
		head->nr_pages = next - page_to_pfn(head);
		page_set_state(page, PAGE_NONE);
		if (next > end) {
			free_page_range(zone, end, next - end, zero);
			barrier();
			head->nr_pages = end - page_to_pfn(head);
		}
		pfn = next;
	}
}

bool large_resize(struct page *head, u64 nr)
{
	struct zone *zone = page_zone(head);
	u64 old = head->nr_pages, pfn = page_to_pfn(head);
	bool done = true;

	if (nr == old)
		return true;
	zone_lock(zone);
	if (nr < old) {
		free_page_range(zone, pfn + nr, old - nr, 0);
		barrier();
		head->nr_pages = nr;
	} else {
		done = free_behind(zone, pfn + old, nr - old);
		if (done)
			take_behind(zone, head, pfn + old, nr - old);
	}
	zone_unlock(zone);
	return done;
}
