/* SPDX-License-Identifier: MIT */
/*
 * slab_common.c - caches: making, finding, shrinking and ending them
 *
 * Linux:  mm/slab_common.c.
 * Locks:  slab_mutex for the list of caches.
 */
#include "base/check.h"
#include "platform/os.h"
#include "slab/internal.h"
#include "slab/pcs.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

struct kmem_cache kmalloc_caches[NR_KMALLOC_CLASSES];
struct list_head slab_caches = {&slab_caches, &slab_caches};
struct spinlock slab_mutex = SPINLOCK_INIT(RANK_SLAB_MUTEX);
bool slab_caches_made;

static struct kmem_cache cache_cache; /* of struct kmem_cache */
static struct kmem_cache node_cache;  /* of struct kmem_cache_node */
static struct kmem_cache_node cache_cache_node, node_cache_node;
sparse struct kmem_cache *cache_table[PCS_CHUNK * PCS_CHUNKS]; /* slab_mutex; by id */

static void cache_set_name(struct kmem_cache *s, const char *name)
{
	size_t n = 0;

	while (name[n] && n + 1 < sizeof(s->name)) {
		s->name[n] = name[n];
		n++;
	}
	s->name[n] = 0;
}

static void init_kmalloc_caches(void)
{
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++) {
		struct kmem_cache *s = &kmalloc_caches[c];
		char digits[8];
		unsigned int n = sizeof(digits), size = kmalloc_class_size(c);

		s->size = s->object_size = size;
		s->align = KMALLOC_MINALIGN;
		s->class = (u8)c;
		cache_geometry(s);
		kmalloc_spread(s);
		digits[--n] = 0;
		for (; size; size /= 10)
			digits[--n] = (char)('0' + size % 10);
		memcpy(s->name, "malloc-", 7);
		memcpy(s->name + 7, digits + n, sizeof(digits) - n);
		list_add_tail(&s->list, &slab_caches);
	}
}

/* A cache of our own structures, with its one node: it needs no other cache to exist. */
void init_boot_cache(struct kmem_cache *s, struct kmem_cache_node *n, const char *name, size_t size)
{
	cache_set_name(s, name);
	s->object_size = (u32)size;
	s->size = (u32)ALIGN_UP(size, CACHE_LINE);
	s->align = s->size & -s->size; /* struct task begins a page */
	s->metadata = s->one_home = true;
	s->class = CLASS_NONE;
	cache_geometry(s);
	cache_node_init(n);
	s->node[0] = n;
	list_add_tail(&s->list, &slab_caches);
}

static bool shrinking;	   /* somebody is in shrink_caches_of(); slab_mutex, racy readers */
static u32 shrinks;	   /* how often somebody left it; slab_mutex, racy readers; futex */
static u32 shrink_waiters; /* atomic */

#define SHRINK_WAIT_MS 4

/*
 * Another thread is shrinking, and what it finds will do for this one too.  When threads went on at
 * once instead, the zone grew though there was plenty: four that took turns with 5 MiB of changing
 * sizes had 67 MiB after 400 rounds, 37 of them in barns and 7 in empty slabs.  They do not wait
 * for long, since the other may be waiting for a lock of theirs.
 * @seen: shrinks, before the mutex was found held
 *
 * Return: whether another look at the free lists is worth it.
 */
static set_apart bool wait_for_shrink(u32 seen)
{
	if (READ_ONCE(shrinking) && spin_held_by_another(&slab_mutex)) {
		/* A wake-up may be missed: then the wait ends by its time. */
		atomic_add(&shrink_waiters, 1);
		os_futex_wait(&shrinks, seen, SHRINK_WAIT_MS);
		atomic_sub(&shrink_waiters, 1);
	}
	return READ_ONCE(shrinks) != seen;
}

static void end_shrink(void)
{
	WRITE_ONCE(shrinking, false);
	WRITE_ONCE(shrinks, shrinks + 1);
	spin_unlock(&slab_mutex);
	if (unlikely(READ_ONCE(shrink_waiters)))
		os_futex_wake(&shrinks, INT_MAX);
}

#define LARGE_HEAP (16 * MiB / PAGE_SIZE)

/*
 * Before a zone takes more memory into use, look for empty slabs of any cache, and for what barns
 * have beyond the usual.  If there is neither, a large heap gives back as much from inside its
 * slabs as it is about to grow by.
 *
 * Some cache is in the middle of an allocation, so the mutex is only tried, or its owner waited for
 * shortly.  Not cold: every program's heap grows, and what is cold lies apart (libbuddy.lds).
 */
