/* SPDX-License-Identifier: MIT */
/*
 * large.c - blocks of exactly so many pages
 *
 * Up to a pageblock: a block of the order below that is followed by enough free pages, else one
 * of the order above whose tail goes back (alloc_pages_exact()).  Beyond: a run of free
 * pageblocks, best fit and lowest address, extended into memory not yet accepted where it
 * reaches the end; the tail goes back too.  A freed block stays with its pages for the next one
 * until page reporting ages it out.
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
		unsigned long w = zone->free_block_map[bit / 64];

		w = (value ? w : ~w) >> (bit % 64);
		if (w)
			return MIN(bit + (u64)__builtin_ctzl(w), end);
		bit = ALIGN_DOWN(bit, 64) + 64;
	}
	return end;
}

static u64 block_pfn(const struct zone *zone, u64 bit)
{
	return zone->start_pfn + (bit << PAGEBLOCK_ORDER);
}

/* Pages that are free from @pfn, the start of a block, on, counted up to @max. */
static u64 count_free_behind(const struct zone *zone, u64 pfn, u64 max)
{
	u64 nr = 0;

	while (nr < max && pfn + nr < zone->accept_pfn) {
		const struct page *page = pfn_to_page(pfn + nr);

		if (page_type(page) != PAGE_FREE)
			break;
		nr += (u64)1 << page_order(page);
	}
	return MIN(nr, max);
}

/*
 * Best fit among the runs of free pageblocks, lowest address first.  A run that lacks the last
 * part of a pageblock will do if the pages behind it are free.  @ret_tail is the length in
 * pages of a run that ends where acceptance has got to and could be extended.
 *
 * Under zone->lock.  Return: the first pfn, the start of a free block, or 0.
 */
static u64 find_run(const struct zone *zone, u64 nr, u64 align, u64 *ret_tail)
{
	u64 end = (zone->accept_pfn - zone->start_pfn) >> PAGEBLOCK_ORDER;
	u64 best = 0, best_len = ~(u64)0, last = 0;

	for (u64 bit = next_bit(zone, 0, end, true); bit < end;
	     bit = next_bit(zone, last, end, true)) {
		u64 first = ALIGN_UP(block_pfn(zone, bit), align), len;

		last = next_bit(zone, bit, end, false);
		if (block_pfn(zone, last) <= first)
			continue;
		len = block_pfn(zone, last) - first;
		if (last == end)
			*ret_tail = len;
		if (len < nr && len + PAGEBLOCK_NR_PAGES > nr && last < end)
			len += count_free_behind(zone, block_pfn(zone, last), nr - len);
		if (len < nr || len >= best_len || page_type(pfn_to_page(first)) != PAGE_FREE)
			continue;
		best = first;
		best_len = len;
		if (len < nr + PAGEBLOCK_NR_PAGES / 8)
			break;
	}
	return best;
}

/*
 * Take the free pages [pfn, pfn + nr), which start at a head; give back what the last block has
 * over.  They become part of the exact block in front.  @zero: PG_ZERO as long as all were not
 * resident.  Under zone->lock.
 */
static void take_behind(struct zone *zone, struct page *head, u64 pfn, u64 nr, u32 *zero)
{
	u64 end = pfn + nr;

	while (pfn < end) {
		struct page *page = pfn_to_page(pfn);
		unsigned int order = page_order(page);
		u64 next = pfn + ((u64)1 << order);
		u32 was_zero = READ_ONCE(page->state) & PG_ZERO;

		*zero &= was_zero;
		del_page_from_free_list(zone, page, order);
		stat_add(zone->stat.pgalloc, 1ul << order);
		head->nr_pages = next - page_to_pfn(head);
		page_set_state(page, page == head ? page_state(PAGE_EXACT, 0, 0) : PAGE_NONE);
		if (next > end) {
			stat_add(zone->stat.pgalloc, 0ul - (next - end));
			stat_add(zone->stat.pgfree, 0ul - (next - end));
			free_page_range(zone, end, next - end, was_zero);
			barrier();
			head->nr_pages = end - page_to_pfn(head);
		}
		pfn = next;
	}
}

