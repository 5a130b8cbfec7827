/* SPDX-License-Identifier: MIT */
/*
 * holes.c - giving back the free pages inside slabs that are in use
 *
 * One live object keeps the whole of its slab.  But a free object holds nothing, of the allocator's
 * or of the program's, so a page that no object in use reaches into can go back to the system by
 * itself.  It stays mapped and part of its slab, and reads as zero when an object there is used
 * again.  Of 512 MiB in blocks of 1 to 8 KB, nine in ten of which are freed, 280 MiB stayed
 * resident after malloc_trim() without this, and 98 with it.
 *
 * Each page that is wanted again costs a fault.  So this is done
 *   - when memory is asked for back (malloc_trim(), a container near its limit), in nearly full
 *     slabs too;
 *   - once nothing has happened for a while;
 *   - when a large heap grows, for as much as it grows by: a program whose sizes change from phase
 *     to phase takes 0.86 of the memory at its peak;
 *   - of a program at work, in slabs that are emptier than any that it used (punch_unneeded()).
 *
 * Linux:  none; what the kernel's slabs lie in is not mapped page by page.
 * Locks:  slab_home.list_lock, held over the system call: without it an object of the page could
 *         be given out meanwhile.  Above it slab_mutex, below it zone->lock (hugepage_break()).
 *
 * INVARIANT punched: in each list of partial slabs those with PG_PUNCHED come last.
 *   made by     punch_home(), which moves them there
 *   kept by     slab_sort_in(), which puts slabs without it in front
 *   relied on   next_to_punch(): nothing is punched twice unless objects came or went
 *   checked by  slab_verify()
 *
 * INVARIANT counted: a slab says how many of its pages are not resident, or fewer, and the sum over
 * all slabs is zone->nr_punched_pages.
 *   made by     punch()
 *   kept by     revive(), which takes off what objects that leave the slab can reach, and
 *               close_slab(), both in partial.c; buddy_rebuild() sums anew in a forked child
 *   relied on   budget.c: that a container's limit comes near is seen before it is reached
 *   checked by  tests/unit/test_holes.c
 */
#include "platform/topology.h"
#include "platform/vm.h"
#include "slab/internal.h"
#include <errno.h>

/* The lists of slabs that are less than three quarters full. */
#define SPARSE_BUCKETS (NR_PARTIAL_BUCKETS * 3 / 4)

static bool all_free(const struct page *slab, unsigned int first, unsigned int last)
{
	for (unsigned int i = first; i <= last; i++)
		if (is_out(slab, i))
			return false;
	return true;
}

/* Does no object in use reach into the page at @offset bytes of @slab?  Under list_lock. */
static bool is_hole(const struct kmem_cache *s, const struct page *slab, u64 offset)
{
	u64 colour = slab_colour(s, (uintptr_t)page_address(slab));
	u64 from = MAX(offset, colour) - colour, to = offset + PAGE_SIZE - 1 - colour;
	unsigned int first = (unsigned int)(from * s->reciprocal >> 32);
	unsigned int last = (unsigned int)(to * s->reciprocal >> 32);

	/* Behind the last object lies what the slab's objects leave over. */
	return all_free(slab, first, MIN(last, s->objects - 1u));
}

/*
 * @slab has @holes pages that are not resident; it has 32 at most, as it has several objects.
 * Return: how many more than before.
 */
static unsigned int note_holes(struct page *slab, unsigned int holes)
{
	unsigned int before = page_punched(slab);
	u32 state = READ_ONCE(slab->state) & ~(PAGE_PUNCHED_MAX << PAGE_PUNCHED_SHIFT);

	page_set_state(slab, state | PG_PUNCHED | holes << PAGE_PUNCHED_SHIFT);
	zone_note_punched(page_zone(slab), (u64)holes - before);
	return holes - MIN(before, holes);
}

static unsigned int count_holes(const struct kmem_cache *s, const struct page *slab)
{
	unsigned int holes = 0;

	for (u64 offset = 0; offset < PAGE_SIZE << s->order; offset += PAGE_SIZE)
		holes += is_hole(s, slab, offset);
	return holes;
}

/*
 * Give the holes of @slab back.  *pages: raised by how many more are not resident now.  Return: 0;
 * -EINVAL if the program has locked some, which stay; another -errno if the system refuses
 * altogether.  Under list_lock.
 */
static int punch(const struct kmem_cache *s, struct page *slab, u64 *pages)
{
	u64 end = PAGE_SIZE << s->order, next;
	unsigned int holes = 0;
	int err, locked = 0;

	/* Objects came back, but no page has become a hole by that. */
	if (page_punched(slab) && count_holes(s, slab) == page_punched(slab)) {
		page_set_state(slab, READ_ONCE(slab->state) | PG_PUNCHED);
		return 0;
	}
	for (u64 hole = 0; hole < end; hole = next + PAGE_SIZE) {
		for (next = hole; next < end && is_hole(s, slab, next);)
			next += PAGE_SIZE;
		if (next == hole)
			continue;
		hugepage_break(page_zone(slab), page_to_pfn(slab) + (hole >> PAGE_SHIFT));
		err = vm_discard((char *)page_address(slab) + hole, next - hole);
		if (err && err != -EINVAL)
			return err;
		if (err)
			locked = err;
		else
			holes += (unsigned int)((next - hole) >> PAGE_SHIFT);
	}
	holes = note_holes(slab, holes);
	budget_note_gone(page_zone(slab), holes);
	*pages += holes;
	return locked;
}

