/* SPDX-License-Identifier: MIT */
/*
 * kswapd.c - who takes memory back, and when
 *
 * The passes (reclaim.c) are made by a background thread, which starts when a heap has become
 * large and sleeps without waking once there is nothing left to do.  Without it
 * (background_threads=off, the system refuses threads, or the program has entered a seccomp filter)
 * slow paths make them now and then.
 *
 * Linux:  plays the role of kswapd; use and age drive it, not yet watermarks.
 */
#include "platform/os.h"
#include "platform/topology.h"
#include "slab/internal.h"

bool kswapd_enabled = true;

#define TICK_MS 500
#define QUIET_TICKS 12			   /* without activity: finish, then sleep until poked */
#define CALM 64				   /* up to so many slow paths and pages a tick, about */
#define CALM_BURST (CALM * QUIET_TICKS)	   /* and so many beyond that at a time */
#define LONG_TICKS 8			   /* ticks between passes while it is calm */
#define START_PAGES (16 * MiB / PAGE_SIZE) /* a heap that starts the thread at once */
#define START_PAGES_LATER (8 * MiB / PAGE_SIZE) /* one that does after START_AGE_MS */
#define START_AGE_MS 1000 /* none from three nodes on: the thread asks for their distances */
#define WAKES_PER_LOOK 16
#define RETRY_MS 10000
#define RETRY_HANDLER_MS 10
#define INLINE_EVERY_MS 1000

enum { OFF, STARTING, RUNNING };
static u32 state;				  /* atomic */
static u32 sleeping;				  /* atomic; futex */
static u32 stop;				  /* atomic; futex: the thread is to end */
static u32 kswapd_tid;				  /* atomic; 0 until it runs */
static bool first_left;				  /* atomic */
static u64 start_ms, next_try_ms, next_inline_ms; /* racy */
static u64 inherited_pages;	    /* what a forked child has of its parent's heap; racy */
static unsigned long activity_seen; /* the thread's own */

static unsigned long zone_activity(void)
{
	unsigned long sum = 0;

	for (int n = 0; n < topology.nr_nodes; n++) {
		const struct zone *zone = &node_data[n].zones[ZONE_NORMAL];

		sum += READ_ONCE(zone->stat.pgalloc) + READ_ONCE(zone->stat.accepted);
	}
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next)
		sum += READ_ONCE(t->slow_allocs) + READ_ONCE(t->slow_frees);
	return sum;
}

/* Known to be: nobody looks for a limit before the heap has some MiB. */
static inline bool in_limited_group(void)
{
	return READ_ONCE(mm_spare_mark) != NO_SPARE_MARK;
}

/*
 * A program that idles but for its timers is never quiet, only calm.  The little that it takes and
 * frees each second would keep the thread awake, and keep resident what only the last pass gives
 * back.  Of 300 MiB in blocks of 2 KB, of which one in ten stayed, 345 MiB were resident for as
 * long as somebody took twenty blocks a second, and 72 once nobody did.
 */
struct ticks {
	int quiet, calm;	/* how many ticks in a row were, up to now */
	int length;		/* ticks from one pass to the next */
	unsigned long too_much; /* activity beyond CALM */
};

static void note_tick(struct ticks *t)
{
	unsigned long now = zone_activity(), more = now - activity_seen;
	unsigned long calm = CALM * (unsigned long)t->length;
	bool seldom;

	activity_seen = now;
	t->too_much = t->too_much + more - MIN(t->too_much + more, calm);
	t->quiet = more ? 0 : t->quiet + t->length;
	if (t->too_much > CALM_BURST)
		t->calm = t->too_much = 0;
	else
		t->calm += t->length;
	/* In a container that others fill up too, looking seldom may be too late. */
	seldom = t->calm >= QUIET_TICKS && !in_limited_group();
	t->length = seldom ? LONG_TICKS : 1;
}

static void lie_down(struct ticks *t)
{
	/* Before the last pass, which may take long: what is freed meanwhile is to wake it. */
	WRITE_ONCE(sleeping, 1);
	slab_reclaim_rest();
	if (zone_activity() != activity_seen)
		WRITE_ONCE(sleeping, 0);
	while (READ_ONCE(sleeping) == 1)
		os_futex_wait(&sleeping, 1, 3600 * 1000);
	t->quiet = 0;
	t->length = 1;
}

