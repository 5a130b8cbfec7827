/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_MM_MM_H
#define BUDDY_MM_MM_H
/*
 * mm.h - pages for the layers above
 */
#include "buddy/gfp.h"
#include "mm/mmzone.h"

#pragma GCC visibility push(hidden)

/* How one allocation wants its pages. */
struct page_request {
	gfp_t gfp;
	int nid;	      /* preferred node, a real one */
	bool nowait;	      /* wait for no lock: nested in a signal handler, or no reclaim flag */
	bool metadata;	      /* from the zone of our own structures */
	struct mm_task *task; /* whose page set to use; NULL for none */
};

/* mm_init.c */
/**
 * mm_init - choose the range of addresses and take the first memory into use
 * Return: 0 or -errno; may be tried again.
 */
int mm_init(void);
extern bool mm_ready; /* const after start; release/acquire */
/* Are there zones to look at?  For callers that have not come in through a slow path. */
static inline bool mm_is_ready(void)
{
	return load_acquire(&mm_ready);
}
/* The most addresses for our own structures: 32 bits tell their cache lines apart. */
#define META_SPAN_MAX ((u64)CACHE_LINE << 32)
enum hugepage_mode { HUGEPAGES_NEVER, HUGEPAGES_AUTO, HUGEPAGES_ALWAYS };
extern enum hugepage_mode mm_hugepages; /* option hugepages; racy, buddy_option_set() */
extern size_t mm_hugepage_threshold;	/* option hugepage_threshold, bytes; likewise */
void mm_load_topology(void);
void mm_forget_load_topology(void);
void mm_task_init(struct mm_task *task, u32 id);
int mm_local_node(struct mm_task *task);
int mm_nearest_node(int node);
bool mm_owns(const void *addr);
/* Does a descriptor that is mapped say what is at @addr?  Not for our own structures. */
bool mm_has_page(const void *addr);

/*
 * accept.c: since somebody cleared this, memory was taken into use, or freed where the background
 * thread could not be started.  Racy.
 */
extern bool mm_grew;

/*
 * page_alloc.c: before a zone grows, the layer above gives back pages of it that it does not need.
 * Filled in at start, const after.  It takes no lock that an allocation is made under.
 * @barns: also what threads have left for others
 *
 * Return: pages.
 */
extern u64 (*shrink_slab)(const struct zone *zone, bool barns);
/* Likewise: the page sets of all other threads yield (pcp_yield()).  Return: whether any did. */
extern bool (*yield_page_sets)(const struct zone *zone);
/* Likewise, without memory: wait for others that give some back, then take all that is idle. */
extern void (*reclaim_at_last)(const struct zone *zone);
struct page *alloc_pages_request(const struct page_request *rq, unsigned int order);
void free_pages_request(struct page *page, unsigned int order, struct mm_task *task, bool nowait);
struct zone *page_zone(const struct page *page);
int page_find_nid(const struct page *page);
void page_set_owned(struct page *page, unsigned int order, u32 flags);
static inline int page_to_nid(const struct page *page)
{
	return likely(topology.nr_nodes <= 1) ? 0 : page_find_nid(page);
}

/* large.c */
/*
 * Pages that the program has in large blocks of malloc, less what tasks count themselves, and in
 * blocks of the page API.  Atomic; a forked child counts them anew if a lost thread was inside.
 */
extern unsigned long large_pages, api_pages;
/**
 * large_alloc - @nr pages, contiguous, aligned to @align pages (a power of two)
 * Return: the head (type EXACT, PG_TRANSIT until the caller stores what it is), or NULL.  For a
 * request with a task it may have a third more: see its nr_pages.
 * *ret_zero: all of it reads as zero.
 */
struct page *large_alloc(const struct page_request *rq, u64 nr, u64 align, bool *ret_zero);
/* @task: whose set may keep it, or NULL */
void large_free(struct page *head, struct mm_task *task, bool nowait);
/* Grow or shrink in place.  Return: whether the block now has @nr pages. */
bool large_resize(struct page *head, u64 nr);

/* direct.c: mappings outside the range */
void *direct_alloc(size_t bytes, size_t align, bool nowait);
size_t direct_size(const void *addr);
bool direct_free(void *addr, bool nowait);
void *direct_resize(void *addr, size_t bytes, bool nowait);
void direct_totals(unsigned long *ret_count, size_t *ret_bytes);

/* pcp.c */
struct page *pcp_alloc(struct mm_task *task, struct zone *zone, unsigned int order,
		       enum migratetype mt);
bool pcp_free(struct mm_task *task, struct zone *zone, struct page *page, unsigned int order);
void pcp_drain(struct mm_task *task, bool all);
bool pcp_yield(struct mm_task *task, const struct zone *zone);
void pcp_abandon(struct mm_task *task);
void zone_set_pcp_limits(struct zone *zone);
static inline bool pcp_allowed_order(unsigned int order)
{
	return order <= PAGE_ALLOC_COSTLY_ORDER || order == PAGEBLOCK_ORDER;
}

/* page_reporting.c */
#define REPORT_ALL (~(u64)0)
/**
 * page_reporting_pass - give free blocks back that have been free for @age_ms
 * @min_order: smallest blocks to look at; below pageblock order blocks have no age
 * @enough: pages after which to stop, or REPORT_ALL
 * Return: pages given back.
 */
u64 page_reporting_pass(u64 age_ms, unsigned int min_order, u64 enough);
/**
 * page_reporting_unneeded - give back of what was free the whole time since the last call
 * @age_ms: of blocks of pageblock order or more
 *
 * Half of it, where it is more than an eighth of what is resident; the largest blocks first.
 * Return: pages given back.
 */
u64 page_reporting_unneeded(u64 age_ms);
/**
 * page_reporting_rest - give back what is free, whatever its age
 *
 * Of blocks of one and two pages all, where what is left is more than an eighth of what is
 * resident, otherwise none.
 */
void page_reporting_rest(void);
/**
 * page_reporting_make_up - give whole free pageblocks of @zone back, whatever their age
 * @enough: pages after which to stop
 */
void page_reporting_make_up(struct zone *zone, u64 enough);

/* hugepage.c: before a part of the pageblock of @pfn goes back to the system; takes zone->lock */
void hugepage_break(struct zone *zone, u64 pfn);

/* budget.c */
/* Free blocks alone could not keep us within the limit: slabs and sheaves have to give.  Atomic. */
extern bool mm_pressure;
bool budget_tight(void);
void budget_revived_slow(const struct zone *zone);
static inline void budget_revived(int node)
{
	const struct zone *zone = &node_data[node].zones[ZONE_NORMAL];

	if (unlikely(READ_ONCE(zone->nr_punched_pages)))
		budget_revived_slow(zone);
}
void budget_look_again(void);
void budget_note_gone(struct zone *zone, u64 nr);
/* Pages, free and resident, beyond which to ask budget_excess().  Atomic. */
extern u64 mm_spare_mark;
#define NO_SPARE_MARK (~(u64)0) /* no limit is known */
u64 mm_spare_pages(void);
u64 budget_excess(u64 spare, bool looked_after);
void budget_note_spare(u64 given, u64 spare);

/* @nr more pages in the middle of slabs have gone back by themselves; or, modulo 2^64, fewer. */
static inline void zone_note_punched(struct zone *zone, u64 nr)
{
	atomic_add(&zone->nr_punched_pages, nr);
}

/* fork.c */
void mm_fork_repair(void);

/* verify.c */
int mm_verify(void);
int pcp_verify(struct mm_task *task);

#pragma GCC visibility pop

#endif
