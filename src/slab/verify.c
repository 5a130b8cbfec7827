/* SPDX-License-Identifier: MIT */
/*
 * verify.c - are slabs, bitmaps, lists and barns what they claim to be?
 *
 * Reports begin with a number, as those of mm/verify.c: I-22 and I-24 counts and lists of slabs,
 * I-27 barns and the sheaves in them, I-29 slab pages; of what threads have at hand I-26 sheaves
 * and the objects in them, and their page sets.  A thread in a slow path just then is passed by.
 */
#include "base/check.h"
#include "slab/internal.h"

static int bad_slab(const struct kmem_cache *s, const struct page *slab, const char *what)
{
	bug_warn("verify: %s: cache %s slab %p inuse %u of %u", what, s->name, page_address(slab),
		 slab->inuse, slab->objects);
	return 1;
}

static int check_slab(const struct kmem_cache *s, const struct page *slab)
{
	int bad = 0;
	u8 expected;

	if (page_type(slab) != PAGE_SLAB || slab->cache != s || page_order(slab) != s->order)
		return bad_slab(s, slab, "I-29 page of a slab");
	expected = slab_map_value(s, slab);
	for (u64 i = 0; i < (u64)1 << s->order; i++)
		if (page_map_get((char *)page_address(slab) + (i << PAGE_SHIFT)) != expected)
			bad += bad_slab(s, slab, "I-29 page map");
	if (slab_count_out(s, slab) != slab->inuse || slab->objects != s->objects)
		bad += bad_slab(s, slab, "I-22 bitmap and count");
	return bad;
}

/* What was found on lists of a home. */
struct listed {
	unsigned long slabs, inuse;
};

/* @bucket: which list of partial slabs; NR_PARTIAL_BUCKETS: that of empty ones */
static int check_list(const struct kmem_cache *s, const struct slab_home *home, unsigned int bucket,
		      struct listed *found)
{
	const struct list_head *list =
		bucket < NR_PARTIAL_BUCKETS ? &home->partial[bucket] : &home->empty;
	const struct page *slab;
	u32 punched = 0;
	int bad = 0;

	list_for_each_entry (slab, list, lru) {
		unsigned int where = slab->inuse ? slab_bucket(slab) : NR_PARTIAL_BUCKETS;

		bad += check_slab(s, slab);
		if (where != bucket || slab->inuse == slab->objects)
			bad += bad_slab(s, slab, "I-24 slab on the wrong list");
		if (page_home(slab) != home->index)
			bad += bad_slab(s, slab, "I-24 slab in the wrong home");
		if (punched & ~READ_ONCE(slab->state))
			bad += bad_slab(s, slab, "I-24 slab behind one that was punched");
		punched = READ_ONCE(slab->state) & PG_PUNCHED;
		found->inuse += slab->inuse;
		if (++found->slabs > 1u << 24)
			return bad + 1;
	}
	return bad;
}

static int verify_home(struct kmem_cache *s, struct slab_home *home)
{
	struct listed partial = {0}, empty = {0};
	unsigned long full;
	int bad = 0;

	home_lock(s, home, /* nowait= */ false);
	for (unsigned int i = 0; i < NR_PARTIAL_BUCKETS; i++)
		bad += check_list(s, home, i, &partial);
	bad += check_list(s, home, NR_PARTIAL_BUCKETS, &empty);
	if (partial.slabs != home->nr_partial || empty.slabs != home->nr_empty) {
		bug_warn("verify: I-24 cache %s: %lu partial is %lu, %lu empty is %lu", s->name,
			 home->nr_partial, partial.slabs, (unsigned long)home->nr_empty,
			 empty.slabs);
		bad++;
	}
	/* Full slabs are on no list, so that one of the two counts tells the other. */
	full = home->nr_slabs - partial.slabs - empty.slabs;
	if (home->inuse != partial.inuse + full * s->objects) {
		bug_warn("verify: I-22 cache %s: %lu slabs with %lu objects out, but %lu partial "
			 "with %lu and %lu empty",
			 s->name, home->nr_slabs, home->inuse, partial.slabs, partial.inuse,
			 empty.slabs);
		bad++;
	}
	spin_unlock(&home->list_lock);
	return bad;
}

