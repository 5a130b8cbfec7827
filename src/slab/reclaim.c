/* SPDX-License-Identifier: MIT */
/*
 * reclaim.c - memory on its way back: sheaves, barns, slabs, pages, the system
 *
 * One pass takes what nobody used since the last one a step further: sheaves of idle threads to
 * the barns, barns to the slabs, empty slabs to the buddy, free pageblocks to the system.  So
 * an idle program gives back what it cached within a few passes, and a busy one keeps what it
 * uses.
 *
 * In a control group with a limit the room is not this process's alone.  Each process can give back
 * only its own, so what it keeps free the others cannot have, and one that needs it is killed.
 * There a free makes a pass too, as soon as more is free than this process's share of the room.
 *
 * Linux:  shrink_node() and shrink_slab() by their role; use and age drive it, not yet watermarks.
 * Locks:  reclaim_lock, then those of what is taken back.
 */
#include "platform/topology.h"
#include "slab/internal.h"

u32 reporting_delay_ms = 1000;

static struct spinlock reclaim_lock = SPINLOCK_INIT(RANK_RECLAIM);

/* How often sheaves were fetched from barns and filled from slabs. */
static unsigned long node_use(const struct kmem_cache_node *n)
{
	unsigned long use = 0;

	for_each_home (n, home)
		use += READ_ONCE(home->refills);
	for_each_barn (n, barn)
		use += READ_ONCE(barn->nr_get);
	return use;
}

/*
 * Shrink a cache on one node: if no sheaf came or went since last time, all that its barns have and
 * all empty slabs; otherwise the empty slabs that were not needed meanwhile, and half of what the
 * barns have beyond the usual.  Return: pages.
 */
static u64 shrink_node(struct kmem_cache *s, struct kmem_cache_node *n, bool all)
{
	unsigned long use = node_use(n);
	bool idle = n->last_use == use;

	n->last_use = use;
	if (!all && !idle) {
		barn_shrink(s, n, BARN_HALF_EXTRA);
		return node_discard_empty(s, n, /* all= */ false);
	}
	barn_shrink(s, n, BARN_NOTHING);
	return node_discard_empty(s, n, /* all= */ true);
}

static u64 shrink_caches(bool all)
{
	struct kmem_cache_node *n;
	struct kmem_cache *s;
	u64 pages = 0;

	/* Metadata last: sheaves are freed while the others shrink. */
	for (int meta = 0; meta < 2; meta++) {
		spin_lock(&slab_mutex);
		list_for_each_entry (s, &slab_caches, list) {
			if (s->metadata != meta)
				continue;
			for_each_kmem_cache_node (s, i, n)
				pages += shrink_node(s, n, all);
		}
		spin_unlock(&slab_mutex);
	}
	return pages;
}

/* Return: pages. */
static u64 punch_all(bool dense)
{
	u64 pages;

	spin_lock(&slab_mutex);
	pages = punch_holes(NUMA_NO_NODE, dense, ~(u64)0);
	spin_unlock(&slab_mutex);
	return pages;
}

/*
 * Take back what caches keep, and all of this thread's page set, which otherwise only decays while
 * it is at work, as it is now.  Then give what is free to the system, up to @enough pages: @all, or
 * large blocks that nobody wanted for a while.  Return: pages given to that.
 */
static u64 take_back(const struct slow *slow, bool all, u64 enough)
{
	shrink_caches(all);
	if (slow->task)
		pcp_drain(&slow->task->mm, /* all= */ true);
	return all ? page_reporting_pass(0, 0, enough)
		   : page_reporting_pass(reporting_delay_ms, PAGEBLOCK_ORDER, enough);
}

#define PUNCH_MOST (64 * MiB / PAGE_SIZE) /* at a time: some 20 ms */

#define UNNEEDED_DELAYS 4

/* Give back what nobody needed for UNNEEDED_DELAYS times as long as large blocks stay.  Return:
 * pages. */
static u64 take_unneeded(void)
{
	static u64 last_ms; /* reclaim_lock */
	u64 now = os_clock_ms(), delay = reporting_delay_ms, pages;

	/* A program that asks for huge pages everywhere does not want them broken. */
	if (mm_hugepages == HUGEPAGES_ALWAYS || now - last_ms < UNNEEDED_DELAYS * delay)
		return 0;
	last_ms = now;
	spin_lock(&slab_mutex);
	pages = punch_unneeded(PUNCH_MOST);
	spin_unlock(&slab_mutex);
	return pages + page_reporting_unneeded(delay);
}

/**
 * slab_reclaim - one pass
 * @all: everything that can go back, used or not, to the system (malloc_trim())
 *
 * A forced pass waits for one under way and then makes its own.  Return: pages given back to
 * the system.
 */
slowpath u64 slab_reclaim(bool all)
{
	struct slow slow;
	u64 pages = 0;

	/* All of it is one slow path, so that a handler which interrupts it waits for nothing. */
	slow_enter_anyway(&slow);
	if (slow.nested)
		goto out;
	if (all)
		spin_lock(&reclaim_lock);
	else if (spin_trylock(&reclaim_lock) == LOCK_BUSY)
		goto out;
	if (all)
		hit_fence_register();
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next)
		if (task_has_sheaves(t))
			task_drain(t, !all, &slow);
	pages = take_back(&slow, all, REPORT_ALL);
	pages += all ? punch_all(/* dense= */ true) : take_unneeded();
	spin_unlock(&reclaim_lock);
