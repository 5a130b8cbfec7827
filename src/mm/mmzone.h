/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_MM_MMZONE_H
#define BUDDY_MM_MMZONE_H
/*
 * mmzone.h - nodes, zones, free areas and page sets
 *
 * Linux: include/linux/mmzone.h, with the same split of struct zone into what is read and what
 * is written.
 */
#include "mm/page.h"
#include "platform/topology.h"
#include "sync/spinlock.h"

#pragma GCC visibility push(hidden)

/* The kernel's.  No pageblock is HIGHATOMIC or CMA yet. */
enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_PCPTYPES,
	MIGRATE_HIGHATOMIC = MIGRATE_PCPTYPES,
	MIGRATE_CMA,
	MIGRATE_TYPES,
};

/* The kernel's.  NORMAL alone has memory yet. */
enum zone_type { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_MOVABLE, MAX_NR_ZONES };
enum zone_watermarks { WMARK_MIN, WMARK_LOW, WMARK_HIGH, WMARK_PROMO, NR_WMARK };

struct free_area {
	struct list_head free_list[MIGRATE_TYPES]; /* zone->lock */
	unsigned long nr_free;			   /* zone->lock, racy readers */
	unsigned long nr_zero;			   /* blocks of these not resident; zone->lock */
};

/* Whether large blocks are used or stay empty for the most part (hugepage.c). */
enum large_use { LARGE_UNKNOWN, LARGE_SPARSE, LARGE_DENSE };

/* Events of a zone; writer holds zone->lock, readers are racy. */
struct zone_stat {
	unsigned long pgalloc, pgfree; /* pages taken from and given to the buddy */
	unsigned long refill, flush;   /* batches moved to and from page sets */
	unsigned long fallback_claim, fallback_steal;
	unsigned long accepted, reported; /* pages */
	unsigned long report_failed;	  /* discards refused by the system */
	unsigned long report_looks;	  /* free blocks that were looked at for it */
	unsigned long run_alloc;	  /* blocks of more than a pageblock */
};

#define SECTION_SIZE_BITS 27 /* 128 MiB, as on x86-64 */
#define PAGES_PER_SECTION ((u64)1 << (SECTION_SIZE_BITS - PAGE_SHIFT))
#define PAGEBLOCKS_PER_SECTION (PAGES_PER_SECTION >> PAGEBLOCK_ORDER)

/* What is known of pages apart from their descriptors (section.c). */
struct mem_section {
	/* Migratetype and advice (pageblock.c); zone->lock, before acceptance accept_lock; racy */
	u8 pageblock_bits[PAGEBLOCKS_PER_SECTION];
	unsigned long free_pages[PAGES_PER_SECTION / 64]; /* zone->lock */
};
STRUCT_SIZE_IS(struct mem_section, CACHE_LINE + (PAGES_PER_SECTION / 8));
FIELD_STARTS_LINE(struct mem_section, free_pages);
static_assert(PAGEBLOCK_NR_PAGES / 8 == CACHE_LINE, "a line for the pages of a pageblock");

struct zone {
	/* Read-mostly. */
	const char *name; /* const after start, as what follows unless it says otherwise */
	int node;
	bool bind;		/* bind memory to the node; accept_lock */
	bool metadata;		/* holds our own structures */
	bool small_pages;	/* memory is short: no huge pages; set once, racy */
	u64 start_pfn, end_pfn; /* the span, multiples of MAX_ORDER_NR_PAGES */
	/* Budget, and what follows from it: written anew by mm_load_topology(), once; racy. */
	u64 managed_pages;
	unsigned long _watermark[NR_WMARK];
	int pcp_batch, pcp_high_min, pcp_high_max;
	/* The pointers are const. */
	struct mem_section *sections;  /* writable below commit_pfn */
	unsigned long *free_block_map; /* zone->lock; a bit for each free pageblock */

	/* Written by every allocation that gets here. */
	cacheline_aligned struct spinlock lock;
	unsigned long nr_free_pages; /* zone->lock, racy readers */
	unsigned long nr_zero_pages; /* of those: not resident; zone->lock, racy readers */
	unsigned long low_spare; /* of the resident: fewest since page_reporting_unneeded(); lock */
	unsigned long nr_punched_pages; /* of slabs: gone back by themselves, at least; atomic */
	struct free_area free_area[NR_PAGE_ORDERS]; /* zone->lock */
	struct zone_stat stat;			    /* zone->lock, racy readers */
	u64 resident_mark; /* resident pages that may not be passed without a look; racy */
	u64 longest_run;   /* pages of the longest run asked for; racy */
	u64 growing_run;   /* the same if some were not resident; 0 once the next is freed; racy */
	bool outgrows;	   /* the one freed then was what the longest was copied from; racy */
	u64 sets_yielded;  /* stat.pgalloc when all page sets yielded last; racy */
	int huge_edges;	   /* between huge and broken pageblocks, about; zone->lock */
	u32 reporting; /* batches of free blocks that are away to be reported; lock, racy readers */
	u32 reports;   /* and those that have come back; lock, racy readers; futex */

