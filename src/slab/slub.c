/* SPDX-License-Identifier: MIT */
/*
 * slub.c - objects: the slow half of allocating and freeing
 *
 *   slab_alloc_slow
 *     pcs_alloc              this thread's sheaves; then the barn; then slabs
 *     alloc_direct           no task, no sheaves, or the task's lock held: one object from a slab
 *   slab_free_slow
 *     pcs_free               this thread's sheaves; then the barn; then slabs
 *     slab_give_try          as above
 *     stack_push             nested and the slab's lock is held: for the next to come by
 *
 * Under slab_debug=F both leave the sheaves out, so that a bit says whether its object is in use.
 *
 * Linux:  mm/slub.c, slab_alloc_node(), slab_free(), kmalloc_nolock(), defer_free(); a cache that
 *         is debugged has no sheaves there either.
 * Locks:  task.lock by trylock; see pcs.c and partial.c.
 */
#include "base/check.h"
#include "platform/os.h"
#include "slab/internal.h"
#include "slab/pcs.h"
#include <string.h>

/*
 * Objects freed where nothing could be waited for, linked through their first words: the one place
 * where a free object is written.  Handlers push them, and the next slow path that may wait takes
 * them all.  A child that is forked while another thread has them in hand loses them.
 */
static struct list_head *deferred; /* atomic */
static u32 takers;		   /* threads that have such in hand; atomic */

static slowpath void take_deferred(void)
{
	struct list_head *node, *next;

	atomic_add(&takers, 1);
	for (node = stack_take(&deferred); node; node = next) {
		struct page *slab = find_slab(node);
		void *obj = node;

		/* The program freed it twice, so from here on the list is a ring. */
		if (slab && !is_object(slab->cache, obj)) {
			(void)slab_check_object("free", obj);
			break;
		}
		next = node->next;
		/* The link was written over what the constructor made. */
		if (slab && slab->cache->ctor)
			slab->cache->ctor(obj);
		if (slab)
			slab_give(slab->cache, &obj, 1);
	}
	/* Release pairs with settle_deferred(). */
	__atomic_fetch_sub(&takers, 1, __ATOMIC_RELEASE);
}

/*
 * The same, and wait until what other threads have taken is back in its slabs too.  Return: false
 * if one still has some: it was not scheduled, or is in a constructor.
 */
slowpath bool settle_deferred(void)
{
	u32 seen;

	take_deferred();
	for (int ms = PATIENCE_MS; (seen = load_acquire(&takers)) != 0; ms--) {
		if (!ms)
			return false;
		os_futex_wait(&takers, seen, 1);
	}
	return true;
}

/* In a forked child: the threads that had them in hand did not come along. */
slowpath void forget_takers(void)
{
	takers = 0;
}

static void *alloc_direct(struct kmem_cache *s, gfp_t gfp, int node, struct slow *slow)
{
	void *obj;

	if (slab_take(s, node, &obj, 1, /* exact= */ true, gfp, slow))
		return obj;
	/*
	 * This thread or another holds the locks, or there is no room for a slab: a mapping of its
	 * own is better than no memory.  free() knows those; objects of other caches have to be in
	 * slabs.  It is aligned as in a slab, to the largest power of two that divides its size,
	 * since memalign() relies on what a class aligns.
	 */
	if (s->class == CLASS_NONE || (gfp & __GFP_THISNODE))
		return NULL;
	return direct_alloc(s->size, s->size & -s->size, slow->nested);
}

void *slab_alloc_slow(struct kmem_cache *s, struct slow *slow)
{
	struct task *task = slow->task;
	void *obj;

	if (unlikely(READ_ONCE(deferred)) && !slow->nested)
		take_deferred();
	if (likely(task)) {
		stat_inc(task->slow_allocs);
		if (likely(!slow->nested && !slab_consistency_checks() && task_trylock(task))) {
			struct pcs *p = task_pcs_made(task, s);

			obj = p ? pcs_alloc(task, s, p, slow) : NULL;
			spin_unlock_unwaited(&task->lock);
			if (likely(obj))
				return obj;
		}
	}
	return alloc_direct(s, 0, request_node(slow, 0, NUMA_NO_NODE), slow);
}

void slab_free_slow(struct kmem_cache *s, void *obj, struct slow *slow)
{
	struct task *task = slow->task;
	bool local = true;

	if (unlikely(READ_ONCE(deferred)) && !slow->nested)
		take_deferred();
	if (topology.nr_nodes > 1 && task)
		local = page_to_nid(slab_of(s, obj)) == task->mm.node;
	if (likely(task)) {
		stat_inc(task->slow_frees);
		if (likely(local && !slow->nested && !slab_consistency_checks() &&
			   task_trylock(task))) {
			struct pcs *p = task_pcs_made(task, s);
			bool done = p && pcs_free(task, s, p, obj, slow);

			spin_unlock_unwaited(&task->lock);
			if (likely(done))
				return;
		}
	}
	if (!slab_give_try(s, obj, slow))
		stack_push(&deferred, obj);
}

/* From the largest order down: the head of the block that covers @addr is met before its tails. */
struct page *find_slab(const void *addr)
{
	u64 pfn = addr_to_pfn(addr);

