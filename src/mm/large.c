/* SPDX-License-Identifier: MIT */
/*
 * large.c - blocks of exactly so many pages
 *
 * Their migratetype is MOVABLE, though nothing moves them: apart from slabs, which are never all
 * empty at once, they leave whole pageblocks behind (python3 takes 3 % less).
 *
 * Up to a pageblock, if the thread's set has none (exact_set.c), in this order:
 *
 *   take_best_fit           of the stretches of free pages around small free blocks
 *   take_packed             a block of the order above, moved up against what lies in front
 *   take_order              such a block whose tail goes back (alloc_pages_exact()); at once if it
 *                           has to be aligned
 *
 * Beyond a pageblock: a run of free pageblocks, best fit and lowest address, extended into memory
 * not yet accepted where it reaches the end; its tail goes back too.  A freed block keeps its pages
 * for the next one until it is old enough for page reporting.
 *
 * Locks:  zone->lock; accept_lock to extend a run.
 */
#include "base/check.h"
#include "mm/internal.h"
#include "mm/mm.h"
#include "platform/vm.h"

unsigned long large_pages, api_pages;

static void set_exact(struct page *head)
{
	head->owner = task_id();
	page_set_state(head, page_state(PAGE_EXACT, 0, PG_TRANSIT));
}

/*
 * Mark the front of a block that was just taken as an exact one of @nr pages and free the rest.
 * @zero: PG_ZERO if the rest is not resident.  Under zone->lock.
 */
static void make_exact(struct zone *zone, struct page *head, u64 nr, u64 whole, u32 zero)
{
	head->nr_pages = whole;
	set_exact(head);
	stat_add(zone->stat.pgalloc, 0ul - (whole - nr));
	stat_add(zone->stat.pgfree, 0ul - (whole - nr));
	free_exact_tail(zone, head, nr, whole, zero);
}

/* First bit from @bit on whose value is @value, or @end. */
static u64 next_bit(const struct zone *zone, u64 bit, u64 end, bool value)
{
	while (bit < end) {
		unsigned long w = zone->free_block_map[bit / 64];

		w = (value ? w : ~w) >> (bit % 64);
		if (w)
			return MIN(bit + (u64)__builtin_ctzl(w), end);
		bit = ALIGN_DOWN(bit, 64) + 64;
	}
	return end;
}

static u64 block_pfn(const struct zone *zone, u64 bit)
{
	return zone->start_pfn + (bit << PAGEBLOCK_ORDER);
}

/* The head of the free block that @pfn lies in: below a head no descriptor says FREE. */
static u64 free_head(u64 pfn)
{
	unsigned int order = 0;

	while (page_type(pfn_to_page(ALIGN_DOWN(pfn, (u64)1 << order))) != PAGE_FREE) {
		order++;
		VM_BUG_ON(order > MAX_PAGE_ORDER);
	}
	return ALIGN_DOWN(pfn, (u64)1 << order);
}

/*
 * How many free pages end at @pfn, counted back to the head of a block: up to @max and, if that is
 * inside a block, on to its head.
 */
static u64 count_free_before(const struct zone *zone, u64 pfn, u64 max)
{
	u64 nr = section_free_before(zone, pfn, max);

	return nr < max ? nr : pfn - free_head(pfn - nr);
}

/*
 * Best fit among the runs of free pageblocks, lowest address first; one that leaves less than an
 * eighth of a pageblock over is taken at once.  A run that is too short will do if enough pages
 * behind it or in front of it are free.
 * @ret_tail: the pages of a run that ends where acceptance has got to, and could be extended
 *
 * Under zone->lock.  Return: the first pfn, the start of a free block, or 0.
 */
static u64 find_run(const struct zone *zone, u64 nr, u64 align, u64 *ret_tail)
{
	u64 end = (zone->accept_pfn - zone->start_pfn) >> PAGEBLOCK_ORDER;
	u64 best = 0, best_len = ~(u64)0, last = 0;

	for (u64 bit = next_bit(zone, 0, end, true); bit < end;
	     bit = next_bit(zone, last, end, true)) {
		u64 first = ALIGN_UP(block_pfn(zone, bit), align), len;

		last = next_bit(zone, bit, end, false);
		if (block_pfn(zone, last) <= first)
			continue;
		len = block_pfn(zone, last) - first;
		if (last == end)
			*ret_tail = len;
		if (len < nr && len + 2 * PAGEBLOCK_NR_PAGES > nr && last < end)
			len += section_free_behind(zone, block_pfn(zone, last), nr - len);
		if (len < nr && len + PAGEBLOCK_NR_PAGES > nr && align == 1) {
			u64 before = count_free_before(zone, first, nr - len);

			first -= before;
			len += before;
		}
		if (len < nr || len >= best_len || page_type(pfn_to_page(first)) != PAGE_FREE)
			continue;
		best = first -
		       (align == 1 ? count_free_before(zone, first, PAGEBLOCK_NR_PAGES) : 0);
		best_len = len;
		if (len < nr + PAGEBLOCK_NR_PAGES / 8)
			break;
	}
	return best;
}

