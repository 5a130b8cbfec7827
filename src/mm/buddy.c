/* SPDX-License-Identifier: MIT */
/*
 * buddy.c - free blocks of 2^order pages: split, merge, link
 *
 * Linux:  mm/page_alloc.c, __free_one_page(), __rmqueue_smallest(), expand().  The same rules
 *         of placement.  Differs in the order of its stores: a head grows or shrinks with one
 *         store of its state, before the half that it swallows is cleared and after the half
 *         that it sheds is marked, so that a walk by heads is whole at every instruction.  And
 *         a block says that it is in somebody's hands while its head moves, see "bare".
 * Locks:  zone->lock for everything here.
 *
 * INVARIANT merged: while zone->lock is free, no two free blocks of equal order are buddies if
 * their pageblocks may merge, unless only one is resident and such may not mix (may_mix()).
 *   made by     accept_memory(), which frees what it accepts like any other block
 *   kept by     __free_one_page() merges before it links; expand() links a half only when its
 *               buddy is being handed out or split further
 *   relied on   buddyinfo as a measure of fragmentation; large.c, which looks for runs of
 *               free pageblocks
 *   checked by  mm_verify()
 *
 * INVARIANT bare: at every instruction, no descriptor that a head covers says FREE.
 *   made by     accept_memory(): fresh descriptors are zero
 *   kept by     __free_one_page(), expand() and large.c mark a block PCP, as in this thread's
 *               hands, before a head comes to cover it, and FREE only when none does any more
 *   relied on   a child of a fork at that instruction: page_is_buddy() and free_head() believe a
 *               state that says FREE, whatever lies around it
 *   checked by  mm_verify(); tests/sim/test_fork_at_instruction.c
 */
#include "base/check.h"
#include "mm/internal.h"
#include "mm/mm.h"
#include "platform/os.h"

void buddy_init_zone(struct zone *zone)
{
	for (int order = 0; order < NR_PAGE_ORDERS; order++) {
		zone->free_area[order].nr_free = 0;
		zone->free_area[order].nr_zero = 0;
		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			list_init(&zone->free_area[order].free_list[mt]);
	}
}

/* Note which pageblocks are free as a whole: large.c looks for runs of them. */
static void mark_free_blocks(struct zone *zone, const struct page *page, unsigned int order,
			     bool is_free)
{
	u64 bit = (page_to_pfn(page) - zone->start_pfn) >> PAGEBLOCK_ORDER;
	unsigned long mask = (order == MAX_PAGE_ORDER ? 3ul : 1ul) << (bit % 64);

	if (is_free)
		zone->free_block_map[bit / 64] |= mask;
	else
		zone->free_block_map[bit / 64] &= ~mask;
}

/* The caller has marked @page FREE already.  What is resident is used first. */
static void link_free(struct zone *zone, struct page *page, unsigned int order, enum migratetype mt,
		      bool tail)
{
	struct free_area *area = &zone->free_area[order];

	if (tail || page_is_zero(page))
		list_add_tail(&page->lru, &area->free_list[mt]);
	else
		list_add(&page->lru, &area->free_list[mt]);
	stat_inc(area->nr_free);
	stat_add(zone->nr_free_pages, 1ul << order);
	if (page_is_zero(page)) {
		stat_inc(area->nr_zero);
		stat_add(zone->nr_zero_pages, 1ul << order);
	}
	if (order >= PAGEBLOCK_ORDER) {
		/* What is not resident has no age. */
		if (!page_is_zero(page))
			page->freed_ms = os_clock_ms();
		mark_free_blocks(zone, page, order, /* is_free= */ true);
	}
}

void add_to_free_list(struct zone *zone, struct page *page, unsigned int order, enum migratetype mt,
		      u32 flags)
{
	page_set_state(page, page_state(PAGE_FREE, order, flags & PG_ZERO));
	link_free(zone, page, order, mt, /* tail= */ false);
}