static struct page *next_to_punch(struct list_head *list)
{
	struct page *slab = list_empty(list) ? NULL : list_first_entry(list, struct page, lru);

	return slab && !(READ_ONCE(slab->state) & PG_PUNCHED) ? slab : NULL;
}

/*
 * Punch the next slab of @list; the lock is not held for longer than that.  *locked: raised if the
 * program has locked some of it.  Return: false if there is none, or the system refuses.
 */
static bool punch_next(struct kmem_cache *s, struct slab_home *home, struct list_head *list,
		       u64 *pages, unsigned int *locked)
{
	struct page *slab;
	int err = -ENOENT;

	home_lock(s, home, /* nowait= */ false);
	slab = next_to_punch(list);
	if (slab)
		err = punch(s, slab, pages);
	if (!err || err == -EINVAL)
		list_move_tail(&slab->lru, list);
	spin_unlock(&home->list_lock);
	*locked += err == -EINVAL;
	return !err || err == -EINVAL;
}

#define LOCKED_MAX 64 /* slabs; then it is likely to be all of them (mlockall()) */

static u64 punch_home(struct kmem_cache *s, struct slab_home *home, unsigned int buckets, u64 most)
{
	/* Slabs that come meanwhile do not keep us here. */
	unsigned long left = READ_ONCE(home->nr_partial);
	unsigned int locked = 0;
	u64 pages = 0;

	for (unsigned int i = 0; i < buckets; i++)
		while (left && pages < most && locked < LOCKED_MAX &&
		       punch_next(s, home, &home->partial[i], &pages, &locked))
			left--;
	return pages;
}

/* Is a free object of @s nothing but memory?  Not if it has to stay as it was constructed. */
static bool may_have_holes(const struct kmem_cache *s)
{
	return s->order && !s->ctor && !s->metadata;
}

/* Punch the slabs in the first @buckets lists of @home.  Return: pages, counted for the node. */
static u64 punch_counted(struct kmem_cache *s, struct slab_home *home, unsigned int buckets,
			 u64 most)
{
	u64 pages = punch_home(s, home, buckets, most);

	stat_add(home->node->punched, pages);
	return pages;
}

/*
 * How many of @home's lists have slabs that are emptier than any that objects were taken from since
 * the last call; 0 if @home is three quarters full.  Racy.
 */
static unsigned int unneeded_lists(const struct kmem_cache *s, struct slab_home *home)
{
	unsigned long slabs = READ_ONCE(home->nr_slabs) - READ_ONCE(home->nr_empty);
	unsigned int lists = MIN((unsigned int)READ_ONCE(home->reached), SPARSE_BUCKETS);

	WRITE_ONCE(home->reached, NR_PARTIAL_BUCKETS);
	return READ_ONCE(home->inuse) < slabs * s->objects / 4 * 3 ? lists : 0;
}

#define UNNEEDED 0 /* lists: what unneeded_lists() says of each home */

/* Punch the slabs in the first @lists lists of every home.  Under slab_mutex.  Return: pages. */
static slowpath u64 punch_homes(int node, unsigned int lists, u64 most)
{
	struct kmem_cache_node *n;
	struct kmem_cache *s;
	u64 pages = 0;

	list_for_each_entry (s, &slab_caches, list) {
		if (!may_have_holes(s))
			continue;
		for_each_kmem_cache_node (s, i, n)
			for_each_home (n, home)
				if (node == NUMA_NO_NODE || node == i)
					pages += punch_counted(
						s, home,
						lists == UNNEEDED ? unneeded_lists(s, home) : lists,
						most - MIN(pages, most));
	}
	return pages;
}

/**
 * punch_holes - give free pages in partial slabs back to the system
 * @node: of slabs of this node; NUMA_NO_NODE: of any
 * @dense: of slabs that are nearly full, too
 * @most: pages after which to stop, about
 *
 * Under slab_mutex.  Return: pages.
 */
slowpath u64 punch_holes(int node, bool dense, u64 most)
{
	return punch_homes(node, dense ? NR_PARTIAL_BUCKETS : SPARSE_BUCKETS, most);
}

/**
 * punch_unneeded - the same for a program at work, in slabs that were not needed
 * @most: pages after which to stop, about
 *
 * Objects come from the fullest slabs, so those emptier than any that objects were taken from since
 * the last call were not needed.  Under slab_mutex.  Return: pages.
 */
slowpath u64 punch_unneeded(u64 most)
{
	return punch_homes(NUMA_NO_NODE, UNNEEDED, most);
}
