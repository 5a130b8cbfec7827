/* SPDX-License-Identifier: MIT */
/*
 * page_reporting.c - giving free blocks back to the system
 *
 * A free block of pageblock order or more that nobody wanted for a while is taken off its list,
 * discarded without a lock held, and put back marked PG_ZERO: not resident, reads as zero.  It
 * stays available.  Smaller blocks, which have no age, go back when memory is short or asked for
 * back, when nothing happens for a while, or in part when so many were not needed; the smallest of
 * them only if there are many.
 *
 * The background thread does this, and malloc_trim().  An allocation or a free does only where
 * there is no such thread, near a container's limit (budget.c, slab/reclaim.c), and for a run
 * longer than any before (large.c).
 *
 * Linux:  mm/page_reporting.c; reported here means discarded (MADV_DONTNEED).  Differs: after one
 *         second instead of two, and without headroom above the low mark: while a batch is away
 *         the zone grows, where the kernel's would reclaim.
 * Locks:  zone->lock to take a batch and to put it back.
 */
#include "mm/internal.h"
#include "mm/mm.h"
#include "platform/os.h"
#include "platform/vm.h"
#include <errno.h>

#define REPORTING_CAPACITY 32
/*
 * Threads that allocate meanwhile miss what is in a batch, and take other memory into use.  So a
 * batch is small: its thread may lose the CPU, and a container's limit may be near.
 */
#define REPORTING_BATCH_PAGES MAX_ORDER_NR_PAGES
#define REPORTING_MAX_REFUSED 4 /* batches; then the system is left alone until the next pass */
/* The same if the program has locked some of each: it is likely all memory then (mlockall()). */
#define REPORTING_MAX_LOCKED 64
#define REPORTING_LOOKS 1024 /* blocks looked at under one hold of the lock */

struct report_batch {
	struct page *page[REPORTING_CAPACITY];
	int nr;
	u64 pages, most; /* in it; after which to stop */
	bool locked;	 /* the program has locked some of it */
};

/* How far a pass has got in a zone's free lists: largest blocks first. */
struct report_scan {
	int order, mt;
	u64 left;      /* blocks to look at in this list: at most all, from both ends */
	u64 resident;  /* blocks of this order that have not been met yet */
	bool backward; /* from the list's end, since a block that is not resident has been met */
};

static void begin_list(const struct zone *zone, struct report_scan *scan)
{
	scan->left = 2 * READ_ONCE(zone->free_area[scan->order].nr_free) + 1;
	scan->backward = false;
}

static void begin_order(const struct zone *zone, struct report_scan *scan)
{
	const struct free_area *area = &zone->free_area[scan->order];
	u64 nr_free = READ_ONCE(area->nr_free);

	scan->mt = 0;
	scan->resident = nr_free - MIN(READ_ONCE(area->nr_zero), nr_free);
	begin_list(zone, scan);
}

static void next_list(const struct zone *zone, struct report_scan *scan)
{
	if (++scan->mt < MIGRATE_TYPES && scan->resident) {
		begin_list(zone, scan);
		return;
	}
	scan->order--;
	if (scan->order >= 0)
		begin_order(zone, scan);
}

static bool is_old_enough(const struct page *page, unsigned int order, u64 now, u64 age_ms)
{
	return order < PAGEBLOCK_ORDER || page->freed_ms + age_ms <= now;
}

static bool is_full(const struct report_batch *batch)
{
	return batch->nr == REPORTING_CAPACITY || batch->pages >= batch->most;
}

static struct list_head *step(const struct list_head *pos, const struct report_scan *scan)
{
	return scan->backward ? pos->prev : pos->next;
}

/* Go on at @pos next time: the list's head moves there, and what was looked at lies behind it. */
static void stop_at(struct list_head *pos, struct list_head *list, const struct report_scan *scan)
{
	if (scan->backward)
		list_move(list, pos);
	else
		list_move_tail(list, pos);
}

static void isolate(struct zone *zone, struct page *page, unsigned int order,
		    struct report_batch *batch)
{
	del_page_from_free_list(zone, page, order);
	page_set_owned(page, order, 0);
	section_set_taken(zone, page_to_pfn(page), (u64)1 << order);
	batch->page[batch->nr++] = page;
	batch->pages += (u64)1 << order;
}