static slowpath void *kswapd(void *arg)
{
	struct ticks ticks = {.length = 1};

	(void)arg;
	WRITE_ONCE(kswapd_tid, os_thread_id());
	if (topology.nr_nodes > 1)
		mm_load_topology();
	for (;;) {
		os_futex_wait(&stop, 0, TICK_MS * (u32)ticks.length);
		if (READ_ONCE(stop))
			break;
		/*
		 * Sheaves of sleeping threads are reached only with a fence.  In a process of
		 * several threads the system takes 5 to 20 ms to promise one, which is why this
		 * thread waits for it; a process that ends meanwhile waits too, so not at once.
		 */
		(void)hit_fence_promised();
		slab_reclaim(budget_tight());
		note_tick(&ticks);
		if (ticks.quiet >= QUIET_TICKS)
			lie_down(&ticks);
		else if (ticks.calm >= QUIET_TICKS)
			slab_reclaim_rest();
	}
	WRITE_ONCE(stop, 0);
	store_release(&state, OFF); /* pairs with the exchange in try_to_start() */
	return NULL;
}

/* Asked by each slow path while there is no thread; most machines have one node. */
static inline u64 heap_pages(void)
{
	u64 pages = READ_ONCE(node_data[0].zones[ZONE_NORMAL].present_pages);

	for (int n = 1; unlikely(n < topology.nr_nodes); n++)
		pages += READ_ONCE(node_data[n].zones[ZONE_NORMAL].present_pages);
	return pages;
}

/*
 * Most forked children end or exec soon, and most of their heap is their parent's.  So a child's
 * age begins anew, and for an immediate start only what it has added counts.  When the child of a
 * large heap started its thread at once, ending took it 5 ms, in which the system promised the
 * fence.
 *
 * In a group with a limit less is enough: a process at work may keep more there, if the thread is
 * there to give it back afterwards (budget_excess()).
 */
static bool large_enough(u64 now)
{
	u64 pages = heap_pages(), more = pages - MIN(READ_ONCE(inherited_pages), pages);

	if (more >= (in_limited_group() ? START_PAGES_LATER : START_PAGES))
		return true;
	return pages >= START_PAGES_LATER &&
	       ((topology.nr_nodes > 2 && !READ_ONCE(inherited_pages)) ||
		now - READ_ONCE(start_ms) >= START_AGE_MS);
}

/* With signals blocked. */
static slowpath void try_to_start(u64 now)
{
	u32 expected = OFF;

	if (!atomic_cmpxchg(&state, &expected, STARTING))
		return;
	WRITE_ONCE(kswapd_tid, 0);
	WRITE_ONCE(stop, 0);
	/* As long as there is one thread only, the promise costs nothing. */
	if (os_single_threaded())
		hit_fence_register();
	/* With several nodes it loads libraries. */
	if (os_thread_start(kswapd, "kswapd", /* deep= */ topology.nr_nodes > 1) == 0) {
		store_release(&state, RUNNING); /* pairs with kswapd_thread_left() */
		return;
	}
	WRITE_ONCE(next_try_ms, now + RETRY_MS);
	store_release(&state, OFF);
}

static slowpath void start_thread(const struct task *task, u64 now)
{
	u64 signals;

	/* A filter may end the process for this call, or for those of the thread. */
	if (os_is_locked_in()) {
		WRITE_ONCE(next_try_ms, now + RETRY_MS);
		return;
	}
	/* In a child of vfork() the thread would be the child's, and end with it. */
	if (task->mm.tid != os_thread_id())
		return;
	if (os_in_handler()) {
		WRITE_ONCE(mm_grew, true);
		WRITE_ONCE(next_try_ms, now + RETRY_HANDLER_MS);
		return;
	}
	slab_fork_end_alone();
	/* If a handler forked in between, its child would count on a thread that it lacks. */
	signals = os_block_signals();
	try_to_start(now);
	os_restore_signals(signals);
}

static noinline void poke(struct task *task)
{
	u64 now = os_clock_ms();

	slab_fork_settle_lone();
	if (!READ_ONCE(start_ms))
		WRITE_ONCE(start_ms, now);
	if (kswapd_enabled && now >= READ_ONCE(next_try_ms) && READ_ONCE(state) == OFF &&
	    large_enough(now)) {
		start_thread(task, now);
	} else if (now >= READ_ONCE(next_inline_ms) && READ_ONCE(state) == OFF) {
		WRITE_ONCE(next_inline_ms, now + INLINE_EVERY_MS);
		if (heap_pages() >= START_PAGES_LATER)
			slab_reclaim(false);
	}
}

static slowpath void wake(void)
{
	WRITE_ONCE(sleeping, 0);
	os_futex_wake(&sleeping, 1);
}

/*
 * A thread may be wanted by now; look once in a while.  Asking the clock each time took a tenth of
 * the time of random blocks of 86 to 187 KB, as long as there was no thread.
 */
static void wanted_perhaps(void)
{
	static u32 calls; /* racy */
	u32 nr = READ_ONCE(calls) + 1;

	WRITE_ONCE(calls, nr);
	if (nr % WAKES_PER_LOOK == 0)
		WRITE_ONCE(mm_grew, true);
}

