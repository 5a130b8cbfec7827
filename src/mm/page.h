/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_MM_PAGE_H
#define BUDDY_MM_PAGE_H
/*
 * page.h - struct page, the page map and the way between addresses and pages
 *
 * Linux: struct page and the vmemmap.  Page frame numbers are addresses shifted, as there, and
 * the memmap is one flat array; only the part that describes memory taken into use is mapped.
 *
 * The state word is the authority on what a page is.  It is written with one store, in an order
 * that leaves a walk from head to head whole at every instruction, so that a forked child can
 * rebuild every list from it.
 */
#include "base/atomic.h"
#include "base/list.h"
#include "base/math.h"

#pragma GCC visibility push(hidden)

#define PAGE_SHIFT 12
#define PAGE_SIZE ((size_t)1 << PAGE_SHIFT)
#define MAX_PAGE_ORDER 10
#define NR_PAGE_ORDERS (MAX_PAGE_ORDER + 1)
#define MAX_ORDER_NR_PAGES ((u64)1 << MAX_PAGE_ORDER)
#define PAGEBLOCK_ORDER 9
#define PAGEBLOCK_NR_PAGES ((u64)1 << PAGEBLOCK_ORDER)
#define PAGE_ALLOC_COSTLY_ORDER 3
#define SLAB_OBJECTS_MAX 256u /* what a descriptor has bits for */

enum page_type {
	PAGE_NONE,  /* not a head: a tail, or a descriptor never used */
	PAGE_FREE,  /* head of a free block in the buddy */
	PAGE_PCP,   /* head of a block in the page set, or in the hands, of task page.owner */
	PAGE_ALLOC, /* head of a block handed out by the page API */
	PAGE_EXACT, /* head of page.nr_pages pages, any number */
	PAGE_SLAB,  /* head of a slab */
	PAGE_HOLE,  /* MAX_PAGE_ORDER block that something else is mapped into */
};

#define PG_ZERO (1u << 12)  /* nothing resident behind it: reads as zero (the kernel's Reported) */
#define PG_LARGE (1u << 13) /* EXACT: a block of malloc; of the page API otherwise */
#define PG_TRANSIT (1u << 14) /* EXACT: in the page set, or in the hands, of task page.owner */
#define PG_PUNCHED (1u << 15) /* SLAB: its holes went back since it was put on its list */

static_assert(PAGE_HOLE <= 0xff && MAX_PAGE_ORDER <= 0xf, "type and order fit into their bits");

struct kmem_cache;

struct page {
	/*
	 * Type 0..7, order 8..11, PG_* 12..15; SLAB: pages that went back 16..23, home 24..31.
	 * Writer: the owner of the block; SLAB: list_lock.
	 */
	u32 state;
	union {
		u32 refcount; /* ALLOC: atomic */
		u32 owner;    /* PCP, PG_TRANSIT: task id, written by that task */
		struct {
			u16 inuse;   /* SLAB: objects out of the slab; list_lock */
			u16 objects; /* SLAB: const */
		};
	};
	struct list_head lru; /* FREE: zone->lock; in a page set: pcp lock; SLAB: list_lock */
	union {
		u64 nr_pages;		  /* EXACT: length; owner of the block */
		struct kmem_cache *cache; /* SLAB: const */
		u64 freed_ms;		  /* FREE, resident, pageblock and up: since when */
	};
	union {
		/* SLAB: a set bit is an object out of it; all zero if it is empty.  list_lock. */
		unsigned long bits[SLAB_OBJECTS_MAX / 64];
		size_t offset; /* EXACT of malloc: where in its first page it begins; its owner */
	};
};
STRUCT_SIZE_IS(struct page, 64);
FIELD_AT(struct page, bits, 32);

/* What free() reads: a byte for each page from address 0 to the end of our range. */
struct page_map {
	u64 nr;	   /* pages covered; 0 before start; const after */
	u8 *bytes; /* const after start; the bytes belong to the owner of each page */
};
extern struct page_map page_map;
/* src/malloc/hit_x86_64.S knows these. */
FIELD_AT(struct page_map, nr, 0);
FIELD_AT(struct page_map, bytes, 8);

