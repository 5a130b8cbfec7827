/* SPDX-License-Identifier: MIT */
/*
 * barn.c - the store of full and empty sheaves shared by the threads of one node
 *
 * A thread whose sheaves are both empty, or both full, swaps a whole sheaf here under one lock
 * hold, so the lock is paid once for a sheaf of objects.  The barn owns sheaves and never looks
 * inside one.
 *
 * Linux:  mm/slub.c, barn_*().  Differs: sheaves may be of several sizes and partly filled
 *         (threads that ended leave theirs as they are); how many are kept goes by bytes; and
 *         a thread gets back first what it left, from the cache of its own CPU: two threads in
 *         bursts of 1600 take 0.9 times as long as with one list, others the same.
 * Locks:  node_barn.lock, rank BARN.  Nothing is allocated while it is held.
 */
#include "base/check.h"
#include "slab/internal.h"

#define MAX_EMPTY 10

void barn_init(struct node_barn *barn)
{
	barn->lock = (struct spinlock)SPINLOCK_INIT(RANK_BARN);
	for (int i = 0; i < BARN_SHARDS; i++)
		list_init(&barn->full[i]);
	list_init(&barn->empty);
	barn->nr_full = barn->nr_empty = 0;
}

/* Where a thread leaves sheaves, and looks first: what it left is in the cache of its CPU. */
static struct list_head *own_shard(struct node_barn *barn)
{
	return &barn->full[task_id() % BARN_SHARDS];
}

static void relink(struct node_barn *barn, struct slab_sheaf *sheaf)
{
	if (sheaf_place(sheaf) == SHEAF_BARN_FULL) {
		list_add(&sheaf->barn_list, own_shard(barn));
		stat_inc(barn->nr_full);
	} else {
		list_add(&sheaf->barn_list, &barn->empty);
		stat_inc(barn->nr_empty);
	}
}

static bool is_in(const struct slab_sheaf *sheaf, u32 barn_id)
{
	enum sheaf_place place = sheaf_place(sheaf);

	return (place == SHEAF_BARN_FULL || place == SHEAF_BARN_EMPTY) && sheaf->owner == barn_id;
}

/* A barn is known to its sheaves by where its cache node lies. */
static u32 barn_id(const struct kmem_cache_node *n)
{
	return (u32)((uintptr_t)n >> 4);
}

/* The last owner of the lock vanished in a fork: find the sheaves again by their places. */
static void barn_rebuild(struct kmem_cache_node *n)
{
	barn_init(&n->barn);
	n->barn.lock.word = task_id() | spin_generation;
	for (u64 pfn = meta_zone.start_pfn; pfn < READ_ONCE(meta_zone.accept_pfn);) {
		struct page *slab = pfn_to_page(pfn);

		pfn += page_block_pages(slab);
		if (page_type(slab) != PAGE_SLAB)
			continue;
		for (unsigned int i = 0; i < slab->objects; i++) {
			struct slab_sheaf *sheaf = (void *)((char *)page_address(slab) +
							    (size_t)i * slab->cache->size);

			if ((slab->bits[i / 64] >> (i % 64) & 1) && is_in(sheaf, barn_id(n)))
				relink(&n->barn, sheaf);
		}
	}
}

static bool barn_lock(struct kmem_cache_node *n, bool nowait)
{
	enum lock_result r = nowait ? spin_trylock(&n->barn.lock) : spin_lock(&n->barn.lock);

	if (unlikely(r == LOCK_STALE))
		barn_rebuild(n);
	return r != LOCK_BUSY;
}

static void put_empty_locked(struct kmem_cache_node *n, struct slab_sheaf *sheaf)
{
	sheaf_set_place(sheaf, SHEAF_BARN_EMPTY, barn_id(n));
	relink(&n->barn, sheaf);
}

static void put_full_locked(struct kmem_cache_node *n, struct slab_sheaf *sheaf)
{
	sheaf_set_place(sheaf, SHEAF_BARN_FULL, barn_id(n));
	relink(&n->barn, sheaf);
	stat_inc(n->barn_put);
}

/* @nr: the count of the list that @sheaf is on.  Return: @sheaf, in this thread's hands. */
static struct slab_sheaf *take_out_locked(struct slab_sheaf *sheaf, u32 *nr)
{
	list_del(&sheaf->barn_list);
	stat_add(*nr, -1u);
	sheaf_set_place(sheaf, SHEAF_TRANSIT, task_id());
	return sheaf;
}

/* The one left last, if it is of at least @kind.  There is one. */
static struct slab_sheaf *take_empty_locked(struct node_barn *barn, unsigned int kind)
{
	struct slab_sheaf *sheaf = list_first_entry(&barn->empty, struct slab_sheaf, barn_list);

	return sheaf_kind(sheaf) < kind ? NULL : take_out_locked(sheaf, &barn->nr_empty);
}

/* The one left first in a shard that has any.  There is one. */
static struct slab_sheaf *coldest_full(struct node_barn *barn)
{
	struct list_head *list = barn->full;

