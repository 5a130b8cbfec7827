/* SPDX-License-Identifier: MIT */
/*
 * accept.c - taking address space into use, 4 MiB at a time, in smaller steps at first
 *
 * A zone's span is only an address range that was found empty: nothing is mapped there.  Memory
 * is mapped in strides that grow with the zone, so that a heap costs few system calls, and is
 * given to the buddy in MAX_PAGE_ORDER blocks as it is asked for.  The first such block of a zone
 * comes in parts, each as large as what there is already: to split it would touch 20 KiB of
 * descriptors in a program that holds one object.  The other blocks of its first 64 MiB come in
 * halves, see next_order().
 *
 * Since the whole range is not reserved, three things work that a large reservation breaks.
 * mlockall() locks what is used and not 128 GiB (of what is mapped later a whole stride at once: it
 * reads as zero, as PG_ZERO says, but is resident, which budget.c then learns from the system).  A
 * later setrlimit(RLIMIT_AS) meets an honest VmSize.  And overcommit mode 2 counts what is used.
 * The price is that something else may be mapped into the range: vm_map_at() notices, and that
 * block becomes a hole.
 *
 * Linux:  unaccepted memory, cond_accept_memory().
 * Locks:  zone->accept_lock around the system calls, zone->lock for the hand-over.
 */
#include "mm/internal.h"
#include "mm/mm.h"
#include "platform/os.h"
#include "platform/vm.h"
#include <errno.h>

bool mm_grew;

#define STRIDE_MAX (16 * MAX_ORDER_NR_PAGES) /* 64 MiB */

/*
 * How far a stride has got, for a child that is forked in the middle: @parts of it are mapped,
 * first the descriptors and then the memory, and the next part may be, since the system is being
 * asked.
 */
static void note_mapped(struct zone *zone, u64 end, u8 parts)
{
	zone->mapping_pfn = end;
	barrier();
	zone->mapped_parts = parts;
	barrier();
}

/* Unmap the stride that note_mapped() noted. */
static slowpath void unmap_stride(struct zone *zone)
{
	u64 pfn = zone->commit_pfn, end = zone->mapping_pfn;

	if (zone->mapped_parts > 1) {
		note_mapped(zone, end, 1);
		vm_unmap(pfn_to_addr(pfn), (end - pfn) << PAGE_SHIFT);
	}
	if (zone->mapped_parts > 0) {
		note_mapped(zone, end, 0);
		vm_unmap(pfn_to_page(pfn), (end - pfn) * sizeof(struct page));
	}
	note_mapped(zone, 0, 0);
}

/*
 * Is the stride at @pfn to be bound?  Not in a program that has entered a filter since it started,
 * which may end it for that.  Such a program has opened files for each stride but the first before
 * (budget.c), so it is no more than that to ask.  Under accept_lock.
 */
static slowpath bool may_bind(struct zone *zone, u64 pfn)
{
	if (pfn > zone->start_pfn && os_is_locked_in())
		zone->bind = false;
	return zone->bind;
}

/* Map the stride [@pfn, @pfn + @nr), which begins at commit_pfn.  @large: for a large block. */
static int map_stride(struct zone *zone, u64 pfn, u64 nr, bool large)
{
	int err;

	note_mapped(zone, pfn + nr, 0);
	err = vm_map_at(pfn_to_page(pfn), nr * sizeof(struct page));
	if (err) {
		note_mapped(zone, 0, 0);
		return err;
	}
	note_mapped(zone, pfn + nr, 1);
	err = vm_map_at(pfn_to_addr(pfn), nr << PAGE_SHIFT);
	if (!err) {
		note_mapped(zone, pfn + nr, 2);
		if (vm_make_writable(page_map.bytes + ALIGN_DOWN(pfn, OS_PAGE),
				     ALIGN_UP(pfn + nr, OS_PAGE) - ALIGN_DOWN(pfn, OS_PAGE)) ||
		    sections_make_writable(zone, pfn, nr))
			err = -ENOMEM;
	}
	if (err) {
		unmap_stride(zone);
		return err;
	}
	if (zone->bind && may_bind(zone, pfn))
		vm_bind(pfn_to_addr(pfn), nr << PAGE_SHIFT, zone->node, topology.strict);
	/* Of large blocks few descriptors are touched.  The first stride has too few to matter. */
	if (pfn > zone->start_pfn)
		vm_advise_huge(pfn_to_page(pfn), nr * sizeof(struct page), false);
	hugepage_advise_new(zone, pfn, nr, large);
	return 0;
}

/* The stride is mapped completely, and counts from now on.  Under accept_lock. */
static void commit(struct zone *zone, u64 nr)
{
	WRITE_ONCE(zone->commit_pfn, zone->commit_pfn + nr);
	barrier();
	note_mapped(zone, 0, 0);
}

