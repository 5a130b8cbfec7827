/* SPDX-License-Identifier: MIT */
/*
 * kmalloc.c - buddy_kmalloc() and its family, on malloc's own classes
 *
 * Linux:  kmalloc().  Shares caches, sheaves and hit path with malloc, so what one has allocated
 *         the other may free.
 */
#include "buddy/slab.h"
#include "malloc/internal.h"
#include <string.h>

/* Also what lies beyond the size asked for: krealloc() may hand it out later. */
static void zero_all(void *p)
{
	clear_block(p, buddy_ksize(p));
}

static void *kmalloc_large(size_t size, gfp_t gfp, int node)
{
	bool zero = false;
	void *p;

	/* No flags mean no waiting, as in the kernel, but malloc_large() would wait then. */
	p = malloc_large(size, PAGE_SIZE, gfp ? gfp : __GFP_NOWARN, node, &zero);
	if (p && (gfp & __GFP_ZERO) && !zero)
		zero_all(p);
	return p;
}

static void *kmalloc_any(size_t size, gfp_t gfp, int node)
{
	void *p;

	if (!size)
		return BUDDY_ZERO_SIZE_PTR;
	if (gfp & (__GFP_DMA | __GFP_DMA32))
		return NULL;
	if (size > KMALLOC_MAX_SIZE)
		return kmalloc_large(size, gfp, node);
	p = node == NUMA_NO_NODE && !(gfp & __GFP_THISNODE) ? pop_size(size) : NULL;
	if (!p)
		p = slab_alloc(&kmalloc_caches[kmalloc_class(size)],
			       (gfp & ~__GFP_ZERO) | __GFP_NOWARN, node);
	if (p && (gfp & __GFP_ZERO))
		zero_all(p);
	return p;
}

BUDDY_API void *buddy_kmalloc(size_t size, gfp_t gfp)
{
	return kmalloc_any(size, gfp, NUMA_NO_NODE);
}

BUDDY_API void *buddy_kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc_any(size, gfp | __GFP_ZERO, NUMA_NO_NODE);
}

BUDDY_API void *buddy_kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL
						       : kmalloc_any(bytes, gfp, NUMA_NO_NODE);
}

BUDDY_API void *buddy_kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return buddy_kmalloc_array(n, size, gfp | __GFP_ZERO);
}

BUDDY_API void *buddy_kmalloc_node(size_t size, gfp_t gfp, int node)
{
	if (bad_node("buddy_kmalloc_node", node))
		return NULL;
	/* NUMA_NO_NODE: the node that the caller is on; its sheaves may have another's memory. */
	if (node == NUMA_NO_NODE && topology.nr_nodes > 1) {
		struct slow slow;

		if (slow_enter(&slow)) {
			node = slow.task ? slow.task->mm.node : NUMA_NO_NODE;
			slow_leave(&slow);
		}
	}
	return kmalloc_any(size, gfp, node);
}

BUDDY_API void buddy_kfree(const void *p)
{
	if (!BUDDY_ZERO_OR_NULL_PTR(p))
		own_free((void *)(uintptr_t)p);
}

BUDDY_API size_t buddy_ksize(const void *p)
{
	size_t size = object_size_at(p);

	if (size || BUDDY_ZERO_OR_NULL_PTR(p))
		return size;
	return usable_size_other("buddy_ksize", p);
}

BUDDY_API void *buddy_krealloc(const void *old_block, size_t size, gfp_t gfp)
{
	void *p = (void *)(uintptr_t)old_block, *ret;
	size_t old;

	if (BUDDY_ZERO_OR_NULL_PTR(p))
		return kmalloc_any(size, gfp, NUMA_NO_NODE);
	old = object_size_at(p);
	if (!old)
		old = usable_size_other("buddy_krealloc", p);
	if (!old)
		return NULL; /* reported, under abort_on_error=off */
	if (!size) {
		own_free(p);
		return BUDDY_ZERO_SIZE_PTR;
	}
	if (size <= old) {
		/* The block may grow into the rest later; the size asked for is not recorded. */
		if (gfp & __GFP_ZERO)
			clear_block((char *)p + size, old - size);
		return p;
	}
	ret = kmalloc_any(size, gfp, NUMA_NO_NODE);
	if (ret) {
		memcpy(ret, p, old);
		own_free(p);
	}
	return ret;
}
