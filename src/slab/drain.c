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
#include "base/check.h"
#include "platform/os.h"
#include "slab/internal.h"
#include "slab/sheaf.h"

bool hit_fence_ready;

void hit_fence_register(void)
{
	if (!READ_ONCE(hit_fence_ready))
		WRITE_ONCE(hit_fence_ready, slab_hit_sequences && os_rseq_fence_register() == 0);
}

static void note_idle(struct task *task, bool only_idle, u64 *idle)
{
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++) {
		struct pcs *p = &task->pcs[c];

		if ((p->main || p->spare) && (!only_idle || !p->used))
			*idle |= (u64)1 << c;
		p->used = false;
	}
}

/*
 * Disable the cursors of @classes and wait until no hit is under way that saw them.
 * @own: it is this thread's, which is in no hit.  Return: the classes that are disabled; of
 * the others the sheaf is in use, leave it.
 */
static u64 disable_cursors(struct task *task, u64 classes, bool own)
{
	void **was[NR_KMALLOC_CLASSES];

	if (!task->cursors_on)
		return classes;
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++) {
		struct cursor *cur = class_cursor(task, c);

		was[c] = cursor_disabled_at();
		if (classes >> c & 1)
			was[c] = cursor_disable(cur, task->pcs[c].main, own);
	}
	if (!own && os_rseq_fence()) {
		/*
		 * A filter installed since refuses, and hits may be under way for as long as they
		 * like.  The cursors stay disabled until the thread next comes to a slow path,
		 * which settles what those did (cursor_disable()).  To put one back could be lost
		 * in the store of a hit that had read the disabled one.
		 */
		WRITE_ONCE(hit_fence_ready, false);
		return 0;
	}
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++) {
		struct cursor *cur = class_cursor(task, c);
		ptrdiff_t stray;

		if (was[c] == cursor_disabled_at())
			continue;
		if (cursor_is_disabled(cur, &stray))
			cursor_settle_stray(cur, task->pcs[c].main, stray);
		else
			classes &= ~((u64)1 << c);
	}
	return classes;
}

/* Caches of the program have no cursors: the lock is all it takes. */
static void drain_ext(struct task *task, bool only_idle)
{
	for (unsigned int chunk = 0; chunk < PCS_CHUNKS; chunk++) {
		for (unsigned int i = 0; task->ext[chunk] && i < PCS_CHUNK; i++) {
			struct pcs *p = &task->ext[chunk][i];

			if ((p->main || p->spare) && (!only_idle || !p->used))
				pcs_empty(task, cache_by_id(chunk * PCS_CHUNK + i), p);
			p->used = false;
		}
	}
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

/* Of a thread that has objects which the caller cannot do without. */
slowpath bool task_lock_to_drain(struct task *task, const struct slow *slow)
{
	return is_whole(task, spin_lock(&task->lock), slow);
}

/*
 * Of one that may stay as it is.  Who holds the lock is at work, and no longer than that takes, but
 * for one in a constructor: it may want what the caller has, who asked for memory back or for some.
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

/* Where the system promises no fence, only a thread itself may; others would try in vain. */
static bool may_disable_cursors(const struct task *task, const struct slow *slow)
{
	return !READ_ONCE(task->cursors_on) || READ_ONCE(hit_fence_ready) || task == slow->task;
}

/**
 * task_drain - take the sheaves of a thread that does not use them
 * @only_idle: leave classes that were missed in since the last call
 *
 * Any thread may do this to any other.
 */
slowpath void task_drain(struct task *task, bool only_idle, struct slow *slow)
{
	unsigned long use = READ_ONCE(task->slow_allocs) + READ_ONCE(task->slow_frees);
	bool idle = use == task->last_use;
	u64 classes = 0;

	task->last_use = use;
	if (READ_ONCE(task->state) != TASK_LIVE || !lock_in_time(task, only_idle, slow))
		return;
	if (READ_ONCE(task->state) == TASK_LIVE && may_disable_cursors(task, slow)) {
		note_idle(task, only_idle, &classes);
		if (classes)
			classes = disable_cursors(task, classes, /* own= */ task == slow->task);
		for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++)
			if (classes >> c & 1)
				pcs_empty(task, &kmalloc_caches[c], &task->pcs[c]);
	}
	if (READ_ONCE(task->state) == TASK_LIVE) {
		drain_ext(task, only_idle);
		pcp_drain(&task->mm, !only_idle || idle);
	}
	spin_unlock(&task->lock);
	if (idle && task != slow->task)
		task_end_left_behind(task, slow);
}