/* Something else lies in the block at commit_pfn: make it a hole and go on behind it. */
static slowpath bool map_hole(struct zone *zone)
{
	struct page *page = pfn_to_page(zone->commit_pfn);
	bool mapped;

	note_mapped(zone, zone->commit_pfn + MAX_ORDER_NR_PAGES, 0);
	mapped = !vm_map_at(page, MAX_ORDER_NR_PAGES * sizeof(struct page));
	if (mapped) {
		zone->has_hole = true;
		page_set_state(page, page_state(PAGE_HOLE, MAX_PAGE_ORDER, 0));
		WRITE_ONCE(zone->commit_pfn, zone->commit_pfn + MAX_ORDER_NR_PAGES);
		barrier();
	}
	note_mapped(zone, 0, 0);
	return mapped;
}

/* Map the next stride of @zone.  Under accept_lock. */
static bool commit_stride(struct zone *zone, bool large)
{
	u64 room = zone->end_pfn - zone->commit_pfn;
	u64 grown = (zone->commit_pfn - zone->start_pfn) / 8;
	u64 nr = CLAMP(ALIGN_UP(grown, MAX_ORDER_NR_PAGES), MAX_ORDER_NR_PAGES, STRIDE_MAX);
	int err = -ENOMEM;

	for (nr = MIN(nr, room); nr >= MAX_ORDER_NR_PAGES;
	     nr = ALIGN_DOWN(nr / 2, MAX_ORDER_NR_PAGES)) {
		err = map_stride(zone, zone->commit_pfn, nr, large);
		if (!err) {
			commit(zone, nr);
			return true;
		}
	}
	/* In mm_init(), which looks for a place, it means that the whole range is the wrong one. */
	return err == -EEXIST && mm_ready && map_hole(zone);
}

/*
 * A request larger than a stride is mapped as a whole or not at all: what cannot be had must
 * not use up, piece by piece, what the system would still give to others.  Under accept_lock.
 */
static bool commit_whole(struct zone *zone, u64 nr, bool large)
{
	u64 ahead = zone->commit_pfn - zone->accept_pfn, need;
	int err;

	if (nr <= MAX(ahead, MAX_ORDER_NR_PAGES))
		return true;
	need = ALIGN_UP(nr - ahead, MAX_ORDER_NR_PAGES);
	if (need > zone->end_pfn - zone->commit_pfn)
		return false;
	err = map_stride(zone, zone->commit_pfn, need, large);
	if (!err)
		commit(zone, need);
	/* With something else in the way, go block by block and leave a hole. */
	return !err || err == -EEXIST;
}

#define FIRST_ORDER 6 /* its descriptors fill a page */
#define SMALL_ZONE (16 * MAX_ORDER_NR_PAGES)

/*
 * How much to hand over next.  Doubling what there is keeps each part aligned to its size.  In a
 * small zone it is at most a pageblock: what is handed over comes to be resident, and what lies
 * idle is looked for only when the zone grows.  By 4 MiB at a time python3 had 48.8 MiB at its peak
 * and 10,800 faults, and has 45.7 and 10,100 now; sqlite3 had 38.9 MiB and has 37.8.
 */
static unsigned int next_order(const struct zone *zone)
{
	u64 done = zone->accept_pfn - zone->start_pfn;
	u64 most = done < SMALL_ZONE ? PAGEBLOCK_NR_PAGES : MAX_ORDER_NR_PAGES;

	return done ? (unsigned int)__builtin_ctzll(done | most) : FIRST_ORDER;
}

/*
 * Mapped memory becomes the buddy's.  The block says that it is in this thread's hands before it
 * is accepted: a forked child finds all of it or nothing.  Under zone->lock.
 */
static void hand_over(struct zone *zone, u64 pfn, unsigned int order)
{
	struct page *page = pfn_to_page(pfn);
	u64 nr = (u64)1 << order;

	page_set_owned(page, order, PG_ZERO);
	for (u64 p = ALIGN_UP(pfn, PAGEBLOCK_NR_PAGES); p < pfn + nr; p += PAGEBLOCK_NR_PAGES)
		init_pageblock_migratetype(zone, p, MIGRATE_MOVABLE);
	WRITE_ONCE(zone->present_pages, zone->present_pages + nr);
	WRITE_ONCE(zone->accept_pfn, pfn + nr);
	barrier();
	stat_add(zone->stat.accepted, nr);
	if (order == MAX_PAGE_ORDER) {
		section_set_free(zone, pfn, nr);
		/* It is not resident, so it comes behind those before: lowest address first. */
		add_to_free_list(zone, page, order, MIGRATE_MOVABLE, PG_ZERO);
	} else {
		__free_one_page(zone, page, order, PG_ZERO);
		stat_add(zone->stat.pgfree, 0ul - nr);
	}
}

