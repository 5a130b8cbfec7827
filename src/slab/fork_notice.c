/* SPDX-License-Identifier: MIT */
/*
 * fork_notice.c - is this a forked child, and which of its threads puts the heap in order?
 *
 *   slow_enter
 *     slab_fork_look_around    a thread without a task, or in a child that is not in order
 *       end_alone              the second thread that ever comes in
 *       fork_repair            the first to come in puts the child in order (fork.c), others wait
 *         decide               where another thread came in before the one that has forked
 *
 * Children are noticed by a page that the system wipes for them, since clone() and _Fork() skip
 * handlers.  Where it has no such page, a handler wipes two words.
 */
#include "platform/os.h"
#include "slab/internal.h"

/* The two words of a child: what state its heap is in, and who puts that in order. */
enum { FORK_STATE, FORK_CLAIM };
static u32 *fork_page; /* const after start: what the system wipes for a child; NULL: no such */
/* Where there is none: at_fork_child() wipes them. */
static u32 fork_words[2] = {[FORK_STATE] = FORK_REPAIRED};
u32 *slab_fork_cookie = fork_words;

/* The words that a forked child finds wiped, alone or not. */
static u32 *child_words(void)
{
	return fork_page ? fork_page : fork_words;
}

static u32 guests; /* atomic */

/*
 * The first to come by in this child is told so; ids of processes and threads come again.  It
 * begins a new generation (slab_fork_new_generation()), and calls slab_fork_noticed() then.
 * @inside: its number, if it is in a slow path; or 0
 */
slowpath bool slab_fork_notice(u32 inside)
{
	u32 seen = FORK_NEW;

	if (!atomic_cmpxchg(&child_words()[FORK_STATE], &seen, FORK_NOTICING))
		return false;
	WRITE_ONCE(guests, 0);
	WRITE_ONCE(spin_kept_owner, inside);
	return true;
}

/* Not in a child that a handler has forked meanwhile: it has still to notice, or has done so. */
slowpath void slab_fork_noticed(void)
{
	u32 seen = FORK_NOTICING;

	(void)atomic_cmpxchg(&child_words()[FORK_STATE], &seen, FORK_NOTICED);
}

/*
 * Another thread is at it.  A guest that came in meanwhile would leave in another generation than
 * it came in, and be counted for ever.  Not for the one that is at it, which is inside.
 */
static slowpath void wait_while_noticing(void)
{
	while (load_acquire(&child_words()[FORK_STATE]) == FORK_NOTICING)
		os_sleep_ms(1);
}

/*
 * Is it this thread that puts the child in order?  If another one does, it has done so on return;
 * a handler that has interrupted this thread at it is not to wait for it.
 */
static slowpath bool claim(void)
{
	u32 *words = child_words(), claimed = 0, me = os_thread_id();

	if (atomic_cmpxchg(&words[FORK_CLAIM], &claimed, me))
		return true;
	while (claimed != me && load_acquire(&words[FORK_STATE]) < FORK_REPAIRED)
		os_sleep_ms(1);
	return false;
}

/*
 * Is this a thread that another of this process has started?  Then the C library is in order too.
 * In a child of clone() or _Fork() it may not be: a lost thread may have been in fork(), with the
 * lock of its handlers.
 */
static bool started_here(void)
{
	return os_thread_id() != os_process_id();
}

/* ---- children of vfork() ---- */

static alwaysinline bool lone_unsettled(void);

u32 slab_process_id;

slowpath void slab_fork_note_process(void)
{
	WRITE_ONCE(slab_process_id, os_process_id());
}

/*
 * One that such a child has started the library for is none itself.  Whose parent is a child that
 * has not settled yet, and so has not noted its number, is known by the C library's.
 */
slowpath bool slab_fork_is_vfork_child(void)
{
	if (os_parent_id() == READ_ONCE(slab_process_id) ||
	    (lone_unsettled() && os_thread_is_borrowed()))
		return true;
	slab_fork_note_process();
	return false;
}

/* What lies between is one slow path: a handler that interrupts it waits for nothing. */
static void go_inside(u32 *depth)
{
	(*depth)++;
	barrier();
}

static void go_outside(u32 *depth)
{
	barrier();
	(*depth)--;
}

/* ---- children whose handlers are called ---- */

/*
 * The child repairs at once, while it is alone: its first slow path might be that of a thread
 * which it has started meanwhile.  Children that skip handlers are noticed by the page.
 */
static slowpath void at_fork_child(void)
{
	struct slow slow;

	if (!fork_page) {
		WRITE_ONCE(fork_words[FORK_STATE], FORK_NEW);
		WRITE_ONCE(fork_words[FORK_CLAIM], 0);
	}
	slow_enter_free(&slow);
	slow_leave(&slow);
}

/*
 * Registering it costs 128 KiB of the C library's pages, which small programs do not touch else; so
 * that waits for the second thread.  Not in a signal handler, which may have interrupted fork():
 * that has a lock which registering takes.  The next thread sees to it then.
 */