static noinline u64 shrink_caches_of(const struct zone *zone, bool barns)
{
	int node = zone->metadata ? 0 : zone->node;
	u32 seen = READ_ONCE(shrinks);
	struct kmem_cache *s;
	u64 pages = 0;

	if (spin_trylock(&slab_mutex) == LOCK_BUSY)
		return wait_for_shrink(seen);
	WRITE_ONCE(shrinking, true);
	if (barns)
		tasks_drain_warm();
	list_for_each_entry (s, &slab_caches, list) {
		struct kmem_cache_node *n = load_acquire(&s->node[node]);

		if (s->metadata != zone->metadata || !n)
			continue;
		barn_shrink(s, n, barns ? BARN_NOTHING : BARN_NO_EXTRA);
		pages += node_discard_empty(s, n, /* all= */ true);
		/* As much as the zone would grow by: the rest can wait for the next to ask. */
		if (!barns && pages >= MAX_ORDER_NR_PAGES)
			break;
	}
	if (!barns && !pages && !zone->metadata && READ_ONCE(zone->present_pages) >= LARGE_HEAP)
		(void)punch_holes(node, /* dense= */ false, MAX_ORDER_NR_PAGES);
	end_shrink();
	return pages;
}

static set_apart bool yield_each(const struct zone *zone)
{
	bool found = false;

	for (struct task *t = load_acquire(&all_tasks); t; t = t->next) {
		if (t == current_task() || !task_trylock(t))
			continue;
		found |= pcp_yield(&t->mm, zone);
		spin_unlock(&t->lock);
	}
	return found;
}

/* Before a zone takes more memory into use: empty the page sets of threads that are not at work. */
static bool yield_page_sets_of_others(const struct zone *zone)
{
	return READ_ONCE(nr_tasks) > 1 && yield_each(zone);
}

#define AT_LAST_MS 1000

/*
 * There is no memory.  The thread that holds the mutex is likely giving some back, and has it in
 * hand: wait for it, and then look through all that lies idle.  Not for ever: it may want a lock of
 * this thread's, or be lost, in a child that a handler has forked.
 */
static slowpath void reclaim_for(const struct zone *zone)
{
	for (int ms = AT_LAST_MS; ms && spin_held_by_another(&slab_mutex); ms--)
		os_sleep_ms(1);
	(void)shrink_caches_of(zone, /* barns= */ true);
	if (!zone->metadata)
		(void)yield_page_sets_of_others(zone);
}

void slab_init(void)
{
	list_init(&slab_caches); /* a start that a fork cut off may have begun it */
	nr_barns = (unsigned int)MIN(roundup_pow_of_two(os_nr_cpus()), (u64)MAX_BARNS);
	nr_homes = (unsigned int)MIN(roundup_pow_of_two(os_nr_cpus()), (u64)MAX_HOMES);
	init_kmalloc_caches();
	sheaf_caches_init();
	init_boot_cache(&node_cache, &node_cache_node, "kmem_cache_node",
			sizeof(struct kmem_cache_node) + nr_barns * sizeof(struct barn));
	home_cache_init();
	init_boot_cache(&cache_cache, &cache_cache_node, "kmem_cache", sizeof(struct kmem_cache));
	task_caches_init();
	shrink_slab = shrink_caches_of;
	yield_page_sets = yield_page_sets_of_others;
	reclaim_at_last = reclaim_for;
}

noinline struct kmem_cache_node *cache_make_node(struct kmem_cache *s, int node, bool nowait)
{
	struct slow slow = {.task = NULL, .nested = nowait};
	struct kmem_cache_node *n, *expected = NULL;
	void *obj;

	/* Caches of metadata have their one node from the start, so this does not recurse. */
	BUG_ON(s->metadata);
	if (!slab_take(&node_cache, 0, &obj, 1, /* exact= */ true, 0, &slow))
		return NULL;
	n = obj;
	memset(n, 0, sizeof(*n));
	cache_node_init(n);
	barns_init(n, n + 1);
	/* Publishes the initialised node to load_acquire() in cache_node(). */
	if (atomic_cmpxchg(&s->node[node], &expected, n))
		return n;
	if (!slab_give_try(&node_cache, obj, &slow))
		bug_warn("a node of %s was made twice in a signal handler: %zu bytes lost", s->name,
			 sizeof(*n));
	return expected;
}

struct kmem_cache *cache_by_id(u32 id)
{
	return cache_table[id];
}

/*
 * Where cache_by_index() was last, so that a walk does not begin anew at each step.  cache: NULL if
 * it has left the list.  slab_mutex.
 */
static struct {
	int index;
	struct kmem_cache *cache;
} last_by_index;