/**
 * kswapd_wake - memory came back
 *
 * May be called where no thread may be started: if one is wanted, one of the next allocations that
 * may wait starts it.
 */
void kswapd_wake(void)
{
	u32 now = READ_ONCE(state);

	if (likely(now == RUNNING)) {
		if (unlikely(READ_ONCE(sleeping)))
			wake();
	} else if (now == OFF && !READ_ONCE(mm_grew) && heap_pages() >= START_PAGES_LATER) {
		wanted_perhaps();
	}
}

/**
 * kswapd_freed - a slow path that freed is over
 *
 * With no lock held.  In a group with a limit, what is free beyond this process's share goes back.
 */
void kswapd_freed(const struct slow *slow)
{
	kswapd_wake();
	if (unlikely(in_limited_group()))
		slab_look_at_spare(slow);
}

/* Is there a thread of the program's, with a task, that is not leaving? */
static slowpath bool anyone_stays(void)
{
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next)
		if (load_acquire(&t->state) == TASK_LIVE &&
		    READ_ONCE(t->mm.tid) != READ_ONCE(kswapd_tid) &&
		    !os_thread_gone(READ_ONCE(t->mm.tid)))
			return true;
	return false;
}

#define STOP_WAIT_MS 1000 /* a pass may be long */

static slowpath void stop_thread(void)
{
	WRITE_ONCE(stop, 1);
	os_futex_wake(&stop, 1);
	/* Wake it each time: it may have been about to lie down. */
	for (int ms = 0; ms < STOP_WAIT_MS && !os_thread_gone(READ_ONCE(kswapd_tid)); ms++) {
		wake();
		os_sleep_ms(1);
	}
}

/**
 * kswapd_thread_left - this thread of the program's ends
 * @tid: its number; its task is not LIVE any more
 *
 * A program whose first thread left by pthread_exit() ends with its last thread, which must not be
 * the background thread: exit handlers run in the last one of all.  So the background thread is
 * ended before.  Of two threads that leave at once the later finds nobody else: both have passed
 * through tasks_lock.
 */
slowpath void kswapd_thread_left(u32 tid)
{
	if (tid == os_process_id())
		WRITE_ONCE(first_left, true);
	if (unlikely(READ_ONCE(first_left)) && load_acquire(&state) == RUNNING && !anyone_stays())
		stop_thread();
}

#define RELIEVED (1 * MiB / PAGE_SIZE)

/*
 * After a pass that found little there is no look at the limit: it would find the same, and call
 * for the next pass.  Beside a neighbour that had 240 of 256 MiB random churn took 90 times as long
 * that way.
 */
static slowpath void relieve_pressure(void)
{
	struct slow slow;
	u64 back;

	WRITE_ONCE(mm_pressure, false);
	back = slab_reclaim(true);
	slow_enter_anyway(&slow);
	if (!slow.nested && back >= RELIEVED)
		budget_look_again();
	slow_leave(&slow);
}

/**
 * kswapd_poke - a slow path that allocated is over: is there work for the background?
 * @slow: that slow path
 *
 * Called with no lock held and outside slow paths, since starting a thread allocates.  Only an
 * outermost allocation starts it: the C library frees memory under locks that starting a thread
 * needs.  In a signal handler, which may have interrupted the holder of such a lock, it is left to
 * a later allocation.
 */
void kswapd_poke(struct slow *slow)
{
	kswapd_wake();
	if (unlikely(READ_ONCE(mm_pressure)) && !slow->nested)
		relieve_pressure();
	/*
	 * A thousand threads of few allocations each make a large heap too, hence mm_grew.  In a
	 * child that is not in order yet no thread is started: it would take this one for lost.
	 */
	if (unlikely(READ_ONCE(state) == OFF) && slow->task && !slow->nested &&
	    (READ_ONCE(mm_grew) || slow->task->slow_allocs % 64 == 0) && !slow->task->mm.leaving &&
	    !slab_fork_alone_yet()) {
		WRITE_ONCE(mm_grew, false);
		poke(slow->task);
	}
}

/* Racy. */
slowpath bool kswapd_is_running(void)
{
	return READ_ONCE(state) == RUNNING;
}

/* In a forked child: the thread did not come along. */
slowpath void kswapd_forget(void)
{
	state = OFF;
	sleeping = 0;
	slab_reclaim_settle();
	stop = 0;
	first_left = false;
	inherited_pages = heap_pages();
	start_ms = os_clock_ms();
	next_inline_ms = start_ms + INLINE_EVERY_MS;
	WRITE_ONCE(hit_fence_ready, false);
	mm_forget_load_topology();
}
