/* SPDX-License-Identifier: MIT */
/*
 * partial.c - slabs and their bitmaps: taking objects out and putting them back
 *
 * Objects leave and return in batches under one hold of a list_lock.  Which slab is taken from,
 * home.c says; within a slab, objects are taken in address order.  A free object is never
 * written: all state is the bitmap in the page descriptors.
 *
 * Linux:  mm/slub.c, get_partial_node_bulk(), __slab_free(), discard_slab().  Differs: how many
 *         empty slabs stay is not min_partial but what was needed lately (low_empty, home.c).
 * Locks:  slab_home.list_lock.  Pages are allocated and freed with no lock held.
 *
 * INVARIANT bitmap: a set bit is an object that is out of the slab: in use, in a sheaf, or in
 * the hands of the code between.
 *   made by     new_slab(), all clear
 *   kept by     take_from_slab(), give_run() and give_single(), under list_lock
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
#include <string.h>

static unsigned long valid_mask(unsigned int objects, unsigned int word)
{
	unsigned int left = objects - word * 64;

	return left >= 64 ? ~0ul : (1ul << left) - 1;
}

/* Of the bits of @avail those whose whole group is in it: objects that share no cache line. */
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
	unsigned int words = DIV_ROUND_UP(s->objects, 64u), got = 0;

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
 * @nr objects left @slab, and may lie in pages that went back: as many of those at most as they can
 * reach are resident again soon.
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
	/* It will not read as zero any more; a child that frees it for a lost thread must know. */
	page_set_owned(slab, s->order, 0);
	for (unsigned int i = 0; i < s->objects; i++)
		s->ctor(slab_object(s, slab, i));
}

/* A block that is to become a slab, in the hands of this thread. */
static struct page *new_slab(struct kmem_cache *s, int node, gfp_t gfp, const struct slow *slow)
{
	struct page_request rq = {.gfp = gfp & __GFP_THISNODE,
				  .nid = node,
				  .nowait = slow->nested,
				  .metadata = s->metadata,
				  .task = slow->task ? &slow->task->mm : NULL};
	struct page *slab = alloc_pages_request(&rq, s->order);

	if (!slab)
		return NULL;
	for (unsigned int w = 0; w < DIV_ROUND_UP(s->objects, 64u); w++)
		WRITE_ONCE(slab->bits[w], 0);
	if (s->ctor && !(s->zero_is_constructed && page_is_zero(slab)))
		construct(s, slab);
	return slab;
}

/* It becomes a slab.  Under list_lock. */
static void open_slab(struct kmem_cache *s, struct slab_home *home, struct page *slab)
{
	/* They overlay the owner of the block, which needs none from the next store on. */
	slab->inuse = 0;
	slab->objects = s->objects;
	slab->cache = s;
	page_set_state(slab, slab_state(home, s->order));
	map_slab(s, slab);
	stat_inc(home->nr_slabs);
}

/* It is empty, off its list, and a slab no longer, but a block in this thread's hands.  As above.
 */
void close_slab(struct kmem_cache *s, struct slab_home *home, struct page *slab)
{
	if (unlikely(page_punched(slab)))
		zone_note_punched(page_zone(slab), 0ul - page_punched(slab));
	page_map_set(page_to_pfn(slab), (u64)1 << s->order, MAP_NONE);
	page_set_owned(slab, s->order, 0);
	stat_add(home->nr_slabs, -1);
	stat_inc(home->slabs_freed);
}

/* @slab is closed, or was never opened. */
void free_slab(struct kmem_cache *s, struct page *slab, const struct slow *slow)
{
	struct mm_task *task = slow && slow->task ? &slow->task->mm : NULL;

	free_pages_request(slab, s->order, task, slow && slow->nested);
}

/* @nr objects left their slabs for this thread.  Under list_lock. */
static void note_taken(struct slab_home *home, unsigned int nr)
{
	stat_add(home->inuse, nr);
	stat_inc(home->refills);
	stat_add(home->refilled, nr);
	note_user(home);
}

