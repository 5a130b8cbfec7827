/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_SLAB_PCS_H
#define BUDDY_SLAB_PCS_H
/*
 * pcs.h - what a thread has of each cache: for the files of src/slab
 */
#include "slab/internal.h"

#pragma GCC visibility push(hidden)

/* pcs.c */
struct slab_sheaf *pcs_detach(struct task *task, const struct kmem_cache *s, struct pcs *p);
void pcs_attach(struct task *task, const struct kmem_cache *s, struct pcs *p);
struct pcs *task_pcs_made(struct task *task, const struct kmem_cache *s);
void *pcs_alloc(struct task *task, struct kmem_cache *s, struct pcs *p, struct slow *slow);
bool pcs_free(struct task *task, struct kmem_cache *s, struct pcs *p, void *obj, struct slow *slow);
void pcs_empty(struct task *task, struct kmem_cache *s, struct pcs *p);
size_t pcs_pop(struct task *task, struct kmem_cache *s, struct pcs *p, size_t nr, void **objs);
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

/* A swap costs some 20 ns, which a larger sheaf would save too. */
static inline void pcs_count_swap(const struct kmem_cache *s, struct pcs *p)
{
	if (++p->swaps > SWAPS_FOR_MISS)
		pcs_count_miss(s, p);
}

/*
 * A thread that leaves one full sheaf after another and takes none, as a consumer or a garbage
 * collector does, will not ask for what lies in a second one, where others miss it.  So a thread
 * has a spare only until it has left this many full sheaves since it last asked for an object: node
 * has 0.96 of the memory at its peak.
 */
#define LEAVES_MAX 8

static inline bool pcs_only_frees(const struct pcs *p)
{
	return !p->leaves;
}

/* The thread asks for an object that it has not at hand. */
static inline void pcs_count_ask(struct pcs *p)
{
	p->leaves = LEAVES_MAX;
}

/* The thread is about to leave a full sheaf. */
static inline void pcs_count_left(struct pcs *p)
{
	if (p->taken)
		p->taken--;
	if (p->leaves)
		p->leaves--;
}

/* foreign.c */
/* Does each thread have a home of its own, or all but one?  That one often only starts the rest. */
static inline bool homes_differ(void)
{
	u32 tasks = READ_ONCE(nr_tasks);

	return tasks > 1 && tasks <= nr_homes + 1;
}
bool is_foreign(const struct slab_sheaf *sheaf);
bool is_strange(const struct kmem_cache *s, struct kmem_cache_node *n, struct pcs *p,
		const struct slab_sheaf *sheaf);

/* task.c */
void task_add_pcs_chunk(struct task *task, unsigned int chunk);
void pcs_chunk_reset(struct pcs_chunk *chunk);

/*
 * What a thread has of caches that lie side by side: all of malloc's, or a chunk of the program's.
 */
struct pcs_row {
	struct pcs *pcs;       /* of the first cache; NULL: there are no more rows */
	struct cursor *cursor; /* likewise */
	unsigned int nr;       /* caches, up to PCS_ROW_MAX */
	int chunk;	       /* index in task->ext; -1: malloc's */
};
#define PCS_ROW_MAX 64
static_assert(NR_KMALLOC_CLASSES <= PCS_ROW_MAX && PCS_CHUNK <= PCS_ROW_MAX, "a bit for each");

static inline struct pcs_row first_row(struct task *task)
{
	return (struct pcs_row){task->pcs, class_cursor(task, 0), NR_KMALLOC_CLASSES, -1};
}

static inline struct pcs_row chunk_row(const struct task *task, int i)
{
	struct pcs_chunk *chunk = READ_ONCE(task->ext[i]);

	return chunk ? (struct pcs_row){chunk->pcs, chunk->cursor, PCS_CHUNK, i}
		     : (struct pcs_row){.chunk = i};
}

/* Few programs have caches of their own, and the others should not touch 2 KiB of table. */
static inline struct pcs_row next_row(const struct task *task, struct pcs_row row)
{
	int i = row.chunk;

	row.pcs = NULL;
	while (READ_ONCE(slab_caches_made) && ++i < PCS_CHUNKS && !row.pcs)
		row = chunk_row(task, i);
	return row;
}

/* Every row of @t. */
#define for_each_row(t, row)                                                                       \
	for (struct pcs_row row = first_row(t); row.pcs; row = next_row(t, row))

/* The cache at @i of @row; NULL: the program has destroyed it, and nothing is left of it. */
static inline struct kmem_cache *row_cache(const struct pcs_row *row, unsigned int i)
{
	return row->chunk < 0 ? &kmalloc_caches[i] : cache_by_id((u32)row->chunk * PCS_CHUNK + i);
}

#pragma GCC visibility pop

#endif