/* Take @page off its list.  Its state still says FREE: the caller stores what comes next. */
void del_page_from_free_list(struct zone *zone, struct page *page, unsigned int order)
{
	VM_BUG_ON(page_type(page) != PAGE_FREE || page_order(page) != order);
	list_del(&page->lru);
	stat_add(zone->free_area[order].nr_free, -1ul);
	stat_add(zone->nr_free_pages, -(1ul << order));
	if (page_is_zero(page)) {
		stat_add(zone->free_area[order].nr_zero, -1ul);
		stat_add(zone->nr_zero_pages, -(1ul << order));
	}
	if (order >= PAGEBLOCK_ORDER)
		mark_free_blocks(zone, page, order, /* is_free= */ false);
}

/*
 * Say that @page is in the hands of this thread: a forked child that finds the thread gone frees
 * it.
 */
void page_set_owned(struct page *page, unsigned int order, u32 flags)
{
	page->owner = task_id();
	page_set_state(page, page_state(PAGE_PCP, order, flags & PG_ZERO));
}

/*
 * The buddy's descriptor is mapped, since zones begin, and are mapped, by whole blocks of the
 * largest order.  Where it is not accepted yet it was never written: a look would fault its page
 * in, and the first write to it once more.
 */
static bool page_is_buddy(const struct zone *zone, u64 buddy_pfn, unsigned int order)
{
	return buddy_pfn < zone->accept_pfn && page_is_free(pfn_to_page(buddy_pfn), order);
}

/*
 * From pageblock order on two buddies may have different types.  They merge only if both types mix,
 * and the buddy is retagged.
 */
static bool may_merge_pageblocks(struct zone *zone, u64 pfn, u64 buddy_pfn, unsigned int order)
{
	enum migratetype mt = get_pageblock_migratetype(zone, pfn);
	enum migratetype buddy_mt = get_pageblock_migratetype(zone, buddy_pfn);

	if (mt == buddy_mt)
		return true;
	if (mt >= MIGRATE_PCPTYPES || buddy_mt >= MIGRATE_PCPTYPES)
		return false;
	for (u64 p = buddy_pfn; p < buddy_pfn + ((u64)1 << order); p += PAGEBLOCK_NR_PAGES)
		set_pageblock_migratetype(zone, p, mt);
	return true;
}

#define MIX_MAX_ORDER 4

/*
 * May a block that is resident merge with one that is not?  The whole would pass for resident, and
 * memory would grow unseen when it is used.  A container near its limit cannot afford that: blocks
 * of 32 KB to 1 MB, with 50 MiB live, went past a limit of 64 MiB in one run of ten.  Blocks up to
 * the order that most slabs have may merge all the same.  Larger ones wait for their buddy, and
 * merge when both have gone back.
 */
bool may_mix(const struct zone *zone, unsigned int order)
{
	return order <= MIX_MAX_ORDER || likely(!READ_ONCE(zone->small_pages));
}

/* Could a merge with the buddy be followed by another?  Then the block had better wait for it. */
static bool buddy_merge_likely(const struct zone *zone, u64 pfn, unsigned int order)
{
	u64 higher;

	if (order >= MAX_PAGE_ORDER - 1)
		return false;
	higher = pfn & ~((u64)1 << order);
	return page_is_buddy(zone, higher ^ ((u64)1 << (order + 1)), order + 1);
}

/* Merge and link a block in this thread's hands that counts as free already. */
static void merge_and_link(struct zone *zone, struct page *page, unsigned int order, u32 flags)
{
	u64 pfn = page_to_pfn(page);
	enum migratetype mt = get_pageblock_migratetype(zone, pfn);
	bool tail = flags & FPI_TO_TAIL;

	VM_BUG_ON(page_type(page) != PAGE_PCP);
	VM_BUG_ON(pfn & (((u64)1 << order) - 1));
	flags &= PG_ZERO;
	while (order < MAX_PAGE_ORDER) {
		u64 buddy_pfn = pfn ^ ((u64)1 << order);
		struct page *buddy = pfn_to_page(buddy_pfn), *head, *upper;

		if (!page_is_buddy(zone, buddy_pfn, order))
			break;
		if (order >= PAGEBLOCK_ORDER && !may_merge_pageblocks(zone, pfn, buddy_pfn, order))
			break;
		if (!may_mix(zone, order) && page_is_zero(buddy) != !!flags)
			break;
		del_page_from_free_list(zone, buddy, order);
		if (!page_is_zero(buddy))
			flags = 0;
		page_set_owned(buddy, order, flags);
		head = buddy_pfn < pfn ? buddy : page;
		upper = head == page ? buddy : page;
		order++;
		page_set_owned(head, order, flags);
		page_set_state(upper, PAGE_NONE);
		page = head;
		pfn = page_to_pfn(head);
	}
	page_set_state(page, page_state(PAGE_FREE, order, flags));
	link_free(zone, page, order, mt, tail || buddy_merge_likely(zone, pfn, order));
}

