/* SPDX-License-Identifier: MIT */
/*
 * partial.c - slabs come and go, and objects are taken out of them (put back: give.c)
 *
 * Objects leave in batches under one hold of a list_lock.  Which slab is taken from, home.c says;
 * within a slab, objects are taken in address order.  A free object is never written: all state is
 * the bitmap in the page descriptors.
 *
 * Linux:  mm/slub.c, get_partial_node_bulk(), discard_slab().  Differs: how many empty slabs stay
 *         is not min_partial but what was needed lately (low_empty, home.c).
 * Locks:  slab_home.list_lock.  Pages are allocated and freed with no lock held.
 *
 * INVARIANT bitmap: a set bit is an object that is out of the slab: in use, in a sheaf, or in
 * the hands of the code between.
 *   made by     new_slab(), all clear
 *   kept by     take_from_slab() here, give_run() and give_single() in give.c, under list_lock
 *   relied on   double frees found when a sheaf is flushed; rebuilding in a forked child
 *   checked by  slab_verify()
 *
 * INVARIANT listed: while list_lock is free, a block says SLAB and names the lock's home if and
 * only if it is a slab of that home: on a list, or full, and counted.
 *   made by     open_slab(), under list_lock
 *   kept by     close_slab(), under list_lock: before and after, the block is in somebody's hands
 *   relied on   home_rebuild(), which takes what says so for the slabs of a home, also where the
 *               thread that rebuilds has a block in hand that will be one, or was one
 *   checked by  tests/sim/test_fork_at_instruction.c
 */
#include "base/check.h"
#include "slab/internal.h"

static unsigned long valid_mask(unsigned int objects, unsigned int word)
{
	unsigned int left = objects - word * 64;

	return left >= 64 ? ~0ul : (1ul << left) - 1;
}

/* The bits of @avail whose whole @group is in it: their objects share no line with others. */
static unsigned long whole_lines(unsigned long avail, unsigned int group)
{
	if (group == 2) {
		avail &= avail >> 1 & 0x5555555555555555ul;
		return avail * 3;
	}
	avail &= avail >> 1;
	avail &= avail >> 2 & 0x1111111111111111ul;
	return avail * 15;
}

/*
 * Name up to @nr of the objects of *avail, a word of a bitmap whose first object is @first, from
 * @end down.  *avail: those that were named.  Return: where the names begin.
 */
static inline void **name_objects(char *first, size_t size, unsigned long *avail, unsigned int nr,
				  void **end)
{
	unsigned long rest = *avail;

	if (rest == ~0ul && nr >= 64) {
		for (int i = 0; i < 64; i++, first += size)
			*--end = first;
		return end;
	}
	for (; rest && nr; rest &= rest - 1, nr--)
		*--end = first + (size_t)__builtin_ctzl(rest) * size;
	*avail &= ~rest;
	return end;
}

/*
 * Take up to @nr objects out of @slab, on no list now, a word of its bitmap at a time.  objs[] is
 * filled from its end, so that pops, which go from the end of a sheaf, ascend.
 * @group: take only objects whose group of so many is free; 1: any
 */
static unsigned int take_bits(const struct kmem_cache *s, struct page *slab, void **end,
			      unsigned int nr, unsigned int group)
{
	char *first = slab_object(s, slab, 0);
	unsigned int words = slab_words(s), got = 0;

	for (unsigned int w = 0; w < words && got < nr; w++) {
		unsigned long bits = slab->bits[w], avail = ~bits & valid_mask(s->objects, w);
		void **begin;

		if (group > 1)
			avail = whole_lines(avail, group);
		begin = name_objects(first + (size_t)w * 64 * s->size, s->size, &avail, nr - got,
				     end);
		got += (unsigned int)(end - begin);
		end = begin;
		WRITE_ONCE(slab->bits[w], bits | avail); /* racy readers: is_object() */
	}
	slab->inuse = (u16)(slab->inuse + got);
	return got;
}

/*
 * @nr objects left @slab, and may lie in pages that went back to the system.  At most as many of
 * those as the objects can reach will be resident again.
 */