/* Up to @nr objects to the end of objs[].  Under list_lock. */
static unsigned int take_listed(struct kmem_cache *s, struct slab_home *home, void **objs,
				unsigned int nr, bool exact)
{
	unsigned int got = 0, more;
	struct page *slab = fullest(home);

	if (!slab && adopt(s, home))
		slab = fullest(home);
	for (; slab && got < nr; slab = fullest(home)) {
		/* Fill up from slabs in use, but do not open an empty one for the rest. */
		if (got && !slab->inuse && !exact)
			break;
		slab_take_out(home, slab);
		more = take_from_slab(s, slab, objs + nr - got, nr - got);
		got += more;
		/* Counts that the bitmap denies would keep us here for ever. */
		BUG_ON(!more);
		slab_sort_in(home, slab);
	}
	if (got)
		note_taken(home, got);
	return got;
}

/* There is no memory: objects as above, of whatever slabs any home has.  Takes the locks. */
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
		/* Memory may have come from another node: the slab belongs there. */
		n = s->metadata ? n : cache_node(s, page_to_nid(slab), slow->nested);
		home = n ? own_home(s, n, slow) : NULL;
		if (!home || !home_lock(s, home, slow->nested)) {
			free_slab(s, slab, slow);
			break;
		}
		open_slab(s, home, slab);
		more = take_from_slab(s, slab, objs + nr - got, nr - got);
		got += more;
		note_taken(home, more);
		slab_sort_in(home, slab);
		spin_unlock(&home->list_lock);
	}
	return got;
}

/* Say what is wrong with an object that is being put back. */
static slowpath void report_bad_free(const struct kmem_cache *s, const void *obj, const char *what)
{
	bug_report("free(%p): %s of an object of %s", obj, what, s->name);
}

/* What give_run() reads for each object, kept out of the reach of its barriers. */
struct slab_view {
	uintptr_t base, end; /* of the slab */
	uintptr_t objects;   /* where the first begins */
	u32 size, reciprocal;
	unsigned long *bits;
};

static struct slab_view view_slab(const struct kmem_cache *s, struct page *slab)
{
	return (struct slab_view){.base = (uintptr_t)page_address(slab),
				  .end = (uintptr_t)page_address(slab) + (PAGE_SIZE << s->order),
				  .objects = (uintptr_t)slab_object(s, slab, 0),
				  .size = s->size,
				  .reciprocal = s->reciprocal,
				  .bits = slab->bits};
}

/* Objects whose bits are in one word. */
struct bit_group {
	unsigned int nr, word;
	unsigned long mask;
	bool odd; /* two are the same, or one is not the start of an object */
};

/*
 * How many of objs[] lie next to each other, up or down from the object of bit @bit of a word that
 * has @bits of them.
 */
static inline unsigned int count_row(void *const *objs, unsigned int nr, uintptr_t step, bool up,
				     unsigned int bit, unsigned int bits)
{
	unsigned int most = MIN(nr, up ? bits - bit : bit + 1), n = 1;
	uintptr_t next = (uintptr_t)objs[0];

	while (n < most && (uintptr_t)objs[n] == (next += step))
		n++;
	return n;
}

/*
 * The objects from objs[0], which is in the slab, on whose bits are in the word of the first.  What
 * was allocated in a row and is freed in a row, or backwards, is seen by its distances: a quarter
 * of the instructions that finding each one's bit takes.
 */
