/* SPDX-License-Identifier: MIT */
/*
 * verify.c - are slabs, bitmaps, lists and sheaves what they claim to be?
 *
 * Numbers as in the kernel map: I-22 and I-24 counts and lists of slabs, I-26 and I-27 sheaves
 * and barns, I-29 slab pages.
 */
#include "base/check.h"
#include "slab/internal.h"
#include "slab/sheaf.h"

static int bad_slab(const struct kmem_cache *s, const struct page *slab, const char *what)
{
	bug_warn("verify: %s: cache %s slab %p inuse %u of %u", what, s->name, page_address(slab),
		 slab->inuse, slab->objects);
	return 1;
}

static int check_slab(const struct kmem_cache *s, const struct page *slab)
{
	unsigned int bits = 0;
	int bad = 0;
	u8 expected;

	for (unsigned int w = 0; w < DIV_ROUND_UP(s->objects, 64u); w++)
		bits += (unsigned int)__builtin_popcountl(slab->bits[w]);
	if (page_type(slab) != PAGE_SLAB || slab->cache != s || page_order(slab) != s->order)
		return bad_slab(s, slab, "I-29 page of a slab");
	expected = slab_map_value(s, slab);
	for (u64 i = 0; i < (u64)1 << s->order; i++)
		if (page_map_get((char *)page_address(slab) + (i << PAGE_SHIFT)) != expected)
			bad += bad_slab(s, slab, "I-29 page map");
	if (bits != slab->inuse || slab->objects != s->objects)
		bad += bad_slab(s, slab, "I-22 bitmap and count");
	return bad;
}

static int check_list(const struct kmem_cache *s, const struct list_head *list, unsigned int bucket,
		      unsigned long *ret_n)
{
	const struct list_head *pos;
	int bad = 0;

	list_for_each (pos, list) {
		const struct page *slab = container_of(pos, struct page, lru);
		unsigned int where = slab->inuse ? slab_bucket(slab) : NR_PARTIAL_BUCKETS;

		bad += check_slab(s, slab);
		if (where != bucket || slab->inuse == slab->objects)
			bad += bad_slab(s, slab, "I-24 slab on the wrong list");
		if (++*ret_n > 1u << 24)
			return bad + 1;
	}
	return bad;
}

static int verify_node(struct kmem_cache *s, struct kmem_cache_node *n)
{
	unsigned long partial = 0, empty = 0;
	int bad = 0;

	node_lock(s, n);
	for (unsigned int i = 0; i < NR_PARTIAL_BUCKETS; i++)
		bad += check_list(s, &n->partial[i], i, &partial);
	bad += check_list(s, &n->empty, NR_PARTIAL_BUCKETS, &empty);
	if (partial != n->nr_partial || empty != n->nr_empty) {
		bug_warn("verify: I-24 cache %s: %lu partial is %lu, %lu empty is %lu", s->name,
			 n->nr_partial, partial, (unsigned long)n->nr_empty, empty);
		bad++;
	}
	spin_unlock(&n->list_lock);
	return bad;
}

static int verify_barn(struct kmem_cache *s, struct barn *barn)
{
	struct list_head *pos;
	u32 full = 0, empty = 0;
	int bad = 0;

	barn_lock(barn, /* nowait= */ false);
	list_for_each (pos, &barn->full) {
		struct slab_sheaf *sheaf = list_entry(pos, struct slab_sheaf, barn_list);

		full++;
		for (unsigned int i = 0; i < MIN(sheaf->size, sheaf->capacity); i++)
			bad += slab_of(s, sheaf->objects[i])->cache != s;
		bad += !sheaf->size || sheaf->size > sheaf->capacity || sheaf->sentinel != NULL;
	}
	list_for_each (pos, &barn->empty) {
		empty++;
		bad += list_entry(pos, struct slab_sheaf, barn_list)->size != 0;
	}
	bad += full != barn->nr_full || empty != barn->nr_empty;
	spin_unlock(&barn->lock);
	if (bad)
		bug_warn("verify: I-27 barn of %s: %u full, %u empty, %d wrong", s->name, full,
			 empty, bad);
	return bad;
}

/**
 * slab_verify - walk every cache
 * Return: the number of violations, each reported on stderr.
 */
int slab_verify(void)
{
	struct list_head *pos;
	int bad = 0;

	spin_lock(&slab_mutex);
	list_for_each (pos, &slab_caches) {
		struct kmem_cache *s = list_entry(pos, struct kmem_cache, list);

		for (int i = 0; i < topology.nr_nodes; i++) {
			struct kmem_cache_node *n = load_acquire(&s->node[i]);

			if (!n)
				continue;
			for_each_barn (n, barn)
				bad += verify_barn(s, barn);
			bad += verify_node(s, n);
		}
	}
	spin_unlock(&slab_mutex);
	return bad;
}

/* ---- at exit: what the sheaves hold must be out of the slabs, each object once ---- */

/* Where free objects of one class lie; racy for the sheaves of other threads. */
struct place {
	void **objects;
	unsigned int nr;
	struct cursor *cursor; /* of another thread, or NULL */
	void **cur;	       /* what it said */
};

#define MAX_PLACES 256

struct places {
	struct place place[MAX_PLACES];
	unsigned int nr;
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
	if ((char *)page_address(slab) + (size_t)index * s->size != obj)
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
	if (all->nr && spin_trylock(&n->list_lock) != LOCK_BUSY) {
		check_places(s, all);
		restore(s, all);
		spin_unlock(&n->list_lock);
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
