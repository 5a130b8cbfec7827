/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_PAGE_ALLOC_H
#define BUDDY_PAGE_ALLOC_H
/*
 * page_alloc.h - pages: blocks of 2^order contiguous pages of 4 KiB
 *
 * Any thread may call these: before main(), after exit() has begun, and in a forked child too.  In
 * a signal handler an allocation without __GFP_DIRECT_RECLAIM in @gfp may be made, and so may a
 * free, which waits for no lock if the handler interrupted a call of libbuddy; and the three calls
 * at the end, which only look.
 *
 * @order is 0 to BUDDY_MAX_PAGE_ORDER.  @node is the number of a node that the machine has, or
 * BUDDY_NUMA_NO_NODE for the caller's.  With any other value an allocation returns NULL, and a line
 * on stderr says which one was wrong.  errno is never touched.
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
 * buddy_alloc_pages - allocate a block of 2^@order pages, aligned to its size
 * Return: the descriptor of its first page, holding one reference; NULL if there is no memory.
 */
struct page *buddy_alloc_pages(gfp_t gfp, unsigned int order);

/** buddy_alloc_pages_node - the same, @node first; with __GFP_THISNODE no other node */
struct page *buddy_alloc_pages_node(int node, gfp_t gfp, unsigned int order);

/**
 * buddy_free_pages - drop a reference to a block; the last one frees it
 * @page: its first page; NULL is ignored
 * @order: the order it was allocated with
 *
 * While others hold references (buddy_get_page()) to a block of order > 0, all its pages but the
 * first are freed at once, and the first with the last reference, as in the kernel.  A wrong @page
 * or @order is reported, and ends the program unless abort_on_error=off.
 */
void buddy_free_pages(struct page *page, unsigned int order);

/** buddy_get_page - take one more reference to a live block; @page must be its first page */
void buddy_get_page(struct page *page);

/** buddy_get_free_pages - buddy_alloc_pages() by address.  Return: where the block is, or NULL. */
void *buddy_get_free_pages(gfp_t gfp, unsigned int order);

/** buddy_get_zeroed_page - one page that reads as zero.  Return: its address, or NULL. */
void *buddy_get_zeroed_page(gfp_t gfp);

/**
 * buddy_free_pages_addr - buddy_free_pages() by address
 * @addr: as buddy_get_free_pages() returned it; NULL is ignored
 * @order: the order it was allocated with
 */
void buddy_free_pages_addr(void *addr, unsigned int order);

/**
 * buddy_alloc_pages_exact - whole pages for @size bytes, not rounded up to a power of two
 * @size: in bytes, up to the memory of a node
 *
 * Return: the address of the first page; NULL for 0 bytes, or if there is no memory.
 */
void *buddy_alloc_pages_exact(size_t size, gfp_t gfp);

/** buddy_alloc_pages_exact_node - the same, @node first; with __GFP_THISNODE no other node */
void *buddy_alloc_pages_exact_node(int node, size_t size, gfp_t gfp);

/**
 * buddy_free_pages_exact - free what buddy_alloc_pages_exact() returned
 * @addr: NULL is ignored
 * @size: bytes as they were asked for, or any size that takes as many pages
 */
void buddy_free_pages_exact(void *addr, size_t size);

/** buddy_page_address - the address of @page, or NULL for NULL */
void *buddy_page_address(const struct page *page);

/** buddy_virt_to_page - the descriptor of the page that @addr lies in, or NULL outside the heap */
struct page *buddy_virt_to_page(const void *addr);

/** buddy_page_to_nid - the node that @page was taken from; @page must not be NULL */
int buddy_page_to_nid(const struct page *page);

#ifdef __cplusplus
}
#endif
#endif
