/* SPDX-License-Identifier: MIT */
/*
 * barn.c - the store of full and empty sheaves shared by the threads of one node
 *
 * A thread whose sheaves are both empty, or both full, swaps a whole sheaf here under one lock
 * hold, so the lock is paid once for a sheaf of objects.  The barn owns sheaves and never looks
 * inside one.
 *
 * Linux:  mm/slub.c, barn_*().  Differs: sheaves may be of several sizes and partly filled
 *         (threads that ended leave theirs as they are); how many are kept goes by bytes.
 * Locks:  node_barn.lock, rank BARN.  Nothing is allocated while it is held.
 */
#include "base/check.h"
#include "slab/internal.h"

#define MAX_EMPTY 10

void barn_init(struct node_barn *barn)
{
	barn->lock = (struct spinlock)SPINLOCK_INIT(RANK_BARN);
	list_init(&barn->full);
	list_init(&barn->empty);
	barn->nr_full = barn->nr_empty = 0;
}

static void relink(struct node_barn *barn, struct slab_sheaf *sheaf)
{
	if (sheaf_place(sheaf) == SHEAF_BARN_FULL) {
		list_add(&sheaf->barn_list, &barn->full);
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
	list_add(&sheaf->barn_list, &n->barn.empty);
	stat_inc(n->barn.nr_empty);
}

/**
 * barn_get_full - take a full sheaf, leaving @empty (may be NULL) for it
 * Return: the sheaf, or NULL with @empty still the caller's.
 */
struct slab_sheaf *barn_get_full(struct kmem_cache *s, struct kmem_cache_node *n,
				 struct slab_sheaf *empty, bool nowait)
{
	struct node_barn *barn = &n->barn;
	struct slab_sheaf *full = NULL;

	(void)s;
	if (!READ_ONCE(barn->nr_full) || !barn_lock(n, nowait))
		return NULL;
	if (barn->nr_full) {
		full = list_first_entry(&barn->full, struct slab_sheaf, barn_list);
		list_del(&full->barn_list);
		stat_add(barn->nr_full, -1u);
		sheaf_set_place(full, SHEAF_TRANSIT, task_id());
		if (empty)
			put_empty_locked(n, empty);
		stat_inc(n->barn_get);
	} else {
		stat_inc(n->barn_miss);
	}
	spin_unlock(&barn->lock);
	return full;
}

/* An empty sheaf of at least @kind, or NULL. */
struct slab_sheaf *barn_get_empty(struct kmem_cache_node *n, unsigned int kind, bool nowait)
{
	struct node_barn *barn = &n->barn;
	struct slab_sheaf *sheaf = NULL;

	if (!READ_ONCE(barn->nr_empty) || !barn_lock(n, nowait))
		return NULL;
	if (barn->nr_empty) {
		sheaf = list_first_entry(&barn->empty, struct slab_sheaf, barn_list);
		if (sheaf_kind(sheaf) >= kind) {
			list_del(&sheaf->barn_list);
			stat_add(barn->nr_empty, -1u);
			sheaf_set_place(sheaf, SHEAF_TRANSIT, task_id());
		} else {
			sheaf = NULL;
		}
	}
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
	if (room) {
		sheaf_set_place(sheaf, SHEAF_BARN_FULL, barn_id(n));
		list_add(&sheaf->barn_list, &barn->full);
		stat_inc(barn->nr_full);
		stat_inc(n->barn_put);
	} else {
		stat_inc(n->barn_over);
	}
	spin_unlock(&barn->lock);
	return room;
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

static struct slab_sheaf *pop(struct list_head *list, u32 *nr, u32 keep)
{
	struct slab_sheaf *sheaf;

	if (*nr <= keep)
		return NULL;
	sheaf = list_last_entry(list, struct slab_sheaf, barn_list);
	list_del(&sheaf->barn_list);
	stat_add(*nr, -1u);
	sheaf_set_place(sheaf, SHEAF_TRANSIT, task_id());
	return sheaf;
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
		sheaf = pop(&n->barn.full, &n->barn.nr_full, keep);
		if (!sheaf)
			sheaf = pop(&n->barn.empty, &n->barn.nr_empty, MIN(keep, MAX_EMPTY));
		spin_unlock(&n->barn.lock);
		if (!sheaf)
			return objects;
		objects += sheaf->size;
		slab_give(s, sheaf->objects, sheaf->size, slow);
		sheaf->size = 0;
		sheaf_free(sheaf, slow);
	}
}