/*
 * Take the free pages [pfn, pfn + nr), which begin with a head, and give back what the last block
 * has over.  They extend the exact block @head, which ends at @pfn, or become one if @head is the
 * page at @pfn.  *dirty: raised by how many of them may be resident.  Under zone->lock.
 */
static void take_behind(struct zone *zone, struct page *head, u64 pfn, u64 nr, u64 *dirty)
{
	u64 first = pfn, end = pfn + nr;
	u32 was_zero = 0;

	while (pfn < end) {
		struct page *page = pfn_to_page(pfn);
		unsigned int order = page_order(page);
		u64 next = pfn + ((u64)1 << order);

		was_zero = READ_ONCE(page->state) & PG_ZERO;
		if (!was_zero)
			*dirty += MIN(next, end) - pfn;
		del_page_from_free_list(zone, page, order);
		page_set_owned(page, order, was_zero);
		head->nr_pages = next - page_to_pfn(head);
		barrier();
		if (page == head)
			set_exact(head);
		else
			page_set_state(page, PAGE_NONE);
		pfn = next;
	}
	section_set_taken(zone, first, pfn - first);
	stat_add(zone->stat.pgalloc, nr);
	if (pfn > end) {
		stat_add(zone->stat.pgfree, 0ul - (pfn - end));
		free_exact_tail(zone, head, end - page_to_pfn(head), pfn - page_to_pfn(head),
				was_zero);
	}
}

static void claim_pageblocks(struct zone *zone, u64 pfn, u64 nr)
{
	u64 first = ALIGN_UP(pfn, PAGEBLOCK_NR_PAGES);

	for (u64 p = first; p + PAGEBLOCK_NR_PAGES <= pfn + nr; p += PAGEBLOCK_NR_PAGES)
		set_pageblock_migratetype(zone, p, MIGRATE_MOVABLE);
}

#define RUN_TRIES 8

static struct page *alloc_run(struct zone *zone, const struct page_request *rq, u64 nr, u64 align,
			      bool over_budget, u64 *ret_dirty)
{
	enum reclaim_step step = RECLAIM_PAGE_SET;

	/* Only tries that took more into use count; another thread may win that. */
	for (int tries = 0; tries < RUN_TRIES;) {
		u64 seen = READ_ONCE(zone->accept_pfn), tail = 0, pfn;
		u32 reports = READ_ONCE(zone->reports);
		enum accept_result more;

		if (!zone_lock_ctx(zone, rq->nowait))
			return NULL;
		pfn = find_run(zone, nr, align, &tail);
		if (pfn) {
			take_behind(zone, pfn_to_page(pfn), pfn, nr, ret_dirty);
			claim_pageblocks(zone, pfn, nr);
			stat_inc(zone->stat.run_alloc);
		}
		zone_unlock(zone);
		if (pfn)
			return pfn_to_page(pfn);
		if (zone_reclaim(rq, zone, nr, &step))
			continue;
		/* A large alignment may need almost as much again in front. */
		more = accept_memory_after(zone, seen,
					   nr - MIN(tail, nr - 1) + (align > 1 ? align - 1 : 0),
					   rq->nowait, over_budget, /* large= */ true);
		if (more == ACCEPT_NOTHING &&
		    !(over_budget && zone_reclaim_at_last(rq, zone, reports, &step)))
			return NULL;
		tries += more == ACCEPT_MORE;
	}
	return NULL;
}

/*
 * What outgrows all that was before by copying (vectors, hash tables) leaves holes behind that none
 * of its next copies fits into: half of the heap.  It is known by the block that is freed next
 * after a run longer than any before: that has four ninths to three quarters of the run's length,
 * since vectors grow by a half or to twice their length.  (Blocks of less than a quarter do not
 * count.)  It goes back to the system, and at the next longest run so does as much of what else is
 * free as will be faulted in.  20 million longs pushed into a vector had 413 MiB resident, and 263
 * since.
 *
 * A run that is no longer than others may fit into the holes they leave.  When all runs that made
 * the zone grow did this, random churn of 5 to 25 MiB took 1.2 to 2 times as long, with as much
 * memory.
 */

