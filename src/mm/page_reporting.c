/* SPDX-License-Identifier: MIT */
/*
 * page_reporting.c - giving free blocks back to the system
 *
 * A free block of pageblock order or more that nobody wanted for a while is taken off its list,
 * discarded without a lock held, and put back marked PG_ZERO: not resident, reads as zero.  It
 * stays available.  Nothing on the way of an allocation or a free does this, but for who is about
 * to pass a container's limit (budget.c) or to have more than any before (large.c).
 *
 * Linux:  mm/page_reporting.c; reported here means discarded (MADV_DONTNEED).
 * Locks:  zone->lock to take a batch and to put it back.
 */
#include "mm/internal.h"
#include "mm/mm.h"
#include "platform/os.h"
#include "platform/vm.h"

#define REPORTING_CAPACITY 32
/*
 * What is in a batch is missed by who allocates meanwhile, and replaced by other memory.  So a
 * batch is small: its thread may lose the CPU, and a container's limit may be near.
 */
#define REPORTING_BATCH_PAGES MAX_ORDER_NR_PAGES
#define REPORTING_MAX_REFUSED 4 /* batches; then the system is left alone until the next pass */

struct report_batch {
	struct page *page[REPORTING_CAPACITY];
	int nr;
	u64 pages, most; /* in it; after which to stop */
};

static bool wanted(const struct page *page, unsigned int order, u64 now, u64 age_ms)
{
	if (page_is_zero(page))
		return false;
	return order < PAGEBLOCK_ORDER || now - page->freed_ms >= age_ms;
}

static void isolate_from(struct zone *zone, unsigned int order, struct list_head *list, u64 now,
			 u64 age_ms, struct report_batch *batch)
{
	struct list_head *pos, *next;

	list_for_each_safe (pos, next, list) {
		struct page *page = list_entry(pos, struct page, lru);

		if (batch->nr == REPORTING_CAPACITY || batch->pages >= batch->most)
			return;
		if (!wanted(page, order, now, age_ms))
			continue;
		del_page_from_free_list(zone, page, order);
		page_set_owned(page, order, 0);
		section_set_taken(zone, page_to_pfn(page), (u64)1 << order);
		batch->page[batch->nr++] = page;
		batch->pages += (u64)1 << order;
	}
}

static void isolate_batch(struct zone *zone, unsigned int min_order, u64 age_ms,
			  struct report_batch *batch)
{
	u64 now = os_clock_ms();

	batch->nr = 0;
	batch->pages = 0;
	zone_lock(zone);
	for (int order = MAX_PAGE_ORDER; order >= (int)min_order; order--)
		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			isolate_from(zone, (unsigned int)order,
				     &zone->free_area[order].free_list[mt], now, age_ms, batch);
	zone_unlock(zone);
}

static u64 report_batch(struct zone *zone, struct report_batch *batch)
{
	bool ok[REPORTING_CAPACITY];
	u64 pages = 0;

	for (int i = 0; i < batch->nr; i++) {
		size_t len = PAGE_SIZE << page_order(batch->page[i]);

		ok[i] = vm_discard(page_address(batch->page[i]), len) == 0;
	}
	zone_lock(zone);
	for (int i = 0; i < batch->nr; i++) {
		struct page *page = batch->page[i];
		unsigned int order = page_order(page);

		if (ok[i]) {
			pages += (u64)1 << order;
			stat_add(zone->stat.reported, 1ul << order);
		} else {
			stat_inc(zone->stat.report_failed);
		}
		stat_add(zone->stat.pgfree, 0ul - (1ul << order));
		__free_one_page(zone, page, order, ok[i] ? PG_ZERO : 0);
	}
	zone_unlock(zone);
	return pages;
}

static slowpath u64 report_zone(struct zone *zone, u64 age_ms, unsigned int min_order, u64 enough)
{
	struct report_batch batch;
	int refused = 0;
	u64 pages = 0;

	while (pages < enough && refused < REPORTING_MAX_REFUSED) {
		u64 got;

		batch.most = MIN(enough - pages, (u64)REPORTING_BATCH_PAGES);
		isolate_batch(zone, min_order, age_ms, &batch);
		if (!batch.nr)
			break;
		got = report_batch(zone, &batch);
		refused += got == 0;
		pages += got;
	}
	return pages;
}

slowpath u64 page_reporting_pass(u64 age_ms, unsigned int min_order, u64 enough)
{
	struct zone *zone;
	u64 pages = 0;

	for_each_populated_zone(zone) pages +=
		report_zone(zone, age_ms, min_order, enough - MIN(pages, enough));
	return pages;
}

slowpath void page_reporting_make_up(struct zone *zone, u64 enough)
{
	(void)report_zone(zone, 0, PAGEBLOCK_ORDER, enough);
}
