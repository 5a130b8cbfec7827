/* SPDX-License-Identifier: MIT */
/*
 * exact_set.c - exact blocks of up to 2 MiB, close to the thread that freed them
 *
 * Part of a page set.  What a program frees above the size classes it often wants again, and a
 * search for a fit under zone->lock costs ten times as much as a block at hand: random churn of 30
 * to 70 KB blocks took 550 ns a block without this.
 *
 * A block in the set stays EXACT and in transit, in this thread's hands, with its length, so that a
 * forked child finds it like any other.  Its byte of the page map stays as it was, since those
 * bytes share cache lines with the blocks of other threads.
 *
 * There is a list for each length up to 64 pages.  A request takes the shortest block that is at
 * most a third too long, as it is.  With an eighth instead of a third, every eighth request went to
 * the zone, and random churn of 16 to 256 KiB took 1.2 times as long with as much memory; with the
 * surplus split off and kept, 1.05 times as long with more memory.
 *
 * When the set holds too much, the lists take turns in giving back their coldest block.  A thread
 * that takes as well as puts may keep more, up to 8 MiB: with 2 MiB two threads with blocks of 16
 * to 256 KiB took twice as long.
 *
 * Of longer blocks the set keeps the latest two that would have done for the latest request: a
 * buffer that is taken again and again took 350 ns at 300 KB and 570 at 1 MB, and takes 45 now.  If
 * as many were kept as of short ones, 16 threads with random blocks up to 1 MB would take 0.6 of
 * the time but 1.5 times the memory; so it is 0.7 and 1.3.
 *
 * What is kept does not merge, and what others ask for meanwhile is cut out of larger blocks.  So a
 * thread keeps blocks only while 64 of them come within 4 ms: at a lower rate there is less than a
 * percent of its time to gain.  And only if it asks for some too: node's helper threads free what
 * its main thread takes (0.99 of the memory at its peak).
 *
 * Linux:  none; the page sets of pcp.c for blocks of any length.
 * Locks:  per_task_pages.lock, tried; below it zone->lock.
 */
#include "mm/internal.h"
#include "mm/mm.h"
#include "platform/os.h"

static_assert(NR_EXACT_LISTS <= 64, "a bit for each list");

void exact_set_init(struct per_task_pages *pcp)
{
	for (unsigned int i = 0; i < NR_EXACT_LISTS; i++)
		list_init(&pcp->exact[i]);
	WRITE_ONCE(pcp->exact_count, 0);
	pcp->exact_long = 0;
	pcp->exact_nr_long = 0;
	pcp->exact_high = EXACT_SET_HIGH_MIN;
	pcp->exact_taken = 0;
	pcp->exact_asked = 0;
	pcp->exact_on = false;
	pcp->exact_asks = 0;
	pcp->exact_puts = 0;
	pcp->exact_since = 0;
	pcp->exact_lists = 0;
	pcp->exact_turn = 0;
}

static bool is_length(u64 nr)
{
	return nr >= EXACT_SET_MIN && nr <= EXACT_SET_MAX;
}

static bool is_long(u64 nr)
{
	return nr > EXACT_SHORT_MAX;
}

static void put_on(struct per_task_pages *pcp, struct page *head)
{
	u64 nr = head->nr_pages;
	unsigned int list = exact_list_of(nr);

	list_add(&head->lru, &pcp->exact[list]);
	pcp->exact_lists |= 1ul << list;
	stat_add(pcp->exact_count, (int)nr);
	if (is_long(nr)) {
		pcp->exact_long += (int)nr;
		pcp->exact_nr_long++;
	}
}

static void take_off(struct per_task_pages *pcp, struct page *head)
{
	u64 nr = head->nr_pages;
	unsigned int list = exact_list_of(nr);

	list_del(&head->lru);
	stat_add(pcp->exact_count, -(int)nr);
	if (is_long(nr)) {
		pcp->exact_long -= (int)nr;
		pcp->exact_nr_long--;
	}
	if (list_empty(&pcp->exact[list]))
		pcp->exact_lists &= ~(1ul << list);
}

/* Look only at the shortest list that may do, and there at the block on top: more would find
 * little. */
static struct page *find_short(const struct per_task_pages *pcp, u64 nr, u64 align)
{
	unsigned int last = MIN(exact_list_of(nr + nr / 3), EXACT_LONG_LIST - 1u);
	unsigned long lists = pcp->exact_lists & ~0ul << exact_list_of(nr) & ~0ul >> (63 - last);
	struct page *head;

	if (!lists)
		return NULL;
	head = list_first_entry(&pcp->exact[__builtin_ctzl(lists)], struct page, lru);
	return head->nr_pages < nr || page_to_pfn(head) & (align - 1) ? NULL : head;
}

/* Would a block of @have pages do for a request for @nr? */
static bool will_do(u64 have, u64 nr)
{
	return have >= nr && have <= nr + nr / 3;
}

static struct page *find_long(struct per_task_pages *pcp, u64 nr, u64 align)
{
	struct page *head;

	pcp->exact_asked = (u16)nr;
	list_for_each_entry (head, &pcp->exact[EXACT_LONG_LIST], lru)
		if (will_do(head->nr_pages, nr) && !(page_to_pfn(head) & (align - 1)))
			return head;
	return NULL;
}

/* Is a block worth keeping?  A long one only if it would have done for the latest request. */
static bool is_wanted(const struct per_task_pages *pcp, u64 nr)
{
	return !is_long(nr) || will_do(nr, pcp->exact_asked);
}