static slowpath void handle_forks(void)
{
	static bool done; /* atomic */

	if (!READ_ONCE(done) && !os_in_handler() &&
	    !__atomic_exchange_n(&done, true, __ATOMIC_RELAXED))
		(void)os_at_fork_child(at_fork_child);
}

/* By each thread but the first, once it has a task: the C library may allocate for a handler. */
slowpath void slab_fork_thread_made(void)
{
	if (started_here())
		handle_forks();
}

/* ---- one thread alone ----
 *
 * While one thread alone has been in here, its forked children lose nobody, so they need not notice
 * that they are children, nor write what would say so: a shell's take 8 page faults less, of 93.
 * That ends for good when a second thread comes in, or the first again before it has a task.
 *
 * INVARIANT alone: while slab_fork_cookie is fork_words, and there is a fork_page, no second thread
 * has taken a lock or changed a list.
 *   made by     slab_fork_watch()
 *   kept by     end_alone(), before all else that a thread without a task does, and
 *               slab_fork_end_alone(), before there is a background thread.  A child that sees
 *               anything of that sees the cookie changed, since a fork copies no later store of a
 *               thread without the earlier ones
 *   relied on   slab_fork_pending(); settle_lone(), for which the first thread has forked
 *   checked by  tests/life/lone_child.c
 */
static u32 newcomers; /* entries without a task; atomic */

/* Has this child still to see to what is not its parent's? */
static alwaysinline bool lone_unsettled(void)
{
	return fork_page && READ_ONCE(slab_fork_cookie) == fork_words &&
	       load_acquire(&fork_page[FORK_STATE]) != FORK_REPAIRED;
}

typedef u64 __attribute__((__may_alias__)) both_words;
static_assert(FORK_STATE == 0 && FORK_CLAIM == 1, "move_on() has the state in the low half");

/*
 * From state @from to @to, if this is still the child in which there was a claim: one that a
 * handler has forked meanwhile has both words wiped.
 */
static bool move_on(u32 from, u32 to)
{
	u64 claim = (u64)READ_ONCE(fork_page[FORK_CLAIM]) << 32, seen = claim | from;

	return claim && atomic_cmpxchg((both_words *)fork_page, &seen, claim | to);
}

/* After claim().  Return: false in a child that a handler has forked meanwhile. */
static slowpath bool settle_lone(void)
{
	/* No locks to be seen as stale.  A handler in between may have noticed already. */
	if (!move_on(FORK_NEW, FORK_NOTICED) && !move_on(FORK_NOTICED, FORK_NOTICED))
		return false;
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next)
		WRITE_ONCE(t->mm.tid, os_process_id());
	slab_fork_note_process();
	kswapd_forget();
	return move_on(FORK_NOTICED, FORK_REPAIRED);
}

static slowpath void settle_until_done(u32 *depth)
{
	/* A child of vfork() owes itself nothing, see slab_fork_settle_lone(). */
	if (os_thread_is_borrowed())
		return;
	go_inside(depth);
	while (lone_unsettled() && claim() && !settle_lone())
		;
	go_outside(depth);
}

/**
 * slab_fork_settle_lone - what a child owes itself that nobody else was lost in
 * @depth: the caller's, of slow paths: this is one
 *
 * Its thread, which was alone in its parents, has another number there, and no background thread.
 * For that thread, before it starts one; end_alone() is for the second.  A child of vfork() owes
 * itself nothing: what it settled would be its parent's, with a number that is gone then.  That
 * thread was taken for gone while it was at work, and its block given to another.
 */
void slab_fork_settle_lone(u32 *depth)
{
	if (unlikely(lone_unsettled()))
		settle_until_done(depth);
}

/* Before what a second thread does to the heap, see above.  Pairs with nothing but a fork. */
static slowpath void notice_from_now_on(void)
{
	WRITE_ONCE(slab_fork_cookie, fork_page);
	smp_mb();
}

/*
 * claim(), if the process is @process.  In a child that a handler has forked meanwhile the claim is
 * this thread's when it puts that in order, not now.
 */
static slowpath bool claim_of(u32 process)
{
	if (!claim())
		return false;
	if (os_process_id() == process)
		return true;
	store_release(&fork_page[FORK_CLAIM], 0u); /* pairs with the exchange in claim() */
	return false;
}

/*
 * This thread is not the one that was alone.  In a child that is the first thread of its process it
 * has forked, and the other one is lost: as slab_fork_look_around() finds out.  Otherwise the other
 * one has forked and started this one.  A handler may fork at any instruction, which makes the
 * first case of the second: the child of a second thread hung on a lock of the first one's.
 */
