/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_SYNC_LOCK_RANK_H
#define BUDDY_SYNC_LOCK_RANK_H
/*
 * lock_rank.h - all locks, in the order in which they are taken
 *
 * A thread that holds a lock takes only locks further down.  Debug builds check it.  A trylock may
 * go against the order, since it never waits.
 */
enum lock_rank {
	RANK_NONE,
	RANK_RECLAIM,	 /* reclaim_lock: one reclaim pass at a time */
	RANK_SLAB_MUTEX, /* slab_mutex: the list of caches, creation and destruction */
	RANK_TASK_LIST,	 /* tasks_lock: which task blocks exist and which are free */
	RANK_TASK,	 /* task.lock: the sheaves of one thread while not on the hit path */
	RANK_BARN,	 /* barn.lock: full and empty sheaves of a cache in one CPU's barn */
	RANK_SLAB_HOME,	 /* slab_home.list_lock: slabs of a cache, their bitmaps */
	RANK_PCP,	 /* per_task_pages.lock: the page set of one thread */
	RANK_DIRECT,	 /* direct_lock: the table of direct mappings */
	RANK_BUDGET,	 /* budget_lock: a look at the container's limit */
	RANK_ACCEPT,	 /* zone.accept_lock: taking address space into use */
	RANK_ZONE,	 /* zone.lock: free areas, pageblock types */
	NR_LOCK_RANKS,
};
#endif
