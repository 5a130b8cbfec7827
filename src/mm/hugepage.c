/* SPDX-License-Identifier: MIT */
/*
 * hugepage.c - huge pages by evidence
 *
 * A small heap stays on 4 KiB pages, even where the system's setting is `always`: one touched byte
 * would cost 2 MiB otherwise.  Beyond the threshold of a zone, address space is advised huge before
 * its first touch, if the heap grows fast or is twice as large, and if what is in use already is
 * mostly touched: a heap of sparse tables would become resident as a whole (zeroed blocks of 32
 * bytes to 1 MiB, never written: 238 MiB instead of 16).  Advice is given by address, stride by
 * stride.  Metadata is never advised huge.  For large blocks there is evidence of their own.
 *
 * A huge page costs a fifth of the 512 small ones it stands for, if the system has one at hand.  It
 * may not: a virtual machine whose host takes free huge blocks back gets them anew one by one,
 * at 2.4 to 4.4 ms each, where small pages take 0.3 to 0.8 and a huge page at hand 0.1 to 0.2.  So
 * whenever the heap grows, the first page is touched and timed; the program would touch it a moment
 * later.  Only the first one (of small pages, two), since much of a large request may never be
 * touched.  After a slow huge page the heap grows by small pages for a while, twice as long each
 * time.
 *
 * The node may have none at hand either.  For memory that is advised huge the system takes a huge
 * page of another node before small pages of this one: a node of 256 MiB with 160 of them free gave
 * no more. Small pages at hand are better than a huge one that is far away for as long as it lives,
 * so it is also asked where the first page came from.
 *
 * Linux:  alloc_pages_vma(), vma_alloc_folio(): the second attempt, without __GFP_THISNODE.
 */
#include "mm/internal.h"
#include "mm/mm.h"
#include "platform/os.h"
#include "platform/vm.h"

enum hugepage_mode mm_hugepages = HUGEPAGES_AUTO;
size_t mm_hugepage_threshold = 32 * MiB;

/* Under accept_lock while none of it is accepted; later under zone->lock too. */
static void note_advice(struct zone *zone, u64 pfn, u64 end, u8 advice)
{
	for (pfn = ALIGN_DOWN(pfn, PAGEBLOCK_NR_PAGES); pfn < end; pfn += PAGEBLOCK_NR_PAGES)
		set_pageblock_advice(zone, pfn, advice);
}

/*
 * Advise for [@pfn, @end), and note it.  Before a zone's first stride is in use nothing is noted,
 * and a look whether it is would touch a page that nobody has written to.  Locks as above.
 */
static void advise(struct zone *zone, u64 pfn, u64 end, bool huge)
{
	if (pfn >= end)
		return;
	vm_advise_huge(pfn_to_addr(pfn), (end - pfn) << PAGE_SHIFT, huge);
	if (huge || zone->commit_pfn > zone->start_pfn)
		note_advice(zone, pfn, end, huge ? PB_HUGE : 0);
}

/*
 * Is at least half of what is in use resident?  True as well if the system does not tell.  Pages of
 * files do not count: with them, a program that had read a file of 100 MiB made blocks resident as
 * a whole of which it used one page in each 2 MiB, 358 MiB instead of 1.4.
 */
static bool heap_is_dense(void)
{
	u64 in_use = 0, resident = os_resident_pages();
	struct zone *zone;

	for_each_populated_zone (zone)
		in_use += zone_resident(zone);
	return !resident || resident >= in_use / 2;
}

#define FAST_PAGES_MS 64 /* 256 MiB in a second: 4 % of the time is for small pages' faults */

/*
 * Was the stride before used up fast?  Small pages cost 0.6 us each and huge ones a fifth of that,
 * but up to 4 MiB of huge pages lie idle behind what is in use.  That is much for a heap of little
 * more than the threshold (git packing 25,000 objects within 0.4 s: 45.6 MiB, and 42.1 without
 * them).
 */
static bool grows_fast(struct zone *zone, u64 pfn)
{
	u64 now = os_clock_ms(), grown = pfn - zone->grown_pfn, time = now - zone->grown_ms;

	zone->grown_pfn = pfn;
	zone->grown_ms = now;
	return grown >= time * FAST_PAGES_MS;
}

/* Evidence for memory up to @end beyond the threshold at @limit. */
static slowpath bool huge_pays(struct zone *zone, u64 pfn, u64 end, u64 limit)
{
	u64 threshold = limit - zone->start_pfn;
	bool fast = end > limit + threshold || grows_fast(zone, pfn);

	return end > limit && fast && heap_is_dense();
}

