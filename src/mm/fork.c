/* SPDX-License-Identifier: MIT */
/*
 * fork.c - what a forked child does about pages that lost threads had in hand
 *
 * What lost threads had in their page sets and in hand is all marked PCP, or EXACT in transit, and
 * so are blocks whose free was deferred.  No other thread is at work when this runs: a walk over
 * the heads finds them.
 */
#include "mm/internal.h"
#include "mm/mm.h"

static bool is_lost(const struct page *page)
{
	return page_type(page) == PAGE_PCP ||
	       (page_type(page) == PAGE_EXACT && (READ_ONCE(page->state) & PG_TRANSIT));
}

/*
 * A lost thread may have counted a block and not marked it, or the other way round.  Not for blocks
 * that are lost themselves.
 */
static void count_anew(const struct page *page)
{
	if (page_type(page) == PAGE_EXACT && (READ_ONCE(page->state) & PG_LARGE))
		large_pages += page->nr_pages;
	else if (page_type(page) == PAGE_EXACT || page_type(page) == PAGE_ALLOC)
		api_pages += page_block_pages(page);
}

/*
 * Find all before any is freed: a block that merges with one ahead would take the walk into its
 * midst, where a half that was about to be cut off may still say that it is in a thread's hands.
 */
static void repair_zone(struct zone *zone)
{
	struct list_head lost, *pos, *next;

	/* What was away to be reported is among the lost. */
	zone->reporting = 0;
	/* Lists first: freeing merges with neighbours that must be linked. */
	buddy_rebuild(zone);
	list_init(&lost);
	for (u64 pfn = zone->start_pfn; pfn < zone->accept_pfn;) {
		struct page *page = pfn_to_page(pfn);

		pfn += page_block_pages(page);
		if (is_lost(page))
			list_add_tail(&page->lru, &lost);
		else
			count_anew(page);
	}
	list_for_each_safe (pos, next, &lost) {
		struct page *head = list_entry(pos, struct page, lru);

		free_in_hand(zone, head, page_type(head) == PAGE_PCP ? READ_ONCE(head->state) : 0);
	}
}

/**
 * mm_fork_repair - take back what lost threads had in hand
 *
 * Outside any slow path and with the page set of this thread empty: it has no pages in hand.  All
 * that the program has in large blocks is in large_pages afterwards, what tasks count included.
 */
void mm_fork_repair(void)
{
	struct zone *zone;

	/* Each says that it is in somebody's hands; a lost thread may have taken the list. */
	deferred_blocks = NULL;
	large_pages = 0;
	api_pages = 0;
	direct_settle();
	budget_settle();
	for_each_populated_zone (zone) {
		accept_settle(zone);
		if (spin_trylock(&zone->lock) == LOCK_BUSY)
			continue; /* cannot be: nobody else is left, and we hold nothing */
		repair_zone(zone);
		zone_unlock(zone);
	}
}