	/* Taking memory into use. */
	cacheline_aligned struct spinlock accept_lock;
	u64 accept_pfn;	    /* below: accepted; written under both locks; racy readers */
	u64 commit_pfn;	    /* below: mapped; accept_lock, racy readers */
	u64 mapping_pfn;    /* the stride from commit_pfn to here is being mapped; accept_lock */
	u8 mapped_parts;    /* of that stride: 1 descriptors, 2 memory too; accept_lock */
	bool has_hole;	    /* something else lies in a block below commit_pfn; accept_lock */
	u64 huge_again_pfn; /* below: small pages, since huge ones did not pay; accept_lock */
	u64 huge_pause;	    /* length of the last such stretch, in pages; accept_lock */
	u64 grown_pfn;	    /* commit_pfn when grows_fast() looked last; accept_lock */
	u64 grown_ms;	    /* and the time; accept_lock */
	u64 probe_pfn, probe_end; /* mapped last for large blocks in small pages; accept_lock */
	u64 huge_since;		  /* pages mapped for large blocks since, to be huge; accept_lock */
	u8 large;	   /* enum large_use: what the latest probe in use says; accept_lock */
	u64 small_ns;	   /* quickest first touch of a small page; 0: none; accept_lock */
	u64 present_pages; /* accepted less holes; zone->lock, racy readers */
};
FIELD_STARTS_LINE(struct zone, lock);
FIELD_STARTS_LINE(struct zone, accept_lock);

/* Does @pfn lie in the span of @zone, mapped or not? */
static inline bool zone_spans_pfn(const struct zone *zone, u64 pfn)
{
	return pfn >= zone->start_pfn && pfn < zone->end_pfn;
}

struct pglist_data {
	/*
	 * Nodes with memory, nearest first, this one included.  mm_load_topology() orders them
	 * anew, once; racy: a reader may see one of them twice then, and miss another.
	 */
	int nr_fallback;
	u8 fallback[MAX_NUMNODES];
	struct zone zones[MAX_NR_ZONES];
};

extern struct pglist_data node_data[MAX_NUMNODES];
extern struct zone meta_zone;
/* Const after start, but for distance, bytes and has_cpu: mm_load_topology(), once; racy. */
extern struct topology topology;

/* Every zone that has addresses: of each node the one with memory, then our own. */
#define for_each_populated_zone(z)                                                                 \
	for (int n_ = 0; n_ <= topology.nr_nodes; n_++)                                            \
		if (((z) = n_ == topology.nr_nodes ? &meta_zone                                    \
						   : &node_data[n_].zones[ZONE_NORMAL]),           \
		    (z)->end_pfn)

#define NR_PCP_LISTS (MIGRATE_PCPTYPES * (PAGE_ALLOC_COSTLY_ORDER + 1) + 2)

#define EXACT_SET_MIN 9	   /* pages: what is shorter has a size class */
#define EXACT_SET_MAX 511  /* pages: what is longer is a run of pageblocks */
#define EXACT_SHORT_MAX 64 /* pages */
#define EXACT_LONG_LIST 55 /* the list of all that are longer; before it one for each length */
#define NR_EXACT_LISTS (EXACT_LONG_LIST + 1)
#define EXACT_SET_LONG 2       /* blocks in that list at most */
#define EXACT_SET_HIGH_MIN 128 /* pages, but for long blocks */
#define EXACT_SET_HIGH_MAX 2048
#define EXACT_SET_PUTS 64 /* within EXACT_SET_MS: often enough */
#define EXACT_SET_MS 4
#define EXACT_SET_ASKS 8 /* times EXACT_SET_PUTS without a request: a thread that only frees */

/*
 * The page set of one thread (Linux: struct per_cpu_pages; per thread here, because a thread cannot
 * hold on to a CPU).  The lock is uncontended but for drains, and nobody waits for it: whoever does
 * not get it goes to the buddy.
 *
 * Only its own thread takes a set into use, for the zone of its node (pcp_init(), under lock), and
 * gives it up when it moves to another node (task_rehome(), under task.lock, which is also held to
 * drain the set of another thread).  In a forked child, which is alone, pcp_abandon() gives it up.
 */
struct per_task_pages {
	struct spinlock lock;
	int count, high;		      /* pages; lock, racy readers of count */
	int high_min, high_max, batch;	      /* as the zone had them; const while ready */
	u8 alloc_factor;		      /* lock */
	int free_count;			      /* pages freed lately: what a flush takes; lock */
	bool ready;			      /* lists initialised; see above; racy readers */
	struct zone *zone;		      /* const while ready */
	struct list_head lists[NR_PCP_LISTS]; /* lock */

	/* exact_set.c; lock */
	int exact_count;	   /* pages; racy readers */
	int exact_high;		   /* the most pages in short blocks */
	u16 exact_taken;	   /* pages taken out since there were that many last */
	u16 exact_asked;	   /* pages of the latest request for a long one */
	bool exact_on;		   /* blocks came quickly enough lately to keep them */
	u8 exact_asks;		   /* EXACT_SET_ASKS when asked, one less for each EXACT_SET_PUTS */
	u8 exact_puts;		   /* offered since exact_since, modulo EXACT_SET_PUTS */
	u8 exact_nr_long;	   /* blocks in the list of long ones */
	u64 exact_since;	   /* ms */
	int exact_long;		   /* their pages */
	unsigned int exact_turn;   /* the list that gives back next */
	unsigned long exact_lists; /* a bit for each that is not empty */
	struct list_head exact[NR_EXACT_LISTS];
};

/* What mm keeps for a thread; a part of the task block (struct task, slab.h). */
struct mm_task {
	u32 id;		/* const while the block is in use */
	u32 tid;	/* kernel's thread id; owner, racy readers; 0: gone in a fork */
	u32 depth;	/* slow paths this thread is in; more than 1: a signal handler; owner */
	int node;	/* where it ran last; owner, once LIVE under task.lock; racy readers */
	u32 node_check; /* slow paths until node is looked up again; owner */
	int cpu;	/* of that look-up; owner */
	bool leaving;	/* its set is empty and stays so: the thread ends; owner */
	struct per_task_pages pcp;
};

#pragma GCC visibility pop

#endif
