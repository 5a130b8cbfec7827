/* SPDX-License-Identifier: MIT */
/*
 * fork.c - the child of a fork puts the heap in order
 *
 * No lock of ours is held across fork by a handler, so the parent's other threads may have been
 * anywhere.  They do not exist in the child.  What they cached is taken over; and if one of
 * them was inside a slow path, every list is made anew from the states of pages, the bitmaps of
 * slabs and the places of sheaves, all of which are written so as to be whole at any instant.
 *
 * Done when the child first enters a slow path from outside: most children exec before that
 * and pay nothing.  A slow path that a signal handler interrupted in this very thread goes on
 * undisturbed: it holds what it holds, and nobody else is left.
 */
#include "platform/os.h"
#include "slab/internal.h"
#include "slab/pcs.h"
#include <string.h>

static bool is_me(const struct task *task)
{
	return task == current_task();
}

static bool was_inside(const struct task *task)
{
	return task->mm.depth || task->lock.word || task->mm.pcp.lock.word;
}

/*
 * Of the repair under way: it is made by a thread that was started in this child.  Which of the
 * threads that were outside all slow paths has forked, and lives, nobody knows; none is inside now,
 * since who comes in waits for the end of the repair.
 */
static bool undecided;
u32 slab_undecided_tid; /* the number of each of them; const from the end of the repair on */

/* What @task has in sheaves is not to be touched: its thread may be at work with it. */
static bool may_live(const struct task *task)
{
	return is_me(task) || (undecided && task->mm.tid && !was_inside(task));
}

/* The cursor knows how long the sheaf is, unless it was disabled. */
static void settle_main(const struct task *task, struct cursor *c, struct pcs *p)
{
	ptrdiff_t stray;

	if (!p->main || !task->cursors_on)
		return;
	if (cursor_is_disabled(c, &stray))
		p->main->size = (u8)(p->main->size + stray);
	else
		p->main->size = (u8)(c->cur - p->main->objects);
	c->cur = cursor_disabled_at();
}

static bool is_out_of_slab(const struct kmem_cache *s, const void *obj)
{
	const struct page *slab = slab_of(s, obj);

	return page_type(slab) == PAGE_SLAB && slab->cache == s &&
	       is_out(slab, obj_to_index(s, slab, obj));
}

static void flip_bit(const struct kmem_cache *s, const void *obj)
{
	struct page *slab = slab_of(s, obj);
	unsigned int i = obj_to_index(s, slab, obj);

	slab->bits[i / 64] ^= 1ul << (i % 64);
}

/*
 * A sheaf that was being filled or emptied holds what its slots name and the bitmap confirms: a
 * slot is written before the bit on the way in, and cleared before the bit on the way out.
 * While objects are moved down to the start of the sheaf some are in two slots: a bit that was
 * seen is off until all are.
 */
static void settle_inflight(struct slab_sheaf *sheaf)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < sheaf->capacity; i++) {
		void *obj = sheaf->objects[i];
		struct page *slab = obj ? find_slab(obj) : NULL;

		if (!slab || !is_out_of_slab(slab->cache, obj))
			continue;
		flip_bit(slab->cache, obj);
		sheaf->objects[n++] = obj;
	}
	for (unsigned int i = 0; i < n; i++)
		flip_bit(find_slab(sheaf->objects[i])->cache, sheaf->objects[i]);
	sheaf->size = (u8)n;
}

static void settle_task(struct task *task)
{
	for_each_row (task, row)
		for (unsigned int i = 0; i < row.nr; i++)
			settle_main(task, &row.cursor[i], &row.pcs[i]);
}

static void settle_task_inflight(struct task *task)
{
	if (!task->inflight)
		return;
	settle_inflight(task->inflight);
	task->inflight = NULL;
}

/*
 * A reclaimer that vanished may have been emptying the sheaves and the page set of this very
 * thread.  What it had taken out already is found by slab_fork_repair().
 */
static void settle_me(struct task *me)
{
	if (spin_held_by_another(&me->lock)) {
		settle_task(me);
		settle_task_inflight(me);
	}
	if (spin_held_by_another(&me->mm.pcp.lock))
		pcp_abandon(&me->mm);
}

/*
 * Generations come again from here on.  A lock that was left in the last one of this number, and
 * that nobody has wanted since, must not be taken for held.  Read by slab_fork_repair().
 */
