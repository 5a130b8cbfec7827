/* SPDX-License-Identifier: MIT */
/*
 * stats.c - sums over zones, caches and threads
 *
 * Everything is read where it is kept; no allocation counts anything for this.
 */
#include "base/fmt.h"
#include "buddy/buddy.h"
#include "malloc/internal.h"
#include "platform/os.h"
#include <errno.h>
#include <string.h>

static_assert(sizeof(((struct buddy_zone_stats *)0)->free_blocks) ==
		      NR_PAGE_ORDERS * sizeof(uint64_t),
	      "a number for each order");
static_assert(sizeof(((struct buddy_cache_stats *)0)->name) ==
		      sizeof(((struct kmem_cache *)0)->name),
	      "a name is copied as it is");

racy_on_purpose static u64 objects_in(const struct cursor *c, const struct slab_sheaf *sheaf)
{
	ptrdiff_t stray;
	void **cur;

	if (!sheaf)
		return 0;
	if (!c || cursor_is_disabled(c, &stray))
		return READ_ONCE(sheaf->size);
	cur = READ_ONCE(c->cur);
	return cur >= sheaf->objects && cur <= sheaf->objects + sheaf->capacity
		       ? (u64)(cur - sheaf->objects)
		       : 0;
}

/* Objects of @s in the sheaves of threads.  Racy: a sheaf may move meanwhile. */
racy_on_purpose static u64 cached_in_tasks(const struct kmem_cache *s)
{
	u64 n = 0;

	if (s->metadata)
		return 0; /* sheaves and tasks come straight from their slabs */
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next) {
		const struct pcs *p = task_has_sheaves(t) ? task_pcs(t, s) : NULL;

		if (p)
			n += objects_in(task_cursor(t, s), p->main) + objects_in(NULL, p->spare);
	}
	return n;
}

/* A nested slow path waits for nothing: what it cannot lock is left out. */
static bool lock_unless(struct spinlock *lock, bool nowait)
{
	return (nowait ? spin_trylock(lock) : spin_lock(lock)) != LOCK_BUSY;
}

static void add_home(const struct slab_home *home, struct buddy_cache_stats *ret)
{
	ret->homes++;
	ret->active += READ_ONCE(home->inuse);
	ret->slabs += READ_ONCE(home->nr_slabs);
	ret->partial_slabs += READ_ONCE(home->nr_partial);
	ret->empty_slabs += READ_ONCE(home->nr_empty);
	ret->refills += READ_ONCE(home->refills);
	ret->refilled += READ_ONCE(home->refilled);
	ret->flushes += READ_ONCE(home->flushes);
	ret->flushed += READ_ONCE(home->flushed);
	ret->barn_miss += READ_ONCE(home->barn_miss);
	ret->barn_over += READ_ONCE(home->barn_over);
}

static void add_barn(struct barn *barn, struct buddy_cache_stats *ret, bool nowait)
{
	const struct slab_sheaf *sheaf;

	ret->full_sheaves += READ_ONCE(barn->nr_full);
	ret->empty_sheaves += READ_ONCE(barn->nr_empty);
	ret->barn_get += READ_ONCE(barn->nr_get);
	ret->barn_put += READ_ONCE(barn->nr_put);
	if (!barn_lock(barn, nowait))
		return;
	list_for_each_entry (sheaf, &barn->full, barn_list)
		ret->cached += sheaf->size;
	spin_unlock(&barn->lock);
}

static void cache_stats(struct kmem_cache *s, struct buddy_cache_stats *ret, bool nowait)
{
	struct kmem_cache_node *n;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->name, s->name, sizeof(ret->name));
	ret->object_size = s->object_size;
	ret->size = s->size;
	ret->objects_per_slab = s->objects;
	ret->pages_per_slab = 1u << s->order;
	ret->sheaf_capacity = s->capacity;
	for_each_kmem_cache_node (s, i, n) {
		ret->adopted += READ_ONCE(n->adopted);
		ret->strange += READ_ONCE(n->strange);
		ret->punched += READ_ONCE(n->punched);
		for_each_home (n, home)
			add_home(home, ret);
		for_each_barn (n, barn)
			add_barn(barn, ret, nowait);
	}
	ret->objects = ret->slabs * s->objects;
	ret->cached += cached_in_tasks(s);
}

BUDDY_API int buddy_cache_stats(int index, struct buddy_cache_stats *ret)
{
	struct kmem_cache *s;
	struct slow slow;
	int err = -ENOENT;

	if (!mm_is_ready() || index < 0)
		return -ENOENT;
	slow_enter_anyway(&slow);
	if (lock_unless(&slab_mutex, slow.nested)) {
		s = cache_by_index(index);
		if (s) {
			cache_stats(s, ret, slow.nested);
			err = 0;
		}
		spin_unlock(&slab_mutex);
	}
	slow_leave(&slow);
	return err;
}

static struct zone *zone_by_index(int index)
{
	for (int n = 0; n < topology.nr_nodes; n++) {
		struct zone *zone = &node_data[n].zones[ZONE_NORMAL];

		if (zone->end_pfn && index-- == 0)
			return zone;
	}
	return index == 0 && meta_zone.end_pfn ? &meta_zone : NULL;
}