/* Count pages that come back as free, before their blocks are linked one by one. */
static void count_freed(struct zone *zone, u64 pfn, u64 nr)
{
	section_set_free(zone, pfn, nr);
	stat_add(zone->stat.pgfree, nr);
}

/**
 * __free_one_page - put a block back, merged as far as it goes
 * @page: its head; any state but FREE
 * @flags: PG_ZERO if the block is not resident; FPI_TO_TAIL if it is to be used last
 *
 * Costs at most MAX_PAGE_ORDER - @order list removals and one insertion.
 */
void __free_one_page(struct zone *zone, struct page *page, unsigned int order, u32 flags)
{
	VM_BUG_ON(page_type(page) == PAGE_FREE);
	page_set_owned(page, order, flags);
	count_freed(zone, page_to_pfn(page), (u64)1 << order);
	merge_and_link(zone, page, order, flags);
}

/* The order of the largest block that ends at @end and has at most @nr pages. */
static unsigned int order_before(u64 end, u64 nr)
{
	unsigned int order = (unsigned int)__builtin_ctzll(end | MAX_ORDER_NR_PAGES);

	return MIN(order, ilog2(nr));
}

static u64 first_of_block(u64 end, u64 nr, unsigned int *ret_order)
{
	*ret_order = order_before(end, nr);
	return end - ((u64)1 << *ret_order);
}

/*
 * Cut [pfn, pfn + nr) into blocks in the hands of this thread, from the end to the start, so
 * that a head that covers them all stays one until its own turn comes.
 */
static void mark_range(u64 pfn, u64 nr, u32 flags)
{
	while (nr) {
		unsigned int order;
		u64 first = first_of_block(pfn + nr, nr, &order);

		page_set_owned(pfn_to_page(first), order, flags);
		nr -= (u64)1 << order;
	}
}

static void free_marked(struct zone *zone, u64 pfn, u64 nr)
{
	count_freed(zone, pfn, nr);
	while (nr) {
		unsigned int order;
		u64 first = first_of_block(pfn + nr, nr, &order);
		struct page *page = pfn_to_page(first);

		merge_and_link(zone, page, order, READ_ONCE(page->state) & PG_ZERO);
		nr -= (u64)1 << order;
	}
}

/**
 * free_page_range - free any number of pages at any place
 * @flags: PG_ZERO if they are not resident
 */
void free_page_range(struct zone *zone, u64 pfn, u64 nr, u32 flags)
{
	mark_range(pfn, nr, flags);
	free_marked(zone, pfn, nr);
}

/**
 * free_exact_tail - keep the first @nr of the @whole pages of an exact block, free the rest
 * @flags: PG_ZERO if the rest is not resident
 *
 * The rest is marked while the head still covers it, and merged with what lies behind only
 * when the head no longer does.
 */
set_apart void free_exact_tail(struct zone *zone, struct page *head, u64 nr, u64 whole, u32 flags)
{
	u64 pfn = page_to_pfn(head);

	if (whole > nr)
		mark_range(pfn + nr, whole - nr, flags);
	barrier();
	head->nr_pages = nr;
	barrier();
	if (whole > nr)
		free_marked(zone, pfn + nr, whole - nr);
}

/* Split @page, marked FREE of @high but linked nowhere, down to @low; link the upper halves. */
static void expand(struct zone *zone, struct page *page, unsigned int low, unsigned int high,
		   enum migratetype mt)
{
	u32 flags = READ_ONCE(page->state) & PG_ZERO;