/* A run no shorter than any before has been taken; @fresh pages of it are not resident yet. */
static noinline void note_longest_run(struct zone *zone, u64 nr, u64 fresh)
{
	WRITE_ONCE(zone->longest_run, nr);
	if (!fresh)
		return;
	WRITE_ONCE(zone->growing_run, nr);
	if (READ_ONCE(zone->outgrows))
		page_reporting_make_up(zone, fresh);
}

/*
 * Give [@pfn, @pfn + @nr), in this thread's hands, back to the system; pageblocks at its ends may
 * go in part.  Takes zone->lock.  Return: whether it has gone.
 */
static slowpath bool discard_run(struct zone *zone, u64 pfn, u64 nr)
{
	u64 end = pfn + nr, first = ALIGN_UP(pfn, PAGEBLOCK_NR_PAGES);
	u64 last = ALIGN_DOWN(end, PAGEBLOCK_NR_PAGES);

	if (pfn < first)
		hugepage_break(zone, pfn);
	if (last < end)
		hugepage_break(zone, last);
	if (vm_discard(pfn_to_addr(pfn), nr << PAGE_SHIFT))
		return false;
	if (first < last)
		hugepage_mend(zone, first, last - first);
	budget_note_gone(zone, nr);
	return true;
}

/*
 * @head, in this thread's hands, is freed after a longest run.  The caller may wait.  Return:
 * PG_ZERO if it went back to the system.
 */
static set_apart u32 note_freed_run(struct zone *zone, const struct page *head)
{
	u64 nr = head->nr_pages, growing = READ_ONCE(zone->growing_run);
	bool outgrown = nr * 9 / 4 >= growing && nr * 4 / 3 <= growing;

	if (nr < growing / 4)
		return 0;
	WRITE_ONCE(zone->growing_run, 0);
	WRITE_ONCE(zone->outgrows, outgrown);
	return outgrown && discard_run(zone, page_to_pfn(head), nr) ? PG_ZERO : 0;
}

#define UNUSED_MIN (1 * MiB / PAGE_SIZE) /* what is shorter does not pay the system call */
#define UNUSED_PART 4			 /* so much of it must be untouched: a quarter */

/*
 * @nr pages of a large block, still in this thread's hands, are freed.  Those that the program
 * never touched would count as resident, so in a group with a limit they would be taken again
 * without a look at it, and only then become resident: with a table of 30 MiB freed untouched, and
 * 40 MiB in empty slabs, a program that took 40 MiB was killed in a group of 64.  Return: whether
 * they went back.
 */
static slowpath bool discard_unused(struct zone *zone, u64 pfn, u64 nr)
{
	long resident;

	if (nr < UNUSED_MIN || !budget_is_notable(nr))
		return false;
	resident = vm_resident_pages(pfn_to_addr(pfn), nr << PAGE_SHIFT);
	return resident >= 0 && (u64)resident <= nr - nr / UNUSED_PART &&
	       discard_run(zone, pfn, nr);
}

/* @head is freed.  The caller may wait.  Return: PG_ZERO if it went back to the system at once. */
static set_apart u32 free_at_once(struct zone *zone, const struct page *head)
{
	u32 zero = READ_ONCE(zone->growing_run) ? note_freed_run(zone, head) : 0;

	if (!zero && discard_unused(zone, page_to_pfn(head), head->nr_pages))
		zero = PG_ZERO;
	return zero;
}

/* @nr pages of a block of @order; the rest of it goes back.  Under zone->lock. */
static struct page *take_order(struct zone *zone, u64 nr, unsigned int order, u64 *dirty)
{
	struct page *page = __rmqueue(zone, order, MIGRATE_MOVABLE);

	if (page) {
		u32 zero = READ_ONCE(page->state) & PG_ZERO;

		*dirty += zero ? 0 : nr;
		make_exact(zone, page, nr, (u64)1 << order, zero);
	}
	return page;
}

#define FIT_TRIES 12 /* free blocks of each order looked at; 6 fit 3 % worse, 24 hardly better */

struct fit {
	u64 pfn, len; /* a free block, and the stretch of free pages around it */
};

#define FIT_REACH (4 * MAX_ORDER_NR_PAGES) /* pages each way; longer stretches are all alike */

