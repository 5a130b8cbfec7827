/* SPDX-License-Identifier: MIT */
/*
 * home.c - where the slabs of a cache live: lists by fullness, one set for each group of threads
 *
 * A slab has one home.  The home's lock guards its bitmap, and the home's lists keep it by how full
 * it is; the fullest is used first, so that the others empty.  A thread takes objects from the
 * slabs of its own home, and new slabs are born there; what it frees goes to the home of its slab,
 * whoever's that is.  So threads that keep to themselves want no lock that others have, and use no
 * slab that others have objects in.
 *
 *   slab_take                 partial.c
 *     own_home                by the thread's number; made when first needed
 *     fullest                 a partial slab of it, or an empty one
 *     adopt                   one that stands mostly empty in another home
 *
 * Threads share homes by their numbers, not by the CPU they run on: a program with one thread has
 * one home, and finds all its memory there after it was moved.
 *
 * Linux:  mm/slub.c has one list_lock and one list for each node of a cache.  There sheaves are
 *         per CPU and large; here threads are many, and two that filled up from the same slabs took
 *         up to 1.3 times as long where their CPUs share no cache.
 * Locks:  slab_home.list_lock.  Who has one only tries another: adopt().
 *
 * INVARIANT home: page.state of a slab names the home whose lists it is on, or would be on if it
 * were not full.
 *   made by     open_slab()
 *   kept by     adopt(), which changes it under the locks of both homes
 *   relied on   lock_home_of(): who has the lock of the home that a slab names has the slab
 *   checked by  slab_verify()
 */
#include "base/check.h"
#include "slab/internal.h"
#include <string.h>

unsigned int nr_homes = 1;

static struct kmem_cache home_cache; /* of struct slab_home */
static struct kmem_cache_node home_node;

void home_cache_init(void)
{
	init_boot_cache(&home_cache, &home_node, "slab_home", sizeof(struct slab_home));
}

static void home_reset(struct slab_home *home)
{
	for (int i = 0; i < NR_PARTIAL_BUCKETS; i++)
		list_init(&home->partial[i]);
	list_init(&home->empty);
	home->nr_empty = home->low_empty = 0;
	home->nr_slabs = home->nr_partial = home->inuse = 0;
	home->reached = 0;
}

/* @home reads as zero. */
static void home_init(struct slab_home *home, struct kmem_cache_node *n, unsigned int index)
{
	home->list_lock = (struct spinlock)SPINLOCK_INIT(RANK_SLAB_HOME);
	home->node = n;
	home->index = (u8)index;
	home_reset(home);
}

/* @n reads as zero. */
void cache_node_init(struct kmem_cache_node *n)
{
	home_init(&n->first, n, 0);
	n->home[0] = &n->first;
}

/* ---- which home ---- */

static noinline struct slab_home *make_home(struct kmem_cache_node *n, unsigned int index,
					    struct slow *slow)
{
	struct slab_home *home, *expected = NULL;
	void *obj;

	if (!slab_take(&home_cache, 0, &obj, 1, /* exact= */ true, 0, slow))
		return &n->first;
	home = memset(obj, 0, sizeof(*home));
	home_init(home, n, index);
	/* Publishes the initialised home to load_acquire() in own_home() and next_home(). */
	if (atomic_cmpxchg(&n->home[index], &expected, home))
		return home;
	if (!slab_give_try(&home_cache, obj, slow))
		bug_warn("a home of slabs was made twice in a signal handler: %zu bytes lost",
			 sizeof(*home));
	return expected;
}

/* Tasks are numbered from 1 on; a thread without a task uses the first home. */
static unsigned int own_index(const struct kmem_cache *s)
{
	u32 id = task_id_tls;

	return s->one_home || !task_id_has_block(id) ? 0 : (id - 1) & (nr_homes - 1);
}

/* The home of this thread's slabs; the first one if there is no memory for another. */
struct slab_home *own_home(struct kmem_cache *s, struct kmem_cache_node *n, struct slow *slow)
{
	unsigned int index = own_index(s);
	struct slab_home *home = load_acquire(&n->home[index]);

	return likely(home) ? home : make_home(n, index, slow);
}

/* The same to look at: none is made; the first one if this thread has none yet. */
struct slab_home *own_home_hint(const struct kmem_cache *s, struct kmem_cache_node *n)
{
	struct slab_home *home = load_acquire(&n->home[own_index(s)]);

	return home ? home : &n->first;
}

/* A home of @s.  There is one, since @s has handed objects out. */
static slowpath struct slab_home *any_home(const struct kmem_cache *s)
{
	struct kmem_cache_node *n = NULL;

	for (int i = 0; !n; i++)
		n = load_acquire(&s->node[i]);
	return &n->first;
}

