/* SPDX-License-Identifier: MIT */
/*
 * fork_notice.c - is this a forked child, and which of its threads puts the heap in order?
 *
 *   slow_enter
 *     slab_fork_look_around    a thread without a task, or in a child that is not in order
 *       notice                 where the fork was in a slow path
 *       end_alone              the second thread that ever comes in
 *       fork_repair            the first to come in puts the child in order (fork.c), others wait
 *         decide               where another thread came in before the one that has forked
 *
 * Children are noticed by a page that the system wipes for them: clone() and _Fork() skip handlers,
 * and what a handler did would be done for children that only exec.  Where there is no such page, a
 * handler wipes two words.
 */
#include "platform/os.h"
#include "slab/internal.h"

/* The two words of a child: what state its heap is in, and who puts that in order. */
enum { FORK_STATE, FORK_CLAIM };
static u32 *fork_page; /* what the system wipes for a child; NULL: nothing; const after start */
/* Where it wipes nothing, at_fork_child() wipes these. */
static u32 fork_words[2] = {[FORK_STATE] = FORK_REPAIRED};
u32 *slab_fork_cookie = fork_words;

/* The words that a forked child finds wiped, alone or not. */
static u32 *child_words(void)
{
	return fork_page ? fork_page : fork_words;
}

/* Was this thread started by another one of this process? */
static bool started_here(void)
{
	return os_thread_id() != os_process_id();
}

static u32 guests; /* atomic */

/*
 * The first to notice that this is a child begins a new generation.  Numbers of processes and
 * threads would not tell: they come again.  With signals blocked, see notice().
 * @inside: the number of the thread that forked, if it did in a slow path; or 0
 */
static slowpath void notice_blocked(u32 inside)
{
	u32 *state = &child_words()[FORK_STATE], seen = FORK_NEW;

	if (!atomic_cmpxchg(state, &seen, FORK_NOTICING))
		return;
	WRITE_ONCE(guests, 0);
	WRITE_ONCE(spin_kept_owner, inside);
	slab_fork_new_generation();
	store_release(state, FORK_NOTICED); /* pairs with wait_while_noticing() */
}

/*
 * Signals are blocked, as in all that only one thread does once for a child: a handler that forked
 * in the middle of it would have a child for which half of it is done, and nobody to do the rest.
 */
static slowpath void notice(u32 inside)
{
	u64 signals;

	if (load_acquire(&child_words()[FORK_STATE]) != FORK_NEW)
		return;
	signals = os_block_signals();
	notice_blocked(inside);
	os_restore_signals(signals);
}

#define INSIDE_SPINS 50
#define INSIDE_MS 20

/*
 * The thread that forked may be in a slow path, and at work in slabs: it gets time to leave.  Or it
 * has been interrupted there by a handler, which may be waiting for this thread.
 * @inside: the number of its task, if it is in one; or 0
 *
 * Return: the same at last.
 */
static slowpath u32 give_time_to_leave(u32 (*inside)(void))
{
	u32 id = inside();

	for (int spins = INSIDE_SPINS; spins && id; spins--) {
		cpu_relax();
		id = inside();
	}
	for (int ms = INSIDE_MS; ms && id; ms--) {
		os_sleep_ms(1);
		id = inside();
	}
	return id;
}

/*
 * The thread that forked in a slow path may not have noticed when one that it has started comes in,
 * which then notices for it.
 */
static slowpath void notice_for_first(void)
{
	u32 first;

	if (load_acquire(&child_words()[FORK_STATE]) != FORK_NEW || !started_here())
		return;
	first = give_time_to_leave(slow_first_inside);
	if (first)
		notice(first);
}

/*
 * Wait while another thread begins the new generation.  A guest that came in before would leave in
 * another generation than it came in, and be counted for ever.  Only a thread that is inside begins
 * one, and such a thread does not come here.
 */
static slowpath void wait_while_noticing(void)
{
	while (load_acquire(&child_words()[FORK_STATE]) == FORK_NOTICING)
		os_sleep_ms(1);
}

