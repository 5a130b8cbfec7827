/* SPDX-License-Identifier: MIT */
/*
 * pcs.c - a thread's two sheaves of a cache, and where the next one comes from
 *
 *   pcs_alloc                 main is empty
 *     spare                   a part of it, or swapped with main
 *     barn_get_full           swap main for a full one; a producer also asks other CPUs' barns
 *     refill                  a run of objects from slabs
 *   pcs_free                  main is full
 *     spare                   a part into it, or swapped with main; what only frees has none
 *     give_back_strange       objects of other homes, to theirs
 *     flush                   the oldest sheaf, back to the slabs, if the barn has enough
 *     barn_swap_full          leave main, take an empty one
 *     barn_put_full           the same with an empty one that is made
 *
 * While a sheaf is in a cursor, the cursor is its length; sheaf.size counts otherwise.  All of
 * this happens under task.lock with the cursor disabled, so a signal handler that allocates in
 * the middle finds the cursor empty and full, the lock held, and goes to the slabs.
 *
 * Linux:  slub_percpu_sheaves, __pcs_replace_empty_main(), __pcs_replace_full_main().  Differs:
 *         sheaves start small and double when they are missed in often (pcs_adapt.c), up to a
 *         length that goes by bytes (sheaf_objects(), geometry.c).
 * Locks:  task.lock; below it barn.lock or list_lock.
 */
#include "base/check.h"
#include "slab/internal.h"
#include "slab/pcs.h"
#include <string.h>

/* ---- cursors ---- */

/* Take the main sheaf out of its cursor.  Return: p->main, which may be NULL. */
struct slab_sheaf *pcs_detach(struct task *task, const struct kmem_cache *s, struct pcs *p)
{
	struct cursor *c = task_cursor(task, s);

	if (c && p->main)
		(void)cursor_disable(c, p->main, /* own= */ true);
	return p->main;
}

/*
 * Put p->main, which may be NULL, into the cursor, which is disabled.  Not for a cache of the
 * program if the system promises no fence: without one, others take what a sleeping thread has of
 * such a cache under the lock alone, so it must not be in a cursor.
 */
void pcs_attach(struct task *task, const struct kmem_cache *s, struct pcs *p)
{
	struct cursor *c = task_cursor(task, s);
	struct slab_sheaf *main = p->main;

	if (!c || !main || (s->class == CLASS_NONE && !hit_fence_promised()))
		return;
	main->barn_list.prev = NULL;
	WRITE_ONCE(c->end, main->objects + main->capacity);
	barrier();
	WRITE_ONCE(c->cur, main->objects + main->size);
}

/* task_pcs(), made when first needed.  NULL: there is no memory, or the cache has no sheaves. */
struct pcs *task_pcs_made(struct task *task, const struct kmem_cache *s)
{
	struct pcs *p = task_pcs(task, s);

	if (likely(p) || s->id >= PCS_CHUNK * PCS_CHUNKS)
		return p;
	task_add_pcs_chunk(task, s->id / PCS_CHUNK);
	return task_pcs(task, s);
}

/* ---- replacing an empty or a full main ---- */

/* Is it too small for how often the thread misses?  In a barn it would be in the way of larger
 * ones. */
static bool outgrown(const struct slab_sheaf *sheaf, const struct pcs *p)
{
	return sheaf && sheaf_kind(sheaf) < p->kind;
}

/* @sheaf was in a task, and is empty. */
static void drop_empty(struct slab_sheaf *sheaf)
{
	sheaf_set_place(sheaf, SHEAF_TRANSIT, task_id());
	sheaf_free(sheaf);
}

static void put_away_empty(struct kmem_cache_node *n, struct slab_sheaf *sheaf)
{
	if (!barn_put_empty(n, sheaf))
		drop_empty(sheaf);
}

/* An empty sheaf that @p has not outgrown, in transit, or NULL. */
static struct slab_sheaf *get_empty(struct kmem_cache *s, struct kmem_cache_node *n,
				    const struct pcs *p, struct slow *slow)
{
	struct slab_sheaf *sheaf = barn_get_empty(n);

	if (outgrown(sheaf, p)) {
		sheaf_free(sheaf);
		sheaf = NULL;
	}
	return sheaf ? sheaf : sheaf_alloc(s, p->kind, slow);
}

