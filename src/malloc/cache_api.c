/* SPDX-License-Identifier: MIT */
/*
 * cache_api.c - buddy_kmem_cache_*(): arguments checked, then a hit, or src/slab
 */
#include "base/check.h"
#include "buddy/slab.h"
#include "malloc/internal.h"
#include "platform/os.h"
#include <errno.h>
#include <string.h>

#define KNOWN_FLAGS                                                                                \
	(SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT | SLAB_NO_MERGE)
#define MAX_OBJECT (1 * MiB)

static const char *wrong_argument(const char *name, size_t size, size_t align, slab_flags_t flags)
{
	if (!name || !*name)
		return "name is NULL or empty";
	if (!size || size > MAX_OBJECT)
		return "size is 0 or above 1 MiB";
	if (align && (!is_power_of_2(align) || align > PAGE_SIZE))
		return "align is not a power of two up to a page";
	if (flags & ~KNOWN_FLAGS)
		return "flags has unknown bits";
	return NULL;
}

BUDDY_API struct kmem_cache *buddy_kmem_cache_create(const char *name, size_t size, size_t align,
						     slab_flags_t flags, void (*ctor)(void *))
{
	const char *wrong = wrong_argument(name, size, align, flags);
	struct kmem_cache *s = NULL;

	if (flags & SLAB_HWCACHE_ALIGN && !wrong) {
		size_t line = CACHE_LINE;

		/* As in the kernel: small objects are aligned to a part of a line. */
		while (size <= line / 2 && line > 8)
			line /= 2;
		align = MAX(align, line);
	}
	if (wrong)
		bug_warn("buddy_kmem_cache_create(%.31s): %s", name ? name : "NULL", wrong);
	else
		s = cache_create(name, (u32)size, (u32)align, ctor);
	if (!s && (flags & SLAB_PANIC)) {
		bug_warn("buddy_kmem_cache_create(%.31s): cannot be made, and SLAB_PANIC is set",
			 name ? name : "NULL");
		os_abort();
	}
	return s;
}

BUDDY_API void buddy_kmem_cache_destroy(struct kmem_cache *s)
{
	if (s)
		(void)cache_destroy("buddy_kmem_cache_destroy", s);
}

/* @gfp without __GFP_ZERO if zeroing would undo what the constructor made. */
static gfp_t zero_allowed(const char *call, const struct kmem_cache *s, gfp_t gfp)
{
	if (!(gfp & __GFP_ZERO) || !s->ctor)
		return gfp;
	bug_warn("%s(%s): __GFP_ZERO on a cache with a constructor", call, s->name);
	return gfp & ~__GFP_ZERO;
}

static void *alloc_named(const char *call, struct kmem_cache *s, gfp_t gfp, int node)
{
	if (!s) {
		bug_warn("%s(): cache is NULL", call);
		return NULL;
	}
	if (node_unknown(node)) {
		bug_warn("%s(%s): node %d does not exist", call, s->name, node);
		return NULL;
	}
	if (gfp & (__GFP_DMA | __GFP_DMA32))
		return NULL;
	return slab_alloc(s, zero_allowed(call, s, gfp) | __GFP_NOWARN, node);
}

/* ---- hits: an object that this thread has at hand, or room for one; hit_x86_64.S ---- */

/* This thread's cursor for @s, by which it takes and gives back without a lock; NULL: none. */
static inline struct cursor *own_cursor(const struct kmem_cache *s)
{
	struct task *task = current_task();
	struct pcs_chunk *chunk = likely(task) ? task_chunk(task, s) : NULL;

	return likely(chunk) ? &chunk->cursor[s->id % PCS_CHUNK] : NULL;
}

static inline void *take_own(const struct kmem_cache *s)
{
	struct cursor *c = own_cursor(s);

	return likely(c) ? hit_take(c) : NULL;
}

static slowpath bool is_of_another_node(const struct kmem_cache *s, const void *obj)
{
	return page_to_nid(slab_of(s, obj)) != current_task()->mm.node;
}

/* Objects of another node must not get into the sheaves of this one. */
static inline bool put_own(const struct kmem_cache *s, void *obj)
{
	struct cursor *c = own_cursor(s);

	if (unlikely(!c || (topology.nr_nodes > 1 && is_of_another_node(s, obj))))
		return false;
	return hit_put(c, obj);
}