/* Is it this thread that puts the child in order?  If another does, wait until it has done so. */
static slowpath bool claim(void)
{
	u32 *words = child_words();

	/* Pairs with nothing: what this thread sees is what the fork has copied. */
	if (!__atomic_exchange_n(&words[FORK_CLAIM], 1, __ATOMIC_RELAXED))
		return true;
	while (load_acquire(&words[FORK_STATE]) < FORK_REPAIRED)
		os_sleep_ms(1);
	return false;
}

/* ---- where the system wipes no page ---- */

/* Repair at once, while this thread is alone. */
static slowpath void at_fork_child(void)
{
	struct slow slow;

	WRITE_ONCE(fork_words[FORK_STATE], FORK_NEW);
	WRITE_ONCE(fork_words[FORK_CLAIM], 0);
	slow_enter_anyway(&slow);
	slow_leave(&slow);
}

/*
 * Where there is a page, no handler is registered.  That takes a lock of the C library, for which a
 * child that another thread makes meanwhile by _Fork() waits for ever when it forks itself; it
 * touches 128 KiB of the C library's pages; and the handler would put children in order that only
 * exec.
 *
 * It is not done in a signal handler, which may have interrupted fork(), with that lock: then the
 * next thread does it.
 */
static slowpath void handle_forks(void)
{
	static bool done; /* atomic */

	if (!READ_ONCE(done) && !os_in_handler() &&
	    !__atomic_exchange_n(&done, true, __ATOMIC_RELAXED))
		(void)os_at_fork_child(at_fork_child);
}

/*
 * Each thread but the first calls this once it has a task: the C library may allocate here.  In the
 * first thread of a child of _Fork() it may not be in order: a lost thread may have been in fork().
 */
slowpath void slab_fork_thread_made(void)
{
	if (!fork_page && started_here())
		handle_forks();
}

/* ---- one thread alone ----
 *
 * As long as only one thread has ever been in here, a forked child loses nobody.  So it need not
 * notice that it is a child, nor write what would say so: a shell's children have 8 page faults
 * fewer, of 93.  That ends for good when a second thread comes in, or the first again before it has
 * a task.
 *
 * INVARIANT alone: while slab_fork_cookie is fork_words, and there is a fork_page, no second thread
 * has taken a lock or changed a list.
 *   made by     slab_fork_watch()
 *   kept by     end_alone(), before all else that a thread without a task does, and
 *               slab_fork_end_alone(), before there is a background thread.  A child that sees
 *               anything they do later sees the cookie changed, since a fork copies no later store
 *               of a thread without the earlier ones
 *   relied on   slab_fork_pending(); settle_lone(), which takes it that the first thread forked
 *   checked by  tests/life/lone_child.c
 */
static u32 newcomers; /* entries without a task; atomic */

/* Is this the child of a lone thread, which has not noted yet what differs from its parent? */
static alwaysinline bool lone_unsettled(void)
{
	return fork_page && READ_ONCE(slab_fork_cookie) == fork_words &&
	       load_acquire(&fork_page[FORK_STATE]) != FORK_REPAIRED;
}

/* After claim(), with signals blocked.  No lock can be stale: no new generation. */
static slowpath void settle_lone(void)
{
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next)
		WRITE_ONCE(t->mm.tid, os_process_id());
	slab_fork_note_process();
	kswapd_forget();
	store_release(&fork_page[FORK_STATE], (u32)FORK_REPAIRED); /* pairs with claim() */
}

/* Not in a child of vfork(), see slab_fork_settle_lone(). */
static slowpath void claim_and_settle(void)
{
	u64 signals;

	if (slab_fork_is_borrowed())
		return;
	signals = os_block_signals();
	if (lone_unsettled() && claim())
		settle_lone();
	os_restore_signals(signals);
}

/**
 * slab_fork_settle_lone - in the child of a lone thread, note what differs from its parent
 *
 * The thread has another number here, and no background thread.  It calls this before it starts one
 * and when it ends; if a second thread comes in, end_alone() does the same.
 *
 * Not in a child of vfork(), which would note its number in its parent's heap.  When that number is
 * gone, the parent's thread would be taken for gone: one was, while it was at work, and its block
 * was given to another.
 */
void slab_fork_settle_lone(void)
{
	if (unlikely(lone_unsettled()))
		claim_and_settle();
}

