/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_MM_INTERNAL_H
#define BUDDY_MM_INTERNAL_H
/*
 * internal.h - between the files of src/mm only
 */
#include "mm/mm.h"
#include "mm/mmzone.h"

#pragma GCC visibility push(hidden)

/* buddy.c: free areas; all under zone->lock */
void buddy_init_zone(struct zone *zone);
void add_to_free_list(struct zone *zone, struct page *page, unsigned int order, enum migratetype mt,
		      u32 flags);
void del_page_from_free_list(struct zone *zone, struct page *page, unsigned int order);
#define FPI_TO_TAIL (1u << 23) /* to the end of its list; goes with PG_*, and is none of them */
void __free_one_page(struct zone *zone, struct page *page, unsigned int order, u32 flags);
void free_page_range(struct zone *zone, u64 pfn, u64 nr, u32 flags);
void free_exact_tail(struct zone *zone, struct page *head, u64 nr, u64 whole, u32 flags);
struct page *__rmqueue_smallest(struct zone *zone, unsigned int order, enum migratetype mt);
struct page *page_del_and_expand(struct zone *zone, struct page *page, unsigned int order,
				 enum migratetype mt);
bool may_mix(const struct zone *zone, unsigned int order);
void buddy_forget_zero(struct zone *zone);
void buddy_rebuild(struct zone *zone);

/* fallback.c */
struct page *__rmqueue(struct zone *zone, unsigned int order, enum migratetype mt);

/* section.c: which pages are free; all but the first three under zone->lock */
struct mem_section *sections_map(u64 nr_pages);
void sections_unmap(struct mem_section *sections, u64 nr_pages);
int sections_make_writable(const struct zone *zone, u64 pfn, u64 nr);
void section_set_free(struct zone *zone, u64 pfn, u64 nr);
void section_set_taken(struct zone *zone, u64 pfn, u64 nr);
void sections_forget_free(struct zone *zone);
u64 section_count_free(const struct zone *zone, u64 pfn, u64 nr);
u64 section_free_behind(const struct zone *zone, u64 pfn, u64 max);
u64 section_free_before(const struct zone *zone, u64 pfn, u64 max);

static inline struct mem_section *section_of(const struct zone *zone, u64 pfn)
{
	return &zone->sections[(pfn - zone->start_pfn) / PAGES_PER_SECTION];
}

/* pageblock.c */
enum migratetype get_pageblock_migratetype(const struct zone *zone, u64 pfn);
void init_pageblock_migratetype(struct zone *zone, u64 pfn, enum migratetype mt);
void set_pageblock_migratetype(struct zone *zone, u64 pfn, enum migratetype mt);
#define PB_HUGE 0x40			 /* advised huge */
#define PB_BROKEN 0x80			 /* was so, until a part of it went back to the system */
#define PB_STOPPED (PB_HUGE | PB_BROKEN) /* was so, and may still be one huge page */
u8 get_pageblock_advice(const struct zone *zone, u64 pfn);
void set_pageblock_advice(struct zone *zone, u64 pfn, u8 advice);
void move_freepages_block(struct zone *zone, u64 pfn, enum migratetype mt);

/* watermark.c */
void setup_zone_wmarks(struct zone *zone);

/* zonelist.c */
void build_zonelists(void);
/* How many nodes of node_data[nid].fallback a request may use: all, or with THISNODE its own. */
int zonelist_length(int nid, bool thisnode);

/* zone locks: taking one from a lost owner makes the lists anew first */
void zone_lock(struct zone *zone);
bool zone_trylock(struct zone *zone);
static inline unsigned long zone_spare(const struct zone *zone)
{
	return zone->nr_free_pages - zone->nr_zero_pages;
}
static inline void zone_unlock(struct zone *zone)
{
	if (zone_spare(zone) < zone->low_spare)
		WRITE_ONCE(zone->low_spare, zone_spare(zone));
	spin_unlock(&zone->lock);
}
bool zone_lock_ctx(struct zone *zone, bool nowait);

/* page_alloc.c */
/* What zone_reclaim() has still to try for a request in a zone; in this order, each once. */
enum reclaim_step {
	RECLAIM_PAGE_SET,
	RECLAIM_SLABS,
	RECLAIM_SETS,
	RECLAIM_BARNS,
	RECLAIM_DONE,
	RECLAIM_WAITED, /* zone_reclaim_at_last() has waited for a lock */
};
bool zone_reclaim(const struct page_request *rq, struct zone *zone, u64 nr,
		  enum reclaim_step *step);
bool zone_reclaim_at_last(const struct page_request *rq, struct zone *zone, u32 reports,
			  enum reclaim_step *step);
