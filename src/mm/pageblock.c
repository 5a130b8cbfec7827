/* SPDX-License-Identifier: MIT */
/*
 * pageblock.c - the migratetype of each 2 MiB block, and what was advised for it
 *
 * A free pageblock is one whole huge page; keeping pages of one kind together keeps it so.
 *
 * Linux:  pageblock_flags.  A byte for each block here; fresh blocks are MOVABLE and are claimed
 *         by the first other kind that needs one.
 * Locks:  zone->lock; accept_lock is enough for blocks that are not accepted yet.
 *
 * INVARIANT strict: the list a free block is on is the type of its pageblock, and all blocks
 * under a free block larger than a pageblock have one type.
 *   made by     buddy_init_zone(), accept_memory(): what is accepted later of a pageblock is of
 *               the type that it has by then
 *   kept by     __free_one_page() retags when it merges over a pageblock; move_freepages_block()
 *   relied on   fallback.c, which takes the list for the type of what it finds there
 *   checked by  mm_verify()
 */
#include "base/check.h"
#include "mm/internal.h"

#define PB_TYPE 7 /* the bits of a migratetype */
static_assert(MIGRATE_TYPES <= PB_TYPE + 1 && !(PB_TYPE & (PB_HUGE | PB_BROKEN)), "bits of a byte");

static u8 *pageblock_bits(const struct zone *zone, u64 pfn)
{
	u64 block = (pfn - zone->start_pfn) >> PAGEBLOCK_ORDER;

	return &section_of(zone, pfn)->pageblock_bits[block % PAGEBLOCKS_PER_SECTION];
}

enum migratetype get_pageblock_migratetype(const struct zone *zone, u64 pfn)
{
	return (enum migratetype)(*pageblock_bits(zone, pfn) & PB_TYPE);
}

/*
 * Of a block that is accepted now: it has had none, which is 0.  One access, which writes: the
 * first one of a zone would fault its page in twice if it read.
 */
void init_pageblock_migratetype(struct zone *zone, u64 pfn, enum migratetype mt)
{
	*pageblock_bits(zone, pfn) |= (u8)mt;
}

void set_pageblock_migratetype(struct zone *zone, u64 pfn, enum migratetype mt)
{
	u8 *bits = pageblock_bits(zone, pfn);

	WRITE_ONCE(*bits, (u8)((*bits & ~PB_TYPE) | mt)); /* racy readers of the advice */
}

/* One of PB_*, or 0; also without the lock, as a hint. */
u8 get_pageblock_advice(const struct zone *zone, u64 pfn)
{
	return READ_ONCE(*pageblock_bits(zone, pfn)) & (PB_HUGE | PB_BROKEN);
}

void set_pageblock_advice(struct zone *zone, u64 pfn, u8 advice)
{
	u8 *bits = pageblock_bits(zone, pfn), now = (u8)((*bits & PB_TYPE) | advice);

	if (*bits != now)
		WRITE_ONCE(*bits, now);
}

/*
 * Retag the pageblock of @pfn and move its free pages to the lists of @mt.
 *
 * The walk goes from head to head.  The tail of an exact block may reach in from the pageblock
 * before: its descriptors say NONE and count for a page each.
 */
void move_freepages_block(struct zone *zone, u64 pfn, enum migratetype mt)
{
	u64 start = ALIGN_DOWN(pfn, PAGEBLOCK_NR_PAGES);
	u64 end = MIN(start + PAGEBLOCK_NR_PAGES, zone->accept_pfn);

	set_pageblock_migratetype(zone, pfn, mt);
	for (u64 p = start; p < end;) {
		struct page *page = pfn_to_page(p);

		if (page_type(page) == PAGE_FREE) {
			unsigned int order = page_order(page);

			VM_BUG_ON(order > PAGEBLOCK_ORDER);
			list_move(&page->lru, &zone->free_area[order].free_list[mt]);
		}
		p += page_block_pages(page);
	}
}
