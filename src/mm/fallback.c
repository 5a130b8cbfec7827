/* SPDX-License-Identifier: MIT */
/*
 * fallback.c - what to do when a migratetype has no block left: claim a pageblock or steal
 *
 * Linux:  mm/page_alloc.c, __rmqueue_claim() and __rmqueue_steal().  Same order of search and
 *         the same half rule.
 * Locks:  zone->lock.
 */
#include "mm/internal.h"

/* Which types to take from, best first. */
static const enum migratetype fallbacks[MIGRATE_PCPTYPES][2] = {
	[MIGRATE_UNMOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},
	[MIGRATE_MOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
	[MIGRATE_RECLAIMABLE] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},
};

static int find_suitable_fallback(const struct zone *zone, unsigned int order, enum migratetype mt)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(fallbacks[0]); i++) {
		enum migratetype from = fallbacks[mt][i];

		if (!list_empty(&zone->free_area[order].free_list[from]))
			return (int)from;
	}
	return -1;
}

static bool should_try_claim_block(unsigned int order, enum migratetype mt)
{
	return order >= PAGEBLOCK_ORDER / 2 || mt == MIGRATE_RECLAIMABLE || mt == MIGRATE_UNMOVABLE;
}

/* Free pages of the pageblock of @pfn.  What is not accepted yet is as good as free. */
static u64 count_free(const struct zone *zone, u64 pfn)
{
	u64 start = ALIGN_DOWN(pfn, PAGEBLOCK_NR_PAGES), end = start + PAGEBLOCK_NR_PAGES;

	return section_count_free(zone, start, PAGEBLOCK_NR_PAGES) + end -
	       MIN(end, zone->accept_pfn);
}

/*
 * Retag the pageblock of @page if enough of it is free, and take a block.  Unlike in the kernel
 * pages already handed out never count as alike, since their types are not recorded.
 */
static struct page *try_to_claim_block(struct zone *zone, struct page *page,
				       unsigned int block_order, unsigned int order,
				       enum migratetype mt)
{
	u64 pfn = page_to_pfn(page);

	if (block_order >= PAGEBLOCK_ORDER) {
		del_page_from_free_list(zone, page, block_order);
		for (u64 p = pfn; p < pfn + ((u64)1 << block_order); p += PAGEBLOCK_NR_PAGES)
			set_pageblock_migratetype(zone, p, mt);
		add_to_free_list(zone, page, block_order, mt, READ_ONCE(page->state));
		return page_del_and_expand(zone, page, order, mt);
	}
	if (count_free(zone, pfn) < PAGEBLOCK_NR_PAGES / 2)
		return NULL;
	move_freepages_block(zone, pfn, mt);
	return __rmqueue_smallest(zone, order, mt);
}

static struct page *__rmqueue_claim(struct zone *zone, unsigned int order, enum migratetype mt)
{
	for (int o = MAX_PAGE_ORDER; o >= (int)order; o--) {
		int from = find_suitable_fallback(zone, (unsigned int)o, mt);
		struct page *page;

		if (from < 0)
			continue;
		if (!should_try_claim_block((unsigned int)o, mt))
			return NULL;
		page = list_first_entry(&zone->free_area[o].free_list[from], struct page, lru);
		page = try_to_claim_block(zone, page, (unsigned int)o, order, mt);
		if (page) {
			stat_inc(zone->stat.fallback_claim);
			return page;
		}
	}
	return NULL;
}

/* The smallest block of another type, which stays that type's. */
static struct page *__rmqueue_steal(struct zone *zone, unsigned int order, enum migratetype mt)
{
	for (unsigned int o = order; o < NR_PAGE_ORDERS; o++) {
		int from = find_suitable_fallback(zone, o, mt);
		struct page *page;

		if (from < 0)
			continue;
		page = list_first_entry(&zone->free_area[o].free_list[from], struct page, lru);
		stat_inc(zone->stat.fallback_steal);
		return page_del_and_expand(zone, page, order, (enum migratetype)from);
	}
	return NULL;
}

/**
 * __rmqueue - take a block of @order, from another type if need be
 * Return: the head, off every list and still marked FREE, or NULL.
 */
struct page *__rmqueue(struct zone *zone, unsigned int order, enum migratetype mt)
{
	struct page *page = __rmqueue_smallest(zone, order, mt);

	if (!page)
		page = __rmqueue_claim(zone, order, mt);
	if (!page)
		page = __rmqueue_steal(zone, order, mt);
	return page;
}