/*
 * Programs may use little of their large blocks, however dense the rest of the heap is: slapd,
 * whose database takes 16 MiB for each search, was 33 to 74 MiB instead of 33.  Huge pages would be
 * resident as a whole and look used.  So what was mapped for large blocks last in small pages is
 * looked at: where less than a quarter of what is in use is resident, the next are small too.  (A
 * vector that was just copied has half of its block in use.)  Of the others a part is small now and
 * then, to look at later.  Before anything is known, all but the part to look at is left to the
 * system's setting, as the C library leaves it: there may be no second block.
 */
#define PROBE_MAX (16 * MiB / PAGE_SIZE)
#define PROBE_EVERY (128 * MiB / PAGE_SIZE)

static slowpath void look_at_probe(struct zone *zone)
{
	u64 pfn = zone->probe_pfn, end = MIN(zone->probe_end, zone->accept_pfn), nr, in_use;
	long resident;

	/* Who has the lock has it shortly; the next time then. */
	if (end <= pfn || !zone_trylock(zone))
		return;
	nr = end - pfn;
	in_use = nr - section_count_free(zone, pfn, nr);
	zone_unlock(zone);
	if (in_use < nr / 4)
		return;
	resident = vm_resident_pages(pfn_to_addr(pfn), nr << PAGE_SHIFT);
	if (resident >= 0)
		zone->large = (u64)resident >= in_use / 4 ? LARGE_DENSE : LARGE_SPARSE;
}

/*
 * [@pfn, @end) was mapped for a large block, and may be huge from @limit on.  Return: from where on
 * it is to be.
 */
static slowpath u64 limit_large(struct zone *zone, u64 pfn, u64 end, u64 limit)
{
	if (zone->large == LARGE_SPARSE)
		return end;
	if (zone->large == LARGE_DENSE)
		return zone->huge_since < PROBE_EVERY ? limit : MIN(limit + PROBE_MAX, end);
	return MAX(limit, MIN(pfn + PROBE_MAX, end));
}

/* [@pfn, @end) was mapped for a large block; below @limit pages are small. */
static slowpath void note_large(struct zone *zone, u64 pfn, u64 end, u64 limit)
{
	if (limit > pfn) {
		zone->probe_pfn = pfn;
		zone->probe_end = MIN(limit, pfn + PROBE_MAX);
		zone->huge_since = 0;
	}
	zone->huge_since += end - limit;
}

/* Where small pages end if what there is speaks for huge ones. */
static u64 limit_of(struct zone *zone, u64 pfn, u64 end)
{
	u64 limit = zone->start_pfn + (mm_hugepage_threshold >> PAGE_SHIFT);

	if (zone->metadata || mm_hugepages == HUGEPAGES_NEVER || READ_ONCE(zone->small_pages))
		return end;
	if (mm_hugepages == HUGEPAGES_ALWAYS)
		return pfn;
	/* A small heap reads no clock. */
	if (end > zone->start_pfn + (limit - zone->start_pfn) / 2 &&
	    huge_pays(zone, pfn, end, limit))
		return MAX(limit, zone->huge_again_pfn);
	return end;
}

/* Just mapped, never touched.  @large: for a large block. */
void hugepage_advise_new(struct zone *zone, u64 pfn, u64 nr, bool large)
{
	u64 end = pfn + nr, limit = limit_of(zone, pfn, end);
	bool probed = large && mm_hugepages == HUGEPAGES_AUTO;

	limit = CLAMP(limit, pfn, end);
	if (probed && limit < end) {
		look_at_probe(zone);
		limit = limit_large(zone, pfn, end, limit);
	}
	advise(zone, pfn, limit, /* huge= */ false);
	if (!probed || zone->large != LARGE_UNKNOWN)
		advise(zone, limit, end, /* huge= */ true);
	if (probed)
		note_large(zone, pfn, end, limit);
}

/*
 * A huge page that takes this many times as long as its 512 small ones does not pay.  A small page
 * by itself takes two or three times as long as one of a row, so with 4 the slow huge pages of 4.2
 * to 4.7 ms fell on both sides of the limit (node: 2.2 us a small page).
 */
#define SLOW_FACTOR 2
#define SMALL_NS_ASSUMED 1000 /* where none was timed */
/* A look that finds them slow costs 4 ms; 256 MiB of quick ones save 70. */
#define PAUSE_MIN (256 * MiB / PAGE_SIZE)
#define PAUSE_MAX (4 * GiB / PAGE_SIZE)

static bool is_slow(const struct zone *zone, u64 ns)
{
	u64 small = zone->small_ns ? zone->small_ns : SMALL_NS_ASSUMED;

	return ns > SLOW_FACTOR * PAGEBLOCK_NR_PAGES * small;
}

/*
 * Small pages for a while.  @pfn: the block that was looked at; @from, in it: where they begin, up
 * to the end of the stride.
 */
