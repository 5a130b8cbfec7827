/* SPDX-License-Identifier: MIT */
/*
 * exit_check.c - the last look for frees that went wrong
 *
 * At the end of a program, what the sheaves hold must be out of the slabs, each object once.
 *
 * Locks:  barn.lock and list_lock, tried, of a class at a time.
 */
#include "base/check.h"
#include "slab/internal.h"
#include "slab/sheaf.h"

/* Where free objects of one class lie; racy for the sheaves of other threads. */
struct place {
	void **objects;
	unsigned int nr;
	struct cursor *cursor; /* of another thread, or NULL */
	void **cur;	       /* what it said */
};

#define MAX_PLACES 256 /* of a class; sheaves that lie deeper in a barn are not looked at */

struct places {
	unsigned int nr;
	struct place place[MAX_PLACES];
};
sparse struct places places_at_exit; /* too large for a stack */

racy_on_purpose static void add_place(struct places *all, struct slab_sheaf *sheaf, unsigned int nr,
				      struct cursor *cursor, void **cur)
{
	if (sheaf && nr && all->nr < MAX_PLACES)
		all->place[all->nr++] = (struct place){sheaf->objects, nr, cursor, cur};
}

/* Main of another thread, as long as its cursor is where a sheaf can be. */
racy_on_purpose static void add_main(struct places *all, struct task *t, unsigned int class)
{
	struct cursor *c = class_cursor(t, class);
	struct slab_sheaf *main = t->pcs[class].main;
	void **cur = READ_ONCE(c->cur);

	if (!main)
		return;
	if (!t->cursors_on)
		add_place(all, main, MIN(main->size, main->capacity), NULL, NULL);
	else if (cur > main->objects && cur <= main->objects + main->capacity)
		add_place(all, main, (unsigned int)(cur - main->objects), c, cur);
}

racy_on_purpose static void gather(struct task *self, unsigned int class, struct kmem_cache_node *n,
				   struct places *all)
{
	struct list_head *pos;

	all->nr = 0;
	for_each_barn (n, barn) {
		list_for_each (pos, &barn->full) {
			struct slab_sheaf *sheaf = list_entry(pos, struct slab_sheaf, barn_list);

			add_place(all, sheaf, sheaf->size, NULL, NULL);
		}
	}
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next) {
		struct slab_sheaf *spare = t->pcs[class].spare;

		if (READ_ONCE(t->state) != TASK_LIVE || t->mm.node != self->mm.node)
			continue;
		add_main(all, t, class);
		if (spare)
			add_place(all, spare, MIN(spare->size, spare->capacity), NULL, NULL);
	}
}

/* Nobody has allocated or freed in between: what was seen is so. */
racy_on_purpose static bool still_so(const struct places *all)
{
	for (unsigned int i = 0; i < all->nr; i++)
		if (all->place[i].cursor &&
		    READ_ONCE(all->place[i].cursor->cur) != all->place[i].cur)
			return false;
	return true;
}

racy_on_purpose static const char *what_is_wrong(const struct kmem_cache *s, const void *obj)
{
	struct page *slab = find_slab(obj);
	unsigned int index;

	if (!slab || slab->cache != s)
		return "double free";
	index = obj_to_index(s, slab, obj);
	if (slab_object(s, slab, index) != obj)
		return "invalid free into the middle";
	if (!(slab->bits[index / 64] >> (index % 64) & 1))
		return "double free";
	slab->bits[index / 64] ^= 1ul << (index % 64); /* seen; restore() puts it back */
	return NULL;
}

/* Under the locks of the barns and of the slabs. */
racy_on_purpose static void check_places(const struct kmem_cache *s, const struct places *all)
{
	const char *wrong = NULL;
	const void *bad = NULL;

	for (unsigned int p = 0; p < all->nr && !wrong; p++) {
		for (unsigned int i = 0; i < all->place[p].nr && !wrong; i++) {
			bad = all->place[p].objects[i];
			wrong = what_is_wrong(s, bad);
		}
	}
	if (wrong && still_so(all))
		bug_report("free(%p): %s of an object of %s", bad, wrong, s->name);
}

/* The slabs' bits as they were: every free object in a sheaf is out of its slab. */
racy_on_purpose static void restore(const struct kmem_cache *s, const struct places *all)
{
	for (unsigned int p = 0; p < all->nr; p++) {
		for (unsigned int i = 0; i < all->place[p].nr; i++) {
			const void *obj = all->place[p].objects[i];
			struct page *slab = find_slab(obj);

			if (slab && slab->cache == s) {
				unsigned int index = obj_to_index(s, slab, obj);

				slab->bits[index / 64] |= 1ul << (index % 64);
			}
		}
	}
}

racy_on_purpose static void check_class(struct task *self, struct kmem_cache *s, struct places *all)
{
	struct kmem_cache_node *n = load_acquire(&s->node[self->mm.node]);

	if (!n || !barns_trylock(n))
		return;
	gather(self, s->class, n, all);
	if (all->nr && homes_trylock(s, n)) {
		check_places(s, all);
		restore(s, all);
		homes_unlock(n);
	}
	barns_unlock(n);
}

/**
 * slab_check_at_exit - look for frees that went wrong and were not flushed yet
 *
 * The hit path does not look at the objects it takes back.  A program that frees one twice and
 * ends normally is told here at the latest.  Threads that still run are looked at as they are.
 */
racy_on_purpose void slab_check_at_exit(void)
{
	struct task *task = current_task();
	struct slow slow;

	if (!task)
		return;
	slow_enter_free(&slow);
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES && !slow.nested; c++)
		check_class(task, &kmalloc_caches[c], &places_at_exit);
	slow_leave(&slow);
}
