/* SPDX-License-Identifier: MIT */
/*
 * drain.c - take the sheaves of a thread that does not use them
 *
 * The cursors are disabled by exchange; after a fence no hit is under way that saw the old ones.  A
 * hit commits with one instruction that adds to the cursor, which is not atomic.  One that commits
 * in between either moves the disabled cursor or writes over it, and that tells which it was.
 *
 * Linux:  flush_all_cpus_locked(), which sends work to each CPU; work cannot be sent to a thread.
 * Locks:  task.lock, which is waited for only so long; below it barn.lock and list_lock.
 */
#include "platform/os.h"
#include "slab/internal.h"
#include "slab/pcs.h"

bool hit_fence_ready;
static bool refused; /* not to be asked for again; racy */
/* The promise was broken: cursors may be disabled while hits are under way in them; racy. */
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
 * Has the system promised the fence?  Only then do caches of the program have hits.  It is asked
 * when a cache is created, and in a forked child when this is first needed.
 */
bool hit_fence_promised(void)
{
	if (unlikely(!READ_ONCE(hit_fence_ready) && !READ_ONCE(refused)))
		hit_fence_register();
	return READ_ONCE(hit_fence_ready);
}

/* The caches of @row to drain, a bit for each: those with sheaves, or, @only_idle, unused ones. */
static u64 note_idle(const struct pcs_row *row, bool only_idle)
{
	u64 idle = 0;

	for (unsigned int i = 0; i < row->nr; i++) {
		struct pcs *p = &row->pcs[i];

		if (p->main && (!only_idle || !p->used))
			idle |= (u64)1 << i;
		p->used = false;
	}
	return idle;
}

/* Those of @caches in which certainly no hit is under way, though there is no fence. */
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
 * @quiet: the thread is in no hit, as when it is the caller's own, or the task is warm
 *
 * Return: the caches whose cursors are disabled.  The sheaves of the others are in use.
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
		 * A seccomp filter installed since refuses, and hits may stay under way for any
		 * time.  The cursors stay disabled until the thread's next slow path, which settles
		 * what those hits did (cursor_disable()).  A cursor put back now might be lost to
		 * the store of a hit that has read the disabled one.
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
 * Empty the sheaves of @caches.  Without the promise of a fence only a thread itself may reach into
 * its cursors.  @quiet: as above.  Under task.lock.
 */
static void drain_row(struct task *task, const struct pcs_row *row, u64 caches, bool quiet)
{
	quiet |= READ_ONCE(task->state) == TASK_WARM;
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

/* The same for all that the thread has; or, @only_idle, what it has not used.  Under task.lock. */
static void drain_rows(struct task *task, bool only_idle, bool quiet)
{
	for_each_row (task, row)
		drain_row(task, &row, note_idle(&row, only_idle), quiet);
}

/**
 * task_drain_cache - take what a thread has of @s, a cache of the program
 * @quiet: no hit is under way: the task is the caller's, or the program destroys the cache
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

/* Lock a thread whose objects the caller cannot do without.  Return: see is_whole(). */
slowpath bool task_lock_to_drain(struct task *task, const struct slow *slow)
{
	return is_whole(task, spin_lock(&task->lock), slow);
}

/*
 * Lock a thread that may also be left as it is.  The holder is at work and soon done, unless it is
 * in a constructor, which may want a lock that the caller has: so it is waited for PATIENCE_MS at
 * most.
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
 * End the task of a thread that is gone without having done so: it first used the heap after its
 * destructors had run, or it has no key.
 * @slow: the caller's; to a child of vfork() all threads seem gone, its own too.  NULL: it is none
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
 * @only_idle: leave the sheaves of caches that missed since the last call
 *
 * Any thread may do this to any other.
 */
slowpath void task_drain(struct task *task, bool only_idle, struct slow *slow)
{
	unsigned long use = READ_ONCE(task->slow_allocs) + READ_ONCE(task->slow_frees);
	bool idle = use == task->last_use;

	task->last_use = use;
	if (!task_has_sheaves(task) || !lock_in_time(task, only_idle, slow))
		return;
	if (task_has_sheaves(task)) {
		drain_rows(task, only_idle, /* quiet= */ task == slow->task);
		pcp_drain(&task->mm, !only_idle || idle);
	}
	spin_unlock(&task->lock);
	if (idle && task != slow->task)
		task_end_left_behind(task, slow);
}

/**
 * tasks_drain_warm - take what waits for threads to come
 *
 * For a slow path that wants memory, and may hold the lock of its own task: others are only tried.
 */
slowpath void tasks_drain_warm(void)
{
	const struct slow none = {0};

	for (struct task *t = load_acquire(&all_tasks); t; t = t->next) {
		if (READ_ONCE(t->state) != TASK_WARM ||
		    !lock_in_time(t, /* only_idle= */ true, &none))
			continue;
		if (READ_ONCE(t->state) == TASK_WARM)
			drain_rows(t, /* only_idle= */ false, /* quiet= */ true);
		spin_unlock(&t->lock);
	}
}