static slowpath void pause_huge(struct zone *zone, u64 pfn, u64 from)
{
	advise(zone, from, zone->commit_pfn, /* huge= */ false);
	zone->huge_pause = CLAMP(2 * zone->huge_pause, PAUSE_MIN, PAUSE_MAX);
	zone->huge_again_pfn = pfn + zone->huge_pause;
}

/* How far from @zone's node the page at @addr is; 0 where the system does not tell. */
static int distance_of(const struct zone *zone, void *addr)
{
	int node = vm_node_of(addr);

	return node >= 0 && node < MAX_NUMNODES ? topology.distance[zone->node][node] : 0;
}

/* From how far away a small page would come: take one to see. */
static slowpath int distance_of_small_page(const struct zone *zone)
{
	void *page = vm_map(OS_PAGE);
	int distance;

	if (!page)
		return 0;
	vm_bind(page, OS_PAGE, zone->node, topology.strict);
	(void)vm_touch(page);
	distance = distance_of(zone, page);
	vm_unmap(page, OS_PAGE);
	return distance;
}

/*
 * Did the page at @pfn come from farther away than a small one would?  Where the node is full both
 * come from another, and if it is the same one the page may as well be huge.
 */
static slowpath bool is_needlessly_far(const struct zone *zone, u64 pfn)
{
	int distance = distance_of(zone, pfn_to_addr(pfn)), small;

	if (distance <= LOCAL_DISTANCE)
		return false;
	small = distance_of_small_page(zone);
	return small && small < distance;
}

/* The first one brings a page table with it: the second is timed. */
static void time_small_page(struct zone *zone, u64 pfn)
{
	u64 ns;

	(void)vm_touch(pfn_to_addr(pfn));
	ns = vm_touch(pfn_to_addr(pfn + 1));
	zone->small_ns = zone->small_ns ? MIN(zone->small_ns, ns) : ns;
}

/* The huge page at @pfn, in @block, goes back if it came from needlessly far.  Return: whether. */
static slowpath bool give_back_far(struct zone *zone, u64 block, u64 pfn)
{
	if (!is_needlessly_far(zone, pfn))
		return false;
	(void)vm_discard(pfn_to_addr(pfn), PAGEBLOCK_NR_PAGES << PAGE_SHIFT);
	pause_huge(zone, block, pfn);
	return true;
}

/*
 * The block at @pfn, the first that a request accepts, is about to be used for the first time.
 * Under accept_lock.  Not in the first 4 MiB of a zone: programs that need no more pay for no
 * clock.  Nor in the second half of each 4 MiB, since two pageblocks are looked at.
 */
void hugepage_look(struct zone *zone, u64 pfn)
{
	u64 ns, second = pfn + PAGEBLOCK_NR_PAGES;

	if (pfn - zone->start_pfn < MAX_ORDER_NR_PAGES || pfn % MAX_ORDER_NR_PAGES ||
	    zone->metadata || mm_hugepages != HUGEPAGES_AUTO)
		return;
	if (get_pageblock_advice(zone, pfn) != PB_HUGE) {
		time_small_page(zone, pfn);
		return;
	}
	ns = vm_touch(pfn_to_addr(pfn));
	if (zone->bind && give_back_far(zone, pfn, pfn))
		return;
	if (is_slow(zone, ns)) {
		pause_huge(zone, pfn, second); /* the one that came stays */
		return;
	}
	/* The first may have been the last that the node had. */
	if (zone->bind) {
		(void)vm_touch(pfn_to_addr(second));
		if (give_back_far(zone, pfn, second))
			return;
	}
	zone->huge_pause = 0;
}

/* Advise for small pages below @end, but not in holes: what lies there is the program's. */
static slowpath void advise_small(const struct zone *zone, u64 end)
{
	u64 first = zone->start_pfn;

	for (u64 pfn = first; pfn <= end; pfn += MAX_ORDER_NR_PAGES) {
		if (pfn < end && page_type(pfn_to_page(pfn)) != PAGE_HOLE)
			continue;
		if (pfn > first)
			vm_advise_huge(pfn_to_addr(first), (pfn - first) << PAGE_SHIFT, false);
		first = pfn + MAX_ORDER_NR_PAGES;
	}
}

/**
 * hugepage_stop - from now on small pages only
 *
 * A huge page makes 2 MiB resident where one page is used, and the free rest of it was believed
 * not to be there.  A container near its limit cannot afford either.
 */
