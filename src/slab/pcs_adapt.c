/* SPDX-License-Identifier: MIT */
/*
 * pcs_adapt.c - what a thread does with a cache, and what it is given for that
 *
 *   misses, swaps of the two      how large its next sheaf is
 *   the first calls               whether it has sheaves yet; how much the first one holds
 *   sheaves taken and left        whether it takes other CPUs' sheaves, and has a spare
 *
 * Linux:  none; there the capacity of a sheaf is the cache's, whoever uses it.
 * Locks:  task.lock
 */
#include "platform/os.h"
#include "slab/internal.h"
#include "slab/pcs.h"

#define MISS_TICK_MS 4 /* the resolution of the coarse clock */
#define MISSES_TO_GROW 4

/*
 * A thread that misses often within a tick gets a larger sheaf next.  A miss costs some 100 ns, so
 * at a lower rate a larger sheaf would save nothing, and hold more memory.  The smallest kind grows
 * whatever the time.  The clock is read at every fourth miss only: it costs a fifth of a miss, and
 * 72 KiB in a program that reads no clock otherwise.
 */
void pcs_count_miss(const struct kmem_cache *s, struct pcs *p)
{
	u8 tick;

	p->used = true;
	p->swaps = 0;
	if (++p->misses <= MISSES_TO_GROW)
		return;
	p->misses = 1;
	if (p->kind >= sheaf_kind_max(s))
		return;
	if (p->kind) {
		tick = (u8)(os_clock_ms() / MISS_TICK_MS);
		if (tick != p->tick) {
			p->tick = tick;
			return;
		}
	}
	p->kind++;
}

/*
 * Most threads that touch a class do so a few times, and what their sheaves hold unused is missing
 * elsewhere.  With many more threads than run at a time that adds up: a thousand that had one
 * object of each class and slept held 285 KiB each until reclaim came by, and 75 since.  With few
 * threads containers would take 1.06 times the memory: slabs would become empty, go back and be
 * made again elsewhere.
 */
#define MANY_THREADS 4 /* for each barn: one of a CPU, up to 16 */
#define EARLY_ALLOCS 4
#define EARLY_ALLOC_SIZE 2048 /* 128: 50 KiB; threads of 400 blocks take 1.1 times as long */

static bool threads_are_many(void)
{
	return READ_ONCE(nr_tasks) > MANY_THREADS * nr_barns;
}

/*
 * There is no main.  Is the object to come straight from a slab?  So it is for a thread's first
 * large objects while threads are many.
 */
bool pcs_is_early_alloc(const struct kmem_cache *s, struct pcs *p)
{
	if (s->size < EARLY_ALLOC_SIZE || p->early_allocs == EARLY_ALLOCS || !threads_are_many())
		return false;
	p->early_allocs++;
	return true;
}

#define EARLY_FREES 4

/*
 * There is no main.  Is the object to go straight to its slab?  A thread's first frees are likely
 * of what another thread handed it, and lie among that one's objects: better not to use them here.
 */
bool pcs_is_early_free(struct pcs *p)
{
	if (p->early_frees == EARLY_FREES)
		return false;
	p->early_frees++;
	return true;
}

#define FIRST_REFILL_BYTES (8 * KiB) /* of objects, on the first miss within a tick */
#define FIRST_REFILL_BYTES_MANY (2 * KiB)

/* How many objects to fill @sheaf with: on its first miss a thread is given few large ones. */
unsigned int pcs_refill_objects(const struct kmem_cache *s, const struct slab_sheaf *sheaf,
				const struct pcs *p)
{
	size_t bytes = threads_are_many() ? FIRST_REFILL_BYTES_MANY : FIRST_REFILL_BYTES;
	unsigned int few = (unsigned int)MAX(bytes / s->size, 1u);

	return p->misses > 1 || few > sheaf->capacity ? sheaf->capacity : few;
}

#define TAKEN_MAX 255
#define TAKEN_BY_BURSTS 192	/* a thread with more to its name takes more than it leaves */
#define NEW_BYTES_MAX (8 * KiB) /* in the smallest sheaves, while others have left full ones */

/*
 * The own barn has no full sheaf.  Look into those of other CPUs?  A thread that leaves as many as
 * it takes had better get its own memory back from the slabs than what lies in another CPU's cache.
 * If its home has no slabs to take from either, even a little new memory is better than another's.
 */
bool pcs_looks_elsewhere(const struct kmem_cache *s, const struct slab_home *home, struct pcs *p)
{
	unsigned int enough = TAKEN_BY_BURSTS;

	if (p->taken < TAKEN_MAX)
		p->taken++;
	if (!READ_ONCE(home->nr_partial) && !READ_ONCE(home->nr_empty))
		enough = MIN(NEW_BYTES_MAX / (sheaf_kind_capacity(0) * s->size), enough);
	return p->taken > enough;
}

/* The thread has nothing of the cache any more, and begins anew. */
void pcs_forget(struct pcs *p)
{
	p->kind = 0;
	p->misses = 0;
	p->tick = 0;
	p->swaps = 0;
	p->early_allocs = 0;
	p->early_frees = 0;
	p->taken = 0;
	p->leaves = 0;
	p->strange = 0;
}
