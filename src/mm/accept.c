/* SPDX-License-Identifier: MIT */
/*
 * accept.c - taking address space into use, 4 MiB at a time
 *
 * A zone's span is only an address range that was found empty: nothing is mapped there.  Memory
 * is mapped in strides that grow with the zone, so that a heap costs few system calls, and is
 * given to the buddy in MAX_PAGE_ORDER blocks as it is asked for.
 *
 * Not holding the whole range keeps three promises that a large reservation breaks: mlockall()
 * locks what is used and not 128 GiB; a later setrlimit(RLIMIT_AS) finds an honest VmSize; and
 * overcommit mode 2 accounts what is used.  The price is that something else may be mapped into
 * the range; MAP_FIXED_NOREPLACE notices, and that block becomes a hole.
 *
 * Linux:  unaccepted memory, cond_accept_memory().
 * Locks:  zone->accept_lock around the system calls, zone->lock for the hand-over.
 */
#include "base/check.h"
#include "mm/internal.h"
#include "platform/vm.h"
#include <errno.h>

bool mm_grew;

#define STRIDE_MAX (16 * MAX_ORDER_NR_PAGES) /* 64 MiB */

/* How far a stride has got, for a child that is forked in the middle of it. */
static void note_mapped(struct zone *zone, u64 end, u8 parts)
{
	zone->mapping_pfn = end;
	barrier();
	zone->mapped_parts = parts;
	barrier();
}

static void unmap_stride(struct zone *zone, u64 pfn, u64 nr)
{
	if (zone->mapped_parts > 1)
		vm_unmap(pfn_to_addr(pfn), nr << PAGE_SHIFT);
	if (zone->mapped_parts > 0)
		vm_unmap(pfn_to_page(pfn), nr * sizeof(struct page));
	note_mapped(zone, 0, 0);
}

/*
 * After a fork in the middle of a stride, what is in the way at the frontier may be our own: the
 * note comes a moment after the mapping.
 */
static int map_at_frontier(const struct zone *zone, void *addr, size_t len)
{
	int err = vm_map_at(addr, len);

	if (err != -EEXIST || !zone->frontier_suspect)
		return err;
	vm_unmap(addr, len);
	return vm_map_at(addr, len);
}

static int map_stride(struct zone *zone, u64 pfn, u64 nr)
{
	int err = map_at_frontier(zone, pfn_to_page(pfn), nr * sizeof(struct page));

	if (err)
		return err;
	note_mapped(zone, pfn + nr, 1);
	err = map_at_frontier(zone, pfn_to_addr(pfn), nr << PAGE_SHIFT);
	if (!err) {
		note_mapped(zone, pfn + nr, 2);
		if (vm_make_writable(page_map.bytes + ALIGN_DOWN(pfn, OS_PAGE),
				     ALIGN_UP(pfn + nr, OS_PAGE) - ALIGN_DOWN(pfn, OS_PAGE)))
			err = -ENOMEM;
	}
	if (err) {
		unmap_stride(zone, pfn, nr);
		return err;
	}
	if (zone->bind)
		vm_bind(pfn_to_addr(pfn), nr << PAGE_SHIFT, zone->node);
	hugepage_advise_new(zone, pfn, nr);
	return 0;
}

/* The stride is whole: it counts from now on.  Under accept_lock. */
static void commit(struct zone *zone, u64 nr)
{
	zone->commit_pfn += nr;
	barrier();
	note_mapped(zone, 0, 0);
	zone->frontier_suspect = false;
}

/* The block at commit_pfn cannot be had: describe it as a hole and go on behind it. */
static bool map_hole(struct zone *zone)
{
	struct page *page = pfn_to_page(zone->commit_pfn);

	if (vm_map_at(page, MAX_ORDER_NR_PAGES * sizeof(struct page)))
		return false;
	page_set_state(page, page_state(PAGE_HOLE, MAX_PAGE_ORDER, 0));
	return true;
}

/* Map the next stride of @zone.  Under accept_lock. */
static bool commit_stride(struct zone *zone)
{
	u64 room = zone->end_pfn - zone->commit_pfn;
	u64 grown = (zone->commit_pfn - zone->start_pfn) / 8;
	u64 nr = CLAMP(ALIGN_UP(grown, MAX_ORDER_NR_PAGES), MAX_ORDER_NR_PAGES, STRIDE_MAX);
	int err = -ENOMEM;

	for (nr = MIN(nr, room); nr >= MAX_ORDER_NR_PAGES;
	     nr = ALIGN_DOWN(nr / 2, MAX_ORDER_NR_PAGES)) {
		err = map_stride(zone, zone->commit_pfn, nr);
		if (!err) {
			commit(zone, nr);
			return true;
		}
	}
	/* At the very start it means that the whole range is the wrong place: see mm_init(). */
	if (err == -EEXIST && zone->commit_pfn > zone->start_pfn && map_hole(zone)) {
		zone->commit_pfn += MAX_ORDER_NR_PAGES;
		return true;
	}
	return false;
}

