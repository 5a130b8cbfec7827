/* SPDX-License-Identifier: MIT */
/*
 * verify.c - are pages, lists and counters what they claim to be?
 *
 * Reports begin with a number, which tells what is wrong: I-1 one state for each page, I-2 free
 * heads and the map of free pages, I-3 merged, I-4 and I-5 counts, I-12 strict pageblock types,
 * I-14 marks; of page sets I-18 counts and limits, I-19 what is on which list, I-21 factors.  Those
 * from I-22 on are in slab/verify.c.
 */
#include "base/check.h"
#include "mm/internal.h"
#include "mm/mm.h"

struct walk {
	u64 free[NR_PAGE_ORDERS], zero, pages;
	int bad;
};

#define CHECK(w, cond, page, what)                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			bug_warn("verify: %s: page %p state %x", what, page_address(page),         \
				 (page)->state);                                                   \
			(w)->bad++;                                                                \
		}                                                                                  \
	} while (0)

static void check_free_head(struct zone *zone, const struct page *page, struct walk *w)
{
	u64 pfn = page_to_pfn(page);
	unsigned int order = page_order(page);
	u64 buddy_pfn = pfn ^ ((u64)1 << order);
	const struct page *buddy = pfn_to_page(buddy_pfn);

	CHECK(w, order <= MAX_PAGE_ORDER, page, "I-2 order of a free block");
	if (order > MAX_PAGE_ORDER)
		return;
	CHECK(w, !(pfn & (((u64)1 << order) - 1)), page, "I-2 alignment of a free block");
	CHECK(w, page->lru.next && page->lru.next->prev == &page->lru, page, "I-4 list links");
	w->free[order]++;
	if (page_is_zero(page))
		w->zero += (u64)1 << order;
	if (order < MAX_PAGE_ORDER && buddy_pfn >= zone->start_pfn &&
	    buddy_pfn < zone->accept_pfn && page_type(buddy) == PAGE_FREE &&
	    page_order(buddy) == order) {
		enum migratetype a = get_pageblock_migratetype(zone, pfn);
		enum migratetype b = get_pageblock_migratetype(zone, buddy_pfn);

		CHECK(w,
		      (a != b && (a >= MIGRATE_PCPTYPES || b >= MIGRATE_PCPTYPES)) ||
			      (!may_mix(zone, order) && page_is_zero(page) != page_is_zero(buddy)),
		      page, "I-3 free buddies not merged");
	}
}

/* The inside of a block. */
static void check_bare(const struct page *head, u64 nr, struct walk *w)
{
	for (u64 i = 1; i < nr; i++)
		CHECK(w, page_type(head + i) != PAGE_FREE, head + i,
		      "I-1 free page inside a block");
}

static void walk_heads(struct zone *zone, struct walk *w)
{
	for (u64 pfn = zone->start_pfn; pfn < zone->accept_pfn;) {
		const struct page *page = pfn_to_page(pfn);
		u64 nr = page_block_pages(page);

		switch (page_type(page)) {
		case PAGE_FREE:
			check_free_head(zone, page, w);
			break;
		case PAGE_HOLE:
			w->pages -= nr;
			break;
		case PAGE_PCP:
		case PAGE_ALLOC:
		case PAGE_EXACT:
		case PAGE_SLAB:
			break;
		default:
			CHECK(w, false, page, "I-1 page without a state");
		}
		if (!nr || pfn + nr > zone->accept_pfn) {
			CHECK(w, false, page, "I-1 block reaches out of the zone");
			break;
		}
		check_bare(page, nr, w);
		CHECK(w,
		      section_count_free(zone, pfn, nr) == (page_type(page) == PAGE_FREE ? nr : 0),
		      page, "I-2 map of free pages");
		w->pages += nr;
		pfn += nr;
	}
}

static u64 walk_list(struct zone *zone, struct list_head *list, unsigned int order, int mt,
		     struct walk *w)
{
	const struct page *page;
	u64 n = 0;

	list_for_each_entry (page, list, lru) {
		CHECK(w, page_type(page) == PAGE_FREE && page_order(page) == order, page,
		      "I-4 stranger on a free list");
		CHECK(w, (int)get_pageblock_migratetype(zone, page_to_pfn(page)) == mt, page,
		      "I-12 list is not the type of the pageblock");
		if (++n > zone->nr_free_pages + 1)
			break;
	}
	return n;
}

static int bad_mark(const struct zone *zone, int mark)
{
	bug_warn("verify: I-14 zone %s: mark %d is %lu, the one below %lu", zone->name, mark,
		 zone->_watermark[mark], zone->_watermark[mark - 1]);
	return 1;
}

