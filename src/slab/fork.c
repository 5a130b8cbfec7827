/* SPDX-License-Identifier: MIT */
/*
 * fork.c - the child of a fork puts the heap in order
 *
 * No handler holds a lock of ours across a fork, so the parent's other threads may have been
 * anywhere.  In the child they are lost.  What they cached is taken over; and if one of them was
 * inside a slow path, every list is made anew from the states of pages, the bitmaps of slabs and
 * the places of sheaves, which are written so as to be whole at any instant.
 *
 * This is done when the child first enters a slow path from outside; most children exec before that
 * and pay nothing.  If a signal handler forked in the middle of a slow path of this thread, that
 * slow path goes on first, undisturbed: what it holds is its own, and nobody else is left.
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
 * The thread that makes the repair under way was started in this child, before the one that forked
 * came in.  That may be any thread that was outside all slow paths.  None of these is inside now,
 * since a thread that comes in waits for the end of the repair.
 */
static bool undecided;
u32 slab_undecided_tid; /* the tid of each of their tasks; const from the end of the repair on */

/*
 * May the thread of @task be here, and at work with its sheaves?  Then they are left alone.  Its
 * locks do not tell: a lost thread may have been draining it, while it was outside.
 */
static bool may_live(const struct task *task)
{
	return is_me(task) || (undecided && task->mm.tid && !task->mm.depth);
}

/* Take the main sheaf out of its cursor, which says how long it is if it was not disabled. */
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
 * A sheaf that was being filled or emptied holds the objects that its slots name and the bitmap
 * confirms: a slot is written before the bit on the way in, and cleared before the bit on the way
 * out.  If its objects were being moved down to its start, some are in two slots; so each bit that
 * was seen stays off until all slots have been looked at.
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
 * A reclaimer that is lost may have been emptying the sheaves or the page set of this very thread.
 * What it had taken out already is found by slab_fork_repair().
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
 * The numbers of generations begin anew.  A lock that a lost thread left behind, and that nobody
 * has wanted since, would pass for held once its number comes again.  So slab_fork_repair() lets go
 * of all such locks under the last number, which those of the first do not have, and once more
 * under the first, when it comes again.
 */
#define FIRST_GENERATION (1u << SPIN_GEN_SHIFT)
#define LAST_GENERATION SPIN_GEN_MASK
static bool generations_over;

static void begin_generation(void)
{
	bool anew = spin_generation == LAST_GENERATION;

	spin_generation = anew ? FIRST_GENERATION : spin_generation + FIRST_GENERATION;
	generations_over |= anew || spin_generation == LAST_GENERATION;
}

/*
 * From now on locks of lost threads are seen as stale.  What those threads had in flight is settled
 * first: once their locks can be taken, an object that a slot names but no bit confirms may become
 * somebody else's, with its bit set.
 */
void slab_fork_new_generation(void)
{
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next) {
		if (is_me(t))
			settle_me(t);
		else if (t->mm.id != READ_ONCE(spin_kept_owner))
			settle_task_inflight(t);
	}
	begin_generation();
}

/*
 * Is nothing of its last thread left here, and none at it to begin?  One that is known to be gone,
 * and has no number any more, may have left its block warm (slab_fork_decide()).
 */
static bool is_forgotten(const struct task *task)
{
	return !task->mm.tid && !task_has_sheaves(task) && !was_inside(task);
}

/*
 * Had the thread ended, with nothing left behind but what is whole?  Then its block stays as it is.
 * To write to each such block cost a fork 26 us and the child 8 KiB, for each of 2000 threads that
 * had been.
 * @dirty: sheaves were collected
 */
static bool is_at_rest(const struct task *task, bool dirty)
{
	if (was_inside(task) || task->inflight)
		return false;
	if (READ_ONCE(task->state) == TASK_WARM)
		return !dirty;
	if (READ_ONCE(task->state) != TASK_DYING)
		return false;
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++)
		if (task->pcs[c].main)
			return false;
	return true;
}