/* Replace p->main, empty or NULL, unless it is of the right kind and of this thread's memory. */
static void renew_main(struct task *task, struct kmem_cache *s, struct kmem_cache_node *n,
		       struct pcs *p, struct slow *slow)
{
	struct slab_sheaf *main = p->main, *fresh;

	if (main && !outgrown(main, p) && !is_foreign(main))
		return;
	fresh = get_empty(s, n, p, slow);
	if (!fresh)
		return;
	sheaf_set_place(fresh, SHEAF_TASK, task->mm.id);
	p->main = fresh;
	if (main)
		drop_empty(main);
}

/*
 * Fill p->main, empty or NULL, from slabs.  First all slots are cleared, and task->inflight names
 * the sheaf: so a forked child can tell what had arrived, by the slots that are not NULL.
 */
static void refill(struct task *task, struct kmem_cache *s, struct kmem_cache_node *n,
		   struct pcs *p, struct slow *slow)
{
	struct slab_sheaf *sheaf;
	unsigned int nr, got;

	renew_main(task, s, n, p, slow);
	sheaf = p->main;
	if (!sheaf)
		return;
	nr = pcs_refill_objects(s, sheaf, p);
	memset(sheaf->objects, 0, sheaf->capacity * sizeof(void *));
	sheaf->size = 0;
	barrier();
	task->inflight = sheaf;
	barrier();
	got = slab_take(s, task->mm.node, sheaf->objects, nr, /* exact= */ false, 0, slow);
	if (got < nr)
		memmove(sheaf->objects, sheaf->objects + nr - got, got * sizeof(void *));
	barrier();
	sheaf->size = (u8)got;
	barrier();
	task->inflight = NULL;
}

/*
 * Get a full sheaf, in transit, from a barn, and leave *empty, which may be NULL, for it.
 *
 *   full sheaf         *empty          the empty one
 *   own barn           as it was       in that barn
 *   own barn           NULL            still the caller's: it is foreign; or there was none
 *   another's barn     as it was       in that barn
 *   NULL               as it was       still the caller's
 */
static struct slab_sheaf *get_full(const struct kmem_cache *s, struct kmem_cache_node *n,
				   struct pcs *p, struct slab_sheaf **empty)
{
	/* A sheaf of another home's memory is not left in the own barn. */
	struct slab_sheaf *here = *empty && is_foreign(*empty) ? NULL : *empty;
	struct slab_sheaf *full = barn_get_full(s, n, here);

	if (!full)
		return pcs_looks_elsewhere(s, own_home_hint(s, n), p)
			       ? barn_get_full_elsewhere(n, *empty)
			       : NULL;
	*empty = here;
	return full;
}

/* ---- between the two ---- */

static void swap_main(struct pcs *p)
{
	struct slab_sheaf *main = p->main;

	p->main = p->spare;
	p->spare = main;
}

/*
 * Move the top @nr objects.  A child that is forked in between finds them in both sheaves: the
 * first one that goes back to its slab clears the bit, and the second is passed over (fork.c).
 */
static void move_top(struct slab_sheaf *from, struct slab_sheaf *to, unsigned int nr)
{
	/* An object freed twice in a row stays together, so that the pop that meets both reports
	 * it. */
	while (unlikely(nr > 1 && nr < from->size &&
			from->objects[from->size - nr] == from->objects[from->size - nr - 1]))
		nr--;
	memcpy(to->objects + to->size, from->objects + from->size - nr, nr * sizeof(void *));
	barrier();
	to->size = (u8)(to->size + nr);
	barrier();
	from->size = (u8)(from->size - nr);
}

/*
 * A program that goes up and down by a few objects would come here each time if the border between
 * the two sheaves lay in that range.  So when it has come back without a miss, a sheaf that is
 * nearly full shares with one that is nearly empty: the objects freed last stay on top, and the
 * border moves. On a long way up or down that would only be another stop.
 */
