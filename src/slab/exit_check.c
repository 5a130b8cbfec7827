/* SPDX-License-Identifier: MIT */
/*
 * exit_check.c - the last look for frees that went wrong
 *
 * The hit path does not look at the objects it takes back, but the slabs do.  So at the end of a
 * program what lies in sheaves is looked at, and if something seems wrong, or barns have objects as
 * well, it goes back to the slabs, where a double free or a pointer into the middle is reported.
 *
 * Looking writes nothing; in a forked child each write may copy a page: a shell's children had 85
 * page faults when everything went back, and have 80 since.  Sheaves of other threads, which may be
 * at work, are only looked at; if something seems wrong, the thread is drained to be sure.  That
 * takes a fence, which the system takes up to 20 ms to promise.  What threads that ended have left
 * warm needs none, and goes to the barns first, as what other threads have left.
 *
 * A first version marked what it saw in the bitmaps, and took the marks back.  A thread that freed
 * such an object meanwhile was reported for a double free: in one of three programs with four busy
 * threads.
 *
 * Locks:  slab_mutex, task.lock, barn.lock and list_lock.  All are tried first, since a thread that
 *         holds one may have been stopped for good.
 */
#include "slab/internal.h"
#include "slab/pcs.h"

#define MAX_SHEAVES 256 /* of a barn; what lies deeper is not looked at */

/* Does nobody hold a lock of @n just now? */
static bool is_free(struct kmem_cache *s, struct kmem_cache_node *n)
{
	for_each_barn (n, barn) {
		if (!barn_lock(barn, /* nowait= */ true))
			return false;
		spin_unlock(&barn->lock);
	}
	for_each_home (n, home) {
		if (!home_lock(s, home, /* nowait= */ true))
			return false;
		spin_unlock(&home->list_lock);
	}
	return true;
}

static bool all_are_free(struct kmem_cache *s)
{
	struct kmem_cache_node *n;

	for_each_kmem_cache_node (s, i, n)
		if (!is_free(s, n))
			return false;
	return true;
}

#define SEEN_SLOTS 1024

/* Marks of what was seen in a thread's two sheaves: enough of each address to tell most apart. */
struct seen {
	u16 mark[SEEN_SLOTS];
};
static_assert(SEEN_SLOTS >= 2 * 2 * 252, "half of the slots stay empty");

/* Was @obj seen before?  A yes may be wrong, in one of a hundred pairs of full sheaves. */
static bool seen_before(struct seen *seen, const void *obj)
{
	u32 hash = (u32)((uintptr_t)obj >> 4) * GOLDEN_RATIO_32;
	u16 mark = (u16)(hash >> 6 | 1);

	for (u32 i = hash >> 22; seen->mark[i % SEEN_SLOTS] != mark; i++)
		if (!seen->mark[i % SEEN_SLOTS]) {
			seen->mark[i % SEEN_SLOTS] = mark;
			return false;
		}
	return true;
}

/* Is there anything in objs[] that should not be there?  Racy: a yes may be wrong. */
racy_on_purpose static bool seems_wrong(const struct kmem_cache *s, void *const *objs,
					unsigned int nr, struct seen *seen)
{
	for (unsigned int i = 0; i < nr; i++) {
		const void *obj = READ_ONCE(objs[i]);
		const struct page *slab;

		if (!obj)
			continue;
		slab = find_slab(obj);
		if (!slab || slab->cache != s || !is_object(s, obj) || seen_before(seen, obj))
			return true;
	}
	return false;
}

/* How many objects @main has; 0 if its cursor is not in it. */
racy_on_purpose static unsigned int main_size(struct task *t, const struct kmem_cache *s,
					      const struct slab_sheaf *main)
{
	const struct cursor *c = task_cursor(t, s);
	ptrdiff_t stray;
	void **cur;

	if (!c || (s->class == CLASS_NONE && cursor_is_disabled(c, &stray)))
		return MIN(main->size, main->capacity);
	cur = READ_ONCE(c->cur);
	return cur > main->objects && cur <= main->objects + main->capacity
		       ? (unsigned int)(cur - main->objects)
		       : 0;
}