/*
 * Resident blocks lie at the front of the list or, if they wait for their buddy, at its end; the
 * others lie in between.  No block is looked at more than twice: when each batch began at the front
 * and went through the whole list, malloc_trim() with 20,000 free blocks took 4 to 13 seconds, and
 * 0.1 since.  Return: whether the list is done.
 */
static bool isolate_from(struct zone *zone, struct list_head *list, u64 now, u64 age_ms,
			 struct report_scan *scan, struct report_batch *batch)
{
	unsigned int order = (unsigned int)scan->order, looks = 0;
	struct list_head *next;

	for (struct list_head *pos = step(list, scan); pos != list && scan->left && scan->resident;
	     pos = next) {
		struct page *page = list_entry(pos, struct page, lru);

		if (is_full(batch) || ++looks > REPORTING_LOOKS) {
			stop_at(pos, list, scan);
			return false;
		}
		scan->left--;
		stat_inc(zone->stat.report_looks);
		if (page_is_zero(page)) {
			next = scan->backward ? pos->prev : list->prev;
			scan->backward = true;
			continue;
		}
		next = step(pos, scan);
		scan->resident--;
		if (is_old_enough(page, order, now, age_ms))
			isolate(zone, page, order, batch);
	}
	return true;
}

/* Return: whether there is more to look at. */
static bool isolate_batch(struct zone *zone, int min_order, u64 age_ms, struct report_scan *scan,
			  struct report_batch *batch)
{
	u64 now;

	batch->nr = 0;
	batch->pages = 0;
	zone_lock(zone);
	now = os_clock_ms(); /* under the lock: no block was freed later than that */
	while (scan->order >= min_order) {
		struct list_head *list = &zone->free_area[scan->order].free_list[scan->mt];

		if (!isolate_from(zone, list, now, age_ms, scan, batch))
			break;
		next_list(zone, scan);
	}
	if (batch->nr)
		WRITE_ONCE(zone->reporting, zone->reporting + 1);
	zone_unlock(zone);
	return scan->order >= min_order;
}

/*
 * The descriptors below the head of a free block say nothing, and zeros say that too.  So the pages
 * that hold only such go back as well: without this, 16 MiB stayed of a heap of 1 GiB that was
 * freed.
 * Linux: mm/hugetlb_vmemmap.c, for huge pages in use.
 */
static void discard_tails(const struct page *head, unsigned int order)
{
	uintptr_t from = ALIGN_UP((uintptr_t)(head + 1), OS_PAGE);

	(void)vm_discard((void *)from, (uintptr_t)(head + ((size_t)1 << order)) - from);
}

static u64 report_batch(struct zone *zone, struct report_batch *batch)
{
	bool ok[REPORTING_CAPACITY];
	u64 pages = 0;

	batch->locked = false;
	for (int i = 0; i < batch->nr; i++) {
		unsigned int order = page_order(batch->page[i]);
		u64 pfn = page_to_pfn(batch->page[i]);
		int err;

		if (order < PAGEBLOCK_ORDER)
			hugepage_break(zone, pfn);
		err = vm_discard(pfn_to_addr(pfn), PAGE_SIZE << order);
		ok[i] = err == 0;
		batch->locked |= err == -EINVAL;
		if (ok[i] && order >= PAGEBLOCK_ORDER) {
			hugepage_mend(zone, pfn, (u64)1 << order);
			discard_tails(batch->page[i], order);
		}
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
		__free_one_page(zone, page, order, (ok[i] ? PG_ZERO : 0) | FPI_TO_TAIL);
	}
	WRITE_ONCE(zone->reporting, zone->reporting - 1);
	WRITE_ONCE(zone->reports, zone->reports + 1);
	zone_unlock(zone);
	return pages;
}