/* Objects in @sheaf that are not of @s. */
static int count_strangers(const struct kmem_cache *s, const struct slab_sheaf *sheaf)
{
	int strangers = 0;

	for (unsigned int i = 0; i < MIN(sheaf->size, sheaf->capacity); i++) {
		const struct page *slab = slab_of(s, sheaf->objects[i]);

		strangers += page_type(slab) != PAGE_SLAB || slab->cache != s;
	}
	return strangers;
}

static int verify_barn(struct kmem_cache *s, struct barn *barn)
{
	const struct slab_sheaf *sheaf;
	u32 full = 0, empty = 0;
	int bad = 0;

	barn_lock(barn, /* nowait= */ false);
	list_for_each_entry (sheaf, &barn->full, barn_list) {
		full++;
		bad += count_strangers(s, sheaf);
		bad += !sheaf->size || sheaf->size > sheaf->capacity || sheaf->sentinel != NULL;
	}
	list_for_each_entry (sheaf, &barn->empty, barn_list) {
		empty++;
		bad += sheaf->size != 0;
	}
	bad += full != barn->nr_full || empty != barn->nr_empty;
	spin_unlock(&barn->lock);
	if (bad)
		bug_warn("verify: I-27 barn of %s: %u full, %u empty, %d wrong", s->name, full,
			 empty, bad);
	return bad;
}

static bool is_sheaf_of(const struct task *task, const struct slab_sheaf *sheaf)
{
	return sheaf_place(sheaf) == SHEAF_TASK && sheaf->owner == task->mm.id &&
	       sheaf_kind(sheaf) < NR_SHEAF_KINDS && sheaf->size <= sheaf->capacity &&
	       sheaf->capacity <= sheaf_kind_capacity(sheaf_kind(sheaf)) && !sheaf->sentinel;
}

/*
 * What a sheaf in a cursor holds only its thread knows, and if the cursor was disabled without a
 * fence nobody does.
 */
static int count_wrong(const struct kmem_cache *s, struct task *task, const struct slab_sheaf *main)
{
	const struct cursor *c = task_cursor(task, s);
	ptrdiff_t stray;

	if (c && !cursor_is_disabled(c, &stray))
		return main->barn_list.prev != NULL;
	return c && READ_ONCE(hit_fence_broken) ? 0 : count_strangers(s, main);
}

/* Under task.lock. */
static int verify_pcs(const struct kmem_cache *s, struct task *task, const struct pcs *p)
{
	const struct slab_sheaf *main = p->main, *spare = p->spare;
	int bad = spare && (!main || main == spare);

	if (main)
		bad += !is_sheaf_of(task, main) || count_wrong(s, task, main);
	if (spare)
		bad += !is_sheaf_of(task, spare) || count_strangers(s, spare);
	if (bad)
		bug_warn("verify: I-26 sheaves of %s of task %u", s->name, task->mm.id);
	return bad;
}

/* A thread in a slow path just then is passed by.  Under slab_mutex. */
static int verify_task(struct task *task)
{
	const struct kmem_cache *s;
	int bad;

	if (!task_trylock_to_look(task))
		return 0;
	bad = pcp_verify(&task->mm);
	list_for_each_entry (s, &slab_caches, list) {
		/* Those of our own structures have no sheaves. */
		const struct pcs *p = s->metadata ? NULL : task_pcs(task, s);

		bad += p ? verify_pcs(s, task, p) : 0;
	}
	spin_unlock_unwaited(&task->lock);
	return bad;
}

/**
 * slab_verify - walk every cache and every thread
 * Return: the number of violations, each reported on stderr.
 */
int slab_verify(void)
{
	struct kmem_cache_node *n;
	struct kmem_cache *s;
	int bad = 0;

	spin_lock(&slab_mutex);
	list_for_each_entry (s, &slab_caches, list)
		for_each_kmem_cache_node (s, i, n) {
			for_each_barn (n, barn)
				bad += verify_barn(s, barn);
			for_each_home (n, home)
				bad += verify_home(s, home);
		}
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next)
		bad += verify_task(t);
	spin_unlock(&slab_mutex);
	return bad;
}
