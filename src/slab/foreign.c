/* SPDX-License-Identifier: MIT */
/*
 * foreign.c - memory of other homes in a thread's sheaves
 *
 * Where each thread has a home of its own, memory of another home lies among what another thread
 * uses, and the processor fetches lines ahead that this one writes to.  On CPUs that share no cache
 * two threads in bursts of 1600 took 1.3 to 1.7 times as long while a tenth of their pages was
 * mixed.
 *
 * Locks:  task.lock, of the thread whose sheaves they are.
 */
#include "slab/internal.h"
#include "slab/pcs.h"

/* Is the sheaf itself, an empty one, of another home's memory? */
bool is_foreign(const struct slab_sheaf *sheaf)
{
	struct kmem_cache *s = sheaf_cache(sheaf_kind(sheaf));

	return homes_differ() &&
	       page_home(slab_of(s, sheaf)) != own_home_hint(s, s->node[0])->index;
}

#define SAMPLES_FEW 4
#define SAMPLES_MANY 16

/* Look at a few objects of @sheaf, others each time; at more of them if some were found lately. */
static bool has_foreign_objects(const struct kmem_cache *s, struct kmem_cache_node *n,
				struct pcs *p, const struct slab_sheaf *sheaf)
{
	unsigned int own = own_home_hint(s, n)->index;
	unsigned int step = MAX(sheaf->size / (p->strange ? SAMPLES_MANY : SAMPLES_FEW), 1u);
	bool foreign = false;

	for (unsigned int i = p->looks / 2 % step; i < sheaf->size; i += step)
		foreign |= page_home(slab_of(s, sheaf->objects[i])) != own;
	return foreign;
}

#define STRANGE_COSTS 4 /* what one such sheaf adds to pcs.strange */
#define STRANGE_MAX 64
#define STRANGE_LOOKS 32 /* calls for each look while there are too many */

/*
 * Is @sheaf, a full one, to be given back to slabs for the objects of other homes in it?  In what a
 * thread leaves in its barn and fetches again they would stay for ever.  So they go back as long as
 * they are few.  A thread that is handed objects all the time leaves them in the barn, where the
 * one that hands them over finds them, and does not even look: their descriptors are in another
 * cache.
 */
set_apart bool is_strange(const struct kmem_cache *s, struct kmem_cache_node *n, struct pcs *p,
			  const struct slab_sheaf *sheaf)
{
	bool too_many = p->strange > STRANGE_MAX - STRANGE_COSTS;

	if (too_many && p->looks % STRANGE_LOOKS)
		return false;
	if (has_foreign_objects(s, n, p, sheaf)) {
		p->strange = (u8)MIN(p->strange + STRANGE_COSTS, STRANGE_MAX);
		return true;
	}
	/* Not for a spare, which may be the same one as before. */
	if (p->strange && sheaf == p->main)
		p->strange = (u8)(too_many ? STRANGE_MAX / 2 : p->strange - 1);
	return false;
}