static slowpath u64 report_zone(struct zone *zone, u64 age_ms, unsigned int min_order, u64 enough)
{
	struct report_scan scan = {.order = MAX_PAGE_ORDER};
	struct report_batch batch;
	int refused = 0, locked = 0;
	u64 pages = 0;
	bool more;

	begin_order(zone, &scan);
	do {
		u64 got;

		batch.most = MIN(enough - pages, (u64)REPORTING_BATCH_PAGES);
		more = isolate_batch(zone, (int)min_order, age_ms, &scan, &batch);
		if (!batch.nr)
			continue;
		got = report_batch(zone, &batch);
		refused += got == 0 && !batch.locked;
		locked += got == 0 && batch.locked;
		pages += got;
	} while (more && pages < enough && refused < REPORTING_MAX_REFUSED &&
		 locked < REPORTING_MAX_LOCKED);
	budget_note_gone(zone, pages);
	return pages;
}

slowpath u64 page_reporting_pass(u64 age_ms, unsigned int min_order, u64 enough)
{
	struct zone *zone;
	u64 pages = 0;

	for_each_populated_zone (zone)
		pages += report_zone(zone, age_ms, min_order, enough - MIN(pages, enough));
	return pages;
}

#define SPARE_PART 8
#define SINGLE_ORDERS 2			   /* blocks of one and of two pages */
#define SINGLE_MOST (64 * MiB / PAGE_SIZE) /* at a time, from a program at work: some 20 ms */

/*
 * Blocks of one and two pages take a call each, and the huge page that they lie in.  So they go
 * back last, and only while free pages that are resident are a good part of all.  When they never
 * did, a cache of 96 MiB whose values had been of 100 bytes before they were of 1500 had 49 MiB in
 * them, and a compiler's job of 145 MiB, of which 0.4 stayed, left 29 MiB resident, of which 18
 * were free.
 */
static bool is_too_much(const struct zone *zone, u64 spare)
{
	return spare > zone_resident(zone) / SPARE_PART;
}

static slowpath u64 report_unneeded(struct zone *zone, u64 age_ms)
{
	u64 low = READ_ONCE(zone->low_spare), most = DIV_ROUND_UP(low, 2), pages = 0;

	if (is_too_much(zone, low)) {
		pages = report_zone(zone, age_ms, SINGLE_ORDERS, most);
		if (pages < most)
			pages += report_zone(zone, age_ms, 0, MIN(most - pages, SINGLE_MOST));
	}
	zone_lock(zone);
	WRITE_ONCE(zone->low_spare, zone_spare(zone));
	zone_unlock(zone);
	return pages;
}

/*
 * Small blocks have no age, but how many pages were not needed since the last call is known
 * (low_spare).  A program that is never quite idle would keep all that lies between what it uses:
 * after a few spikes of 300 MiB one of 50 MiB, which asked for 10,000 blocks a second, had 750 MiB
 * resident.
 */
slowpath u64 page_reporting_unneeded(u64 age_ms)
{
	struct zone *zone;
	u64 pages = 0;

	for_each_populated_zone (zone)
		pages += report_unneeded(zone, age_ms);
	return pages;
}

static slowpath void report_rest(struct zone *zone)
{
	u64 spare;

	(void)report_zone(zone, 0, SINGLE_ORDERS, REPORT_ALL);
	zone_lock(zone);
	spare = zone_spare(zone);
	zone_unlock(zone);
	if (is_too_much(zone, spare))
		(void)report_zone(zone, 0, 0, REPORT_ALL);
}

slowpath void page_reporting_rest(void)
{
	struct zone *zone;

	for_each_populated_zone (zone)
		report_rest(zone);
}

#define REPORT_WAIT_MS 1000 /* in a child that a handler forks meanwhile none comes back */

/**
 * page_reporting_wait - the system gives no more memory: wait for a batch that is away
 * @seen: zone->reports, before the caller looked for free pages and found none
 *
 * With less than a batch free a program at its limit was told now and then that there is no memory,
 * because our own thread had it.  Polls, so that a batch that comes back need not wake anybody.
 * Return: whether one has come back.
 */
slowpath bool page_reporting_wait(struct zone *zone, u32 seen)
{
	int ms = REPORT_WAIT_MS;

	while (READ_ONCE(zone->reports) == seen && READ_ONCE(zone->reporting) && ms--)
		os_futex_wait(&zone->reports, seen, 1);
	return READ_ONCE(zone->reports) != seen;
}

slowpath void page_reporting_make_up(struct zone *zone, u64 enough)
{
	(void)report_zone(zone, 0, PAGEBLOCK_ORDER, enough);
}
