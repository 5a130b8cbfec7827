/* SPDX-License-Identifier: MIT */
/*
 * pcp.c - page sets: blocks of orders 0 to 3 and 9 close to the thread that uses them
 *
 * Pages move between a set and the buddy in batches under one hold of zone->lock.  The batch and
 * the height of the set follow use as in the kernel: a thread that only allocates gets doubling
 * refills, one that only frees gets doubling flushes, and an idle set decays.
 *
 * Linux:  per_cpu_pages, rmqueue_bulk(), free_pcppages_bulk(), nr_pcp_alloc(), nr_pcp_free().
 *         Per thread here.  The lock is tried, never waited for: a signal handler or a drain
 *         that finds it held goes to the buddy.
 * Locks:  per_task_pages.lock, then zone->lock.
 */
#include "mm/internal.h"
#include "mm/mm.h"
#include "platform/os.h"

static unsigned int list_index(unsigned int order, enum migratetype mt)
{
	if (order == PAGEBLOCK_ORDER)
		return NR_PCP_LISTS - 2 + (mt == MIGRATE_MOVABLE);
	return (unsigned int)MIGRATE_PCPTYPES * order + (unsigned int)mt;
}

/* zone_batchsize() and zone_highsize() of the kernel, from the budget of the zone. */
void zone_set_pcp_limits(struct zone *zone)
{
	u64 managed = zone->managed_pages;
	u64 batch = MIN(managed >> 12, 256 * KiB / PAGE_SIZE);
	u64 cpus = os_nr_cpus();
	u64 high_min;

	batch = batch <= 1 ? 1 : rounddown_pow_of_two(batch + batch / 2) - 1;
	high_min = MAX(zone->_watermark[WMARK_LOW] / cpus, 4 * batch);
	zone->pcp_batch = (int)batch;
	/* Threads outnumber CPUs, and each has a set: 1 MiB idle, 16 MiB at work. */
	zone->pcp_high_min = (int)MIN(high_min, 256);
	zone->pcp_high_max = (int)CLAMP(managed / 8 / cpus, 4 * batch, 4096);
}

void pcp_init(struct per_task_pages *pcp, struct zone *zone)
{
	for (int i = 0; i < NR_PCP_LISTS; i++)
		list_init(&pcp->lists[i]);
	pcp->zone = zone;
	pcp->batch = zone->pcp_batch;
	pcp->high_min = zone->pcp_high_min;
	pcp->high_max = zone->pcp_high_max;
	pcp->high = pcp->high_min;
	WRITE_ONCE(pcp->count, 0);
	pcp->alloc_factor = 0;
	pcp->free_count = 0;
	exact_set_init(pcp);
	WRITE_ONCE(pcp->ready, true);
}

#define SMALL_BATCH 4 /* pages */

/*
 * How many blocks the next refill takes.
 *
 * In a zone's first 4 MiB few: by batches a small program would have most of its heap in the set,
 * and empty it again each time the heap grows.  Of a shell's 1024 KiB 708 lay there; /bin/ls
 * took 1.32 times as long as with glibc, and 1.28 since.
 */
static int nr_pcp_alloc(struct per_task_pages *pcp, unsigned int order)
{
	int batch = pcp->batch, max_nr;

	if (order > PAGE_ALLOC_COSTLY_ORDER)
		return 1;
	if (READ_ONCE(pcp->zone->present_pages) < MAX_ORDER_NR_PAGES)
		return MAX(SMALL_BATCH >> order, 1);
	pcp->high = MIN(pcp->high + batch, pcp->high_max);
	if (order)
		return MAX(batch >> order, 2);
	max_nr = MAX(pcp->high - pcp->count - batch, batch);
	batch = MIN(batch << pcp->alloc_factor, max_nr);
	if (pcp->alloc_factor < PCP_BATCH_SCALE_MAX)
		pcp->alloc_factor++;
	return batch;
}

/* rmqueue_bulk() */
static int refill(struct mm_task *task, struct zone *zone, unsigned int order, enum migratetype mt,
		  int nr)
{
	struct per_task_pages *pcp = &task->pcp;
	struct list_head *list = &pcp->lists[list_index(order, mt)];
	u64 fresh = 0;
	int i;

	if (unlikely(READ_ONCE(mm_pressure)))
		nr = MIN(nr, MAX(pcp->batch >> order, 1));
	zone_lock(zone);
	for (i = 0; i < nr; i++) {
		struct page *page = __rmqueue(zone, order, mt);

		if (!page)
			break;
		page_set_owned(page, order, READ_ONCE(page->state));
		fresh += fresh_pages(page, order);
		list_add_tail(&page->lru, list);
		stat_add(pcp->count, 1 << order);
	}
	stat_inc(zone->stat.refill);
	zone_unlock(zone);
	budget_check(zone, fresh);
	return i;
}

/**
 * pcp_alloc - take a block from the page set of this thread, refilled if empty
 * Return: the head, marked PCP, or NULL: go to the buddy.
 */
struct page *pcp_alloc(struct mm_task *task, struct zone *zone, unsigned int order,
		       enum migratetype mt)
{
	struct per_task_pages *pcp = &task->pcp;
	struct list_head *list;
	struct page *page = NULL;

	if (!pcp_trylock(task, zone))
		return NULL;
	list = &pcp->lists[list_index(order, mt)];
	pcp->free_count >>= 1;
	if (!list_empty(list) || refill(task, zone, order, mt, nr_pcp_alloc(pcp, order))) {
		page = list_first_entry(list, struct page, lru);
		list_del(&page->lru);
		stat_add(pcp->count, -(1 << order));
	}
	spin_unlock_unwaited(&pcp->lock);
	return page;
}