BUDDY_API int buddy_zone_stats(int index, struct buddy_zone_stats *ret)
{
	const struct zone *zone = mm_is_ready() && index >= 0 ? zone_by_index(index) : NULL;
	struct fmt_buf name = {.buf = ret->name, .size = sizeof(ret->name)};

	if (!zone)
		return -ENOENT;
	memset(ret, 0, sizeof(*ret));
	fmt_print(&name, "%s", zone->name);
	ret->node = zone->node;
	ret->managed = zone->managed_pages;
	ret->present = READ_ONCE(zone->present_pages);
	ret->free = READ_ONCE(zone->nr_free_pages);
	ret->zero = READ_ONCE(zone->nr_zero_pages);
	ret->wmark_min = zone->_watermark[WMARK_MIN];
	ret->wmark_low = zone->_watermark[WMARK_LOW];
	ret->wmark_high = zone->_watermark[WMARK_HIGH];
	ret->wmark_promo = zone->_watermark[WMARK_PROMO];
	for (int o = 0; o < NR_PAGE_ORDERS; o++)
		ret->free_blocks[o] = READ_ONCE(zone->free_area[o].nr_free);
	ret->pgalloc = READ_ONCE(zone->stat.pgalloc);
	ret->pgfree = READ_ONCE(zone->stat.pgfree);
	ret->refills = READ_ONCE(zone->stat.refill);
	ret->flushes = READ_ONCE(zone->stat.flush);
	ret->claims = READ_ONCE(zone->stat.fallback_claim);
	ret->steals = READ_ONCE(zone->stat.fallback_steal);
	ret->accepted = READ_ONCE(zone->stat.accepted);
	ret->reported = READ_ONCE(zone->stat.reported);
	ret->runs = READ_ONCE(zone->stat.run_alloc);
	return 0;
}

static void add_caches(struct buddy_stats *ret)
{
	struct kmem_cache *s;
	struct slow slow;

	slow_enter_anyway(&slow);
	if (!lock_unless(&slab_mutex, slow.nested))
		goto out;
	list_for_each_entry (s, &slab_caches, list) {
		struct buddy_cache_stats c;

		if (s->metadata)
			continue;
		cache_stats(s, &c, slow.nested);
		ret->slabs += c.slabs * c.pages_per_slab << PAGE_SHIFT;
		ret->objects += (c.active - MIN(c.cached, c.active)) * c.object_size;
	}
	spin_unlock(&slab_mutex);
out:
	slow_leave(&slow);
}

BUDDY_API void buddy_stats(struct buddy_stats *ret)
{
	unsigned long count, large = READ_ONCE(large_pages);
	size_t bytes;
	struct zone *zone;

	memset(ret, 0, sizeof(*ret));
	if (!mm_is_ready())
		return;
	for (int i = 0; (zone = zone_by_index(i)) != NULL; i++) {
		u64 present = READ_ONCE(zone->present_pages) << PAGE_SHIFT;
		u64 nr_free = READ_ONCE(zone->nr_free_pages) << PAGE_SHIFT;

		if (zone->metadata) {
			ret->metadata = present;
			ret->metadata_free = nr_free;
			continue;
		}
		ret->present += present;
		ret->free += nr_free;
		ret->zero += READ_ONCE(zone->nr_zero_pages) << PAGE_SHIFT;
	}
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next) {
		const struct per_task_pages *pcp = &t->mm.pcp;
		int listed = READ_ONCE(pcp->count), exact = READ_ONCE(pcp->exact_count);

		ret->cached += (u64)MAX(listed, 0) << PAGE_SHIFT;
		ret->cached += (u64)MAX(exact, 0) << PAGE_SHIFT;
		large += READ_ONCE(t->large_pages);
		ret->slow_allocs += READ_ONCE(t->slow_allocs);
		ret->slow_frees += READ_ONCE(t->slow_frees);
	}
	/*
	 * May be negative: a block that was allocated after its thread had been read, and freed by
	 * a thread before that was read, counts as -1.
	 */
	ret->large = (u64)MAX((long)large, 0) << PAGE_SHIFT;
	ret->pages = READ_ONCE(api_pages) << PAGE_SHIFT;
	add_caches(ret);
	direct_totals(&count, &bytes);
	ret->direct = bytes;
	ret->direct_count = count;
}

BUDDY_API uint64_t buddy_lock_contended(void)
{
	return READ_ONCE(spin_contended);
}

BUDDY_API int buddy_verify(void)
{
	struct slow slow;
	int bad;

	if (!slow_enter(&slow))
		return 0;
	bad = slow.nested ? 0 : mm_verify() + slab_verify();
	slow_leave(&slow);
	return bad;
}

BUDDY_API const char *buddy_version(void)
{
	return "0.1";
}

/* ---- nodes ---- */

static void ensure_started(void)
{
	struct slow slow;

	if (slow_enter(&slow))
		slow_leave(&slow);
}

BUDDY_API int buddy_nr_nodes(void)
{
	ensure_started();
	return topology.nr_nodes;
}

BUDDY_API int buddy_node_distance(int a, int b)
{
	ensure_started();
	if (topology.nr_nodes > 1)
		mm_load_topology();
	if (a < 0 || b < 0 || a >= topology.nr_nodes || b >= topology.nr_nodes)
		return -EINVAL;
	return topology.distance[a][b];
}

BUDDY_API int buddy_node_of_cpu(int cpu)
{
	int node;

	ensure_started();
	if (topology.nr_nodes > 1)
		node = topology_node_of_cpu(cpu);
	else
		node = os_cpu_exists(cpu) ? 0 : -EINVAL;
	return node < 0 || cpu < 0 ? -EINVAL : node;
}

BUDDY_API int buddy_node_of(const void *ptr)
{
	if (!mm_is_ready() || !mm_owns(ptr))
		return -EINVAL;
	for (int n = 0; n < topology.nr_nodes; n++)
		if (zone_spans_pfn(&node_data[n].zones[ZONE_NORMAL], addr_to_pfn(ptr)))
			return n;
	return -EINVAL;
}