/* Before all that a second thread does to the heap, see above.  Pairs with nothing but a fork. */
static slowpath void notice_from_now_on(void)
{
	WRITE_ONCE(slab_fork_cookie, fork_page);
	smp_mb();
}

/* In a lone child: the number of the thread that was alone, if it is in a slow path; or 0. */
static slowpath u32 lone_inside(void)
{
	const struct task *alone = load_acquire(&all_tasks); /* the only one */

	return alone && READ_ONCE(alone->mm.depth) ? alone->mm.id : 0;
}

/*
 * This thread is not the one that was alone.  In a child, if it is the first thread of its process,
 * it has forked, and the other one is lost: slab_fork_look_around() finds that out.  If it is not,
 * the other one has forked, and started it; if that stays in a slow path, this one becomes its
 * guest, see below.
 */
static slowpath void end_alone(void)
{
	bool in_lone_child, settle;
	u32 inside = 0;
	u64 signals;

	if (!fork_page)
		return;
	if (started_here() && lone_unsettled())
		inside = give_time_to_leave(lone_inside);
	/* A handler may have forked meanwhile: look again. */
	signals = os_block_signals();
	in_lone_child = started_here() && lone_unsettled();
	settle = in_lone_child && !inside && claim();
	/* After the claim: those that look at the page wait for what is claimed. */
	notice_from_now_on();
	if (settle)
		settle_lone();
	else if (in_lone_child && inside)
		notice_blocked(inside);
	os_restore_signals(signals);
}

/**
 * slab_fork_end_alone - this thread is about to start the background thread
 *
 * That comes in some time later.  Until then a child would think that it has lost nobody.
 */
void slab_fork_end_alone(void)
{
	if (fork_page)
		notice_from_now_on();
}

/* ---- children of vfork() ---- */

u32 slab_process_id;

slowpath void slab_fork_note_process(void)
{
	WRITE_ONCE(slab_process_id, os_process_id());
}

/*
 * The parent of a child of vfork() has the heap.  Where that one is itself a child that has not
 * noted its number, the noted one is its own parent's.  A child of clone() then looks the same, but
 * for its memory.  In this order: see os_thread_is_borrowed().
 */
slowpath bool slab_fork_is_vfork_child(void)
{
	bool is_noted = load_acquire(&child_words()[FORK_STATE]) >= FORK_REPAIRED;

	if (os_thread_is_borrowed() && (os_parent_id() == READ_ONCE(slab_process_id)) == is_noted &&
	    (is_noted || os_memory_is_borrowed()))
		return true;
	if (is_noted)
		slab_fork_note_process();
	return false;
}

/* ---- forks in a slow path ----
 *
 * A handler may interrupt a slow path and fork.  In the child that slow path goes on when the
 * handler returns, with its locks and what it has in hand, and only when it is over can its thread
 * put the heap in order.  Threads that the handler starts meanwhile are guests: like the handler
 * they are nested, so they wait for nothing and have no task.  They find the locks of the thread
 * that forked held.  A lock of a lost thread they take, and repair what it guards.
 *
 * INVARIANT guests: while a thread puts the heap in order, no guest is inside.
 *   made by     send_off_guests()
 *   kept by     enter_as_guest(), which looks again once it is counted
 *   relied on   slab_fork_repair(), which changes lists without their locks
 *   checked by  tests/api/handler_child.c, tests/unit/test_fork_notice.c
 */

/*
 * Return: whether this thread is a guest, and counted as one.  Not before the child has noticed:
 * until then the count is the parent's.  Nor if it has a task: then it would not leave as a guest,
 * and would be counted for ever.  It waits.
 */
static slowpath bool enter_as_guest(const struct task *task)
{
	u32 kept = READ_ONCE(spin_kept_owner);

	if (task || !kept || kept == task_id() ||
	    load_acquire(&child_words()[FORK_STATE]) != FORK_NOTICED)
		return false;
	/* A full barrier; pairs with that of send_off_guests(). */
	__atomic_fetch_add(&guests, 1, __ATOMIC_SEQ_CST);
	if (READ_ONCE(spin_kept_owner))
		return true;
	__atomic_fetch_sub(&guests, 1, __ATOMIC_RELEASE);
	return false;
}

