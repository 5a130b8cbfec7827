/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_PAGE_ALLOC_H
#define BUDDY_PAGE_ALLOC_H
/*
 * page_alloc.h - pages: blocks of 2^order contiguous pages of 4 KiB
 *
 * Any thread may call these, before main(), after exit() has begun and in a forked child too.
 * Without __GFP_DIRECT_RECLAIM in @gfp no lock is waited for, so such calls, and the frees, may be
 * made from a signal handler.  So may those that only look: where a page is, and on which node.
 *
 * @order is 0 to BUDDY_MAX_PAGE_ORDER; @node the number of a node that the machine has, or
 * BUDDY_NUMA_NO_NODE for the caller's.  An allocation with any other returns NULL, and a line on
 * stderr says which it was.  errno is never touched.
 */
#include <buddy/gfp.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct page;

#define BUDDY_PAGE_SIZE 4096ul
#define BUDDY_MAX_PAGE_ORDER 10u
#define BUDDY_NUMA_NO_NODE (-1)

/**
 * buddy_alloc_pages - 2^@order pages, aligned to their size
 * Return: the descriptor of the first, or NULL.
 */
struct page *buddy_alloc_pages(gfp_t gfp, unsigned int order);

/** buddy_alloc_pages_node - the same, from @node first (only, with __GFP_THISNODE) */
struct page *buddy_alloc_pages_node(int node, gfp_t gfp, unsigned int order);

/**
 * buddy_free_pages - drop the reference to a block; the last one frees it
 * @order: as it was allocated
 *
 * While somebody holds another reference (buddy_get_page()) to a block of order > 0, all its
 * pages but the first are freed at once, and the first with the last reference, as in the
 * kernel.  NULL is ignored.
 */
void buddy_free_pages(struct page *page, unsigned int order);

/** buddy_get_page - one more reference to a live block, whose first page @page must be */
void buddy_get_page(struct page *page);

/** buddy_get_free_pages - as buddy_alloc_pages(); Return: the address, or NULL */
void *buddy_get_free_pages(gfp_t gfp, unsigned int order);

/** buddy_get_zeroed_page - one page that reads as zero; Return: the address, or NULL */
void *buddy_get_zeroed_page(gfp_t gfp);

/**
 * buddy_free_pages_addr - free by address what buddy_get_free_pages() returned
 * @order: as it was allocated
 *
 * NULL is ignored.
 */
void buddy_free_pages_addr(void *addr, unsigned int order);

/**
 * buddy_alloc_pages_exact - whole pages for @size bytes, not rounded up to a power of two
 * Return: the address, or NULL; also for 0 bytes.
 */
void *buddy_alloc_pages_exact(size_t size, gfp_t gfp);
/** buddy_alloc_pages_exact_node - the same, from @node first (only, with __GFP_THISNODE) */
void *buddy_alloc_pages_exact_node(int node, size_t size, gfp_t gfp);

/**
 * buddy_free_pages_exact - free what buddy_alloc_pages_exact() returned
 * @size: bytes, as it was allocated, or another size of as many pages
 *
 * NULL is ignored.
 */
void buddy_free_pages_exact(void *addr, size_t size);

/** buddy_page_address - where the block of @page lies; NULL for NULL */
void *buddy_page_address(const struct page *page);

/** buddy_virt_to_page - the descriptor of the page at @addr; NULL outside memory taken into use */
struct page *buddy_virt_to_page(const void *addr);

/** buddy_page_to_nid - the node that @page, which must not be NULL, was taken from */
int buddy_page_to_nid(const struct page *page);

#ifdef __cplusplus
}
#endif
#endif