static slowpath void revive(const struct kmem_cache *s, struct page *slab, unsigned int nr)
{
	u64 reach = DIV_ROUND_UP((u64)nr * s->size, PAGE_SIZE) + nr;
	u32 back = (u32)MIN(reach, page_punched(slab));

	page_set_state(slab, READ_ONCE(slab->state) - (back << PAGE_PUNCHED_SHIFT));
	zone_note_punched(page_zone(slab), 0ul - back);
}

/*
 * Objects smaller than a cache line come by whole lines as long as the slab has any: a line that
 * another thread's object lies in would be fought over.
 */
static unsigned int take_from_slab(const struct kmem_cache *s, struct page *slab, void **end,
				   unsigned int nr)
{
	unsigned int got = 0;

	if (s->line_group > 1)
		got = take_bits(s, slab, end, nr, s->line_group);
	if (!got)
		got = take_bits(s, slab, end, nr, 1);
	if (unlikely(page_punched(slab)))
		revive(s, slab, got);
	return got;
}

slowpath unsigned int slab_count_out(const struct kmem_cache *s, const struct page *slab)
{
	unsigned int out = 0;

	for (unsigned int w = 0; w < slab_words(s); w++)
		out += hweight64(slab->bits[w]);
	return out;
}

u8 slab_map_value(const struct kmem_cache *s, const struct page *slab)
{
	if (s->metadata)
		return MAP_META;
	return s->class == CLASS_NONE ? MAP_CACHE : kmalloc_map_value(s->class, page_to_nid(slab));
}

void map_slab(const struct kmem_cache *s, const struct page *slab)
{
	page_map_set(page_to_pfn(slab), (u64)1 << s->order, slab_map_value(s, slab));
}

static void construct(struct kmem_cache *s, struct page *slab)
{
	/* It will not read as zero any more, which a child that frees it for a lost thread must
	 * know. */
	page_set_owned(slab, s->order, 0);
	for (unsigned int i = 0; i < s->objects; i++)
		s->ctor(slab_object(s, slab, i));
}

/* A block that will become a slab, in this thread's hands; NULL: there is no memory. */
static struct page *new_slab(struct kmem_cache *s, int node, gfp_t gfp, const struct slow *slow)
{
	struct page_request rq = {.gfp = gfp & __GFP_THISNODE,
				  .nid = node,
				  .nowait = slow->nested,
				  .metadata = s->metadata,
				  .task = slow_mm(slow)};
	struct page *slab = alloc_pages_request(&rq, s->order);

	if (!slab)
		return NULL;
	for (unsigned int w = 0; w < slab_words(s); w++)
		WRITE_ONCE(slab->bits[w], 0);
	if (s->ctor && !(s->zero_is_constructed && page_is_zero(slab)))
		construct(s, slab);
	return slab;
}

/* @slab, a block in this thread's hands, becomes a slab of @home.  Under list_lock. */
static void open_slab(struct kmem_cache *s, struct slab_home *home, struct page *slab)
{
	/* These two overlay the owner of the block, which has none from page_set_state() on. */
	slab->inuse = 0;
	slab->objects = s->objects;
	slab->cache = s;
	page_set_state(slab, slab_state(home, s->order));
	map_slab(s, slab);
	stat_inc(home->nr_slabs);
}

/*
 * @slab is empty and off its list: from here on it is no slab, but a block in this thread's hands.
 * Under list_lock.
 */
void close_slab(struct kmem_cache *s, struct slab_home *home, struct page *slab)
{
	if (unlikely(page_punched(slab)))
		zone_note_punched(page_zone(slab), 0ul - page_punched(slab));
	page_map_set(page_to_pfn(slab), (u64)1 << s->order, MAP_NONE);
	page_set_owned(slab, s->order, 0);
	stat_add(home->nr_slabs, -1);
}

/* @slab is closed, or was never opened. */
void free_slab(struct kmem_cache *s, struct page *slab, const struct slow *slow)
{
	free_pages_request(slab, s->order, slow ? slow_mm(slow) : NULL, slow && slow->nested);
}

