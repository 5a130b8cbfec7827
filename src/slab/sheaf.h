/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_SLAB_SHEAF_H
#define BUDDY_SLAB_SHEAF_H
/*
 * sheaf.h - a thread's sheaves, for the files of src/slab
 */
#include "slab/internal.h"

void *pcs_alloc(struct task *task, struct kmem_cache *s, struct pcs *p, struct slow *slow);
bool pcs_free(struct task *task, struct kmem_cache *s, struct pcs *p, void *obj, struct slow *slow);
void pcs_empty(struct task *task, struct kmem_cache *s, struct pcs *p);
bool task_add_pcs_chunk(struct task *task, unsigned int chunk);

#endif