	while (high > low) {
		struct page *half;

		high--;
		half = page + ((size_t)1 << high);
		page_set_owned(half, high, flags);
		page_set_state(page, page_state(PAGE_FREE, high, flags));
		page_set_state(half, page_state(PAGE_FREE, high, flags));
		link_free(zone, half, high, mt, /* tail= */ false);
	}
}

/* Take @page off its list of order page_order() and cut it down to @order. */
struct page *page_del_and_expand(struct zone *zone, struct page *page, unsigned int order,
				 enum migratetype mt)
{
	unsigned int high = page_order(page);

	del_page_from_free_list(zone, page, high);
	expand(zone, page, order, high, mt);
	section_set_taken(zone, page_to_pfn(page), (u64)1 << order);
	stat_add(zone->stat.pgalloc, 1ul << order);
	return page;
}

/**
 * __rmqueue_smallest - take the smallest free block that is large enough
 *
 * Return: the head, off every list and still marked FREE of @order, or NULL if @mt has none.
 */
struct page *__rmqueue_smallest(struct zone *zone, unsigned int order, enum migratetype mt)
{
	for (unsigned int o = order; o < NR_PAGE_ORDERS; o++) {
		struct list_head *list = &zone->free_area[o].free_list[mt];

		if (!list_empty(list))
			return page_del_and_expand(zone, list_first_entry(list, struct page, lru),
						   order, mt);
	}
	return NULL;
}

/* Small free blocks may be resident after all, as parts of huge pages.  Under zone->lock. */
slowpath void buddy_forget_zero(struct zone *zone)
{
	struct page *page;

	for (unsigned int order = 0; order < PAGEBLOCK_ORDER; order++)
		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			list_for_each_entry (page, &zone->free_area[order].free_list[mt], lru) {
				if (!page_is_zero(page))
					continue;
				stat_add(zone->free_area[order].nr_zero, -1ul);
				stat_add(zone->nr_zero_pages, -(1ul << order));
				page_set_state(page, page_state(PAGE_FREE, order, 0));
			}
}

#define REBUILD_OWNER 0xffffffffu /* no task */

/**
 * buddy_rebuild - make the lists anew from the states of the pages
 *
 * For the child of a fork in which another thread had zone->lock.  Blocks that it had marked FREE
 * and that were on no list are found again.
 */
slowpath void buddy_rebuild(struct zone *zone)
{
	u64 present = 0, punched = 0;

	buddy_init_zone(zone);
	sections_forget_free(zone);
	zone->nr_free_pages = 0;
	zone->nr_zero_pages = 0;
	WRITE_ONCE(zone->low_spare, 0);
	for (u64 i = 0;
	     i < DIV_ROUND_UP((zone->accept_pfn - zone->start_pfn) >> PAGEBLOCK_ORDER, 64); i++)
		zone->free_block_map[i] = 0;
	/* Two free buddies may be unmerged: take all in hand, then free each again. */
	for (u64 pfn = zone->start_pfn; pfn < zone->accept_pfn;) {
		struct page *page = pfn_to_page(pfn);

		pfn += page_block_pages(page);
		if (page_type(page) != PAGE_HOLE)
			present += page_block_pages(page);
		if (page_type(page) == PAGE_SLAB)
			punched += page_punched(page);
		if (page_type(page) != PAGE_FREE)
			continue;
		page->owner = REBUILD_OWNER;
		page_set_state(page, page_state(PAGE_PCP, page_order(page),
						READ_ONCE(page->state) & PG_ZERO));
	}
	WRITE_ONCE(zone->present_pages, present);
	WRITE_ONCE(zone->nr_punched_pages, punched);
	for (u64 pfn = zone->start_pfn; pfn < zone->accept_pfn;) {
		struct page *page = pfn_to_page(pfn);
		unsigned int order = page_order(page);

		pfn += page_block_pages(page);
		if (page_type(page) != PAGE_PCP || page->owner != REBUILD_OWNER)
			continue;
		stat_add(zone->stat.pgfree, 0ul - (1ul << order));
		__free_one_page(zone, page, order, READ_ONCE(page->state));
	}
}
