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

	for (unsigned int w = 0; w < DIV_ROUND_UP(s->objects, 64u); w++)
		bits += (unsigned int)__builtin_popcountl(slab->bits[w]);
	if (page_type(slab) != PAGE_SLAB || slab->cache != s || page_order(slab) != s->order)
		return bad_slab(s, slab, "I-29 page of a slab");
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
		unsigned int where = slab->inuse ? (unsigned int)slab->inuse * NR_PARTIAL_BUCKETS /
							   (slab->objects + 1u)
						 : NR_PARTIAL_BUCKETS;

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

static int verify_barn(struct kmem_cache *s, struct kmem_cache_node *n)
{
	struct list_head *pos;
	u32 full = 0, empty = 0;
	int bad = 0;

	spin_lock(&n->barn.lock);
	list_for_each (pos, &n->barn.full) {
		struct slab_sheaf *sheaf = list_entry(pos, struct slab_sheaf, barn_list);

		full++;
		for (unsigned int i = 0; i < sheaf->size; i++)
			bad += slab_of(s, sheaf->objects[i])->cache != s;
		bad += !sheaf->size || sheaf->size > sheaf->capacity || sheaf->sentinel != NULL;
	}
	list_for_each (pos, &n->barn.empty) {
		empty++;
		bad += list_entry(pos, struct slab_sheaf, barn_list)->size != 0;
	}
	bad += full != n->barn.nr_full || empty != n->barn.nr_empty;
	spin_unlock(&n->barn.lock);
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
			if (!s->node[i])
				continue;
			bad += verify_barn(s, s->node[i]);
			bad += verify_node(s, s->node[i]);
		}
	}
	spin_unlock(&slab_mutex);
	return bad;
}

/* ---- at exit: what the sheaves hold must be out of the slabs, each object once ---- */

static void check_once(const struct kmem_cache *s, const struct slab_sheaf *sheaf)
{
	for (unsigned int i = 0; i < sheaf->size; i++) {
		const void *obj = sheaf->objects[i];
		struct page *slab = slab_of(s, obj);
		unsigned int index = obj_to_index(s, slab, obj);
		unsigned long mask = 1ul << (index % 64);

		if (page_type(slab) != PAGE_SLAB || slab->cache != s)
			bug_report("free(%p): double free of an object of %s", obj, s->name);
		else if ((char *)page_address(slab) + (size_t)index * s->size != obj)
			bug_report("free(%p): invalid free into the middle of an object of %s", obj,
				   s->name);
		else if (!(slab->bits[index / 64] & mask))
			bug_report("free(%p): double free of an object of %s", obj, s->name);
		else
			slab->bits[index / 64] &= ~mask;
	}
}

static void restore(const struct kmem_cache *s, const struct slab_sheaf *sheaf)
{
	for (unsigned int i = 0; i < sheaf->size; i++) {
		const void *obj = sheaf->objects[i];
		struct page *slab = slab_of(s, obj);
		unsigned int index = obj_to_index(s, slab, obj);

		if (page_type(slab) == PAGE_SLAB && slab->cache == s)
			slab->bits[index / 64] |= 1ul << (index % 64);
	}
}

static void check_cache(struct task *task, struct kmem_cache *s)
{
	struct pcs *p = &task->pcs[s->class];
	struct kmem_cache_node *n = s->node[task->mm.node];
	struct list_head *pos;

	if (!n || (!p->main && !p->spare && !n->barn.nr_full))
		return;
	if (spin_trylock(&n->barn.lock) == LOCK_BUSY)
		return;
	if (spin_trylock(&n->list_lock) != LOCK_BUSY) {
		void (*const pass[2])(const struct kmem_cache *,
				      const struct slab_sheaf *) = {check_once, restore};

		pcs_detach(task, s, p);
		for (int i = 0; i < 2; i++) {
			if (p->main)
				pass[i](s, p->main);
			if (p->spare)
				pass[i](s, p->spare);
			list_for_each (pos, &n->barn.full)
				pass[i](s, list_entry(pos, struct slab_sheaf, barn_list));
		}
		pcs_attach(task, s, p);
		spin_unlock(&n->list_lock);
	}
	spin_unlock(&n->barn.lock);
}

/**
 * slab_check_at_exit - look for frees that went wrong and were not flushed yet
 *
 * The hit path does not look at the objects it takes back.  A program that frees one twice and
 * ends normally is told here at the latest.
 */
void slab_check_at_exit(void)
{
	struct task *task = current_task();
	struct slow slow;

	if (!task)
		return;
	slow_enter_free(&slow);
	if (!slow.nested && task_trylock(task)) {
		for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++)
			check_cache(task, &kmalloc_caches[c]);
		spin_unlock(&task->lock);
	}
	slow_leave(&slow);
}