static slowpath void end_alone(u32 *depth)
{
	u32 process = os_process_id();
	bool nested = *depth != 0, is_started_here = os_thread_id() != process, settle;

	if (!fork_page)
		return;
	if (!nested && (is_started_here || READ_ONCE(fork_page[FORK_STATE]) == FORK_REPAIRED))
		handle_forks();
	go_inside(depth);
	settle = is_started_here && lone_unsettled() && claim_of(process);
	/* After the claim, for which others wait that look there. */
	notice_from_now_on();
	if (settle)
		(void)settle_lone();
	go_outside(depth);
}

/**
 * slab_fork_end_alone - this thread is about to start one of ours
 *
 * It will come in some time; until then a child would take itself for one that has lost nobody.
 */
void slab_fork_end_alone(void)
{
	if (!fork_page || READ_ONCE(slab_fork_cookie) == fork_page)
		return;
	handle_forks();
	notice_from_now_on();
}

/* ---- forks in a slow path ----
 *
 * A handler may have interrupted a slow path and forked.  In the child that goes on when the
 * handler returns, with the locks that it has and what it has in hand, and only when it is over can
 * its thread put the heap in order.  Threads that the handler starts meanwhile are guests: they are
 * nested, as the handler is, so they wait for nothing, have no task, and repair what a lock guards
 * that they take from a lost thread.  The locks of the one that forked they find held.
 *
 * INVARIANT guests: while a thread puts the heap in order, no guest is inside.
 *   made by     send_off_guests()
 *   kept by     enter_as_guest(), which looks again once it is counted
 *   relied on   slab_fork_repair(), which changes lists without their locks
 *   checked by  tests/api/handler_child.c, tests/unit/test_fork_notice.c
 */

/*
 * Is it one, and counted?  In the parent's words there may be guests of its own.  Who has a task
 * has forked, and waits: a handler has interrupted the one that puts the child in order, and
 * noticed first.  As a guest it would be counted for ever, since it leaves as what it is.
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

/* Not in a child of the process that it was a guest in. */
slowpath void slab_fork_guest_left(u32 generation)
{
	if (generation == READ_ONCE(spin_generation))
		__atomic_fetch_sub(&guests, 1, __ATOMIC_RELEASE);
}

/* The slow path that this thread forked in is over. */
static slowpath void send_off_guests(void)
{
	WRITE_ONCE(spin_kept_owner, 0);
	smp_mb(); /* pairs with enter_as_guest() */
	while (load_acquire(&guests))
		os_sleep_ms(1);
}

/* ---- who repairs ---- */

/* Has this thread forked, and is it the one of those that may live that does? */
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
 * One thread puts the child in order, and what comes in meanwhile waits before it is inside.  It is
 * the one that has forked, unless children that skip handlers have started others first.
 */
static slowpath void repair(struct task *task, u32 *depth)
{
	bool newcomer = !task && started_here();

	go_inside(depth);
	slab_fork_new_generation(0);
	send_off_guests();
	slab_fork_repair(newcomer);
	go_outside(depth);
	/* Pairs with claim() and fork_repair(): who waited finds the heap in order. */
	store_release(&child_words()[FORK_STATE], newcomer ? FORK_UNDECIDED : FORK_REPAIRED);
}

/* A child that nobody has put in order, or where it is not known yet who has forked. */
static slowpath void fork_repair(struct task *task, u32 *depth)
{
	const u32 *state = &child_words()[FORK_STATE];

	if (load_acquire(state) != FORK_UNDECIDED && claim())
		repair(task, depth);
	else if (load_acquire(state) == FORK_UNDECIDED)
		decide(task);
}

/**
 * slab_fork_look_around - before a thread counts as inside a slow path
 * @task: the caller's, or NULL
 * @depth: of slow paths that the caller is in, which a handler may have interrupted
 *
 * To be called by who has no task, and where slab_fork_pending().  Return: whether it is a guest in
 * what it enters; then slab_fork_guest_left() is to be called at the end, with the generation of
 * now.
 */
noinline bool slab_fork_look_around(struct task *task, u32 *depth)
{
	if (!task && READ_ONCE(slab_fork_cookie) == fork_words &&
	    __atomic_add_fetch(&newcomers, 1, __ATOMIC_RELAXED) > 1)
		end_alone(depth);
	if (likely(!slab_fork_pending()))
		return false;
	if (*depth) {
		slab_fork_new_generation(task_id());
		return false;
	}
	wait_while_noticing();
	if (enter_as_guest(task))
		return true;
	fork_repair(task, depth);
	return false;
}

/* A lock is long held.  Only the generation: the rest when this thread next enters at depth 1. */
static void notice_fork(void)
{
	if (slab_fork_pending())
		slab_fork_new_generation(task_id());
}

/* At start. */
void slab_fork_watch(void)
{
	WRITE_ONCE(slab_process_id, os_process_id());
	fork_page = os_fork_cookie_page();
	if (fork_page)
		WRITE_ONCE(fork_page[FORK_STATE], FORK_REPAIRED);
	else
		handle_forks();
	spin_long_wait = notice_fork;
}