static bool generations_over;

/*
 * From now on locks of vanished threads are seen as stale.  What those threads had in flight is
 * settled first: once their locks can be taken, an object that a slot names but no bit confirms
 * may become somebody else's, with its bit set.
 * @inside: this thread's number if it forked in a slow path, whose locks it has; or 0
 */
void slab_fork_new_generation(u32 inside)
{
	if (!slab_fork_notice(inside))
		return;
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next) {
		if (is_me(t))
			settle_me(t);
		else
			settle_task_inflight(t);
	}
	spin_generation = (spin_generation + (1u << SPIN_GEN_SHIFT)) & SPIN_GEN_MASK;
	if (!spin_generation) {
		spin_generation = 1u << SPIN_GEN_SHIFT;
		generations_over = true;
	}
	slab_fork_noticed();
}

/*
 * A thread that had ended, and holds nothing: left as it is.  To write to each such block cost a
 * fork 26 us and the child 8 KiB, for each of 2000 threads that had been.
 */
static bool is_at_rest(const struct task *task)
{
	if (READ_ONCE(task->state) != TASK_DYING || task->mm.depth || task->inflight ||
	    task->lock.word || task->mm.pcp.lock.word)
		return false;
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++)
		if (task->pcs[c].main || task->pcs[c].spare)
			return false;
	return true;
}

static void forget_task(struct task *task)
{
	task->mm.depth = 0;
	task->lock.word = 0;
	task->inflight = NULL;
	memset(task->pcs, 0, sizeof(task->pcs));
	for (int i = 0; i < PCS_CHUNKS; i++)
		if (task->ext[i])
			pcs_chunk_reset(task->ext[i]);
	pcp_abandon(&task->mm);
	task->mm.tid = 0; /* gone for sure: the next thread may have the block */
	if (READ_ONCE(task->state) == TASK_LIVE) {
		WRITE_ONCE(task->state, TASK_DYING);
		task_bury(task);
	}
}

static bool is_in_pcs(const struct pcs *p, const struct slab_sheaf *sheaf)
{
	return p->main == sheaf || p->spare == sheaf;
}

static bool is_in_task(struct task *task, const struct slab_sheaf *sheaf)
{
	for_each_row (task, row)
		for (unsigned int i = 0; i < row.nr; i++)
			if (is_in_pcs(&row.pcs[i], sheaf))
				return true;
	return false;
}

static bool is_in_use(const struct slab_sheaf *sheaf)
{
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next)
		if (may_live(t) && is_in_task(t, sheaf))
			return true;
	return false;
}

/* Whose objects are in it?  Of one that was being emptied the first slots may be cleared. */
static struct kmem_cache *drop_cleared_slots(struct slab_sheaf *sheaf)
{
	struct kmem_cache *s = NULL;
	unsigned int n = 0;

	for (unsigned int i = 0; i < sheaf->size; i++) {
		void *obj = sheaf->objects[i];
		struct page *slab = obj ? find_slab(obj) : NULL;

		if (!slab || !is_out_of_slab(slab->cache, obj))
			continue;
		s = slab->cache;
		sheaf->objects[n++] = obj;
	}
	sheaf->size = (u8)n;
	return s;
}

/*
 * Every sheaf that a vanished thread had, wherever it had it, and what one took from this
 * thread: contents to the slabs.
 */
static void collect_sheaf(struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	enum sheaf_place place = sheaf_place(sheaf);
	struct kmem_cache *content;
	void *obj = sheaf;

	if ((place != SHEAF_TASK && place != SHEAF_TRANSIT) || is_in_use(sheaf))
		return;
	content = drop_cleared_slots(sheaf);
	if (content)
		slab_give(content, sheaf->objects, sheaf->size);
	sheaf->size = 0;
	/* By the cache that it lies in: a sheaf that was being made does not say its kind yet. */
	slab_give(s, &obj, 1);
}

static void collect_sheaves(void)
{
	for (u64 pfn = meta_zone.start_pfn; pfn < meta_zone.accept_pfn;) {
		struct page *slab = pfn_to_page(pfn);
		struct kmem_cache *s = slab->cache;

		pfn += page_block_pages(slab);
		if (page_type(slab) != PAGE_SLAB || s < sheaf_cache(0) ||
		    s > sheaf_cache(NR_SHEAF_KINDS - 1))
			continue;
		for (unsigned int i = 0; i < slab->objects; i++)
			if (page_type(slab) == PAGE_SLAB && is_out(slab, i))
				collect_sheaf(s, slab_object(s, slab, i));
	}
}