/* @nr objects left their slabs for this thread.  Under list_lock. */
static void note_taken(struct slab_home *home, unsigned int nr)
{
	stat_add(home->inuse, nr);
	stat_inc(home->refills);
	stat_add(home->refilled, nr);
	note_user(home);
}

/* Objects are taken from a slab of list @bucket: there was no fuller one.  Under list_lock. */
static inline void note_reached(struct slab_home *home, unsigned int bucket)
{
	if (bucket < READ_ONCE(home->reached))
		WRITE_ONCE(home->reached, (u8)bucket);
}

/* Put up to @nr objects of @home's slabs at the end of objs[].  Under list_lock. */
static unsigned int take_listed(struct kmem_cache *s, struct slab_home *home, void **objs,
				unsigned int nr, bool exact)
{
	unsigned int got = 0, more;
	struct page *slab = fullest(home);

	if (!slab && adopt(s, home))
		slab = fullest(home);
	for (; slab && got < nr; slab = fullest(home)) {
		/* Fill up from slabs in use, but do not begin an empty one for the rest. */
		if (got && !slab->inuse && !exact)
			break;
		slab_take_out(home, slab);
		note_reached(home, slab_bucket(slab));
		more = take_from_slab(s, slab, objs + nr - got, nr - got);
		got += more;
		/* If counts and bitmap disagreed, this would never end. */
		BUG_ON(!more);
		slab_sort_in(home, slab);
	}
	if (got)
		note_taken(home, got);
	return got;
}

/* There is no memory: the same from the slabs of any home, under their locks. */
static slowpath unsigned int take_elsewhere(struct kmem_cache *s, struct kmem_cache_node *n,
					    void **objs, unsigned int nr, bool exact, bool nowait)
{
	unsigned int got = 0;

	for_each_home (n, home) {
		if (got == nr || !home_lock(s, home, nowait))
			continue;
		got += take_listed(s, home, objs, nr - got, exact);
		spin_unlock(&home->list_lock);
	}
	return got;
}

/*
 * @slab, a block in this thread's hands, becomes a slab of this thread's home, and up to @nr of its
 * objects are put before @end.  Return: how many; 0: the block has gone back, for want of a home or
 * its lock.
 */
static unsigned int take_from_new(struct kmem_cache *s, struct page *slab, void **end,
				  unsigned int nr, struct slow *slow)
{
	/* Memory may have come from another node than was asked for: the slab belongs there. */
	struct kmem_cache_node *n = cache_node(s, page_to_nid(slab), slow->nested);
	struct slab_home *home = n ? own_home(s, n, slow) : NULL;
	unsigned int got;

	if (!home || !home_lock(s, home, slow->nested)) {
		free_slab(s, slab, slow);
		return 0;
	}
	open_slab(s, home, slab);
	note_reached(home, 0);
	got = take_from_slab(s, slab, end, nr);
	note_taken(home, got);
	slab_sort_in(home, slab);
	spin_unlock(&home->list_lock);
	return got;
}

/**
 * slab_take - take objects of @node out of slabs
 * @objs: filled from index nr - return value to nr - 1, lowest address last
 * @exact: insist on @nr; otherwise at least one will do
 *
 * Return: how many; 0 if there is no memory, or, nested, if a lock is held.
 */
unsigned int slab_take(struct kmem_cache *s, int node, void **objs, unsigned int nr, bool exact,
		       gfp_t gfp, struct slow *slow)
{
	struct kmem_cache_node *n = cache_node(s, node, slow->nested);
	struct slab_home *home = n ? own_home(s, n, slow) : NULL;
	unsigned int got, more;

	if (!home || !home_lock(s, home, slow->nested))
		return 0;
	got = take_listed(s, home, objs, nr, exact);
	spin_unlock(&home->list_lock);
	if (got && !slow->nested)
		budget_revived(node);
	while (got < (exact ? nr : 1)) {
		struct page *slab = new_slab(s, node, gfp, slow);

		if (!slab) {
			got += take_elsewhere(s, n, objs, nr - got, exact, slow->nested);
			break;
		}
		more = take_from_new(s, slab, objs + nr - got, nr - got, slow);
		if (!more)
			break;
		got += more;
	}
	return got;
}