/* What a hit cannot do: zero, fail, or look which node the object is of. */
#define GFP_NO_HIT (__GFP_ZERO | __GFP_DMA | __GFP_DMA32 | __GFP_THISNODE)

/* A hit takes 46 instructions and no lock. */
BUDDY_API void *buddy_kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp)
{
	void *obj = likely(s && !(gfp & GFP_NO_HIT)) ? take_own(s) : NULL;

	return likely(obj) ? obj : alloc_named("buddy_kmem_cache_alloc", s, gfp, NUMA_NO_NODE);
}

BUDDY_API void *buddy_kmem_cache_zalloc(struct kmem_cache *s, gfp_t gfp)
{
	void *obj = likely(s && !s->ctor && !(gfp & GFP_NO_HIT)) ? take_own(s) : NULL;

	if (likely(obj))
		return memset(obj, 0, s->object_size);
	return alloc_named("buddy_kmem_cache_zalloc", s, gfp | __GFP_ZERO, NUMA_NO_NODE);
}

BUDDY_API void *buddy_kmem_cache_alloc_node(struct kmem_cache *s, gfp_t gfp, int node)
{
	return alloc_named("buddy_kmem_cache_alloc_node", s, gfp, node);
}

BUDDY_API size_t buddy_kmem_cache_alloc_bulk(struct kmem_cache *s, gfp_t gfp, size_t nr,
					     void **objs)
{
	const char *call = "buddy_kmem_cache_alloc_bulk";
	size_t got;

	if (!s || (nr && !objs)) {
		bug_warn("%s(): %s is NULL", call, s ? "objs" : "cache");
		return 0;
	}
	if (gfp & (__GFP_DMA | __GFP_DMA32))
		return 0;
	gfp = zero_allowed(call, s, gfp);
	got = slab_alloc_bulk(s, (gfp & ~__GFP_ZERO) | __GFP_NOWARN, nr, objs);
	if (gfp & __GFP_ZERO)
		for (size_t i = 0; i < got; i++)
			memset(objs[i], 0, s->object_size);
	return got;
}

/* Report what @obj is instead of an object of @s. */
static slowpath void report_object(const char *call, const struct kmem_cache *s, const void *obj)
{
	const struct kmem_cache *of = slab_check_object(call, obj);

	if (of && of != s)
		bug_report("%s(%s, %p): object of cache %s", call, s ? s->name : "NULL", obj,
			   of->name);
}

/* Is @obj an object of @s that is in use? */
static bool is_object_of(const struct kmem_cache *s, const void *obj)
{
	const struct page *slab;

	if (unlikely(!s || page_map_get(obj) != MAP_CACHE))
		return false;
	slab = slab_of(s, obj);
	return page_type(slab) == PAGE_SLAB && slab->cache == s && is_object(s, obj);
}

BUDDY_API void buddy_kmem_cache_free(struct kmem_cache *s, void *obj)
{
	if (!obj)
		return;
	if (unlikely(!is_object_of(s, obj)))
		report_object("buddy_kmem_cache_free", s, obj);
	else if (unlikely(!put_own(s, obj)))
		slab_free(s, obj);
}

BUDDY_API void buddy_kmem_cache_free_bulk(struct kmem_cache *s, size_t nr, void **objs)
{
	const char *call = "buddy_kmem_cache_free_bulk";
	struct slow slow;

	if (nr && !objs) {
		bug_warn("%s(): objs is NULL", call);
		return;
	}
	if (!s) {
		for (size_t i = 0; i < nr; i++)
			buddy_kfree(objs[i]);
		return;
	}
	slow_enter_anyway(&slow);
	for (size_t i = 0; i < nr; i++) {
		if (unlikely(!is_object_of(s, objs[i]))) {
			if (objs[i])
				report_object(call, s, objs[i]);
		} else if (unlikely(!put_own(s, objs[i]))) {
			slab_free_slow(s, objs[i], &slow);
		}
	}
	slow_leave(&slow);
	kswapd_freed(&slow);
}

BUDDY_API int buddy_kmem_cache_shrink(struct kmem_cache *s)
{
	if (!s) {
		bug_warn("buddy_kmem_cache_shrink(): cache is NULL");
		return -EINVAL;
	}
	return cache_shrink(s) ? 1 : 0;
}

BUDDY_API unsigned int buddy_kmem_cache_size(const struct kmem_cache *s)
{
	if (!s)
		bug_warn("buddy_kmem_cache_size(): cache is NULL");
	return s ? s->object_size : 0;
}