/*
 * The length of the stretch of free pages around the free block of @order at @pfn; if it is @enough
 * or more, any number that is.  Of poor fits too the shortest is wanted: when a stretch was
 * followed for no more than two lengths each way, lua took 1.1 times the memory.
 */
static u64 fit_around(const struct zone *zone, u64 pfn, unsigned int order, u64 enough)
{
	u64 len = (u64)1 << order, reach = MIN(enough, FIT_REACH);

	len += section_free_before(zone, pfn, reach);
	return len < enough ? len + section_free_behind(zone, pfn + ((u64)1 << order), reach) : len;
}

static void fit_list(const struct zone *zone, unsigned int order, u64 nr, struct fit *best)
{
	const struct page *page;
	int tries = 0;

	list_for_each_entry (page, &zone->free_area[order].free_list[MIGRATE_MOVABLE], lru) {
		u64 pfn = page_to_pfn(page);
		u64 len = fit_around(zone, pfn, order, best->len);

		if (len >= nr && len < best->len)
			*best = (struct fit){pfn, len};
		if (++tries == FIT_TRIES || best->len <= nr + nr / 16)
			break;
	}
}

/* Take the first @nr pages of the stretch around the free block at @pfn. */
static struct page *take_stretch(struct zone *zone, u64 pfn, u64 nr, u64 *dirty)
{
	pfn -= count_free_before(zone, pfn, FIT_REACH);
	take_behind(zone, pfn_to_page(pfn), pfn, nr, dirty);
	return pfn_to_page(pfn);
}

/*
 * Up to a pageblock: the best fit among the stretches of free pages that are too small, or lie
 * wrongly, to hold a block of the order above.  Exact blocks leave such between them; using them
 * keeps the larger blocks whole.  Under zone->lock.
 */
static struct page *take_best_fit(struct zone *zone, u64 nr, u64 *dirty)
{
	struct fit best = {.len = ~(u64)0};
	unsigned int order = ilog2(nr);

	/* A stretch of n pages holds an aligned block of at least n / 4. */
	if (order)
		fit_list(zone, order - 1, nr, &best);
	if (best.len > nr + nr / 8)
		fit_list(zone, order, nr, &best);
	return best.len == ~(u64)0 ? NULL : take_stretch(zone, best.pfn, nr, dirty);
}

/* The smallest free block of at least @order, left where it is; NULL if there is none. */
static struct page *smallest_block(const struct zone *zone, unsigned int order)
{
	for (unsigned int o = order; o < NR_PAGE_ORDERS; o++) {
		const struct list_head *list = &zone->free_area[o].free_list[MIGRATE_MOVABLE];

		if (!list_empty(list))
			return container_of(list->next, struct page, lru);
	}
	return NULL;
}

/*
 * A free block of the order above, together with the free pages in front of it, so that exact
 * blocks lie back to back.  Under zone->lock.
 */
static struct page *take_packed(struct zone *zone, u64 nr, unsigned int order, u64 *dirty)
{
	const struct page *block = smallest_block(zone, order);

	return block ? take_stretch(zone, page_to_pfn(block), nr, dirty) : NULL;
}

/*
 * Up to a pageblock.  @packed: at any page; otherwise aligned to @order.  *busy: the lock is held,
 * so nothing is known of what there is.
 */
static struct page *alloc_block(struct zone *zone, u64 nr, unsigned int order, bool packed,
				bool nowait, u64 *ret_dirty, bool *busy)
{
	struct page *page = NULL;

	*busy = !zone_lock_ctx(zone, nowait);
	if (*busy)
		return NULL;
	if (packed)
		page = take_best_fit(zone, nr, ret_dirty);
	if (packed && !page)
		page = take_packed(zone, nr, order, ret_dirty);
	if (!page)
		page = take_order(zone, nr, order, ret_dirty);
	zone_unlock(zone);
	return page;
}

static struct page *alloc_in_zone(struct zone *zone, const struct page_request *rq, u64 nr,
				  u64 align, bool *ret_zero, bool over_budget)
{
	unsigned int order = fls64(MAX(nr, align) - 1);
	enum reclaim_step step = RECLAIM_PAGE_SET;
	struct page *page;
	u64 seen, dirty = 0;
	bool busy = false;
	u32 reports;

	if (order > PAGEBLOCK_ORDER) {
		page = alloc_run(zone, rq, nr, align, over_budget, &dirty);
		if (page && !rq->nowait && nr >= READ_ONCE(zone->longest_run))
			note_longest_run(zone, nr, nr - dirty);
		goto out;
	}
	do {
		seen = READ_ONCE(zone->accept_pfn);
		reports = READ_ONCE(zone->reports);
		page = alloc_block(zone, nr, order, /* packed= */ align == 1, rq->nowait, &dirty,
				   &busy);
	} while (!page && !busy &&
		 (zone_reclaim(rq, zone, nr, &step) ||
		  accept_memory_after(zone, seen, (u64)1 << order, rq->nowait, over_budget,
				      nr >= HUGEPAGE_PROBED) ||
		  (over_budget && zone_reclaim_at_last(rq, zone, reports, &step))));
out:
	if (page && !rq->nowait)
		budget_check(zone, nr - dirty);
	*ret_zero = !dirty;
	return page;
}