/*
 * A bit for each list that has a block.  Going through all lists for each block took an eighth of
 * the instructions of a program's first 300 threads, whose sets are emptied as they end.
 */
static_assert(NR_PCP_LISTS < 32, "a bit for each list");
static unsigned int lists_in_use(const struct per_task_pages *pcp)
{
	unsigned int lists = 0;

	for (unsigned int i = 0; i < NR_PCP_LISTS; i++)
		lists |= (unsigned int)!list_empty(&pcp->lists[i]) << i;
	return lists;
}

/* free_pcppages_bulk(): the coldest first, the lists taking turns from @first on. */
static void flush(struct per_task_pages *pcp, int nr_pages, unsigned int first)
{
	struct zone *zone = pcp->zone;
	unsigned int lists, i = first;

	if (pcp->count <= 0)
		return;
	zone_lock(zone);
	for (lists = lists_in_use(pcp); lists && nr_pages > 0; i++) {
		unsigned int from_here = lists & ~0u << i, order;
		struct page *page;

		i = (unsigned int)__builtin_ctz(from_here ? from_here : lists);
		order = pcp_list_order(i);
		page = list_last_entry(&pcp->lists[i], struct page, lru);
		list_del(&page->lru);
		if (list_empty(&pcp->lists[i]))
			lists &= ~(1u << i);
		stat_add(pcp->count, -(1 << order));
		nr_pages -= 1 << order;
		__free_one_page(zone, page, order, READ_ONCE(page->state));
	}
	stat_inc(zone->stat.flush);
	zone_unlock(zone);
}

static int nr_pcp_free(struct per_task_pages *pcp)
{
	/* No set is lower than four batches (zone_set_pcp_limits()). */
	return CLAMP(pcp->free_count, pcp->batch, pcp->high - pcp->batch);
}

/**
 * pcp_free - put a block into the page set of this thread, which owns it (page_set_owned())
 * Return: false if it has to go to the buddy.
 */
set_apart bool pcp_free(struct mm_task *task, struct zone *zone, struct page *page,
			unsigned int order)
{
	struct per_task_pages *pcp = &task->pcp;
	enum migratetype mt;
	unsigned int list;

	if (!pcp_trylock(task, zone))
		return false;
	/* Racy, as in the kernel: a block whose type is just changing goes to the wrong list. */
	mt = get_pageblock_migratetype(zone, page_to_pfn(page));
	if (unlikely(mt >= MIGRATE_PCPTYPES))
		mt = MIGRATE_MOVABLE;
	list = list_index(order, mt);
	list_add(&page->lru, &pcp->lists[list]);
	stat_add(pcp->count, 1 << order);
	pcp->alloc_factor >>= 1;
	if (pcp->free_count < (pcp->batch << PCP_BATCH_SCALE_MAX))
		pcp->free_count += 1 << order;
	if (pcp->count >= pcp->high)
		flush(pcp, nr_pcp_free(pcp), list);
	spin_unlock_unwaited(&pcp->lock);
	return true;
}

/* A call in which a handler forked goes on in the child, before the repair, and met a lost set. */
static slowpath void leave_to_repair(struct mm_task *task)
{
	spin_unlock_unwaited(&task->pcp.lock);
	pcp_abandon(task);
}

/**
 * pcp_drain - let a page set decay, or empty it
 * @all: empty it; otherwise what a tick of the kernel's decay_pcp_high() takes
 *
 * Any thread may do this to any other.
 */
void pcp_drain(struct mm_task *task, bool all)
{
	struct per_task_pages *pcp = &task->pcp;
	enum lock_result r;

	if (!READ_ONCE(pcp->ready))
		return;
	r = spin_trylock(&pcp->lock);
	if (r == LOCK_BUSY)
		return;
	if (unlikely(r == LOCK_STALE)) {
		leave_to_repair(task);
		return;
	}
	if (all) {
		flush(pcp, pcp->count, 0);
		if (pcp->exact_count) /* the code lies apart */
			exact_set_trim(pcp, 0, 0);
		pcp->high = pcp->high_min;
	} else {
		pcp->high = MAX(MAX(pcp->count - (pcp->batch << PCP_BATCH_SCALE_MAX),
				    pcp->high - (pcp->high >> 3)),
				pcp->high_min);
		if (pcp->count > pcp->high)
			flush(pcp, pcp->count - pcp->high, 0);
		exact_set_decay(pcp);
	}
	spin_unlock_unwaited(&pcp->lock);
}

/**
 * pcp_yield - before @zone takes more memory into use, empty a page set of it
 * @task: this thread's; or another's, whose task.lock the caller holds
 *
 * What lies there is of orders that were asked for earlier; merged, it may be what is asked for
 * now.  A program whose sizes change kept 12 of its 43 MiB there (sqlite3).
 *
 * Looks without the lock: whoever drains this set meanwhile does the same work.
 *
 * Linux:  drain_all_pages() before the allocator gives up.
 * Return: whether anything worth another look went back.
 */
racy_on_purpose bool pcp_yield(struct mm_task *task, const struct zone *zone)
{
	if (!task || task->pcp.zone != zone ||
	    task->pcp.count + task->pcp.exact_count <= task->pcp.batch)
		return false;
	pcp_drain(task, /* all= */ true);
	return true;
}

/*
 * The owner was lost in a fork, perhaps inside this set: forget the lists; mm_fork_repair()
 * finds the pages by their states.
 */
void pcp_abandon(struct mm_task *task)
{
	task->pcp.lock.word = 0;
	task->pcp.ready = false;
	task->pcp.zone = NULL;
	task->pcp.count = 0;
	task->pcp.exact_count = 0;
}
