/* SPDX-License-Identifier: MIT */
/*
 * slow.c - entering and leaving a slow path
 *
 * Who enters says so in the depth of its task, or in bare_depth while it has none.  A signal
 * handler that comes then is nested and waits for nothing, and a child that is forked then is put
 * in order once the thread has left (fork_notice.c).
 */
#include "platform/os.h"
#include "slab/internal.h"

static __thread u32 bare_depth __attribute__((tls_model("initial-exec")));
/* The fork generation in which this thread came in as a guest, and has not left; 0: it has not. */
static __thread u32 bare_guest __attribute__((tls_model("initial-exec")));

/* Release in start_slow(), acquire in slow_enter() and slow_enter_anyway(). */
static bool started touched_first;

static noinline bool start_slow(void)
{
	if (!slow_start())
		return false;
	store_release(&started, true);
	return true;
}

static inline u32 *depth_of(struct task *task)
{
	return task ? &task->mm.depth : &bare_depth;
}

/* From here on a handler that interrupts this thread is nested, and waits for nothing. */
static inline void count_inside(struct slow *s)
{
	u32 *depth = depth_of(s->task);

	s->nested = (*depth)++ != 0;
	barrier();
}

/*
 * First look around, then count as inside: see fork_notice.c.  A guest counts as nested, so that it
 * stays without a task.
 */
static noinline void enter_after_look(struct slow *s)
{
	bool guest = slab_fork_look_around(s->task, depth_of(s->task));

	count_inside(s);
	if (guest) {
		bare_guest = READ_ONCE(spin_generation);
		s->nested = true;
	}
}

static void enter(struct slow *s)
{
	s->task = current_task();
	if (likely(s->task && !slab_fork_pending()))
		count_inside(s);
	else
		enter_after_look(s);
}

static slowpath void leave_as_guest(void)
{
	u32 generation = bare_guest;

	/* In this order: a handler that comes once this is outside has to be a guest of its own. */
	bare_guest = 0;
	barrier();
	bare_depth--;
	barrier();
	slab_fork_guest_left(generation);
}

void slow_leave_bare(void)
{
	if (unlikely(bare_guest && bare_depth == 1))
		leave_as_guest();
	else
		bare_depth--;
}

/* slow_leave() of a thread whose block is another's next.  Pairs with reuse_dead(). */
set_apart void slow_leave_last(struct slow *s)
{
	if (s->task)
		store_release(&s->task->mm.depth, s->task->mm.depth - 1);
	else
		slow_leave_bare();
}

/* Was its thread inside, and is it for the thread itself to settle what it was at? */
static bool is_inside(const struct task *task)
{
	return READ_ONCE(task->mm.depth) && !spin_held_by_other_than(&task->lock, task->mm.id) &&
	       !spin_held_by_other_than(&task->mm.pcp.lock, task->mm.id);
}

static slowpath bool is_of_first_thread(const struct task *task)
{
	ptrdiff_t away = os_to_first_thread();

	return away && &task->hit == READ_ONCE(*(struct hit_area **)((uintptr_t)&hit_malloc_tls +
								     (uintptr_t)away));
}

/**
 * slow_first_inside - is the first thread of this process inside a slow path?
 *
 * Where a thread was inside, the system is asked which is the first: a seccomp filter may end the
 * program for that, so not before.
 *
 * Return: the number of its task; 0: it is not, or has none, or that cannot be told; nor if a lost
 * thread was at work with its sheaves or pages, which the thread itself has to settle.
 */
slowpath u32 slow_first_inside(void)
{
	for (const struct task *t = load_acquire(&all_tasks); t; t = t->next)
		if (is_inside(t) && is_of_first_thread(t))
			return t->mm.id;
	return 0;
}

static noinline void adopt_new_task(struct slow *s)
{
	struct task *task = task_create(s);

	if (!task)
		return;
	bare_depth--;
	s->task = task;
	task->mm.depth = 1;
	/* Last: the C library may allocate, for a key with a high number or for a fork handler. */
	os_thread_exit_arm(task);
	if (task->mm.id > 1)
		slab_fork_thread_made();
}

bool slow_enter(struct slow *s)
{
	if (unlikely(!load_acquire(&started)) && !start_slow())
		return false;
	enter(s);
	if (unlikely(!s->task) && !s->nested)
		adopt_new_task(s);
	if (topology.nr_nodes > 1 && s->task && !s->nested) {
		int node = mm_local_node(&s->task->mm);

		if (unlikely(node != s->task->mm.node))
			task_rehome(s->task, node);
	}
	return true;
}

void slow_enter_anyway(struct slow *s)
{
	if (unlikely(!load_acquire(&started)))
		(void)start_slow();
	enter(s);
	/* A thread that only frees what others allocate needs sheaves as well. */
	if (unlikely(!s->task) && !s->nested && load_acquire(&started))
		adopt_new_task(s);
}