static void rebuild_homes(struct kmem_cache *s, struct kmem_cache_node *n)
{
	for_each_home (n, home) {
		if (spin_trylock(&home->list_lock) == LOCK_BUSY)
			continue; /* mine, below a signal handler */
		home_rebuild(s, home);
		spin_unlock(&home->list_lock);
	}
}

/*
 * Barns that a vanished thread was inside; and the lists of slabs: taking the lock of a vanished
 * owner rebuilds those, so do all, to be sure.
 */
static void rebuild_caches(void)
{
	struct kmem_cache_node *n;
	struct kmem_cache *s;

	list_for_each_entry (s, &slab_caches, list)
		for_each_kmem_cache_node (s, i, n) {
			barns_repair(n);
			rebuild_homes(s, n);
		}
}

/* Those that guard nothing to be made anew. */
static void settle_locks(struct task *me)
{
	spin_settle(&slab_mutex);
	spin_settle(&tasks_lock);
	if (me)
		spin_settle(&me->lock);
}

static void hand_over(struct task *task, const struct pcs_row *row, unsigned int i)
{
	struct kmem_cache *s = row_cache(row, i);
	struct pcs *p = &row->pcs[i];

	if (!s || (!p->main && !p->spare))
		return;
	settle_main(task, &row->cursor[i], p);
	pcs_empty(task, s, p);
}

/* Nobody was inside: what the others cached is in order, take it as it is. */
static void adopt_clean(struct task *task)
{
	for_each_row (task, row)
		for (unsigned int i = 0; i < row.nr; i++)
			hand_over(task, &row, i);
	pcp_drain(&task->mm, /* all= */ true);
}

/* Somebody was inside: whatever lists there are is made anew. */
static void make_anew(struct task *me)
{
	for (struct task *t = all_tasks; t; t = t->next) {
		if (may_live(t))
			pcp_drain(&t->mm, /* all= */ true);
		else if (t->mm.tid)
			settle_task(t);
	}
	mm_fork_repair();
	for (const struct task *t = all_tasks; t; t = t->next)
		large_pages -= t->large_pages;
	settle_locks(me);
	tasks_find_dead();
	rebuild_caches();
	collect_sheaves();
}

/**
 * slab_fork_repair - called by one thread of a new child, once, outside any slow path
 * @started_here: it was started in this child, by one that has not come by yet
 *
 * The other threads that are lost are forgotten.  Of those that may not be, if @started_here, the
 * number becomes that of the process, and slab_fork_decide() is to be called by the one of them
 * that lives.
 */
void slab_fork_repair(bool started_here)
{
	struct task *me = current_task();
	/* A lost thread without a block is known by no depth: it may have been getting one. */
	bool dirty = generations_over || spin_held_by_another(&tasks_lock), others = dirty;

	generations_over = false;
	undecided = started_here;
	WRITE_ONCE(slab_undecided_tid, os_process_id());
	slab_fork_note_process();
	kswapd_forget();
	forget_takers();
	if (me)
		me->mm.tid = os_thread_id();
	for (struct task *t = all_tasks; t; t = t->next) {
		if (is_me(t) || !t->mm.tid)
			continue;
		others = true;
		dirty |= was_inside(t);
	}
	if (!others)
		return;
	if (dirty)
		make_anew(me);
	for (struct task *t = all_tasks; t; t = t->next) {
		if (is_me(t) || !t->mm.tid || is_at_rest(t))
			continue;
		if (may_live(t)) {
			t->mm.tid = slab_undecided_tid;
			continue;
		}
		if (!dirty && READ_ONCE(t->state) == TASK_LIVE)
			adopt_clean(t);
		forget_task(t);
	}
}

/* Called by the thread that has forked, @me, or NULL if it has no task: the others are lost. */
void slab_fork_decide(const struct task *me)
{
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next) {
		if (t == me || t->mm.tid != slab_undecided_tid)
			continue;
		WRITE_ONCE(t->mm.tid, 0);
		if (READ_ONCE(t->state) == TASK_LIVE)
			task_exit(t, 0);
	}
}