static void claim_pageblocks(struct zone *zone, u64 pfn, u64 nr)
{
	u64 first = ALIGN_UP(pfn, PAGEBLOCK_NR_PAGES);

	for (u64 p = first; p + PAGEBLOCK_NR_PAGES <= pfn + nr; p += PAGEBLOCK_NR_PAGES)
		set_pageblock_migratetype(zone, p, MIGRATE_UNMOVABLE);
}

static struct page *alloc_run(struct zone *zone, u64 nr, u64 align, bool nowait, bool *ret_zero)
{
	/* Each failed try accepts more; another thread may win what was accepted. */
	for (int tries = 0; tries < 8; tries++) {
		struct page *head = NULL;
		u32 zero = PG_ZERO;
		u64 tail = 0, pfn;

		if (!zone_lock_ctx(zone, nowait))
			return NULL;
		pfn = find_run(zone, nr, align, &tail);
		if (pfn) {
			head = pfn_to_page(pfn);
			take_behind(zone, head, pfn, nr, &zero);
			claim_pageblocks(zone, pfn, nr);
			stat_inc(zone->stat.run_alloc);
		}
		zone_unlock(zone);
		*ret_zero = zero;
		if (head)
			return head;
		/* A large alignment may need almost as much again in front. */
		nr = MAX(nr, (u64)1);
		if (!accept_memory(zone, nr - MIN(tail, nr - 1) + (align > 1 ? align - 1 : 0),
				   nowait, /* over_budget= */ true))
			return NULL;
	}
	return NULL;
}

#define TRIES_BEHIND 16

/*
 * A block of the order below that is followed by enough free pages: what the tails of other
 * exact blocks leave.  Keeps the larger orders whole.
 */
static struct page *alloc_extended(struct zone *zone, u64 nr, bool nowait, bool *ret_zero)
{
	unsigned int order = ilog2(nr);
	struct list_head *list = &zone->free_area[order].free_list[MIGRATE_UNMOVABLE], *pos;
	struct page *head = NULL;
	u32 zero = PG_ZERO;
	int tries = 0;

	if (is_power_of_2(nr) || list_empty(list) || !zone_lock_ctx(zone, nowait))
		return NULL;
	list_for_each(pos, list)
	{
		struct page *page = list_entry(pos, struct page, lru);
		u64 have = (u64)1 << order;

		if (tries++ == TRIES_BEHIND)
			break;
		if (count_free_behind(zone, page_to_pfn(page) + have, nr - have) == nr - have) {
			head = page;
			take_behind(zone, head, page_to_pfn(head), nr, &zero);
			break;
		}
	}
	zone_unlock(zone);
	*ret_zero = zero;
	return head;
}

static struct page *alloc_in_zone(struct zone *zone, const struct page_request *rq, u64 nr,
				  u64 align, bool *ret_zero, bool over_budget)
{
	unsigned int order = fls64(MAX(nr, align) - 1);
	struct page *page;

	if (order > PAGEBLOCK_ORDER)
		return alloc_run(zone, nr, MAX(align, (u64)1), rq->nowait, ret_zero);
	page = align > 1 ? NULL : alloc_extended(zone, nr, rq->nowait, ret_zero);
	if (page)
		return page;
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

bool large_resize(struct page *head, u64 nr)
{
	struct zone *zone = page_zone(head);
	u64 old = head->nr_pages, pfn = page_to_pfn(head);
	bool done = true;
	u32 zero = 0;

	if (nr == old)
		return true;
	zone_lock(zone);
	if (nr < old) {
		free_page_range(zone, pfn + nr, old - nr, 0);
		barrier();
		head->nr_pages = nr;
	} else {
		done = count_free_behind(zone, pfn + old, nr - old) == nr - old;
		if (done)
			take_behind(zone, head, pfn + old, nr - old, &zero);
	}
	zone_unlock(zone);
	return done;
}