/* Points so that memmap + pfn is the descriptor; const after start. */
extern uintptr_t memmap_biased;

static inline struct page *pfn_to_page(u64 pfn)
{
	return (struct page *)(memmap_biased + pfn * sizeof(struct page));
}

static inline u64 page_to_pfn(const struct page *page)
{
	return ((uintptr_t)page - memmap_biased) / sizeof(struct page);
}

static inline u64 addr_to_pfn(const void *addr)
{
	return (uintptr_t)addr >> PAGE_SHIFT;
}

static inline void *pfn_to_addr(u64 pfn)
{
	return (void *)(pfn << PAGE_SHIFT);
}

static inline void *page_address(const struct page *page)
{
	return pfn_to_addr(page_to_pfn(page));
}

static inline struct page *virt_to_page(const void *addr)
{
	return pfn_to_page(addr_to_pfn(addr));
}

static inline u32 page_state(enum page_type type, unsigned int order, u32 flags)
{
	return (u32)type | order << 8 | flags;
}

static inline void page_set_state(struct page *page, u32 state)
{
	barrier();
	WRITE_ONCE(page->state, state);
	barrier();
}

static inline enum page_type state_type(u32 state)
{
	return (enum page_type)(state & 0xff);
}

static inline unsigned int state_order(u32 state)
{
	return state >> 8 & 0xf;
}

static inline enum page_type page_type(const struct page *page)
{
	return state_type(READ_ONCE(page->state));
}

static inline unsigned int page_order(const struct page *page)
{
	return state_order(READ_ONCE(page->state));
}

/* SLAB: how many of its pages went back by themselves, at least (holes.c). */
#define PAGE_PUNCHED_SHIFT 16
#define PAGE_PUNCHED_MAX 0xffu
static inline unsigned int page_punched(const struct page *page)
{
	return READ_ONCE(page->state) >> PAGE_PUNCHED_SHIFT & PAGE_PUNCHED_MAX;
}

/* SLAB: the index of its home (slab.h). */
#define PAGE_HOME_SHIFT 24
static inline unsigned int page_home(const struct page *page)
{
	return READ_ONCE(page->state) >> PAGE_HOME_SHIFT;
}

/* Is it the head of a free block of @order? */
static inline bool page_is_free(const struct page *page, unsigned int order)
{
	return (READ_ONCE(page->state) & 0xfff) == page_state(PAGE_FREE, order, 0);
}

static inline bool page_is_zero(const struct page *page)
{
	return READ_ONCE(page->state) & PG_ZERO;
}

/* Pages that the block headed by @page covers. */
static inline u64 page_block_pages(const struct page *page)
{
	return page_type(page) == PAGE_EXACT ? page->nr_pages : (u64)1 << page_order(page);
}

static inline u8 page_map_get(const void *addr)
{
	u64 pfn = addr_to_pfn(addr);

	/* Pairs with store_release() in try_base(): another thread may be starting the library. */
	return pfn < load_acquire(&page_map.nr) ? READ_ONCE(page_map.bytes[pfn]) : 0;
}

static inline void page_map_set(u64 pfn, u64 n, u8 value)
{
	for (u64 i = 0; i < n; i++)
		WRITE_ONCE(page_map.bytes[pfn + i], value);
}

/*
 * Values of the page map.  Even numbers: the value times eight is the byte offset of a cursor in
 * hit_area.cursor.  Classes of malloc come first; the others have cursors that are always full.
 */
#define MAP_NONE 0
#define MAP_CLASS_LAST 246
#define MAP_PAGES 248 /* page API: free() refuses it */
#define MAP_CACHE 250 /* slab of a program's cache: which one, its descriptor says */
#define MAP_LARGE 252 /* first page of a large malloc block */
#define MAP_META 254  /* our own */
#define MAP_CURSORS 128

#pragma GCC visibility pop

#endif
