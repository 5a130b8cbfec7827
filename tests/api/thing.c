/*
 * thing.c - something allocated from the API, and what is known about it
 */
#include "thing.h"

#include "claim.h"
#include "pattern.h"
#include "report.h"

#include <buddy/buddy.h>
#include <buddy/kernel.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LIVE_MAX ((size_t)300 << 20)
#define MAGIC UINT64_C(0x600dc0de600dc0de)
#define LARGEST_CLASS 32768

static atomic_size_t live;

/* ---- caches of every geometry ---- */

static void construct(void *object);

static const struct {
	const char *name;
	size_t size, align;
	slab_flags_t flags;
	void (*ctor)(void *);
} cache_specs[CACHES] = {
	{"tiny", 16, 16, 0, NULL},
	{"odd", 24, 0, 0, NULL}, /* neighbours share units of 16 bytes, so these are not claimed */
	{"line", 100, 0, SLAB_HWCACHE_ALIGN, NULL},
	{"made", 256, 0, 0, construct},
	{"wide", 1008, 16, 0, NULL},
	{"aligned", 3000, 1024, 0, NULL},
	{"huge", 70000, 16, 0, NULL},
};

static struct kmem_cache *caches[CACHES];

/* What a constructed object looks like while nobody has it: the magic, then zeros. */
static void construct(void *object)
{
	memset(object, 0, 256);
	*(uint64_t *)object = MAGIC;
}

void things_init(void)
{
	for (unsigned int i = 0; i < CACHES; i++) {
		caches[i] = kmem_cache_create(cache_specs[i].name, cache_specs[i].size,
					      cache_specs[i].align, cache_specs[i].flags,
					      cache_specs[i].ctor);
		if (!caches[i])
			fail("no cache %s", cache_specs[i].name);
	}
}

void things_end(void)
{
	for (unsigned int i = 0; i < CACHES; i++)
		kmem_cache_destroy(caches[i]);
}

struct kmem_cache *things_cache(unsigned int number)
{
	return caches[number];
}

unsigned int things_cache_number(const char *name)
{
	unsigned int i = 0;

	while (i < CACHES && strcmp(name, cache_specs[i].name))
		i++;
	return i;
}

/* ---- requests ---- */

static gfp_t pick_gfp(struct rng *rng)
{
	static const gfp_t flags[] = {GFP_KERNEL, GFP_KERNEL, GFP_KERNEL,  GFP_KERNEL, GFP_ATOMIC,
				      GFP_NOWAIT, GFP_NOFS,   GFP_HIGHUSER_MOVABLE};
	gfp_t gfp = flags[rng_below(rng, 8)];

	return rng_one_in(rng, 4) ? gfp | __GFP_ZERO : gfp;
}

/* Only a request that may not wait may be refused while there is memory. */
static bool refused(const void *mem, gfp_t gfp, const char *call)
{
	if (mem)
		return false;
	if (gfp & __GFP_DIRECT_RECLAIM)
		fail("%s gave NULL", call);
	return true;
}

static int pick_node(struct rng *rng)
{
	return (int)rng_below(rng, (unsigned int)buddy_nr_nodes() + 1) - 1;
}

static size_t pick_size(struct rng *rng)
{
	unsigned int kind = rng_below(rng, 100);

	if (kind < 70)
		return 1 + rng_below(rng, 1100);
	if (kind < 90)
		return 1 + rng_below(rng, LARGEST_CLASS);
	if (kind < 99)
		return 1 + rng_below(rng, 1 << 20);
	return 1 + rng_below(rng, 12 << 20);
}

static void check_zero(const void *mem, size_t size, const char *call)
{
	size_t at = pattern_zero_check(mem, size);

	if (at != SIZE_MAX)
		fail("%s of %zu bytes at %p: byte %zu is not zero", call, size, mem, at);
}

static void check_aligned(const void *mem, size_t align, const char *call)
{
	if ((uintptr_t)mem % align)
		fail("%s: %p is not aligned to %zu", call, mem, align);
}

static void own(struct thing *t, struct rng *rng, enum thing_kind kind)
{
	t->kind = kind;
	t->fill = rng_next(rng);
	atomic_fetch_add_explicit(&live, t->room, memory_order_relaxed);
	claim(t->mem[0], t->room);
	pattern_fill(t->mem[0], t->size, t->fill);
}

static void disown(struct thing *t)
{
	size_t at = pattern_check(t->mem[0], t->size, t->size, t->fill);

	if (at != SIZE_MAX)
		fail("kind %d at %p: byte %zu of %zu has changed", (int)t->kind, t->mem[0], at,
		     t->size);
	unclaim(t->mem[0], t->room);
	atomic_fetch_sub_explicit(&live, t->room, memory_order_relaxed);
}

/* ---- kmalloc ---- */

static void *kmalloc_somehow(size_t size, gfp_t gfp, struct rng *rng)
{
	switch (rng_below(rng, 6)) {
	case 0:
		return kzalloc(size, gfp);
	case 1:
		return kmalloc_node(size, gfp, pick_node(rng));
	case 2:
		return kmalloc_array(1, size, gfp);
	case 3:
		return krealloc(NULL, size, gfp);
	default:
		return kmalloc(size, gfp);
	}
}

