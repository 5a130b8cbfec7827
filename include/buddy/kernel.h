/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_KERNEL_H
#define BUDDY_KERNEL_H
/*
 * kernel.h - opt-in: the kernel's names for what <buddy/page_alloc.h> and <buddy/slab.h> declare
 *
 * Code written for the kernel compiles as it is if it uses none but these.  They are macros with
 * arguments, so they can be called, but not stored in a pointer.
 */
#include <buddy/page_alloc.h>
#include <buddy/slab.h>
#include <string.h>

#ifndef PAGE_SIZE
#define PAGE_SIZE BUDDY_PAGE_SIZE
#endif
#define MAX_PAGE_ORDER BUDDY_MAX_PAGE_ORDER
#define NUMA_NO_NODE BUDDY_NUMA_NO_NODE
#define ZERO_SIZE_PTR BUDDY_ZERO_SIZE_PTR
#define ZERO_OR_NULL_PTR(p) BUDDY_ZERO_OR_NULL_PTR(p)

#define kmalloc(size, gfp) buddy_kmalloc(size, gfp)
#define kzalloc(size, gfp) buddy_kzalloc(size, gfp)
#define kcalloc(n, size, gfp) buddy_kcalloc(n, size, gfp)
#define kmalloc_array(n, size, gfp) buddy_kmalloc_array(n, size, gfp)
#define kmalloc_node(size, gfp, node) buddy_kmalloc_node(size, gfp, node)
#define kzalloc_node(size, gfp, node) buddy_kmalloc_node(size, (gfp) | __GFP_ZERO, node)
#define krealloc(p, size, gfp) buddy_krealloc(p, size, gfp)
#define kfree(p) buddy_kfree(p)
#define ksize(p) buddy_ksize(p)

#define kmem_cache_create(name, size, align, flags, ctor)                                          \
	buddy_kmem_cache_create(name, size, align, flags, ctor)
#define KMEM_CACHE(type, flags)                                                                    \
	buddy_kmem_cache_create(#type, sizeof(struct type), __alignof__(struct type), flags, NULL)
#define kmem_cache_destroy(s) buddy_kmem_cache_destroy(s)
#define kmem_cache_alloc(s, gfp) buddy_kmem_cache_alloc(s, gfp)
#define kmem_cache_zalloc(s, gfp) buddy_kmem_cache_zalloc(s, gfp)
#define kmem_cache_alloc_node(s, gfp, node) buddy_kmem_cache_alloc_node(s, gfp, node)
#define kmem_cache_alloc_bulk(s, gfp, nr, objs) buddy_kmem_cache_alloc_bulk(s, gfp, nr, objs)
#define kmem_cache_free(s, obj) buddy_kmem_cache_free(s, obj)
#define kmem_cache_free_bulk(s, nr, objs) buddy_kmem_cache_free_bulk(s, nr, objs)
#define kmem_cache_shrink(s) buddy_kmem_cache_shrink(s)
#define kmem_cache_size(s) buddy_kmem_cache_size(s)

#define alloc_pages(gfp, order) buddy_alloc_pages(gfp, order)
#define alloc_page(gfp) buddy_alloc_pages(gfp, 0)
#define alloc_pages_node(node, gfp, order) buddy_alloc_pages_node(node, gfp, order)
#define __free_pages(page, order) buddy_free_pages(page, order)
#define __free_page(page) buddy_free_pages(page, 0)
#define get_page(page) buddy_get_page(page)
/* Addresses are unsigned long in the kernel's interface. */
#define __get_free_pages(gfp, order) ((unsigned long)buddy_get_free_pages(gfp, order))
#define __get_free_page(gfp) ((unsigned long)buddy_get_free_pages(gfp, 0))
#define get_zeroed_page(gfp) ((unsigned long)buddy_get_zeroed_page(gfp))
#define free_pages(addr, order) buddy_free_pages_addr((void *)(addr), order)
#define free_page(addr) buddy_free_pages_addr((void *)(addr), 0)
#define alloc_pages_exact(size, gfp) buddy_alloc_pages_exact(size, gfp)
#define alloc_pages_exact_nid(node, size, gfp) buddy_alloc_pages_exact_node(node, size, gfp)
#define free_pages_exact(addr, size) buddy_free_pages_exact(addr, size)
#define page_address(page) buddy_page_address(page)
#define virt_to_page(addr) buddy_virt_to_page((const void *)(addr))
#define page_to_nid(page) buddy_page_to_nid(page)

#endif