slowpath void hugepage_stop(struct zone *zone)
{
	u64 end;

	if (zone->metadata || mm_hugepages == HUGEPAGES_ALWAYS || READ_ONCE(zone->small_pages))
		return;
	WRITE_ONCE(zone->small_pages, true);
	/* A stride being mapped may have been found worth huge pages before this: wait for it. */
	accept_lock(zone, /* nowait= */ false);
	end = zone->commit_pfn;
	spin_unlock(&zone->accept_lock);
	advise_small(zone, end);
	zone_lock(zone);
	for (u64 pfn = zone->start_pfn; pfn < end; pfn += PAGEBLOCK_NR_PAGES)
		set_pageblock_advice(zone, pfn,
				     get_pageblock_advice(zone, pfn) == PB_HUGE ? PB_STOPPED : 0);
	zone->huge_edges = 0;
	buddy_forget_zero(zone);
	zone_unlock(zone);
}

/*
 * Where a part of a pageblock goes back to the system, khugepaged would fill the gap again: half a
 * GiB of which a tenth was left had 111 MiB resident, and each ten seconds 7 to 14 more.  So the
 * pageblock is not to be huge any more, until it has gone back as a whole.
 *
 * The kernel keeps what is advised alike in one mapping.  A process may have 65530 of them, and
 * that many are the program's to use; each edge between huge and broken pageblocks is one more.
 */
#define HUGE_EDGES_MAX 1024

/* What it does to their number if the pageblock at @pfn is taken from the one kind to the other. */
static slowpath int edges_more(const struct zone *zone, u64 pfn, u8 from)
{
	u64 before = pfn - PAGEBLOCK_NR_PAGES, behind = pfn + PAGEBLOCK_NR_PAGES;
	int more = 0;

	if (pfn > zone->start_pfn)
		more += get_pageblock_advice(zone, before) == from ? 1 : -1;
	if (behind < READ_ONCE(zone->commit_pfn))
		more += get_pageblock_advice(zone, behind) == from ? 1 : -1;
	return more;
}

/* The pageblock at @pfn, so far @from, becomes @to.  Return: whether the system is to be told. */
static slowpath bool change_advice(struct zone *zone, u64 pfn, u8 from, u8 to)
{
	bool changes = false;
	int more;

	zone_lock(zone);
	more = edges_more(zone, pfn, from);
	if (get_pageblock_advice(zone, pfn) == from && zone->huge_edges + more <= HUGE_EDGES_MAX) {
		zone->huge_edges = MAX(zone->huge_edges + more, 0);
		set_pageblock_advice(zone, pfn, to);
		changes = true;
	}
	zone_unlock(zone);
	return changes;
}

/* The pageblock at @pfn was huge when hugepage_stop() came: from now on it is not. */
static slowpath bool end_stopped(struct zone *zone, u64 pfn)
{
	bool was;

	zone_lock(zone);
	was = get_pageblock_advice(zone, pfn) == PB_STOPPED;
	if (was)
		set_pageblock_advice(zone, pfn, 0);
	zone_unlock(zone);
	return was;
}

/**
 * hugepage_break - the page at @pfn is about to go back to the system, but not all of its pageblock
 *
 * The huge page is split, if it is one: the system would have nothing back but in its need.  Blocks
 * of 1 to 30 KB in a container that they filled took up to 10 times as long without, and met its
 * limit.  Takes zone->lock.
 */
slowpath void hugepage_break(struct zone *zone, u64 pfn)
{
	u64 block = ALIGN_DOWN(pfn, PAGEBLOCK_NR_PAGES);
	u8 advice = get_pageblock_advice(zone, block);

	if (advice == PB_HUGE && change_advice(zone, block, PB_HUGE, PB_BROKEN)) {
		vm_advise_huge(pfn_to_addr(block), PAGEBLOCK_NR_PAGES << PAGE_SHIFT, false);
		vm_split_huge(pfn_to_addr(pfn), PAGE_SIZE);
	} else if (advice == PB_STOPPED && end_stopped(zone, block)) {
		vm_split_huge(pfn_to_addr(pfn), PAGE_SIZE);
	}
}

/**
 * hugepage_mend - the pageblocks of [@pfn, @pfn + @nr), in this thread's hands, have gone back
 *
 * Those that were broken may be huge when they are used next.  Takes zone->lock.
 */
slowpath void hugepage_mend(struct zone *zone, u64 pfn, u64 nr)
{
	for (u64 end = pfn + nr; pfn < end; pfn += PAGEBLOCK_NR_PAGES) {
		u8 advice = get_pageblock_advice(zone, pfn);

		if (advice == PB_BROKEN && change_advice(zone, pfn, PB_BROKEN, PB_HUGE)) {
			vm_advise_huge(pfn_to_addr(pfn), PAGEBLOCK_NR_PAGES << PAGE_SHIFT, true);
			/* hugepage_stop() may have said otherwise in between. */
			if (unlikely(READ_ONCE(zone->small_pages)))
				vm_advise_huge(pfn_to_addr(pfn), PAGEBLOCK_NR_PAGES << PAGE_SHIFT,
					       false);
		} else if (advice == PB_STOPPED) {
			(void)end_stopped(zone, pfn);
		}
	}
}