static void make_kmalloc(struct thing *t, struct rng *rng)
{
	gfp_t gfp = pick_gfp(rng);
	void *p;

	t->size = pick_size(rng);
	p = rng_one_in(rng, 12) ? malloc(t->size)
				: kmalloc_somehow(t->size, gfp & ~__GFP_ZERO, rng);
	if (gfp & __GFP_ZERO) {
		kfree(p);
		p = kcalloc(1, t->size, gfp);
	}
	if (refused(p, gfp, "kmalloc"))
		return;
	if (gfp & __GFP_ZERO)
		check_zero(p, t->size, "kmalloc");
	check_aligned(p, 16, "kmalloc");
	if (!(t->size & (t->size - 1)))
		check_aligned(p, t->size < PAGE_SIZE ? t->size : PAGE_SIZE, "kmalloc");
	t->mem[0] = p;
	t->room = ksize(p);
	if (t->room < t->size)
		fail("ksize of %zu bytes is %zu", t->size, t->room);
	own(t, rng, KMALLOC);
}

static void change_kmalloc(struct thing *t, struct rng *rng)
{
	size_t old = t->size, kept, at;
	uint64_t fill = t->fill;
	gfp_t gfp = pick_gfp(rng);
	void *p;

	disown(t);
	t->size = pick_size(rng);
	p = krealloc(t->mem[0], t->size, gfp);
	if (refused(p, gfp, "krealloc")) {
		t->size = old;
		p = t->mem[0];
	}
	kept = old < t->size ? old : t->size;
	at = pattern_check(p, old, kept, fill);
	if (at != SIZE_MAX)
		fail("krealloc from %zu to %zu bytes lost byte %zu", old, t->size, at);
	t->mem[0] = p;
	t->room = ksize(p);
	own(t, rng, KMALLOC);
}

static void free_kmalloc(struct thing *t, struct rng *rng)
{
	disown(t);
	if (rng_one_in(rng, 3))
		free(t->mem[0]);
	else if (rng_one_in(rng, 10))
		krealloc(t->mem[0], 0, GFP_KERNEL);
	else
		kfree(t->mem[0]);
}

/* ---- objects ---- */

static bool is_claimed(unsigned int number)
{
	return cache_specs[number].size % 16 == 0 || cache_specs[number].align >= 16 ||
	       cache_specs[number].flags;
}

static bool get_objects(struct thing *t, gfp_t gfp, struct rng *rng)
{
	struct kmem_cache *s = caches[t->number];

	if (t->nr > 1)
		return kmem_cache_alloc_bulk(s, gfp, t->nr, t->mem) == t->nr;
	switch (rng_below(rng, 3)) {
	case 0:
		t->mem[0] = kmem_cache_alloc_node(s, gfp, pick_node(rng));
		break;
	case 1:
		t->mem[0] = gfp & __GFP_ZERO ? kmem_cache_zalloc(s, gfp) : kmem_cache_alloc(s, gfp);
		break;
	default:
		t->mem[0] = kmem_cache_alloc(s, gfp);
	}
	return t->mem[0] != NULL;
}

static void take_object(const struct thing *t, unsigned int i, gfp_t gfp)
{
	size_t size = cache_specs[t->number].size, align = cache_specs[t->number].align;

	check_aligned(t->mem[i], cache_specs[t->number].flags ? 64 : align ? align : 8, "cache");
	if (is_claimed(t->number))
		claim(t->mem[i], size);
	if (cache_specs[t->number].ctor) {
		if (*(uint64_t *)t->mem[i] != MAGIC)
			fail("object %p is not as constructed", t->mem[i]);
		check_zero((char *)t->mem[i] + 8, size - 8, "constructed object");
	} else if (gfp & __GFP_ZERO) {
		check_zero(t->mem[i], size, "kmem_cache_alloc");
	}
	pattern_fill(t->mem[i], size, t->fill + i);
}

static void leave_object(const struct thing *t, unsigned int i)
{
	size_t size = cache_specs[t->number].size;
	size_t at = pattern_check(t->mem[i], size, size, t->fill + i);

	if (at != SIZE_MAX)
		fail("object %p of %s: byte %zu has changed", t->mem[i],
		     cache_specs[t->number].name, at);
	if (cache_specs[t->number].ctor)
		construct(t->mem[i]);
	if (is_claimed(t->number))
		unclaim(t->mem[i], size);
}

static void make_objects(struct thing *t, struct rng *rng)
{
	gfp_t gfp = pick_gfp(rng);

	t->number = rng_below(rng, CACHES);
	t->nr = rng_one_in(rng, 5) ? 2 + rng_below(rng, BULK_MAX - 1) : 1;
	if (cache_specs[t->number].ctor)
		gfp &= ~__GFP_ZERO;
	if (cache_specs[t->number].size > PAGE_SIZE)
		t->nr = 1;
	if (!get_objects(t, gfp, rng)) {
		refused(NULL, gfp, "kmem_cache_alloc");
		return;
	}
	t->kind = OBJECTS;
	t->fill = rng_next(rng);
	for (unsigned int i = 0; i < t->nr; i++)
		take_object(t, i, gfp);
}