out:
	slow_leave(&slow);
	return pages;
}

/**
 * slab_reclaim_rest - give back the rest, once nothing has happened for a while
 *
 * Small free blocks, and free pages inside slabs; after that there is nothing more to do.
 */
slowpath void slab_reclaim_rest(void)
{
	struct slow slow;

	slow_enter_anyway(&slow);
	spin_lock(&reclaim_lock);
	page_reporting_rest();
	(void)punch_all(/* dense= */ false);
	spin_unlock(&reclaim_lock);
	slow_leave(&slow);
}

/* In a forked child: the pass that a lost thread was making is over. */
slowpath void slab_reclaim_settle(void)
{
	spin_settle(&reclaim_lock);
}

/* ---- what a process in a limited group keeps free ---- */

#define SPARE_CALLS 32	 /* slow paths of free between two looks at slabs */
#define SPARE_ALLOCS 8	 /* of malloc meanwhile; a thread that makes fewer only frees */
#define SPARE_CACHES 128 /* looked at: all of malloc's, and the first of the program's */

/* As if all sheaves were long ones; racy. */
static slowpath u64 barn_pages(const struct kmem_cache *s, const struct kmem_cache_node *n)
{
	u64 full = 0;

	for_each_barn (n, barn)
		full += READ_ONCE(barn->nr_full);
	return full * s->capacity * s->size >> PAGE_SHIFT;
}

static slowpath u64 idle_node_pages(const struct kmem_cache *s, const struct kmem_cache_node *n,
				    bool barns)
{
	u64 pages = barns ? barn_pages(s, n) : 0;

	for_each_home (n, home)
		pages += (u64)READ_ONCE(home->nr_empty) << s->order;
	return pages;
}

/* Pages of empty slabs; and of what lies in barns, if @barns. */
static slowpath u64 idle_slab_pages(bool barns)
{
	struct kmem_cache_node *n;
	struct kmem_cache *s;
	int caches = 0;
	u64 pages = 0;

	spin_lock(&slab_mutex);
	list_for_each_entry (s, &slab_caches, list) {
		if (caches++ == SPARE_CACHES)
			break;
		if (s->metadata)
			continue;
		for_each_kmem_cache_node (s, i, n)
			pages += idle_node_pages(s, n, barns);
	}
	spin_unlock(&slab_mutex);
	return pages;
}

/*
 * Pages that are free, or idle in slabs.  What lies in barns and in the page set of a thread that
 * allocates is in use.  If it only frees (@freeing), as at the end of a task, that is left over as
 * well: thirty processes that had each had 4 MiB in blocks of 200 to 1000 bytes kept another 3.
 */
static slowpath u64 spare_pages(const struct task *freeing)
{
	u64 pages = mm_spare_pages() + idle_slab_pages(freeing);

	if (freeing)
		pages += (u64)READ_ONCE(freeing->mm.pcp.count) +
			 (u64)READ_ONCE(freeing->mm.pcp.exact_count);
	return pages;
}

/* The same as a slow path: a handler must not wait for the lock that this thread holds here. */
static slowpath u64 look_at_slabs(const struct task *freeing)
{
	struct slow slow;
	u64 pages = 0;

	slow_enter_anyway(&slow);
	if (!slow.nested)
		pages = spare_pages(freeing);
	slow_leave(&slow);
	return pages;
}

/*
 * One pass at most; a thread that comes meanwhile has another chance.  Single pages, which take a
 * call each, go last: without them a process that was left with 16 MiB in pages between those in
 * use kept all of it.
 */
static slowpath void give_spare_back(const struct task *freeing)
{
	struct slow slow;
	u64 pages;

	slow_enter_anyway(&slow);
	if (slow.nested || spin_trylock(&reclaim_lock) == LOCK_BUSY)
		goto out;
	pages = budget_excess(spare_pages(freeing), kswapd_is_running());
	if (pages) {
		pages = take_back(&slow, /* all= */ true, pages);
		budget_note_spare(pages, spare_pages(freeing));
	}
	spin_unlock(&reclaim_lock);
out:
	slow_leave(&slow);
}

/* Has @task, since it looked at slabs last, made fewer slow paths of malloc than SPARE_ALLOCS? */
static slowpath bool only_freed(struct task *task)
{
	u8 before = task->spare_allocs;

	task->spare_allocs = (u8)task->slow_allocs;
	return (u8)(task->spare_allocs - before) < SPARE_ALLOCS;
}

/**
 * slab_look_at_spare - memory was freed in a group with a limit: give back what is too much
 * @freed: the slow path that it was freed in, which is over
 */
set_apart void slab_look_at_spare(const struct slow *freed)
{
	struct task *task = freed->task;
	const struct task *freeing = NULL;
	u64 pages;

	if (!task || freed->nested)
		return;
	task->spare_calls++;
	if (task->spare_calls % SPARE_CALLS) {
		pages = mm_spare_pages();
	} else {
		freeing = only_freed(task) ? task : NULL;
		pages = look_at_slabs(freeing);
	}
	if (unlikely(pages > READ_ONCE(mm_spare_mark)))
		give_spare_back(freeing);
}