static int verify_zone(struct zone *zone)
{
	struct walk w = {0};
	u64 free_pages = 0, zero_pages = 0;

	zone_lock(zone);
	walk_heads(zone, &w);
	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++) {
		struct free_area *area = &zone->free_area[order];
		u64 listed = 0;

		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			listed += walk_list(zone, &area->free_list[mt], order, mt, &w);
		if (listed != area->nr_free || w.free[order] != listed) {
			bug_warn("verify: I-4 zone %s order %u: %lu listed, %lu counted, %lu found",
				 zone->name, order, (unsigned long)listed, area->nr_free,
				 (unsigned long)w.free[order]);
			w.bad++;
		}
		free_pages += listed << order;
		zero_pages += area->nr_zero << order;
	}
	if (free_pages != zone->nr_free_pages || w.zero != zone->nr_zero_pages ||
	    zero_pages != zone->nr_zero_pages || w.pages != zone->present_pages) {
		bug_warn(
			"verify: I-5 zone %s: free %lu is %lu, zero %lu is %lu, present %lu is %lu",
			zone->name, zone->nr_free_pages, (unsigned long)free_pages,
			zone->nr_zero_pages, (unsigned long)w.zero,
			(unsigned long)zone->present_pages, (unsigned long)w.pages);
		w.bad++;
	}
	for (int i = 1; i < NR_WMARK; i++)
		if (zone->_watermark[i] < zone->_watermark[i - 1])
			w.bad += bad_mark(zone, i);
	zone_unlock(zone);
	return w.bad;
}

/**
 * mm_verify - walk every zone under its lock
 * Return: the number of violations, each reported on stderr.
 */
int mm_verify(void)
{
	struct zone *zone;
	int bad = 0;

	for_each_populated_zone (zone)
		bad += verify_zone(zone);
	return bad;
}

static int bad_set(const struct mm_task *task, const char *what)
{
	bug_warn("verify: %s: page set of task %u, %d and %d pages, at most %d and %d", what,
		 task->id, task->pcp.count, task->pcp.exact_count, task->pcp.high,
		 task->pcp.exact_high);
	return 1;
}

/* The lists of blocks by order.  Under pcp->lock, as all below. */
static int verify_lists(const struct mm_task *task)
{
	const struct per_task_pages *pcp = &task->pcp;
	const struct page *page;
	int pages = 0, bad = 0;

	for (unsigned int i = 0; i < NR_PCP_LISTS; i++) {
		list_for_each_entry (page, &pcp->lists[i], lru) {
			pages += 1 << pcp_list_order(i);
			if (pages > pcp->count)
				break;
			if (page_type(page) != PAGE_PCP || page_order(page) != pcp_list_order(i) ||
			    page->owner != task->id)
				bad += bad_set(task, "I-19 stranger in a page set");
		}
	}
	return pages == pcp->count ? bad : bad + bad_set(task, "I-18 count of a page set");
}

/* Those of exact blocks by length. */
static int verify_exact_lists(const struct mm_task *task)
{
	const struct per_task_pages *pcp = &task->pcp;
	const struct page *page;
	int pages = 0, shorter = 0, nr_long = 0, bad = 0;

	for (unsigned int i = 0; i < NR_EXACT_LISTS; i++) {
		if (i == EXACT_LONG_LIST)
			shorter = pages;
		if (list_empty(&pcp->exact[i]) == !!(pcp->exact_lists >> i & 1))
			bad += bad_set(task, "I-18 bit of a list of exact blocks");
		list_for_each_entry (page, &pcp->exact[i], lru) {
			nr_long += i == EXACT_LONG_LIST;
			pages += (int)page->nr_pages;
			if (pages > pcp->exact_count)
				break;
			if (page_type(page) != PAGE_EXACT || !(page->state & PG_TRANSIT) ||
			    exact_list_of(page->nr_pages) != i || page->owner != task->id)
				bad += bad_set(task, "I-19 stranger among exact blocks");
		}
	}
	if (pages != pcp->exact_count || pages - shorter != pcp->exact_long ||
	    nr_long != pcp->exact_nr_long || nr_long > EXACT_SET_LONG)
		bad += bad_set(task, "I-18 count of exact blocks");
	return bad;
}

static int verify_limits(const struct mm_task *task)
{
	const struct per_task_pages *pcp = &task->pcp;
	int most_freed = (pcp->batch << PCP_BATCH_SCALE_MAX) + (1 << PAGEBLOCK_ORDER);
	int bad = 0;

	if (pcp->batch < 1 || pcp->high < pcp->high_min ||
	    pcp->high > MAX(pcp->high_min, pcp->high_max) || pcp->exact_high < EXACT_SET_HIGH_MIN ||
	    pcp->exact_high > EXACT_SET_HIGH_MAX)
		bad += bad_set(task, "I-18 limits of a page set");
	if (pcp->alloc_factor > PCP_BATCH_SCALE_MAX || pcp->free_count < 0 ||
	    pcp->free_count > most_freed)
		bad += bad_set(task, "I-21 factors of a page set");
	return bad;
}

/**
 * pcp_verify - look at the page set of @task, or pass it by if its lock is held
 * Return: the number of violations, each reported on stderr.
 */
int pcp_verify(struct mm_task *task)
{
	struct per_task_pages *pcp = &task->pcp;
	int bad = 0;

	if (spin_trylock(&pcp->lock) == LOCK_BUSY)
		return 0;
	if (pcp->ready)
		bad = verify_lists(task) + verify_exact_lists(task) + verify_limits(task);
	spin_unlock(&pcp->lock);
	return bad;
}
