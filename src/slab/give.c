/* SPDX-License-Identifier: MIT */
/*
 * give.c - objects go back into their slabs
 *
 *   slab_give                 what a sheaf held; in chunks
 *     give_to_home            those of one home, under one hold of its list_lock
 *       give_single           one alone in its slab
 *       give_run              a row of one slab, a word of its bitmap at a time
 *         give_odd            something is wrong with one of them: report which
 *   slab_give_try             one object, where nothing may be waited for
 *
 * An object's slot in objs[] is cleared before its bit.  In a forked child what a slot names and a
 * bit confirms was still in flight (settle_inflight(), fork.c); an object that was between the two
 * stores is lost to that child.
 *
 * Linux:  mm/slub.c, __slab_free(), build_detached_freelist().  Differs: bits instead of a free
 *         list, so that a second free of an object is seen here.
 * Locks:  slab_home.list_lock.
 */
#include "base/check.h"
#include "slab/internal.h"
#include <string.h>

/* Report what is wrong with an object that is being put back. */
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
 * How many of objs[], each @step from the one before, lie next to each other.  The first has bit
 * @bit of a word of the bitmap that has @bits objects.
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
 * Those objects at the start of objs[] whose bits are in the same word as that of objs[0], which is
 * in the slab.  Objects that were allocated in a row and are freed in a row, or backwards, are told
 * by their distances, in a quarter of the instructions that finding each bit takes.
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

/* Something is wrong with one of objs[]: put back each by itself.  Return: how many were live. */
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

/* @nr objects of @slab are back: count them, but in home->inuse.  Under list_lock. */
static void slab_shrunk(const struct kmem_cache *s, struct slab_home *home, struct page *slab,
			unsigned int nr)
{
	unsigned int was = slab->inuse, left = was - nr;

	/* A slab that was punched may have more holes now: it goes where it is looked at again. */
	if (likely(was < slab->objects && left && bucket_of(s, was) == bucket_of(s, left) &&
		   !(READ_ONCE(slab->state) & PG_PUNCHED))) {
		slab->inuse = (u16)left;
		return;
	}
	slab_take_out(home, slab);
	slab->inuse = (u16)left;
	slab_sort_in(home, slab);
}

/* The same for one object of a slab that was not punched: one product tells if its list changes. */
static inline void slab_shrunk_by_one(const struct kmem_cache *s, struct slab_home *home,
				      struct page *slab)
{
	u32 was = slab->inuse, above = was * s->bucket_mul & ((1u << BUCKET_SHIFT) - 1);

	if (likely(was - 2 < slab->objects - 2u && above >= s->bucket_mul)) /* 2..objects - 1 */
		slab->inuse = (u16)(was - 1);
	else
		slab_shrunk(s, home, slab, 1);
}

/* Is @slab still one of @s?  After a double free it may be gone. */
static bool still_ours(const struct kmem_cache *s, const struct page *slab)
{
	return page_type(slab) == PAGE_SLAB && slab->cache == s;
}

/*
 * Put objects back from objs[0] on as long as they are of @slab.  Under the list_lock of its home.
 * *cleared: grows by how many are free now.  Return: how many were put back or reported.
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
			/* In this order: see the top of this file. */
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
	u32 size, reciprocal;
	u32 colours, colour_shift; /* what slab_colour() does, with a line's length in both */
	bool one_node;		   /* home_of() need not be asked which node a slab is of */
};

static inline struct slab_shape shape_of(const struct kmem_cache *s)
{
	return (struct slab_shape){.mask = ~(((uintptr_t)PAGE_SIZE << s->order) - 1),
				   .size = s->size,
				   .reciprocal = s->reciprocal,
				   .colours = (u32)s->colour_mask * CACHE_LINE,
				   .colour_shift = PAGE_SHIFT + s->order - ilog2(CACHE_LINE),
				   .one_node = topology.nr_nodes <= 1};
}

static inline struct page *slab_at(uintptr_t obj, const struct slab_shape *shape)
{
	/* virt_to_page() with one shift. */
	return (struct page *)(memmap_biased +
			       ((obj & shape->mask) >> (PAGE_SHIFT - ilog2(sizeof(struct page)))));
}

#define NAMES_HOME page_state((enum page_type)0xff, 0, 0xffu << PAGE_HOME_SHIFT | PG_PUNCHED)