static void free_objects(struct thing *t, struct rng *rng)
{
	for (unsigned int i = 0; i < t->nr; i++)
		leave_object(t, i);
	if (rng_one_in(rng, 2))
		kmem_cache_free_bulk(rng_one_in(rng, 2) ? caches[t->number] : NULL, t->nr, t->mem);
	else
		for (unsigned int i = 0; i < t->nr; i++)
			kmem_cache_free(caches[t->number], t->mem[i]);
}

/* ---- pages ---- */

static void make_pages(struct thing *t, struct rng *rng)
{
	gfp_t gfp = pick_gfp(rng);
	struct page *page;

	/* Small orders more often, since they take less memory. */
	t->order = rng_below(rng, 1 + rng_below(rng, MAX_PAGE_ORDER + 1));
	page = rng_one_in(rng, 2) ? alloc_pages(gfp, t->order)
				  : alloc_pages_node(pick_node(rng), gfp, t->order);
	if (refused(page, gfp, "alloc_pages"))
		return;
	t->mem[0] = page_address(page);
	t->size = t->room = PAGE_SIZE << t->order;
	check_aligned(t->mem[0], t->size, "alloc_pages");
	if (virt_to_page(t->mem[0]) != page)
		fail("virt_to_page(%p) is another page", t->mem[0]);
	if (gfp & __GFP_ZERO)
		check_zero(t->mem[0], t->size, "alloc_pages");
	own(t, rng, PAGES);
}

/* Another holder keeps the first page while the block is freed. */
static void hold_page(struct thing *t, struct rng *rng)
{
	struct page *page = virt_to_page(t->mem[0]);

	disown(t);
	get_page(page);
	__free_pages(page, t->order);
	t->size = t->room = PAGE_SIZE;
	own(t, rng, HELD_PAGE);
}

static void free_pages_somehow(struct thing *t, struct rng *rng)
{
	disown(t);
	if (rng_one_in(rng, 2))
		free_pages((unsigned long)t->mem[0], t->order);
	else
		__free_pages(virt_to_page(t->mem[0]), t->order);
}

static void make_exact(struct thing *t, struct rng *rng)
{
	gfp_t gfp = pick_gfp(rng);

	t->size = 1 + rng_below(rng, rng_one_in(rng, 20) ? 9 << 20 : 1 << 20);
	t->room = (t->size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
	t->mem[0] = rng_one_in(rng, 2) ? alloc_pages_exact(t->size, gfp)
				       : buddy_alloc_pages_exact_node(pick_node(rng), t->size, gfp);
	if (refused(t->mem[0], gfp, "alloc_pages_exact"))
		return;
	check_aligned(t->mem[0], PAGE_SIZE, "alloc_pages_exact");
	if (gfp & __GFP_ZERO)
		check_zero(t->mem[0], t->room, "alloc_pages_exact");
	own(t, rng, EXACT);
}

/* ---- any ---- */

void thing_make(struct thing *t, struct rng *rng)
{
	unsigned int kind = rng_below(rng, 100);

	if (atomic_load_explicit(&live, memory_order_relaxed) > LIVE_MAX)
		return;
	if (kind < 40)
		make_kmalloc(t, rng);
	else if (kind < 75)
		make_objects(t, rng);
	else if (kind < 92)
		make_pages(t, rng);
	else
		make_exact(t, rng);
}

void thing_change(struct thing *t, struct rng *rng)
{
	if (t->kind == KMALLOC)
		change_kmalloc(t, rng);
	else if (t->kind == PAGES)
		hold_page(t, rng);
}

void thing_free(struct thing *t, struct rng *rng)
{
	if (t->kind == KMALLOC) {
		free_kmalloc(t, rng);
	} else if (t->kind == OBJECTS) {
		free_objects(t, rng);
	} else if (t->kind == EXACT) {
		disown(t);
		free_pages_exact(t->mem[0], t->size);
	} else {
		free_pages_somehow(t, rng);
	}
	t->kind = NOTHING;
}

static bool is_direct(const void *mem)
{
	return buddy_node_of(mem) < 0;
}

void thing_count(const struct thing *t, struct tally *ret)
{
	if (t->kind == PAGES || t->kind == HELD_PAGE || t->kind == EXACT)
		ret->pages += t->room;
	else if (t->kind == KMALLOC && is_direct(t->mem[0]))
		ret->direct += t->room;
	else if (t->kind == KMALLOC && t->room > LARGEST_CLASS)
		ret->large += t->room + ((uintptr_t)t->mem[0] & (PAGE_SIZE - 1));
	for (unsigned int i = 0; t->kind == OBJECTS && i < t->nr; i++) {
		/* If every lock was held, an object has a mapping of its own. */
		if (is_direct(t->mem[i]))
			ret->direct += (cache_specs[t->number].size + PAGE_SIZE - 1) &
				       ~(PAGE_SIZE - 1);
		else
			ret->objects[t->number]++;
	}
}