/* Number @index of the list, or NULL.  Under slab_mutex. */
slowpath struct kmem_cache *cache_by_index(int index)
{
	struct list_head *pos = slab_caches.next;
	int i = 0;

	if (last_by_index.cache && last_by_index.index <= index) {
		pos = &last_by_index.cache->list;
		i = last_by_index.index;
	}
	for (; i < index && pos != &slab_caches; i++)
		pos = pos->next;
	if (pos == &slab_caches)
		return NULL;
	/* In this order: a forked child may find it half done. */
	WRITE_ONCE(last_by_index.cache, NULL);
	barrier();
	WRITE_ONCE(last_by_index.index, i);
	barrier();
	WRITE_ONCE(last_by_index.cache, list_entry(pos, struct kmem_cache, list));
	return last_by_index.cache;
}

/*
 * In a forked child: let go of the mutex if a lost thread had it.  That thread has left the list
 * whole forwards, since entries are linked last and unlinked first, but perhaps not backwards.
 */
slowpath void caches_settle(void)
{
	enum lock_result r = spin_trylock(&slab_mutex);
	struct list_head *pos = &slab_caches;

	if (r == LOCK_BUSY)
		return;
	WRITE_ONCE(shrinking, false);
	if (r == LOCK_STALE)
		do {
			pos->next->prev = pos;
			pos = pos->next;
		} while (pos != &slab_caches);
	spin_unlock(&slab_mutex);
}

/* No number below it is free.  Low ones are used again: a thread has 2 KiB for every 64 of them. */
static u32 lowest_free_id; /* slab_mutex */

static void take_id(struct kmem_cache *s)
{
	for (u32 id = lowest_free_id; id < ARRAY_SIZE(cache_table); id++) {
		if (cache_table[id])
			continue;
		s->id = id;
		cache_table[id] = s;
		lowest_free_id = id + 1;
		return;
	}
	lowest_free_id = ARRAY_SIZE(cache_table);
	/* Beyond the table: works from slabs alone. */
	s->id = PCS_CHUNK * PCS_CHUNKS;
}

/**
 * cache_create - a cache of objects of @size bytes aligned to @align, a power of two
 * Return: the cache, or NULL if there is no memory.
 */
slowpath struct kmem_cache *cache_create(const char *name, u32 size, u32 align,
					 void (*ctor)(void *))
{
	struct kmem_cache *s;
	struct slow slow;
	void *obj;
	bool ok;

	if (!slow_enter(&slow))
		return NULL;
	ok = !slow.nested && slab_take(&cache_cache, 0, &obj, 1, /* exact= */ true, 0, &slow);
	if (!ok) {
		slow_leave(&slow);
		return NULL;
	}
	s = obj;
	memset(s, 0, sizeof(*s));
	cache_set_name(s, name);
	s->object_size = size;
	s->align = MAX(align, 8u);
	s->size = (u32)MAX(ALIGN_UP(size, s->align), 16);
	s->ctor = ctor;
	s->class = CLASS_NONE;
	cache_geometry(s);
	/* Now rather than in an allocation: in a process of several threads it may take 20 ms. */
	(void)hit_fence_promised();
	spin_lock(&slab_mutex);
	take_id(s);
	list_add_tail(&s->list, &slab_caches);
	WRITE_ONCE(slab_caches_made, true);
	spin_unlock(&slab_mutex);
	slow_leave(&slow);
	return s;
}

/* Has @p sheaves, or somebody who is emptying them?  Needs no task.lock. */
static bool has_sheaves(const struct pcs *p)
{
	return load_acquire(&p->main) || load_acquire(&p->emptied);
}

/*
 * What every thread has in its sheaves for @s, a cache of the program, goes back.  Threads that
 * have none are not waited for: one may be in a constructor of another cache.
 */
static void drain_cache(struct kmem_cache *s, bool ends, struct slow *slow)
{
	struct kmem_cache_node *n;

	for (struct task *t = load_acquire(&all_tasks); t; t = t->next) {
		struct pcs *p = task_has_sheaves(t) ? task_pcs(t, s) : NULL;

		if (!p || !has_sheaves(p) || !task_lock_to_drain(t, slow))
			continue;
		task_drain_cache(t, s, /* quiet= */ ends || t == slow->task);
		spin_unlock(&t->lock);
	}
	for_each_kmem_cache_node (s, i, n)
		barn_shrink(s, n, BARN_NOTHING);
}

/*
 * Give back all of @s that is not in use.  Under slab_mutex: a pass over all caches has objects in
 * hand that are in no slab and in no sheaf, and would be taken for objects in use.  Return: false
 * if other threads still have such.
 */