/*
 * Accept one more block, or part of one.  @first: of a request.  Under accept_lock.
 * Return: pages, a hole's included; 0 if there is no more.
 */
static u64 accept_one(struct zone *zone, bool first, bool nowait, bool large)
{
	u64 pfn = zone->accept_pfn;
	unsigned int order = next_order(zone);
	bool hole;

	if (pfn == zone->commit_pfn && !commit_stride(zone, large))
		return 0;
	/* To read a descriptor that was never written would fault its page in twice. */
	hole = zone->has_hole && page_type(pfn_to_page(pfn)) == PAGE_HOLE;
	if (!hole && first)
		hugepage_look(zone, pfn);
	if (!zone_lock_ctx(zone, nowait))
		return 0;
	if (!hole)
		hand_over(zone, pfn, order);
	else
		WRITE_ONCE(zone->accept_pfn, pfn + MAX_ORDER_NR_PAGES);
	zone_unlock(zone);
	/* A heap of one block is nothing to look after yet. */
	if (!hole && pfn - zone->start_pfn >= MAX_ORDER_NR_PAGES)
		WRITE_ONCE(mm_grew, true);
	return hole ? MAX_ORDER_NR_PAGES : (u64)1 << order;
}

/*
 * Was the part after those noted mapped by us, or is something of the program's in the way?  A
 * mapping of ours is complete, and memory of ours was never touched.
 */
static bool next_part_is_ours(const struct zone *zone)
{
	u64 pfn = zone->commit_pfn, nr = zone->mapping_pfn - pfn;

	if (zone->mapped_parts == 0)
		return vm_resident_pages(pfn_to_page(pfn), nr * sizeof(struct page)) != -ENOMEM;
	return zone->mapped_parts == 1 &&
	       vm_resident_pages(pfn_to_addr(pfn), nr << PAGE_SHIFT) == 0;
}

/* The last owner was lost in a fork, perhaps while it mapped a stride: undo that. */
static slowpath void drop_half_mapped(struct zone *zone)
{
	if (zone->mapping_pfn > zone->commit_pfn) {
		if (next_part_is_ours(zone))
			note_mapped(zone, zone->mapping_pfn, zone->mapped_parts + 1);
		unmap_stride(zone);
	}
	note_mapped(zone, 0, 0);
}

bool accept_lock(struct zone *zone, bool nowait)
{
	enum lock_result r =
		nowait ? spin_trylock(&zone->accept_lock) : spin_lock(&zone->accept_lock);

	if (unlikely(r == LOCK_STALE))
		drop_half_mapped(zone);
	return r != LOCK_BUSY;
}

/* In a forked child, whose other threads are gone. */
slowpath void accept_settle(struct zone *zone)
{
	if (accept_lock(zone, /* nowait= */ true))
		spin_unlock(&zone->accept_lock);
}

/**
 * accept_memory_after - take at least @nr_pages more into use, unless others did meanwhile
 * @seen_pfn: accept_pfn before the caller looked for free pages and found none
 * @nowait: give up rather than wait for a lock
 * @over_budget: also beyond the zone's managed pages
 * @large: for a large block, of which much may never be touched
 *
 * A thousand threads that find nothing free at once want another look when the first of them has
 * taken more into use, not 4 MiB each: they had 3.9 GiB for 0.3 in use.
 */
enum accept_result accept_memory_after(struct zone *zone, u64 seen_pfn, u64 nr_pages, bool nowait,
				       bool over_budget, bool large)
{
	u64 got = 0, more;

	if (!zone->end_pfn || !accept_lock(zone, nowait))
		return ACCEPT_NOTHING;
	if (zone->accept_pfn != seen_pfn) {
		spin_unlock(&zone->accept_lock);
		return ACCEPT_BY_OTHERS;
	}
	if ((!over_budget && zone->present_pages + nr_pages > zone->managed_pages) ||
	    !commit_whole(zone, nr_pages, large)) {
		spin_unlock(&zone->accept_lock);
		return ACCEPT_NOTHING;
	}
	while (got < nr_pages && zone->accept_pfn < zone->end_pfn) {
		more = accept_one(zone, /* first= */ !got, nowait, large);
		if (!more)
			break;
		got += more;
	}
	spin_unlock(&zone->accept_lock);
	return got ? ACCEPT_MORE : ACCEPT_NOTHING;
}

/* The same for who has not looked for free pages.  Return: whether anything was taken into use. */
bool accept_memory(struct zone *zone, u64 nr_pages)
{
	return accept_memory_after(zone, READ_ONCE(zone->accept_pfn), nr_pages, /* nowait= */ false,
				   /* over_budget= */ true, /* large= */ false) != ACCEPT_NOTHING;
}