static inline bool nearly_all(unsigned int part, const struct slab_sheaf *sheaf)
{
	return part > sheaf->capacity * 3u / 4;
}

/* At least one, and not always half: few borders suit a range of nearly a sheaf. */
static inline unsigned int part_of(unsigned int nr, const struct pcs *p)
{
	return MAX(nr * (1 + p->swaps % 3u) / 4, 1u);
}

/* Main is empty, and the spare is not. */
static void take_from_spare(struct task *task, struct kmem_cache *s, struct kmem_cache_node *n,
			    struct pcs *p, struct slow *slow)
{
	struct slab_sheaf *main, *spare = p->spare;

	pcs_count_swap(s, p);
	renew_main(task, s, n, p, slow);
	main = p->main;
	if (p->swaps > 1 && nearly_all(spare->size, spare))
		move_top(spare, main, part_of(MIN(spare->size, main->capacity), p));
	else
		swap_main(p);
}

/* Main is full, and the spare is not. */
static void make_room_by_spare(const struct kmem_cache *s, struct pcs *p)
{
	struct slab_sheaf *main = p->main, *spare = p->spare;
	unsigned int room = spare->capacity - spare->size;

	pcs_count_swap(s, p);
	if (outgrown(main, p) && room > main->size) {
		move_top(main, spare, main->size);
		p->main = spare;
		p->spare = NULL;
		drop_empty(main);
		return;
	}
	if (p->swaps > 1 && nearly_all(room, spare))
		move_top(main, spare, part_of(MIN(main->size, room), p));
	swap_main(p);
}

/* ---- beyond the two ---- */

/*
 * Both sheaves are empty: take a full one, or fill one from slabs.  The spare stays.
 *
 *   objects come from      main at the end       the empty main, if there was one
 *   a barn                 the full sheaf        left there; freed if it was outgrown, or if it is
 *                                                foreign and the barn the own one
 *   slabs                  renewed, filled       is main, or was freed by renew_main()
 *   another's barn, since  the full sheaf        renewed, and left there
 *     there is no memory
 *   nowhere                renewed, or NULL      is main, or was freed by renew_main()
 */
static void replace_empty_main(struct task *task, struct kmem_cache *s, struct kmem_cache_node *n,
			       struct pcs *p, struct slow *slow)
{
	struct slab_sheaf *main = p->main, *leave = outgrown(main, p) ? NULL : main, *full;

	pcs_count_miss(s, p);
	full = get_full(s, n, p, &leave);
	if (!full) {
		barn_deepen(s, n);
		refill(task, s, n, p, slow);
		main = leave = p->main;
		if (main && main->size)
			return;
		/* There is no memory: take whatever lies elsewhere. */
		full = barn_get_full_elsewhere(n, leave);
	}
	if (!full)
		return;
	sheaf_set_place(full, SHEAF_TASK, task->mm.id);
	p->main = full;
	if (main && !leave)
		drop_empty(main);
}

/* Is @obj on top of @sheaf? */
static inline bool is_top(const struct slab_sheaf *sheaf, const void *obj)
{
	return sheaf->size && sheaf->objects[sheaf->size - 1] == obj;
}

/* The program freed @obj more than once in a row: drop it from the top of @sheaf, and report it. */
static slowpath void drop_freed_twice(const struct kmem_cache *s, struct slab_sheaf *sheaf,
				      const void *obj)
{
	while (is_top(sheaf, obj))
		sheaf->size--;
	bug_report("free(%p): double free of an object of %s", obj, s->name);
}

/* Take the top object of @sheaf, which has one.  A hit that sees it twice leaves it to this. */
static void *pop(const struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	void *obj = sheaf->objects[--sheaf->size];

	if (unlikely(is_top(sheaf, obj)))
		drop_freed_twice(s, sheaf, obj);
	return obj;
}

/**
 * pcs_alloc - an object from this thread's sheaves, filling them if need be
 *
 * Under task.lock.  Return: the object, or NULL if there is no memory or the object is to come
 * from a slab.
 */