/* Does something seem wrong with what @t has of @s? */
racy_on_purpose static bool pcs_seems_wrong(struct task *t, const struct kmem_cache *s,
					    const struct pcs *p)
{
	struct slab_sheaf *main = READ_ONCE(p->main), *spare = READ_ONCE(p->spare);
	struct seen seen = {.mark = {0}};

	return (main && seems_wrong(s, main->objects, main_size(t, s, main), &seen)) ||
	       (spare && seems_wrong(s, spare->objects, MIN(spare->size, spare->capacity), &seen));
}

racy_on_purpose static slowpath bool task_seems_wrong(struct task *t)
{
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++)
		if (pcs_seems_wrong(t, &kmalloc_caches[c], &t->pcs[c]))
			return true;
	return false;
}

static bool barns_have_any(struct kmem_cache *s)
{
	struct kmem_cache_node *n;

	for_each_kmem_cache_node (s, i, n)
		for_each_barn (n, barn)
			if (READ_ONCE(barn->nr_full))
				return true;
	return false;
}

/* Is what lies in sheaves of @s this thread's alone, with nothing wrong that can be seen? */
static bool seems_well(struct task *self, struct kmem_cache *s)
{
	const struct pcs *p = task_pcs(self, s);

	return !barns_have_any(s) && (!p || !pcs_seems_wrong(self, s, p));
}

static bool all_seems_well(struct task *self)
{
	if (READ_ONCE(slab_caches_made))
		return false;
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++)
		if (!seems_well(self, &kmalloc_caches[c]))
			return false;
	return true;
}

/* Back to the slabs: this thread's sheaves, and those of all barns. */
static void put_back(struct task *self, struct kmem_cache *s)
{
	struct pcs *p = task_pcs(self, s);
	struct kmem_cache_node *n;

	if (seems_well(self, s) || !all_are_free(s))
		return;
	if (p && task_trylock(self)) {
		pcs_flush(self, s, p);
		spin_unlock_unwaited(&self->lock);
	}
	for_each_kmem_cache_node (s, i, n)
		barn_flush(s, n, MAX_SHEAVES);
}

/* Drain @t: what is wrong with its objects shows when they go back from the barns. */
static slowpath void drain(struct task *t, struct slow *slow)
{
	if (!task_trylock(t))
		return;
	spin_unlock_unwaited(&t->lock);
	hit_fence_register();
	task_drain(t, /* only_idle= */ false, slow);
}

/* What a thread that ended has left goes to the barns, where what others have left is. */
static slowpath void empty_warm(struct task *t)
{
	if (!task_trylock_to_look(t))
		return;
	for_each_row (t, row)
		for (unsigned int i = 0; i < row.nr && READ_ONCE(t->state) == TASK_WARM; i++) {
			struct pcs *p = &row.pcs[i];

			if (p->main && all_are_free(row_cache(&row, i)))
				pcs_empty(t, row_cache(&row, i), p);
		}
	spin_unlock_unwaited(&t->lock);
}

/**
 * slab_check_at_exit - look for frees that went wrong and were not flushed yet
 *
 * A program that frees an object twice and ends normally is told here at the latest.
 */
void slab_check_at_exit(void)
{
	struct task *self = current_task();
	struct kmem_cache *s;
	struct slow slow;

	if (!self)
		return;
	slow_enter_anyway(&slow);
	if (slow.nested)
		goto out;
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next)
		if (load_acquire(&t->state) == TASK_WARM)
			empty_warm(t);
		else if (t != self && load_acquire(&t->state) == TASK_LIVE && task_seems_wrong(t))
			drain(t, &slow);
	if (all_seems_well(self) || spin_trylock(&slab_mutex) == LOCK_BUSY)
		goto out;
	list_for_each_entry (s, &slab_caches, list)
		if (!s->metadata)
			put_back(self, s);
	spin_unlock(&slab_mutex);
out:
	slow_leave(&slow);
}