	while (list_empty(list))
		list++;
	return list_last_entry(list, struct slab_sheaf, barn_list);
}

/* The last one left in this thread's shard, else the first left in another's.  There is one. */
static struct slab_sheaf *take_full_locked(struct node_barn *barn)
{
	struct list_head *own = own_shard(barn);

	return take_out_locked(list_empty(own)
				       ? coldest_full(barn)
				       : list_first_entry(own, struct slab_sheaf, barn_list),
			       &barn->nr_full);
}

/**
 * barn_get_full - take a full sheaf, leaving @empty (may be NULL) for it
 * Return: the sheaf, or NULL with @empty still the caller's.
 */
struct slab_sheaf *barn_get_full(struct kmem_cache_node *n, struct slab_sheaf *empty, bool nowait)
{
	struct node_barn *barn = &n->barn;
	struct slab_sheaf *full = NULL;

	if (!READ_ONCE(barn->nr_full) || !barn_lock(n, nowait))
		return NULL;
	if (barn->nr_full) {
		full = take_full_locked(barn);
		if (empty)
			put_empty_locked(n, empty);
		stat_inc(n->barn_get);
	} else {
		stat_inc(n->barn_miss);
	}
	spin_unlock(&barn->lock);
	return full;
}

/* The empty sheaf left last, of whatever kind, or NULL. */
struct slab_sheaf *barn_get_empty(struct kmem_cache_node *n, bool nowait)
{
	struct node_barn *barn = &n->barn;
	struct slab_sheaf *sheaf = NULL;

	if (!READ_ONCE(barn->nr_empty) || !barn_lock(n, nowait))
		return NULL;
	if (barn->nr_empty)
		sheaf = take_empty_locked(barn, 0);
	spin_unlock(&barn->lock);
	return sheaf;
}

/**
 * barn_put_full - leave a sheaf with objects in it
 * @force: also beyond what the barn is meant to keep
 * Return: false if it stays the caller's.
 */
bool barn_put_full(struct kmem_cache *s, struct kmem_cache_node *n, struct slab_sheaf *sheaf,
		   bool force, bool nowait)
{
	struct node_barn *barn = &n->barn;
	bool room;

	if (!barn_lock(n, nowait))
		return false;
	room = force || barn->nr_full < s->max_full;
	if (room)
		put_full_locked(n, sheaf);
	else
		stat_inc(n->barn_over);
	spin_unlock(&barn->lock);
	return room;
}

/**
 * barn_swap_full - leave @full, take an empty sheaf of at least @kind
 * Return: the empty one; NULL with @full still the caller's if there is none, or no room.
 */
struct slab_sheaf *barn_swap_full(struct kmem_cache *s, struct kmem_cache_node *n,
				  struct slab_sheaf *full, unsigned int kind)
{
	struct node_barn *barn = &n->barn;
	struct slab_sheaf *empty = NULL;

	if (!READ_ONCE(barn->nr_empty) || barn_is_full(s, n))
		return NULL;
	barn_lock(n, false);
	if (barn->nr_empty && barn->nr_full < s->max_full)
		empty = take_empty_locked(barn, kind);
	if (empty)
		put_full_locked(n, full);
	spin_unlock(&barn->lock);
	return empty;
}

bool barn_put_empty(struct kmem_cache_node *n, struct slab_sheaf *sheaf, bool nowait)
{
	bool room;

	if (READ_ONCE(n->barn.nr_empty) >= MAX_EMPTY || !barn_lock(n, nowait))
		return false;
	room = n->barn.nr_empty < MAX_EMPTY;
	if (room)
		put_empty_locked(n, sheaf);
	spin_unlock(&n->barn.lock);
	return room;
}

/* A sheaf beyond the @keep full ones, coldest first, or beyond as many empty ones; or NULL. */
static struct slab_sheaf *pop_locked(struct node_barn *barn, u32 keep)
{
	if (barn->nr_full > keep)
		return take_out_locked(coldest_full(barn), &barn->nr_full);
	if (barn->nr_empty > MIN(keep, MAX_EMPTY))
		return take_out_locked(list_last_entry(&barn->empty, struct slab_sheaf, barn_list),
				       &barn->nr_empty);
	return NULL;
}

/**
 * barn_shrink - empty the barn down to @keep full sheaves, coldest first
 * Return: objects put back into slabs.
 */
u64 barn_shrink(struct kmem_cache *s, struct kmem_cache_node *n, u32 keep, struct slow *slow)
{
	u64 objects = 0;

	for (;;) {
		struct slab_sheaf *sheaf;

		barn_lock(n, false);
		sheaf = pop_locked(&n->barn, keep);
		spin_unlock(&n->barn.lock);
		if (!sheaf)
			return objects;
		objects += sheaf->size;
		slab_give(s, sheaf->objects, sheaf->size, slow);
		sheaf->size = 0;
		sheaf_free(sheaf, slow);
	}
}