static inline struct bit_group group_objects(const struct slab_view *v, void *const *objs,
					     unsigned int nr)
{
	u64 index = ((uintptr_t)objs[0] - v->base) * v->reciprocal >> 32, odd;
	struct bit_group g = {.nr = 1, .word = (unsigned int)index / 64};
	u64 start = v->objects + (u64)g.word * 64 * v->size,
	    bytes = MIN(v->end - start, 64ull * v->size);
	unsigned int bit = (unsigned int)index & 63;
	uintptr_t step = nr > 1 ? (uintptr_t)objs[1] - (uintptr_t)objs[0] : 0;

	odd = (uintptr_t)objs[0] - start - (u64)bit * v->size;
	g.mask = 1ul << bit;
	if (step == v->size || step == -(uintptr_t)v->size) {
		bool up = step == v->size;

		g.nr = count_row(objs, nr, step, up, bit,
				 (unsigned int)(bytes * v->reciprocal >> 32));
		g.mask = ~0ul >> (64 - g.nr) << (up ? bit : bit + 1 - g.nr);
	}
	while (g.nr < nr) {
		u64 offset = (uintptr_t)objs[g.nr] - start;
		unsigned long mask;

		if (offset >= bytes)
			break;
		index = offset * v->reciprocal >> 32;
		mask = 1ul << (index & 63);
		odd |= (offset - index * v->size) | (g.mask & mask);
		g.mask |= mask;
		g.nr++;
	}
	g.odd = odd;
	return g;
}

/* Something is wrong with one of them: each by itself.  Return: how many were live objects. */
static slowpath unsigned int give_odd(const struct kmem_cache *s, const struct slab_view *v,
				      void **objs, unsigned int nr)
{
	unsigned int cleared = 0;

	for (unsigned int i = 0; i < nr; i++) {
		struct bit_group g = group_objects(v, objs + i, 1);
		void *obj = objs[i];

		WRITE_ONCE(objs[i], NULL);
		barrier();
		if (g.odd) {
			report_bad_free(s, obj, "invalid free into the middle");
		} else if (!(v->bits[g.word] & g.mask)) {
			report_bad_free(s, obj, "double free");
		} else {
			WRITE_ONCE(v->bits[g.word], v->bits[g.word] & ~g.mask);
			cleared++;
		}
	}
	return cleared;
}

/* @nr objects of @slab are back; home->inuse is the caller's.  Under list_lock. */
static inline void slab_shrunk(const struct kmem_cache *s, struct slab_home *home,
			       struct page *slab, unsigned int nr)
{
	unsigned int was = slab->inuse, left = was - nr;

	if (likely(was < slab->objects && left && bucket_of(s, was) == bucket_of(s, left))) {
		slab->inuse = (u16)left;
		return;
	}
	slab_take_out(home, slab);
	slab->inuse = (u16)left;
	slab_sort_in(home, slab);
}

/* Is @obj in a slab of @s at all?  After a double free its slab may be gone. */
static bool still_ours(const struct kmem_cache *s, const struct page *slab)
{
	return page_type(slab) == PAGE_SLAB && slab->cache == s;
}

/*
 * Put objects back from objs[0] on as long as they are of @slab.  Under the list_lock of its home.
 * *cleared: and so many more objects are free.  Return: how many were put back or reported.
 */
static unsigned int give_run(struct kmem_cache *s, struct slab_home *home, struct page *slab,
			     void **objs, unsigned int nr, unsigned int *cleared)
{
	const struct slab_view v = view_slab(s, slab);
	unsigned int i = 0, was_cleared = *cleared;

	if (unlikely(!still_ours(s, slab))) {
		report_bad_free(s, objs[0], "double free");
		objs[0] = NULL;
		return 1;
	}
	while (i < nr && (uintptr_t)objs[i] - v.base < v.end - v.base) {
		struct bit_group g = group_objects(&v, objs + i, nr - i);
		unsigned long bits = v.bits[g.word];

		if (unlikely(g.odd || (bits & g.mask) != g.mask)) {
			*cleared += give_odd(s, &v, objs + i, g.nr);
		} else {
			/* The slots go before the bits: see settle_inflight() in fork.c. */
			memset(objs + i, 0, g.nr * sizeof(*objs));
			barrier();
			WRITE_ONCE(v.bits[g.word], bits & ~g.mask);
			*cleared += g.nr;
		}
		i += g.nr;
	}
	if (likely(*cleared != was_cleared))
		slab_shrunk(s, home, slab, *cleared - was_cleared);
	return i;
}

/* What give_to_home() reads for each object, kept out of the reach of its barriers. */
struct slab_shape {
	uintptr_t mask; /* of an object's address: where its slab starts */
	u32 reciprocal;
};

