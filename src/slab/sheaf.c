/* SPDX-License-Identifier: MIT */
/*
 * sheaf.c - arrays of free objects, of five lengths, each from a cache of its own
 *
 * They come straight from slabs: sheaves of sheaves would need sheaves.
 *
 * Linux:  alloc_empty_sheaf(), free_empty_sheaf(), which use kmalloc.
 */
#include "base/check.h"
#include "slab/internal.h"
#include <string.h>

static struct kmem_cache sheaf_caches[NR_SHEAF_KINDS];
static struct kmem_cache_node sheaf_nodes[NR_SHEAF_KINDS];

/* So a sheaf that was taken from its slab but is not made yet says that it is empty. */
static void sheaf_ctor(void *obj)
{
	memset(obj, 0, offsetof(struct slab_sheaf, objects));
}

void sheaf_caches_init(void)
{
	static const char *const names[NR_SHEAF_KINDS] = {"sheaf-12", "sheaf-28", "sheaf-60",
							  "sheaf-124", "sheaf-252"};

	for (unsigned int k = 0; k < NR_SHEAF_KINDS; k++) {
		struct kmem_cache *s = &sheaf_caches[k];

		init_boot_cache(s, &sheaf_nodes[k], names[k], SHEAF_BYTES_MIN << k);
		s->one_home = false;
		s->ctor = sheaf_ctor;
		s->zero_is_constructed = true;
	}
}

struct kmem_cache *sheaf_cache(unsigned int kind)
{
	return &sheaf_caches[kind];
}

/* The kind of sheaf that holds all of s->capacity. */
unsigned int sheaf_kind_max(const struct kmem_cache *s)
{
	unsigned int kind = 0;

	while (kind + 1 < NR_SHEAF_KINDS && sheaf_kind_capacity(kind) < s->capacity)
		kind++;
	return kind;
}

/* An empty sheaf for @s, in transit, or NULL. */
struct slab_sheaf *sheaf_alloc(struct kmem_cache *s, unsigned int kind, struct slow *slow)
{
	struct slab_sheaf *sheaf;
	void *obj;

	if (!slab_take(&sheaf_caches[kind], 0, &obj, 1, /* exact= */ true, 0, slow))
		return NULL;
	sheaf = obj;
	sheaf->owner = task_id();
	sheaf->size = 0;
	sheaf->capacity = (u8)MIN(sheaf_kind_capacity(kind), s->capacity);
	sheaf->sentinel = NULL;
	sheaf->kind_place = (u8)(kind << 4 | SHEAF_TRANSIT);
	return sheaf;
}

/* @sheaf is empty and in transit. */
void sheaf_free(struct slab_sheaf *sheaf)
{
	void *obj = sheaf;

	VM_BUG_ON(sheaf->size || sheaf_place(sheaf) != SHEAF_TRANSIT);
	slab_give(&sheaf_caches[sheaf_kind(sheaf)], &obj, 1);
}
