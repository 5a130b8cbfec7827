/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_SLAB_SHEAF_H
#define BUDDY_SLAB_SHEAF_H
/*
 * sheaf.h - a thread's sheaves, for the files of src/slab
 */
#include "slab/internal.h"

/* pcs.c */
void *pcs_alloc(struct task *task, struct kmem_cache *s, struct pcs *p, struct slow *slow);
bool pcs_free(struct task *task, struct kmem_cache *s, struct pcs *p, void *obj, struct slow *slow);
void pcs_empty(struct task *task, struct kmem_cache *s, struct pcs *p);
void *pcs_pop(struct task *task, struct kmem_cache *s, struct pcs *p);
void pcs_flush(struct task *task, struct kmem_cache *s, struct pcs *p);

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

#endif