	if (!mm_owns(addr))
		return NULL;
	for (int order = MAX_PAGE_ORDER; order >= 0; order--) {
		struct page *head = pfn_to_page(ALIGN_DOWN(pfn, (u64)1 << order));

		if (page_type(head) == PAGE_SLAB && page_order(head) >= (unsigned int)order)
			return head;
	}
	return NULL;
}

static slowpath struct kmem_cache *bad_object(const char *call, const void *obj,
					      const struct kmem_cache *s, const char *what)
{
	if (s)
		bug_report("%s(%p): %s of an object of %s", call, obj, what, s->name);
	else
		bug_report("%s(%p): %s", call, obj, what);
	return NULL;
}

slowpath struct kmem_cache *slab_check_object(const char *call, const void *obj)
{
	struct page *slab = find_slab(obj);
	struct kmem_cache *s;
	unsigned int index;

	if (!slab || slab->cache->metadata)
		return bad_object(call, obj, NULL, "not an object of a cache, or freed already");
	s = slab->cache;
	index = obj_to_index(s, slab, obj);
	if (slab_object(s, slab, index) != obj || index >= s->objects)
		return bad_object(call, obj, s, "invalid pointer into the middle");
	if (!is_out(slab, index))
		return bad_object(call, obj, s, "double free");
	return s;
}

/* ---- for callers outside the hit paths ---- */

/*
 * Must the object be of a certain node?  Then what lies in sheaves will not do: some of it may be
 * of another, from when this thread ran there or its own was full.
 */
static inline bool wants_node(const struct slow *slow, gfp_t gfp, int node)
{
	if (node == NUMA_NO_NODE)
		return (gfp & __GFP_THISNODE) && topology.nr_nodes > 1;
	return (gfp & __GFP_THISNODE) || !slow->task || node != slow->task->mm.node;
}

/* Up to @nr objects of this thread's sheaves; nobody else is asked.  Return: how many. */
static slowpath size_t alloc_own(struct kmem_cache *s, const struct slow *slow, size_t nr,
				 void **objs)
{
	struct pcs *p;
	size_t got = 0;

	if (!slow->task || slow->nested || !task_trylock(slow->task))
		return 0;
	p = task_pcs(slow->task, s);
	if (p)
		got = pcs_pop(slow->task, s, p, nr, objs);
	spin_unlock_unwaited(&slow->task->lock);
	return got;
}

#define NOWAIT_TRIES 8

/*
 * An object without waiting for a lock, as in a signal handler.  A lock that is held now is likely
 * free in a moment: with one try half of the allocations of four threads on two CPUs failed.
 */
static slowpath void *alloc_nowait(struct kmem_cache *s, gfp_t gfp, int node,
				   const struct slow *slow)
{
	struct slow nowait = {.task = slow->task, .nested = true};
	void *obj = NULL;

	if (!wants_node(slow, gfp, node))
		(void)alloc_own(s, slow, 1, &obj);
	for (int i = 0; !obj && i < NOWAIT_TRIES; i++) {
		obj = alloc_direct(s, gfp, request_node(slow, gfp, node), &nowait);
		cpu_relax();
	}
	return obj;
}

static set_apart void *alloc_one(struct kmem_cache *s, gfp_t gfp, int node, struct slow *slow)
{
	if (asks_not_to_wait(gfp))
		return alloc_nowait(s, gfp, node, slow);
	if (wants_node(slow, gfp, node))
		return alloc_direct(s, gfp, request_node(slow, gfp, node), slow);
	return slab_alloc_slow(s, slow);
}

set_apart void *slab_alloc(struct kmem_cache *s, gfp_t gfp, int node)
{
	struct slow slow;
	void *obj;

	if (!slow_enter(&slow))
		return NULL;
	obj = alloc_one(s, gfp, node, &slow);
	slow_leave(&slow);
	kswapd_after_alloc(&slow, asks_not_to_wait(gfp));
	if (obj && (gfp & __GFP_ZERO))
		memset(obj, 0, s->object_size);
	return obj;
}

void slab_free(struct kmem_cache *s, void *obj)
{
	struct slow slow;

	slow_enter_anyway(&slow);
	slab_free_slow(s, obj, &slow);
	slow_leave(&slow);
	kswapd_freed(&slow);
}

/* All @nr objects or none.  Return: @nr or 0. */
set_apart size_t slab_alloc_bulk(struct kmem_cache *s, gfp_t gfp, size_t nr, void **objs)
{
	struct slow slow;
	size_t got = 0;
	bool own;

	if (!slow_enter(&slow))
		return 0;
	own = !wants_node(&slow, gfp, NUMA_NO_NODE);
	if (own)
		got = alloc_own(s, &slow, nr, objs);
	while (got < nr && (objs[got] = alloc_one(s, gfp, NUMA_NO_NODE, &slow))) {
		got++;
		/* A miss has filled the sheaf. */
		if (own && !asks_not_to_wait(gfp))
			got += alloc_own(s, &slow, nr - got, objs + got);
	}
	if (got < nr) {
		struct slow undo = {.task = slow.task,
				    .nested = slow.nested || asks_not_to_wait(gfp)};

		while (got)
			slab_free_slow(s, objs[--got], &undo);
	}
	slow_leave(&slow);
	kswapd_after_alloc(&slow, asks_not_to_wait(gfp));
	return got;
}
