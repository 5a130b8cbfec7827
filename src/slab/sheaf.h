/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_SLAB_SHEAF_H
#define BUDDY_SLAB_SHEAF_H
/*
 * sheaf.h - a thread's sheaves, for the files of src/slab
 */
#include "slab/internal.h"

#pragma GCC visibility push(hidden)

/* pcs.c */
void *pcs_alloc(struct task *task, struct kmem_cache *s, struct pcs *p, struct slow *slow);
bool pcs_free(struct task *task, struct kmem_cache *s, struct pcs *p, void *obj, struct slow *slow);
void pcs_empty(struct task *task, struct kmem_cache *s, struct pcs *p);
void *pcs_pop(struct task *task, struct kmem_cache *s, struct pcs *p);
void pcs_flush(struct task *task, struct kmem_cache *s, struct pcs *p);

/* pcs_adapt.c */
void pcs_count_miss(const struct kmem_cache *s, struct pcs *p);
void pcs_forget(struct pcs *p);
bool pcs_is_early_alloc(const struct kmem_cache *s, struct pcs *p);
bool pcs_is_early_free(struct pcs *p);
unsigned int pcs_refill_objects(const struct kmem_cache *s, const struct slab_sheaf *sheaf,
				const struct pcs *p);
bool pcs_looks_elsewhere(const struct kmem_cache *s, const struct slab_home *home, struct pcs *p);

#define SWAPS_FOR_MISS 32

/* A swap costs some 20 ns, which a larger sheaf would save as well. */
static inline void pcs_count_swap(const struct kmem_cache *s, struct pcs *p)
{
	if (++p->swaps > SWAPS_FOR_MISS)
		pcs_count_miss(s, p);
}

/*
 * A thread that leaves one full sheaf after the other and takes none, as a consumer or a collector
 * of garbage does, will not ask for what is in a second one, and it is missing where objects are
 * asked for.  So there is a spare only since the thread last took objects, and for so many sheaves
 * that it left: node has 0.96 of the memory at its peak.
 */
#define LEAVES_MAX 8

static inline bool pcs_only_frees(const struct pcs *p)
{
	return !p->leaves;
}

/* It asks for an object that is not at hand. */
static inline void pcs_count_ask(struct pcs *p)
{
	p->leaves = LEAVES_MAX;
}

/* It is about to leave a full sheaf. */
static inline void pcs_count_left(struct pcs *p)
{
	if (p->taken)
		p->taken--;
	if (p->leaves)
		p->leaves--;
}

/* foreign.c */
/* Does each thread have a home of its own?  One is often idle: who started the others. */
static inline bool homes_differ(void)
{
	u32 tasks = READ_ONCE(nr_tasks);

	return tasks > 1 && tasks <= nr_homes + 1;
}
bool is_foreign(const struct slab_sheaf *sheaf);
bool is_strange(const struct kmem_cache *s, struct kmem_cache_node *n, struct pcs *p,
		const struct slab_sheaf *sheaf);

/* task.c */
bool task_add_pcs_chunk(struct task *task, unsigned int chunk);

#pragma GCC visibility pop

#endif