/*
 * A zone cannot promise more than its node's memory.  For that malloc() asks the system (direct.c),
 * which refuses what the machine cannot have: a program that asks for 16 TiB to see NULL sees it.
 */
static bool fits(const struct zone *zone, u64 nr)
{
	return nr <= (zone->end_pfn - zone->start_pfn) / 2 && nr <= zone->managed_pages;
}

static noinline struct page *alloc_on_nodes(const struct page_request *rq, u64 nr, u64 align,
					    bool *ret_zero)
{
	struct pglist_data *pgdat = &node_data[rq->nid];
	int nodes = zonelist_length(rq->nid, rq->gfp & __GFP_THISNODE);

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < nodes; i++) {
			struct zone *zone = &node_data[pgdat->fallback[i]].zones[ZONE_NORMAL];
			struct page *page;

			if (!fits(zone, nr))
				continue;
			page = alloc_in_zone(zone, rq, nr, align, ret_zero,
					     /* over_budget= */ round == 1);
			if (page)
				return page;
		}
	}
	return NULL;
}

struct page *large_alloc(const struct page_request *rq, u64 nr, u64 align, bool *ret_zero)
{
	struct zone *zone = &node_data[rq->nid].zones[ZONE_NORMAL];

	if (rq->gfp & (__GFP_DMA | __GFP_DMA32))
		return NULL;
	if (pcp_serves(rq->task, zone, rq->nowait)) {
		struct page *page = exact_set_take(rq->task, zone, nr, align);

		if (page) {
			*ret_zero = false;
			return page;
		}
	}
	return alloc_on_nodes(rq, nr, align, ret_zero);
}

/* @nr pages went back to the system at once, if @zero says so.  Under zone->lock. */
static inline void note_reported(struct zone *zone, u64 nr, u32 zero)
{
	if (zero)
		stat_add(zone->stat.reported, nr);
}

static noinline void free_to_zone(struct page *head, bool nowait)
{
	struct zone *zone = page_zone(head);
	u32 zero = 0;

	page_map_set(page_to_pfn(head), 1, MAP_NONE);
	if (unlikely(READ_ONCE(zone->growing_run) || READ_ONCE(mm_spare_mark) != NO_SPARE_MARK) &&
	    !nowait)
		zero = free_at_once(zone, head);
	if (!zone_lock_ctx(zone, nowait)) {
		defer_block(head);
		return;
	}
	note_reported(zone, head->nr_pages, zero);
	free_page_range(zone, page_to_pfn(head), head->nr_pages, zero);
	zone_unlock(zone);
	if (unlikely(READ_ONCE(deferred_blocks)) && !nowait)
		take_deferred_blocks();
}

void large_free(struct page *head, struct mm_task *task, bool nowait)
{
	set_exact(head);
	if (!task || nowait || !exact_set_put(task, head))
		free_to_zone(head, nowait);
}

bool large_resize(struct page *head, u64 nr)
{
	struct zone *zone = page_zone(head);
	u64 old = head->nr_pages, pfn = page_to_pfn(head);
	bool done = true;
	u64 dirty = 0;
	u32 zero = 0;

	if (nr == old)
		return true;
	if (nr > old && nr - old > zone->end_pfn - zone->start_pfn)
		return false;
	if (nr < old && discard_unused(zone, pfn + nr, old - nr))
		zero = PG_ZERO;
	zone_lock(zone);
	if (nr < old) {
		note_reported(zone, old - nr, zero);
		free_exact_tail(zone, head, nr, old, zero);
	} else {
		done = section_free_behind(zone, pfn + old, nr - old) == nr - old;
		if (done)
			take_behind(zone, head, pfn + old, nr - old, &dirty);
	}
	zone_unlock(zone);
	if (nr > old && done)
		budget_check(zone, nr - old - dirty);
	return done;
}