/**
 * exact_set_take - a block of @nr pages or a little more from the set of this thread
 * @align: in pages, a power of two.  Buffers of one alignment come back with it.
 * Return: the head, EXACT and in transit, or NULL: go to the buddy.
 */
set_apart struct page *exact_set_take(struct mm_task *task, struct zone *zone, u64 nr, u64 align)
{
	struct per_task_pages *pcp = &task->pcp;
	struct page *head;

	if (!is_length(nr) || !pcp_trylock(task, zone))
		return NULL;
	pcp->exact_asks = EXACT_SET_ASKS;
	head = is_long(nr) ? find_long(pcp, nr, align) : find_short(pcp, nr, align);
	if (head) {
		take_off(pcp, head);
		/* Beyond the largest set the count has no use, and would overflow. */
		pcp->exact_taken =
			(u16)MIN(pcp->exact_taken + head->nr_pages, (u64)EXACT_SET_HIGH_MAX);
	}
	spin_unlock_unwaited(&pcp->lock);
	return head;
}

/* Under zone->lock. */
static set_apart void give_back_coldest(struct per_task_pages *pcp, unsigned int list)
{
	struct page *head = list_last_entry(&pcp->exact[list], struct page, lru);

	take_off(pcp, head);
	page_map_set(page_to_pfn(head), 1, MAP_NONE);
	free_page_range(pcp->zone, page_to_pfn(head), head->nr_pages, 0);
}

/* Until at most @keep pages of short blocks are left.  Under zone->lock. */
static void trim_short(struct per_task_pages *pcp, int keep)
{
	for (; pcp->exact_count - pcp->exact_long > keep;
	     pcp->exact_turn = (pcp->exact_turn + 1) % EXACT_LONG_LIST)
		if (!list_empty(&pcp->exact[pcp->exact_turn]))
			give_back_coldest(pcp, pcp->exact_turn);
}

/* Until at most @keep long blocks are left.  Under zone->lock. */
static void trim_long(struct per_task_pages *pcp, int keep)
{
	while (pcp->exact_nr_long > keep)
		give_back_coldest(pcp, EXACT_LONG_LIST);
}

/**
 * exact_set_trim - give blocks back to the buddy
 * @keep: pages of short blocks to keep at most
 * @keep_long: long blocks to keep at most
 *
 * Under pcp->lock.
 */
set_apart void exact_set_trim(struct per_task_pages *pcp, int keep, int keep_long)
{
	struct zone *zone = pcp->zone;

	if (pcp->exact_count - pcp->exact_long <= keep && pcp->exact_nr_long <= keep_long)
		return;
	zone_lock(zone);
	trim_short(pcp, keep);
	trim_long(pcp, keep_long);
	stat_inc(zone->stat.flush);
	zone_unlock(zone);
}

/* Count a block that is offered.  Return: whether it is worth keeping. */
static bool comes_quickly(struct per_task_pages *pcp)
{
	u64 now;

	if (++pcp->exact_puts < EXACT_SET_PUTS)
		return pcp->exact_on;
	pcp->exact_puts = 0;
	now = os_clock_ms();
	pcp->exact_on = pcp->exact_asks && now - pcp->exact_since <= EXACT_SET_MS;
	if (pcp->exact_asks)
		pcp->exact_asks--;
	pcp->exact_since = now;
	if (!pcp->exact_on)
		exact_set_trim(pcp, 0, 0);
	return pcp->exact_on;
}

/* There is too much: keep more from now on if it is used, and give a quarter back. */
static void overflow(struct per_task_pages *pcp)
{
	if (pcp->exact_taken >= pcp->exact_high)
		pcp->exact_high = MIN(2 * pcp->exact_high, EXACT_SET_HIGH_MAX);
	pcp->exact_taken = 0;
	exact_set_trim(pcp, pcp->exact_high - pcp->exact_high / 4, EXACT_SET_LONG);
}

/* Now and then while the thread is at work.  Half of the blocks is at most half of the limit. */
set_apart void exact_set_decay(struct per_task_pages *pcp)
{
	pcp->exact_high = MAX(pcp->exact_high / 2, EXACT_SET_HIGH_MIN);
	exact_set_trim(pcp, (pcp->exact_count - pcp->exact_long) / 2, pcp->exact_nr_long / 2);
}

/**
 * exact_set_put - keep a block, EXACT and in transit, for this thread's next request
 *
 * A set not in use yet is of a thread that has asked for nothing: it would keep nothing.
 * Return: false if it has to go to the buddy.
 */
set_apart bool exact_set_put(struct mm_task *task, struct page *head)
{
	struct per_task_pages *pcp = &task->pcp;

	if (!is_length(head->nr_pages) || !pcp->ready || task->leaving ||
	    !zone_spans_pfn(pcp->zone, page_to_pfn(head)) || !pcp_trylock(task, pcp->zone))
		return false;
	if (!comes_quickly(pcp) || !is_wanted(pcp, head->nr_pages)) {
		spin_unlock_unwaited(&pcp->lock);
		return false;
	}
	put_on(pcp, head);
	if (pcp->exact_nr_long > EXACT_SET_LONG)
		exact_set_trim(pcp, EXACT_SET_HIGH_MAX, EXACT_SET_LONG);
	else if (pcp->exact_count - pcp->exact_long > pcp->exact_high)
		overflow(pcp);
	spin_unlock_unwaited(&pcp->lock);
	return true;
}
