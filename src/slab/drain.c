/* SPDX-License-Identifier: MIT */
/*
 * drain.c - take the sheaves of a thread that does not use them
 *
 * The cursors are disabled by exchange; after a fence no hit is under way that saw the old ones.
 * A hit commits with one instruction that adds to the cursor, which is not atomic: what committed
 * in between has moved the disabled cursor, or has written over it, and is told apart by that.
 *
 * Linux:  flush_all_cpus_locked(), which sends work to each CPU; a thread has none to send to.
 * Locks:  task.lock, waited for a while; below it barn.lock and list_lock.
 */
#include "platform/os.h"
#include "slab/internal.h"
#include "slab/pcs.h"

bool hit_fence_ready;
static bool refused; /* not to be asked for again; racy */
/* The promise was not kept: cursors may be disabled while hits are under way in them; racy. */
bool hit_fence_broken;

void hit_fence_register(void)
{
	if (READ_ONCE(hit_fence_ready) || !slab_hit_sequences)
		return;
	if (os_rseq_fence_register() == 0)
		WRITE_ONCE(hit_fence_ready, true);
	else
		WRITE_ONCE(refused, true);
}

/*
 * Hits in caches of the program begin where this is true only.  Asked for by who makes a cache, in
 * a forked child by who first needs it.
 */
bool hit_fence_promised(void)
{
	if (unlikely(!READ_ONCE(hit_fence_ready) && !READ_ONCE(refused)))
		hit_fence_register();
	return READ_ONCE(hit_fence_ready);
}

/* Those of @row that are to be drained, a bit for each. */
static u64 note_idle(const struct pcs_row *row, bool only_idle)
{
	u64 idle = 0;

	for (unsigned int i = 0; i < row->nr; i++) {
		struct pcs *p = &row->pcs[i];

		if ((p->main || p->spare) && (!only_idle || !p->used))
			idle |= (u64)1 << i;
		p->used = false;
	}
	return idle;
}

/* Of @caches those that have no hit under way for sure, though there is no fence. */
static u64 without_cursor(const struct pcs_row *row, u64 caches)
{
	ptrdiff_t stray;

	if (row->chunk < 0 || READ_ONCE(hit_fence_broken))
		return 0;
	for (unsigned int i = 0; i < row->nr; i++)
		if (!cursor_is_disabled(&row->cursor[i], &stray))
			caches &= ~((u64)1 << i);
	return caches;
}

/*
 * Disable the cursors of @caches and wait until no hit is under way that saw them.
 * @quiet: its thread is in no hit, as the caller's own is.  Return: the caches that are disabled;
 * of the others the sheaf is in use, leave it.
 */
static u64 disable_cursors(const struct task *task, const struct pcs_row *row, u64 caches,
			   bool quiet)
{
	void **was[PCS_ROW_MAX];

	if (!task->cursors_on)
		return caches;
	for (unsigned int i = 0; i < row->nr; i++) {
		was[i] = cursor_disabled_at();
		if (caches >> i & 1)
			was[i] = cursor_disable(&row->cursor[i], row->pcs[i].main, quiet);
	}
	if (!quiet && os_rseq_fence()) {
		/*
		 * A filter installed since refuses, and hits may be under way for as long as they
		 * like.  The cursors stay disabled until the thread next comes to a slow path,
		 * which settles what those did (cursor_disable()).  To put one back could be lost
		 * in the store of a hit that had read the disabled one.
		 */
		WRITE_ONCE(hit_fence_broken, true);
		WRITE_ONCE(refused, true);
		WRITE_ONCE(hit_fence_ready, false);
		return 0;
	}
	for (unsigned int i = 0; i < row->nr; i++) {
		struct cursor *cur = &row->cursor[i];
		ptrdiff_t stray;

		if (was[i] == cursor_disabled_at())
			continue;
		if (cursor_is_disabled(cur, &stray))
			cursor_settle_stray(cur, row->pcs[i].main, stray);
		else
			caches &= ~((u64)1 << i);
	}
	return caches;
}