static inline struct page *slab_at(uintptr_t obj, const struct slab_shape *shape)
{
	return virt_to_page((void *)(obj & shape->mask));
}

/*
 * The same for one object, which is what a run comes to where they lie scattered: a third of the
 * instructions.  Return: false, and nothing done, if something is odd about it.
 */
static inline bool give_single(const struct kmem_cache *s, const struct slab_shape *shape,
			       struct slab_home *home, struct page *slab, void **slot)
{
	uintptr_t obj = (uintptr_t)*slot, start = obj & shape->mask;
	u64 index = (obj - start) * shape->reciprocal >> 32;
	unsigned long *word = &slab->bits[index / 64], bits = *word, bit = 1ul << (index % 64);

	if (unlikely(!still_ours(s, slab) || object_address(s, start, index) != obj ||
		     !(bits & bit)))
		return false;
	/* In this order, as above. */
	WRITE_ONCE(*slot, NULL);
	barrier();
	WRITE_ONCE(*word, bits & ~bit);
	slab_shrunk(s, home, slab, 1);
	return true;
}

/* @cleared objects are back, all of one hold of list_lock, which is let go. */
static void end_giving(struct slab_home *home, unsigned int cleared)
{
	stat_add(home->inuse, 0ul - cleared);
	stat_inc(home->flushes);
	stat_add(home->flushed, cleared);
	spin_unlock(&home->list_lock);
}

#define PREFETCH_AHEAD 8 /* objects: their slabs' descriptors are likely far */

/*
 * Those of objs[] that belong to the home of the first, under one hold of its lock.  Their slots
 * are cleared.  Return: the index of the first that is left.
 */
static unsigned int give_to_home(struct kmem_cache *s, const struct slab_shape *shape, void **objs,
				 unsigned int nr)
{
	struct slab_home *home = lock_home_of(s, slab_at((uintptr_t)objs[0], shape), false);
	unsigned int cleared = 0, left = nr;

	note_user(home);
	for (unsigned int i = 0; i < nr;) {
		struct page *slab = slab_at((uintptr_t)objs[i], shape);
		bool single = i + 1 == nr || slab_at((uintptr_t)objs[i + 1], shape) != slab;

		if (i + PREFETCH_AHEAD < nr)
			__builtin_prefetch(slab_at((uintptr_t)objs[i + PREFETCH_AHEAD], shape), 1);
		if (unlikely(!objs[i])) {
			i++;
		} else if (unlikely(home_of(s, slab) != home)) {
			left = MIN(left, i);
			i++;
		} else if (single && likely(give_single(s, shape, home, slab, objs + i))) {
			i++;
			cleared++;
		} else {
			i += give_run(s, home, slab, objs + i, nr - i, &cleared);
		}
	}
	end_giving(home, cleared);
	return left;
}

/* Then the lock is let go: who waits for it soon sleeps, and that is dear. */
#define GIVE_CHUNK 64

/**
 * slab_give - put objects back into their slabs, and clear their slots
 *
 * Objects that are not what they should be are reported.  Takes locks and waits for them.
 */
void slab_give(struct kmem_cache *s, void **objs, unsigned int nr)
{
	const struct slab_shape shape = {.mask = ~(((uintptr_t)PAGE_SIZE << s->order) - 1),
					 .reciprocal = s->reciprocal};

	for (unsigned int i = 0; i < nr; i += GIVE_CHUNK) {
		unsigned int chunk = MIN(nr - i, (unsigned int)GIVE_CHUNK), done = 0;

		while (done < chunk)
			done += give_to_home(s, &shape, objs + i + done, chunk - done);
	}
}

/* One object, without waiting.  Return: whether it is back. */
bool slab_give_try(struct kmem_cache *s, void *obj, struct slow *slow)
{
	struct page *slab = slab_of(s, obj);
	struct slab_home *home = lock_home_of(s, slab, slow->nested);
	unsigned int cleared = 0;

	if (!home)
		return false;
	(void)give_run(s, home, slab, &obj, 1, &cleared);
	end_giving(home, cleared);
	return true;
}
