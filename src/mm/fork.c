/* SPDX-License-Identifier: MIT */
/*
 * fork.c - what a forked child does about pages that vanished threads had in hand
 *
 * Page sets of threads that are gone, blocks in their hands, and those that were left for the next
 * free, are all marked PCP, or EXACT in transit.  The child is alone when this runs: a walk over
 * the heads finds them, also those that a thread had just taken off the list of what was left.
 */
#include "mm/internal.h"
#include "mm/mm.h"

static bool is_lost(const struct page *page)
{
	return page_type(page) == PAGE_PCP ||
	       (page_type(page) == PAGE_EXACT && (READ_ONCE(page->state) & PG_TRANSIT));
}

static void take_back(struct zone *zone, struct page *page)
{
	u64 pfn = page_to_pfn(page);

	page->private[3] = 0; /* it may have been in such a list */
	if (page_type(page) == PAGE_PCP) {
		__free_one_page(zone, page, page_order(page), READ_ONCE(page->state));
	} else {
		page_map_set(pfn, 1, MAP_NONE);
		free_page_range(zone, pfn, page->nr_pages, 0);
	}
}

/*
 * All are found before any is freed: a block that merges ahead would take the walk into its midst,
 * and there a half that was about to be cut off may still say that it is in a thread's hands.
 */
static void repair_zone(struct zone *zone)
{
	struct list_head lost, *pos, *next;

	/* Lists first: freeing merges with neighbours that must be linked. */
	buddy_rebuild(zone);
	list_init(&lost);
	for (u64 pfn = zone->start_pfn; pfn < zone->accept_pfn;) {
		struct page *page = pfn_to_page(pfn);

		pfn += page_block_pages(page);
		if (is_lost(page))
			list_add_tail(&page->lru, &lost);
	}
	list_for_each_safe (pos, next, &lost)
		take_back(zone, list_entry(pos, struct page, lru));
}

/**
 * mm_fork_repair - take back what the vanished threads held
 *
 * Outside any slow path and with the page set of this thread empty: it has no pages in hand.
 */
void mm_fork_repair(void)
{
	struct zone *zone;

	pages_forget_deferred();
	large_forget_deferred();
	direct_settle();
	budget_settle();
	for_each_populated_zone(zone)
	{
		accept_settle(zone);
		if (spin_trylock(&zone->lock) == LOCK_BUSY)
			continue; /* cannot be: nobody else is left, and we hold nothing */
		repair_zone(zone);
		zone_unlock(zone);
	}
}