void *pcs_alloc(struct task *task, struct kmem_cache *s, struct pcs *p, struct slow *slow)
{
	struct kmem_cache_node *n = cache_node(s, task->mm.node, slow->nested);
	struct slab_sheaf *main;
	void *obj = NULL;

	if (!n || (!p->main && pcs_is_early_alloc(s, p)))
		return NULL;
	main = pcs_detach(task, s, p);
	pcs_count_ask(p);
	if (!main || !main->size) {
		if (p->spare && p->spare->size)
			take_from_spare(task, s, n, p, slow);
		else
			replace_empty_main(task, s, n, p, slow);
		main = p->main;
	}
	if (main && main->size)
		obj = pop(s, main);
	pcs_attach(task, s, p);
	return obj;
}

/* Give the objects of @sheaf back to their slabs; it is empty afterwards. */
static void flush(struct task *task, struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	unsigned int nr = sheaf->size;

	memset(sheaf->objects + nr, 0, (sheaf->capacity - nr) * sizeof(void *));
	barrier();
	task->inflight = sheaf;
	barrier();
	slab_give(s, sheaf->objects, nr);
	sheaf->size = 0;
	barrier();
	task->inflight = NULL;
}

/* Hand a sheaf that is of no use to this thread any more to the barn. */
static void give_up_sheaf(struct task *task, struct kmem_cache *s, struct kmem_cache_node *n,
			  struct slab_sheaf *sheaf)
{
	if (sheaf->size && barn_put_full(s, n, sheaf))
		return;
	if (sheaf->size) {
		barn_overflow(s, n, sheaf);
		flush(task, s, sheaf);
	}
	put_away_empty(n, sheaf);
}

static void give_up_spare(struct task *task, struct kmem_cache *s, struct kmem_cache_node *n,
			  struct pcs *p)
{
	struct slab_sheaf *spare = p->spare;

	WRITE_ONCE(p->spare, NULL);
	give_up_sheaf(task, s, n, spare);
}

/*
 * All sheaves are full.  Look at one of them, by turns: if it is strange its objects go back to
 * their slabs, and main is empty.  Return: whether it was.
 */
static bool give_back_strange(struct task *task, struct kmem_cache *s, struct kmem_cache_node *n,
			      struct pcs *p, struct slow *slow)
{
	bool spare = (++p->looks & 1) && p->spare;
	struct slab_sheaf *sheaf = spare ? p->spare : p->main;

	if (!is_strange(s, n, p, sheaf))
		return false;
	stat_inc(n->strange);
	flush(task, s, sheaf);
	if (spare)
		swap_main(p);
	renew_main(task, s, n, p, slow);
	return true;
}

/*
 * The barn has enough: what was freed longest ago goes back to the slabs, and its sheaf is used
 * again. Return: false, with nothing done, if that sheaf is outgrown.
 */
static bool flush_oldest(struct task *task, struct kmem_cache *s, struct kmem_cache_node *n,
			 struct pcs *p)
{
	struct slab_sheaf *oldest = p->spare ? p->spare : p->main;

	if (outgrown(oldest, p))
		return false;
	barn_overflow(s, n, oldest);
	flush(task, s, oldest);
	if (p->spare)
		swap_main(p);
	return true;
}

/*
 * All sheaves are full: leave one in the barn and go on with an empty one.  What only frees has no
 * spare.  A barn that has enough is not asked.
 *
 *   the first that is so         main at the end     spare       the full main
 *   the one looked at is         that one, emptied   the other   stays, or is the spare
 *     strange                      and renewed
 *   no room in the barn, and     the oldest,         main        is the spare; is main, emptied,
 *     the oldest not outgrown      emptied                         without a spare
 *   no empty one to be had       main, emptied       stays       stays
 *   to have a spare, but none    an empty one        main        is the spare
 *   room in the barn             an empty one        stays       in the barn
 *   none                         an empty one        stays       emptied; in the barn, or freed
 *
 * An empty one is the barn's or a new one.  Where there was no main it becomes main, if it is to be
 * had.
 */