/*
 * Empty the sheaves of @caches.  Where the system promises no fence, only a thread itself may reach
 * into cursors.  @quiet: as above.  Under task.lock.
 */
static void drain_row(struct task *task, const struct pcs_row *row, u64 caches, bool quiet)
{
	if (READ_ONCE(task->cursors_on) && !quiet && !READ_ONCE(hit_fence_ready)) {
		caches = without_cursor(row, caches);
		quiet = true;
	}
	if (caches)
		caches = disable_cursors(task, row, caches, quiet);
	for (unsigned int i = 0; i < row->nr; i++)
		if (caches >> i & 1)
			pcs_empty(task, row_cache(row, i), &row->pcs[i]);
}

/**
 * task_drain_cache - take what a thread has of @s, a cache of the program
 * @quiet: no hit is under way: it is this thread's, or the program ends the cache
 *
 * Under task.lock.
 */
slowpath void task_drain_cache(struct task *task, struct kmem_cache *s, bool quiet)
{
	struct pcs_row row = chunk_row(task, (int)(s->id / PCS_CHUNK));

	drain_row(task, &row, (u64)1 << s->id % PCS_CHUNK, quiet);
}

/*
 * In a forked child the thread that held the lock of another task is gone.  It may have been
 * replacing a sheaf, which is then in a barn and still in the task: slab_fork_repair() knows what
 * to make of that.  What was taken from this thread itself is settled already, see settle_me().
 */
static bool is_whole(struct task *task, enum lock_result r, const struct slow *slow)
{
	if (r != LOCK_STALE || task == slow->task)
		return true;
	spin_unlock(&task->lock);
	return false;
}

/* The lock of a thread that has objects which the caller cannot do without: waits for it. */
slowpath bool task_lock_to_drain(struct task *task, const struct slow *slow)
{
	return is_whole(task, spin_lock(&task->lock), slow);
}

/*
 * The lock of a thread that may stay as it is.  Who holds it is at work, and soon done, unless it
 * is in a constructor: that may want a lock which the caller has, so it is waited for PATIENCE_MS
 * at most.
 */
static bool lock_in_time(struct task *task, bool only_idle, const struct slow *slow)
{
	enum lock_result r = spin_trylock(&task->lock);

	for (int ms = only_idle ? 0 : PATIENCE_MS; r == LOCK_BUSY && ms; ms--) {
		os_sleep_ms(1);
		r = spin_trylock(&task->lock);
	}
	return r != LOCK_BUSY && is_whole(task, r, slow);
}

/*
 * A thread whose first use of the heap came after its destructors had run, or that has no key.  To
 * a child of vfork() all threads seem gone, the one that called it too.
 * @slow: NULL: the caller knows that this is none
 */
slowpath void task_end_left_behind(struct task *task, const struct slow *slow)
{
	u32 tid = READ_ONCE(task->mm.tid);

	if (READ_ONCE(task->state) == TASK_LIVE && os_thread_gone(tid) &&
	    (!slow || (slow->task && !os_thread_gone(slow->task->mm.tid))))
		task_exit(task, tid);
}

/**
 * task_drain - take the sheaves of a thread that does not use them
 * @only_idle: leave caches that were missed in since the last call
 *
 * Any thread may do this to any other.
 */
slowpath void task_drain(struct task *task, bool only_idle, struct slow *slow)
{
	unsigned long use = READ_ONCE(task->slow_allocs) + READ_ONCE(task->slow_frees);
	bool idle = use == task->last_use;

	task->last_use = use;
	if (READ_ONCE(task->state) != TASK_LIVE || !lock_in_time(task, only_idle, slow))
		return;
	if (READ_ONCE(task->state) == TASK_LIVE) {
		for_each_row (task, row)
			drain_row(task, &row, note_idle(&row, only_idle),
				  /* quiet= */ task == slow->task);
		pcp_drain(&task->mm, !only_idle || idle);
	}
	spin_unlock(&task->lock);
	if (idle && task != slow->task)
		task_end_left_behind(task, slow);
}