/*
 * A request larger than a stride is mapped as a whole or not at all: what cannot be had must
 * not use up, piece by piece, what the system would still give to others.  Under accept_lock.
 */
static bool commit_whole(struct zone *zone, u64 nr)
{
	u64 ahead = zone->commit_pfn - zone->accept_pfn, need;
	int err;

	if (nr <= MAX(ahead, MAX_ORDER_NR_PAGES))
		return true;
	need = ALIGN_UP(nr - ahead, MAX_ORDER_NR_PAGES);
	if (need > zone->end_pfn - zone->commit_pfn)
		return false;
	err = map_stride(zone, zone->commit_pfn, need);
	if (!err)
		commit(zone, need);
	/* With something else in the way, go block by block and leave a hole. */
	return !err || err == -EEXIST;
}

/* Hand one mapped MAX_PAGE_ORDER block to the buddy.  @first: of a request.  Under accept_lock. */
static bool accept_one(struct zone *zone, bool first, bool nowait)
{
	struct page *page;
	u64 pfn = zone->accept_pfn;
	bool hole;

	if (pfn == zone->commit_pfn && !commit_stride(zone))
		return false;
	page = pfn_to_page(pfn);
	hole = page_type(page) == PAGE_HOLE;
	if (!hole && first)
		hugepage_time(zone, pfn);
	if (!zone_lock_ctx(zone, nowait))
		return false;
	if (!hole) {
		set_pageblock_migratetype(zone, pfn, MIGRATE_MOVABLE);
		set_pageblock_migratetype(zone, pfn + PAGEBLOCK_NR_PAGES, MIGRATE_MOVABLE);
		add_to_free_list(zone, page, MAX_PAGE_ORDER, MIGRATE_MOVABLE, PG_ZERO,
				 /* tail= */ true);
		WRITE_ONCE(zone->present_pages, zone->present_pages + MAX_ORDER_NR_PAGES);
		stat_add(zone->stat.accepted, MAX_ORDER_NR_PAGES);
		/* A heap of one block is nothing to look after yet. */
		if (pfn != zone->start_pfn)
			WRITE_ONCE(mm_grew, true);
	}
	WRITE_ONCE(zone->accept_pfn, pfn + MAX_ORDER_NR_PAGES);
	zone_unlock(zone);
	return true;
}

/* The last owner vanished in a fork, perhaps in the middle of mapping: map it anew. */
static void drop_half_mapped(struct zone *zone)
{
	zone->frontier_suspect = true;
	if (zone->mapping_pfn > zone->commit_pfn)
		unmap_stride(zone, zone->commit_pfn, zone->mapping_pfn - zone->commit_pfn);
}

static bool accept_lock(struct zone *zone, bool nowait)
{
	enum lock_result r =
		nowait ? spin_trylock(&zone->accept_lock) : spin_lock(&zone->accept_lock);

	if (unlikely(r == LOCK_STALE))
		drop_half_mapped(zone);
	return r != LOCK_BUSY;
}

/**
 * accept_memory - take at least @nr_pages more into use
 * @nowait: give up rather than wait for a lock
 * @over_budget: also beyond the zone's managed pages
 *
 * Return: whether anything was taken into use.
 */
bool accept_memory(struct zone *zone, u64 nr_pages, bool nowait, bool over_budget)
{
	u64 got = 0;

	if (!zone->end_pfn || !accept_lock(zone, nowait))
		return false;
	if ((!over_budget && zone->present_pages + nr_pages > zone->managed_pages) ||
	    !commit_whole(zone, nr_pages)) {
		spin_unlock(&zone->accept_lock);
		return false;
	}
	while (got < nr_pages && zone->accept_pfn < zone->end_pfn) {
		if (!over_budget && zone->present_pages >= zone->managed_pages)
			break;
		if (!accept_one(zone, /* first= */ !got, nowait))
			break;
		got += MAX_ORDER_NR_PAGES;
	}
	spin_unlock(&zone->accept_lock);
	return got != 0;
}