static bool shrink(struct kmem_cache *s, bool ends, struct slow *slow)
{
	bool settled = settle_deferred();
	struct kmem_cache_node *n;

	if (s->class == CLASS_NONE)
		drain_cache(s, ends, slow);
	for_each_kmem_cache_node (s, i, n)
		(void)node_discard_empty(s, n, /* all= */ true);
	return settled;
}

/**
 * cache_shrink - give back every page of @s that holds no object in use
 * Return: objects in use.
 */
slowpath unsigned long cache_shrink(struct kmem_cache *s)
{
	unsigned long inuse;
	struct slow slow;

	slow_enter_anyway(&slow);
	if (slow.nested) {
		inuse = cache_inuse(s);
	} else {
		spin_lock(&slab_mutex);
		(void)shrink(s, /* ends= */ false, &slow);
		inuse = cache_inuse(s);
		spin_unlock(&slab_mutex);
	}
	slow_leave(&slow);
	return inuse;
}

slowpath unsigned long cache_inuse(const struct kmem_cache *s)
{
	const struct kmem_cache_node *n;
	unsigned long inuse = 0;

	for_each_kmem_cache_node (s, i, n)
		for_each_home (n, home)
			inuse += READ_ONCE(home->inuse);
	return inuse;
}

/* Is @s a cache that the program has created and not destroyed? */
static slowpath bool is_cache(const struct kmem_cache *s)
{
	const struct page *slab = find_slab(s);

	return slab && slab->cache == &cache_cache && is_object(&cache_cache, s);
}

#define LAST_TRIES 50

/*
 * Give back all of @s that is not in use.  Before objects are said to be in use, threads that may
 * have them in hand get a second in all, in which they can have the mutex.  Return: objects in use,
 * with slab_mutex held.
 */
static slowpath unsigned long shrink_for_good(struct kmem_cache *s, struct slow *slow)
{
	unsigned long inuse;
	bool settled;

	for (int tries = LAST_TRIES;; tries--) {
		spin_lock(&slab_mutex);
		settled = shrink(s, /* ends= */ true, slow);
		inuse = cache_inuse(s);
		if (!inuse || settled || !tries)
			return inuse;
		spin_unlock(&slab_mutex);
	}
}

/* Off the list, its number free again.  Under slab_mutex. */
static slowpath void unlink_cache(struct kmem_cache *s)
{
	WRITE_ONCE(last_by_index.cache, NULL);
	barrier();
	list_del(&s->list);
	if (s->id < ARRAY_SIZE(cache_table)) {
		cache_table[s->id] = NULL;
		lowest_free_id = MIN(lowest_free_id, s->id);
	}
}

/* Free @s, which nobody knows any more. */
static slowpath void free_cache(struct kmem_cache *s)
{
	struct kmem_cache_node *n;
	void *obj = s;

	for_each_kmem_cache_node (s, i, n) {
		void *part = n;

		homes_free(n);
		slab_give(&node_cache, &part, 1);
	}
	slab_give(&cache_cache, &obj, 1);
}

/* @inuse objects are not in slabs of @s, which stays.  With no lock held. */
static slowpath int still_in_use(const char *call, const struct kmem_cache *s, unsigned long inuse,
				 bool in_child)
{
	/* What lost threads had at hand is in its slabs when the child has been put in order. */
	if (in_child)
		bug_warn("%s(%s): in a child forked meanwhile: the cache stays", call, s->name);
	else
		bug_report("%s(%s): %lu objects still in use", call, s->name, inuse);
	return -EBUSY;
}

/**
 * cache_destroy - destroy a cache
 * @call: the name for reports
 *
 * Return: 0; -EINVAL with a report if @s is no cache; -EBUSY if the cache stays: with a report if
 * objects are in use, with a warning in a slow path of this thread, which may be at work with it,
 * and in a child that was forked meanwhile.
 */
slowpath int cache_destroy(const char *call, struct kmem_cache *s)
{
	unsigned long inuse;
	struct slow slow;
	bool in_child;

	if (!is_cache(s)) {
		bug_report("%s(%p): not a cache, or destroyed already", call, (void *)s);
		return -EINVAL;
	}
	slow_enter_anyway(&slow);
	if (slow.nested) {
		slow_leave(&slow);
		bug_warn("%s(%s): in a constructor, or in a signal handler that interrupted a call "
			 "of libbuddy's: the cache stays",
			 call, s->name);
		return -EBUSY;
	}
	inuse = shrink_for_good(s, &slow);
	if (!inuse)
		unlink_cache(s);
	spin_unlock(&slab_mutex);
	in_child = slab_fork_alone_yet();
	if (!inuse)
		free_cache(s);
	slow_leave(&slow);
	return inuse ? still_in_use(call, s, inuse, in_child) : 0;
}