/*
 * The home that @slab names.  If that is no slab of @s any more, some home of @s, under whose lock
 * the caller sees so.  Racy unless the lock of the home is held.
 */
struct slab_home *home_of(struct kmem_cache *s, const struct page *slab)
{
	const struct kmem_cache_node *n =
		load_acquire(&s->node[s->metadata ? 0 : page_to_nid(slab)]);
	struct slab_home *home =
		likely(n) ? load_acquire(&n->home[page_home(slab) % MAX_HOMES]) : NULL;

	return likely(home) ? home : any_home(s);
}

/* A cache is destroyed: free its homes but for the first, which is part of the node. */
slowpath void homes_free(struct kmem_cache_node *n)
{
	for_each_home (n, home) {
		void *obj = home;

		if (home != &n->first)
			slab_give(&home_cache, &obj, 1);
	}
}

/* ---- locks ---- */

/* Return: false if it is held, only with @nowait.  Repairs what a lost thread has left. */
bool home_lock(struct kmem_cache *s, struct slab_home *home, bool nowait)
{
	enum lock_result r = nowait ? spin_trylock(&home->list_lock) : spin_lock(&home->list_lock);

	if (unlikely(r == LOCK_STALE))
		home_rebuild(s, home);
	return r != LOCK_BUSY;
}

/**
 * lock_home_of - take the lock that guards @slab
 * Return: its home, or NULL, only with @nowait, if somebody else has it.
 */
struct slab_home *lock_home_of(struct kmem_cache *s, const struct page *slab, bool nowait)
{
	struct slab_home *home = home_of(s, slab), *now;

	while (home_lock(s, home, nowait)) {
		now = home_of(s, slab);
		if (likely(now == home))
			return home;
		/* It was adopted meanwhile. */
		spin_unlock(&home->list_lock);
		home = now;
	}
	return NULL;
}

/* Note that this thread takes objects from @home or gives some back.  Under list_lock. */
void note_user(struct slab_home *home)
{
	u32 me = task_id();

	if (home->last_user != me) {
		WRITE_ONCE(home->last_user, me);
		WRITE_ONCE(home->uses_by_last, 0);
	} else if (home->uses_by_last < USES_ALONE) {
		WRITE_ONCE(home->uses_by_last, (u8)(home->uses_by_last + 1));
	}
}

/* ---- lists; all under list_lock ---- */

/* Put @slab, which is on no list, on the one for its filling; if it is full, on none. */
void slab_sort_in(struct slab_home *home, struct page *slab)
{
	page_set_state(slab, READ_ONCE(slab->state) & ~PG_PUNCHED);
	if (slab->inuse == 0) {
		list_add(&slab->lru, &home->empty);
		stat_inc(home->nr_empty);
	} else if (slab->inuse < slab->objects) {
		list_add(&slab->lru, &home->partial[slab_bucket(slab)]);
		stat_inc(home->nr_partial);
	}
}

void slab_take_out(struct slab_home *home, struct page *slab)
{
	if (slab->inuse == 0) {
		stat_add(home->nr_empty, -1);
		WRITE_ONCE(home->low_empty, MIN(home->low_empty, home->nr_empty));
	} else if (slab->inuse < slab->objects) {
		stat_add(home->nr_partial, -1);
	} else {
		return;
	}
	list_del(&slab->lru);
}

/* The slab to take objects from next, or NULL. */
struct page *fullest(struct slab_home *home)
{
	for (int i = NR_PARTIAL_BUCKETS - 1; i >= 0; i--)
		if (!list_empty(&home->partial[i]))
			return list_first_entry(&home->partial[i], struct page, lru);
	return list_empty(&home->empty) ? NULL : list_first_entry(&home->empty, struct page, lru);
}

/* ---- adoption ---- */

/*
 * How many slabs of each kind, partial and empty, a home keeps: what its threads fill now, and what
 * they will fill next.  With fewer, the pages of two threads came to alternate, which costs as much
 * as sharing them: the processor fetches ahead across their borders.
 */
unsigned int few_slabs(const struct kmem_cache *s)
{
	return MAX(8u >> s->order, 1u);
}

static bool has_slabs_to_spare(const struct kmem_cache *s, const struct slab_home *home)
{
	return READ_ONCE(home->nr_empty) > few_slabs(s) ||
	       READ_ONCE(home->nr_partial) > few_slabs(s);
}