extern struct list_head *deferred_blocks; /* atomic */
void defer_block(struct page *head);
void take_deferred_blocks(void);
void free_in_hand(struct zone *zone, struct page *head, u32 flags);

/*
 * Do blocks of @zone come from the page set of @task, and go to it?  Not if the caller may not
 * wait.  The node of a task has memory; one that is asked for may have none, and no zone.
 */
static inline bool pcp_serves(const struct mm_task *task, const struct zone *zone, bool nowait)
{
	return task && !nowait && zone == &node_data[task->node].zones[ZONE_NORMAL] &&
	       !task->leaving;
}

/* pcp.c */
#define PCP_BATCH_SCALE_MAX 5
static inline unsigned int pcp_list_order(unsigned int index)
{
	return index >= NR_PCP_LISTS - 2 ? PAGEBLOCK_ORDER : index / MIGRATE_PCPTYPES;
}
void pcp_init(struct per_task_pages *pcp, struct zone *zone);
/* The set of this thread, for blocks of @zone. */
static inline bool pcp_trylock(struct mm_task *task, struct zone *zone)
{
	struct per_task_pages *pcp = &task->pcp;

	if (unlikely(pcp->zone != zone && pcp->ready))
		return false;
	if (spin_trylock(&pcp->lock) == LOCK_BUSY)
		return false;
	if (unlikely(!pcp->ready))
		pcp_init(pcp, zone);
	return true;
}

/* exact_set.c */
void exact_set_init(struct per_task_pages *pcp);
/* The two longest of the short lengths share a list. */
static inline unsigned int exact_list_of(u64 nr)
{
	if (nr > EXACT_SHORT_MAX)
		return EXACT_LONG_LIST;
	return MIN((unsigned int)nr - EXACT_SET_MIN, EXACT_LONG_LIST - 1u);
}
struct page *exact_set_take(struct mm_task *task, struct zone *zone, u64 nr, u64 align);
bool exact_set_put(struct mm_task *task, struct page *head);
void exact_set_trim(struct per_task_pages *pcp, int keep, int keep_long);
void exact_set_decay(struct per_task_pages *pcp);

/* accept.c */
enum accept_result {
	ACCEPT_NOTHING, /* there is no more */
	ACCEPT_MORE,
	ACCEPT_BY_OTHERS, /* since the caller looked; it may look again */
};
enum accept_result accept_memory_after(struct zone *zone, u64 seen_pfn, u64 nr_pages, bool nowait,
				       bool over_budget, bool large);
bool accept_memory(struct zone *zone, u64 nr_pages);
bool accept_lock(struct zone *zone, bool nowait);
void accept_settle(struct zone *zone);

/* budget.c */
void budget_init_zone(struct zone *zone);
void budget_slow(const struct zone *zone, u64 fresh);
void budget_settle(void);
void budget_direct(size_t fresh);
void budget_note_unmapped(size_t bytes);
bool budget_is_notable(u64 nr);

/* direct.c */
void direct_settle(void);

/*
 * Accepted pages less those known not to be resident: free ones and holes of slabs.  Read without a
 * lock, so pages that are accepted in between may be among the latter only.
 */
static inline u64 zone_resident(const struct zone *zone)
{
	u64 present = READ_ONCE(zone->present_pages);
	u64 gone = READ_ONCE(zone->nr_zero_pages) + READ_ONCE(zone->nr_punched_pages);

	return present - MIN(gone, present);
}

/*
 * Pages were taken from the buddy, and @fresh of them are not resident, but soon will be.  The
 * caller may wait, and holds no lock from rank BUDGET on.
 */
static inline void budget_check(const struct zone *zone, u64 fresh)
{
	if (fresh && unlikely(zone_resident(zone) > READ_ONCE(zone->resident_mark)))
		budget_slow(zone, fresh);
}

/* How many pages of the block @page, in this thread's hands, are not resident. */
static inline u64 fresh_pages(const struct page *page, unsigned int order)
{
	return page_is_zero(page) ? (u64)1 << order : 0;
}

/* page_reporting.c */
bool page_reporting_wait(struct zone *zone, u32 seen);

/* hugepage.c */
#define HUGEPAGE_PROBED 64 /* pages: blocks from here on may be large and stay empty */
void hugepage_advise_new(struct zone *zone, u64 pfn, u64 nr, bool large);
void hugepage_look(struct zone *zone, u64 pfn);
void hugepage_stop(struct zone *zone);
void hugepage_mend(struct zone *zone, u64 pfn, u64 nr);

#pragma GCC visibility pop

#endif
