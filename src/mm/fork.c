/* SPDX-License-Identifier: MIT */
/*
 * fork.c - what a forked child does about pages that vanished threads had in hand
 *
 * Page sets of threads that are gone, and blocks in their hands, are all marked PCP, or EXACT in
 * transit, with the id of a thread.  The child is alone when this runs: one walk over the heads
 * finds them.
 */
#include "mm/internal.h"
#include "mm/mm.h"

static void repair_zone(struct zone *zone)
{
	/* Lists first: freeing merges with neighbours that must be linked. */
	buddy_rebuild(zone);
	for (u64 pfn = zone->start_pfn; pfn < zone->accept_pfn;) {
		struct page *page = pfn_to_page(pfn);
		u64 nr = page_block_pages(page);

		if (page_type(page) == PAGE_PCP && page->owner) {
			__free_one_page(zone, page, page_order(page), READ_ONCE(page->state));
		} else if (page_type(page) == PAGE_EXACT && (READ_ONCE(page->state) & PG_TRANSIT)) {
			page_map_set(pfn, 1, MAP_NONE);
			free_page_range(zone, pfn, nr, 0);
		}
		pfn += nr;
	}
}

/**
 * mm_fork_repair - take back what the vanished threads held
 *
 * Outside any slow path and with the page set of this thread empty: it has no pages in hand.
 */
void mm_fork_repair(void)
{
	struct zone *zone;

	for_each_populated_zone(zone)
	{
		if (spin_trylock(&zone->lock) == LOCK_BUSY)
			continue; /* cannot be: nobody else is left, and we hold nothing */
		repair_zone(zone);
		zone_unlock(zone);
	}
}