/* A slab that @home can spare, empty or less than half full, or NULL.  Under its list_lock. */
static struct page *emptiest(const struct kmem_cache *s, struct slab_home *home)
{
	if (home->nr_empty > few_slabs(s))
		return list_last_entry(&home->empty, struct page, lru);
	for (int i = 0; home->nr_partial > few_slabs(s) && i < NR_PARTIAL_BUCKETS / 2; i++)
		if (!list_empty(&home->partial[i]))
			return list_last_entry(&home->partial[i], struct page, lru);
	return NULL;
}

/* The locks of both are held. */
static void move_slab(struct page *slab, struct slab_home *from, struct slab_home *to)
{
	slab_take_out(from, slab);
	stat_add(from->nr_slabs, -1);
	stat_add(from->inuse, 0ul - slab->inuse);
	page_set_state(slab, slab_state(to, page_order(slab)) | page_punched(slab)
									<< PAGE_PUNCHED_SHIFT);
	slab_sort_in(to, slab);
	stat_inc(to->nr_slabs);
	stat_add(to->inuse, slab->inuse);
}

/**
 * adopt - before @home takes more pages, look for a slab that another home can spare
 *
 * Each call looks into one other home, by turns: looking means to read what other threads write.
 * Under list_lock.
 * Return: whether @home has one now.
 */
bool adopt(struct kmem_cache *s, struct slab_home *home)
{
	struct slab_home *other;
	struct page *slab;

	if (nr_homes == 1)
		return false;
	home->looked_at = (u8)((home->looked_at + 1) % (nr_homes - 1));
	other = load_acquire(&home->node->home[(home->index + 1u + home->looked_at) % nr_homes]);
	if (!other || !has_slabs_to_spare(s, other) || !home_lock(s, other, /* nowait= */ true))
		return false;
	slab = emptiest(s, other);
	if (slab) {
		move_slab(slab, other, home);
		stat_inc(home->node->adopted);
	}
	spin_unlock(&other->list_lock);
	return slab;
}

/* ---- giving back, and making anew ---- */

/* Give up to @most empty slabs of @home back, coldest first.  Return: pages. */
set_apart u64 home_discard_empty(struct kmem_cache *s, struct slab_home *home, u32 most)
{
	struct list_head gone, *pos, *next;
	u64 pages = 0;

	list_init(&gone);
	home_lock(s, home, /* nowait= */ false);
	for (; most && !list_empty(&home->empty); most--) {
		pos = home->empty.prev;
		list_move(pos, &gone);
		stat_add(home->nr_empty, -1);
		close_slab(s, home, list_entry(pos, struct page, lru));
	}
	WRITE_ONCE(home->low_empty, home->nr_empty);
	spin_unlock(&home->list_lock);
	list_for_each_safe (pos, next, &gone) {
		pages += (u64)1 << s->order;
		free_slab(s, list_entry(pos, struct page, lru), NULL);
	}
	return pages;
}

/* The empty slabs of a node, or those that were not needed since the last call.  Return: pages. */
u64 node_discard_empty(struct kmem_cache *s, struct kmem_cache_node *n, bool all)
{
	u64 pages = 0;

	for_each_home (n, home)
		if (!all || READ_ONCE(home->nr_empty))
			pages += home_discard_empty(s, home,
						    all ? ALL_EMPTY : READ_ONCE(home->low_empty));
	return pages;
}

/* A slab of @home is found again.  The lost thread may have been opening or closing it. */
static void sort_in_again(struct kmem_cache *s, struct slab_home *home, struct page *slab)
{
	slab->inuse = (u16)slab_count_out(s, slab);
	slab->objects = s->objects;
	map_slab(s, slab);
	stat_inc(home->nr_slabs);
	home->inuse += slab->inuse;
	slab_sort_in(home, slab);
}

/* May slabs of @home lie in @zone? */
static bool is_in_zone(const struct kmem_cache *s, const struct slab_home *home,
		       const struct zone *zone)
{
	return zone->metadata == s->metadata &&
	       (s->metadata || load_acquire(&s->node[zone->node]) == home->node);
}

/*
 * Make the lists of a home anew from its slabs: the last owner of list_lock was lost.  If it was
 * moving a slab, the slab says where it belongs; the other home, whose lock it had too, is rebuilt
 * as well before it is used.
 */
slowpath void home_rebuild(struct kmem_cache *s, struct slab_home *home)
{
	struct zone *zone;

	home_reset(home);
	for_each_populated_zone (zone) {
		if (!is_in_zone(s, home, zone))
			continue;
		for (u64 pfn = zone->start_pfn; pfn < READ_ONCE(zone->accept_pfn);) {
			struct page *slab = pfn_to_page(pfn);

			pfn += page_block_pages(slab);
			if (page_type(slab) == PAGE_SLAB && slab->cache == s &&
			    page_home(slab) == home->index)
				sort_in_again(s, home, slab);
		}
	}
}