static void replace_full_main(struct task *task, struct kmem_cache *s, struct kmem_cache_node *n,
			      struct pcs *p, struct slow *slow)
{
	struct slab_sheaf *full = p->main, *empty = NULL;
	bool leave;

	pcs_count_miss(s, p);
	pcs_count_left(p);
	if (pcs_only_frees(p) && p->spare)
		give_up_spare(task, s, n, p);
	leave = full && (p->spare || pcs_only_frees(p));
	if (leave && homes_differ() && give_back_strange(task, s, n, p, slow))
		return;
	if (leave && !barn_has_room(s, n, full) && flush_oldest(task, s, n, p))
		return;
	if (leave)
		empty = barn_swap_full(s, n, full, p->kind);
	if (!empty) {
		empty = get_empty(s, n, p, slow);
		if (empty && full && !leave) {
			p->spare = full;
		} else if (empty && full && !barn_put_full(s, n, full)) {
			barn_overflow(s, n, full);
			flush(task, s, full);
			put_away_empty(n, full);
		}
	}
	if (empty) {
		sheaf_set_place(empty, SHEAF_TASK, task->mm.id);
		p->main = empty;
	} else if (full) {
		flush(task, s, full);
	}
}

/**
 * pcs_free - put an object into this thread's sheaves, making room if need be
 *
 * Under task.lock.  Return: whether it went in.
 */
bool pcs_free(struct task *task, struct kmem_cache *s, struct pcs *p, void *obj, struct slow *slow)
{
	struct kmem_cache_node *n = cache_node(s, task->mm.node, slow->nested);
	struct slab_sheaf *main;
	bool done = false;

	if (!n)
		return false;
	main = pcs_detach(task, s, p);
	if (!main && pcs_is_early_free(p))
		return false;
	/* Freed twice in a row: what is there of it is dropped, and it goes in once below. */
	if (unlikely(main && is_top(main, obj)))
		drop_freed_twice(s, main, obj);
	if (!main || main->size == main->capacity) {
		if (p->spare && p->spare->size < p->spare->capacity && !pcs_only_frees(p))
			make_room_by_spare(s, p);
		else
			replace_full_main(task, s, n, p, slow);
		main = p->main;
	}
	if (main && main->size < main->capacity) {
		main->objects[main->size] = obj;
		barrier();
		main->size++;
		done = true;
	}
	pcs_attach(task, s, p);
	return done;
}

/* Under task.lock, main detached. */
void pcs_empty(struct task *task, struct kmem_cache *s, struct pcs *p)
{
	struct kmem_cache_node *n = cache_node(s, task->mm.node, /* nowait= */ true);
	struct slab_sheaf *main = p->main, *spare = p->spare;

	/* Before it seems to have no sheaves: pairs with has_sheaves().  Main last: see slab.h. */
	WRITE_ONCE(p->emptied, true);
	WRITE_ONCE(p->spare, NULL);
	store_release(&p->main, NULL);
	pcs_forget(p);
	if (main)
		give_up_sheaf(task, s, n, main);
	if (spare)
		give_up_sheaf(task, s, n, spare);
	store_release(&p->emptied, false); /* likewise */
}

/* Its objects go back to their slabs, its sheaves stay.  Under task.lock. */
void pcs_flush(struct task *task, struct kmem_cache *s, struct pcs *p)
{
	struct slab_sheaf *main = pcs_detach(task, s, p);

	if (main && main->size)
		flush(task, s, main);
	if (p->spare && p->spare->size)
		flush(task, s, p->spare);
	pcs_attach(task, s, p);
}

/* Up to @nr objects of this thread's sheaves.  Under task.lock.  Return: how many there were. */
slowpath size_t pcs_pop(struct task *task, struct kmem_cache *s, struct pcs *p, size_t nr,
			void **objs)
{
	struct slab_sheaf *main = pcs_detach(task, s, p), *spare = p->spare;
	size_t got = 0;

	pcs_count_ask(p);
	while (got < nr && main && main->size)
		objs[got++] = pop(s, main);
	while (got < nr && spare && spare->size)
		objs[got++] = pop(s, spare);
	pcs_attach(task, s, p);
	return got;
}