static void forget_task(struct task *task)
{
	bool was_live = READ_ONCE(task->state) == TASK_LIVE;

	task->mm.depth = 0;
	task->lock.word = 0;
	task->inflight = NULL;
	memset(task->pcs, 0, sizeof(task->pcs));
	for (int i = 0; i < PCS_CHUNKS; i++)
		if (task->ext[i])
			pcs_chunk_reset(task->ext[i]);
	pcp_abandon(&task->mm);
	task->mm.tid = 0; /* certainly gone: the next thread may have the block */
	WRITE_ONCE(task->state, TASK_DYING);
	if (was_live)
		task_bury(task);
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

/*
 * If @sheaf was being emptied, some of its slots may be cleared already.  Return: the cache of the
 * objects that are left; NULL: there are none.
 */
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
 * If a lost thread had @sheaf, in use or in flight, its own or this thread's, the objects go to
 * their slabs, and the sheaf to its cache @s.
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
	/* Not by its kind: a sheaf that was being made does not say that yet. */
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
			continue; /* cannot be: nobody else is left, and we hold nothing */
		home_rebuild(s, home);
		spin_unlock(&home->list_lock);
	}
}

/*
 * Make anew the barns that a lost thread was inside, and the lists of every home.  Where a lost
 * thread had the lock of a home, taking it does that; here all are done, to be sure.
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

/* Let go of locks that guard little or nothing to be made anew. */
static void settle_locks(void)
{
	caches_settle();
	spin_settle(&tasks_lock);
}

static void hand_over(struct task *task, const struct pcs_row *row, unsigned int i)
{
	struct kmem_cache *s = row_cache(row, i);
	struct pcs *p = &row->pcs[i];

	if (!s || !p->main)
		return;
	settle_main(task, &row->cursor[i], p);
	pcs_empty(task, s, p);
}

/* Nobody was inside: what the thread of @task cached is in order, so take it as it is. */
static void adopt_clean(struct task *task)
{
	for_each_row (task, row)
		for (unsigned int i = 0; i < row.nr; i++)
			hand_over(task, &row, i);
	pcp_drain(&task->mm, /* all= */ true);
}

/* Somebody was inside: make every list anew. */
static void make_anew(void)
{
	for (struct task *t = all_tasks; t; t = t->next) {
		if (may_live(t)) {
			spin_settle(&t->lock);
			pcp_drain(&t->mm, /* all= */ true);
		} else if (!is_forgotten(t)) {
			settle_task(t);
		}
	}
	mm_fork_repair();
	for (const struct task *t = all_tasks; t; t = t->next)
		large_pages -= t->large_pages;
	settle_locks();
	tasks_find_dead();
	rebuild_caches();
	collect_sheaves();
}

/**
 * slab_fork_repair - put the heap of a new child in order
 * @started_here: this thread was started in this child, before the one that forked has come in
 *
 * Called by one thread, once, outside any slow path.  The other threads are lost, and forgotten.
 * With @started_here one of them is not, the one that forked, but it is not known which: the tasks
 * of all that may be it are given the number of the process, and it calls slab_fork_decide() when
 * it comes in.
 */
void slab_fork_repair(bool started_here)
{
	struct task *me = current_task();
	/* A lost thread without a block has no depth to be seen: it may have been getting one. */
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
		if (is_me(t) || is_forgotten(t))
			continue;
		others = true;
		dirty |= was_inside(t);
	}
	if (!others)
		return;
	if (dirty)
		make_anew();
	for (struct task *t = all_tasks; t; t = t->next) {
		if (is_me(t) || is_forgotten(t))
			continue;
		if (may_live(t)) {
			t->mm.tid = slab_undecided_tid;
			continue;
		}
		if (is_at_rest(t, dirty))
			continue;
		if (!dirty && READ_ONCE(t->state) == TASK_LIVE)
			adopt_clean(t);
		forget_task(t);
	}
}

/* The thread that forked has come in, @me, or NULL if it has no task: the others are lost. */
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