/* It came in in @generation, and is counted in that alone: a child has a count of its own. */
slowpath void slab_fork_guest_left(u32 generation)
{
	if (generation == READ_ONCE(spin_generation))
		__atomic_fetch_sub(&guests, 1, __ATOMIC_RELEASE);
}

/* If this thread forked in a slow path, that is over: wait until no guest is inside. */
static slowpath void send_off_guests(void)
{
	WRITE_ONCE(spin_kept_owner, 0);
	smp_mb(); /* pairs with enter_as_guest() */
	while (load_acquire(&guests))
		os_sleep_ms(1);
}

/* ---- who repairs ---- */

/* Is this the thread that forked?  If it has a task, the repair left that one undecided. */
static bool has_forked(const struct task *task)
{
	return task ? task->mm.tid == READ_ONCE(slab_undecided_tid) : !started_here();
}

static slowpath void decide(const struct task *task)
{
	u32 seen = FORK_UNDECIDED;

	if (has_forked(task) && atomic_cmpxchg(&child_words()[FORK_STATE], &seen, FORK_REPAIRED))
		slab_fork_decide(task);
}

/*
 * One thread puts the child in order; others that come in wait before they are inside.  It is the
 * one that forked, unless that has started another which comes in first.  With signals blocked.
 */
static slowpath void repair(struct task *task, u32 *depth)
{
	bool newcomer = !task && started_here();

	/* So that a child that another thread forks meanwhile makes everything anew. */
	(*depth)++;
	barrier();
	notice_blocked(0);
	send_off_guests();
	slab_fork_repair(newcomer);
	barrier();
	(*depth)--;
	/* Pairs with claim() and fork_repair(): a thread that waited finds the heap in order. */
	store_release(&child_words()[FORK_STATE], newcomer ? FORK_UNDECIDED : FORK_REPAIRED);
}

/* In a child that nobody has put in order, or where it is not known yet which thread forked. */
static slowpath void fork_repair(struct task *task, u32 *depth)
{
	const u32 *state = &child_words()[FORK_STATE];
	u64 signals;

	/* The number of a child of vfork() would be noted for its parent's. */
	if ((load_acquire(state) == FORK_UNDECIDED && !has_forked(task)) || slab_fork_is_borrowed())
		return;
	signals = os_block_signals();
	if (load_acquire(state) != FORK_UNDECIDED && claim())
		repair(task, depth);
	else if (load_acquire(state) == FORK_UNDECIDED)
		decide(task);
	os_restore_signals(signals);
}

/**
 * slab_fork_look_around - before a thread counts as inside a slow path
 * @task: the caller's, or NULL
 * @depth: the caller's depth of slow paths; not 0 in a handler that interrupted one
 *
 * To be called by a thread without a task, and if slab_fork_pending().  Return: whether it enters
 * as a guest; then slab_fork_guest_left() is to be called when it leaves, with the generation in
 * which it entered.
 */
noinline bool slab_fork_look_around(struct task *task, u32 *depth)
{
	if (!task && READ_ONCE(slab_fork_cookie) == fork_words &&
	    __atomic_add_fetch(&newcomers, 1, __ATOMIC_RELAXED) > 1)
		end_alone();
	if (likely(!slab_fork_pending()))
		return false;
	if (*depth) {
		notice(task_id());
		return false;
	}
	if (!task)
		notice_for_first();
	wait_while_noticing();
	if (enter_as_guest(task))
		return true;
	fork_repair(task, depth);
	return false;
}

/*
 * A lock has been held for long.  If this is a child, begin a new generation; the rest is done when
 * this thread next enters from outside.
 */
static void notice_fork(void)
{
	if (slab_fork_pending())
		notice(task_id());
}

/* At start. */
void slab_fork_watch(void)
{
	WRITE_ONCE(slab_process_id, os_thread_is_borrowed() ? os_parent_id() : os_process_id());
	fork_page = os_fork_cookie_page();
	if (fork_page)
		WRITE_ONCE(fork_page[FORK_STATE], FORK_REPAIRED);
	else
		handle_forks();
	spin_long_wait = notice_fork;
}