/*
 * Is @slab one of @s, and of @home?  What home_of() and still_ours() tell, without a call.  Not if
 * it was punched: slab_shrunk() sees to those.
 * @named: what the states of those say
 */
static inline bool is_of_home(struct kmem_cache *s, const struct slab_shape *shape,
			      const struct slab_home *home, u32 named, const struct page *slab)
{
	return (READ_ONCE(slab->state) & NAMES_HOME) == named && slab->cache == s &&
	       (likely(shape->one_node) || home_of(s, slab) == home);
}

/*
 * give_run() for one object of @slab, of which is_of_home() is true.  Scattered objects go back
 * this way with a quarter of the instructions.  Return: false, with nothing done, if something is
 * odd about it.
 */
static inline bool give_single(const struct kmem_cache *s, const struct slab_shape *shape,
			       struct slab_home *home, struct page *slab, void **slot)
{
	uintptr_t obj = (uintptr_t)*slot, start = obj & shape->mask;
	uintptr_t first = start + (start >> shape->colour_shift & shape->colours);
	u64 index = (obj - start) * shape->reciprocal >> 32;
	unsigned long *word = &slab->bits[index / 64], bits = *word, bit = 1ul << (index % 64);

	if (unlikely(first + index * shape->size != obj || !(bits & bit)))
		return false;
	/* In this order: see the top of this file. */
	WRITE_ONCE(*slot, NULL);
	barrier();
	WRITE_ONCE(*word, bits & ~bit);
	slab_shrunk_by_one(s, home, slab);
	return true;
}

/* Count the @cleared objects that went back under this hold of list_lock, and let it go. */
static void end_giving(struct slab_home *home, unsigned int cleared)
{
	stat_add(home->inuse, 0ul - cleared);
	stat_inc(home->flushes);
	stat_add(home->flushed, cleared);
	spin_unlock(&home->list_lock);
}

#define RUN_MIN 4 /* objects; fewer are quicker one by one than by give_run() */

/* Are the next objects of one slab, likely? */
static inline bool is_run(void *const *objs, unsigned int nr, const struct slab_shape *shape)
{
	return nr >= RUN_MIN && !((((uintptr_t)objs[0] ^ (uintptr_t)objs[1]) |
				   ((uintptr_t)objs[0] ^ (uintptr_t)objs[RUN_MIN - 1])) &
				  shape->mask);
}

#define PREFETCH_AHEAD 8 /* objects: their slabs' descriptors are likely far */

/*
 * Put back those of objs[] that belong to the home of the first, under one hold of its lock, and
 * clear their slots.  Return: the index of the first that is left.
 */
static unsigned int give_to_home(struct kmem_cache *s, const struct slab_shape *shape, void **objs,
				 unsigned int nr)
{
	struct slab_home *home =
		lock_home_of(s, slab_at((uintptr_t)objs[0], shape), /* nowait= */ false);
	const u32 named = slab_state(home, 0);
	unsigned int cleared = 0, left = nr;

	note_user(home);
	for (unsigned int i = 0; i < nr;) {
		uintptr_t obj = (uintptr_t)objs[i];
		struct page *slab = slab_at(obj, shape);
		bool ours;

		if (i + PREFETCH_AHEAD < nr)
			__builtin_prefetch(slab_at((uintptr_t)objs[i + PREFETCH_AHEAD], shape), 1);
		if (unlikely(!obj)) {
			i++;
			continue;
		}
		ours = is_of_home(s, shape, home, named, slab);
		if (unlikely(!ours && home_of(s, slab) != home)) {
			left = MIN(left, i);
			i++;
		} else if (likely(ours && !is_run(objs + i, nr - i, shape)) &&
			   likely(give_single(s, shape, home, slab, objs + i))) {
			i++;
			cleared++;
		} else {
			i += give_run(s, home, slab, objs + i, nr - i, &cleared);
		}
	}
	end_giving(home, cleared);
	return left;
}

/* Objects for each hold of the lock: a waiter soon goes to sleep, and that is dear. */
#define GIVE_CHUNK 64

/**
 * slab_give - put objects back into their slabs, and clear their slots
 *
 * Objects that are not what they should be are reported.  Takes locks and waits for them.
 */
void slab_give(struct kmem_cache *s, void **objs, unsigned int nr)
{
	const struct slab_shape shape = shape_of(s);

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
