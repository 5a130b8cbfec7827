/* SPDX-License-Identifier: MIT */
/*
 * barn.c - the stores of full and empty sheaves that the threads of a node share
 *
 * A thread whose sheaves are both empty, or both full, swaps a whole sheaf here under one lock
 * hold, so the lock is paid once for a sheaf of objects.  A barn owns its sheaves, and looks inside
 * one only to see how the objects lie.
 *
 * Linux:  mm/slub.c, barn_*().  Differs in three ways.
 *         A node has a barn for each CPU.  Threads play the part of CPUs here, and there are more
 *         of them: a thread leaves sheaves in the barn of the CPU it runs on, and takes back what
 *         it left there last, or else what anyone did, which is in that CPU's cache.  Only a
 *         thread that takes more than it leaves, a producer, looks into other barns, and takes what
 *         was left there first (pcs.c).  With one barn for a node, whose sheaves went by thread,
 *         16 threads in bursts of 1600 on two CPUs that share no cache took 1.4 times as long.
 *         Sheaves are of several kinds and may be partly filled: threads that end leave theirs as
 *         they are.
 *         How many are kept goes by bytes: 256 KiB of objects, and one more for each that was given
 *         back and had to be filled again (barn_deepen()), until a zone would grow or a reclaim
 *         pass halves them.
 * Locks:  barn.lock, rank BARN, one at a time.  Nothing is allocated while it is held.
 */
#include "platform/os.h"
#include "slab/internal.h"

#define MAX_EMPTY 10 /* sheaves */

unsigned int nr_barns = 1;

static void barn_init(struct barn *barn)
{
	*barn = (struct barn){.lock = SPINLOCK_INIT(RANK_BARN)};
	list_init(&barn->full);
	list_init(&barn->empty);
}

/* @mem: nr_barns of struct barn, not initialised. */
void barns_init(struct kmem_cache_node *n, void *mem)
{
	n->barn = mem;
	for_each_barn (n, barn)
		barn_init(barn);
}

/* The barn of this CPU, or, where the system does not tell which it is, of this thread. */
static unsigned int own_index(void)
{
	int cpu = os_cpu_hint();

	return (cpu >= 0 ? (unsigned int)cpu : task_id()) & (nr_barns - 1);
}

static struct barn *own_barn(const struct kmem_cache_node *n)
{
	return &n->barn[own_index()];
}

static void relink(struct barn *barn, struct slab_sheaf *sheaf)
{
	if (sheaf_place(sheaf) == SHEAF_BARN_FULL) {
		list_add(&sheaf->barn_list, &barn->full);
		WRITE_ONCE(barn->nr_full, (u16)(barn->nr_full + 1));
	} else {
		list_add(&sheaf->barn_list, &barn->empty);
		WRITE_ONCE(barn->nr_empty, (u16)(barn->nr_empty + 1));
	}
}

static bool is_in(const struct slab_sheaf *sheaf, u32 barn_id)
{
	enum sheaf_place place = sheaf_place(sheaf);

	return (place == SHEAF_BARN_FULL || place == SHEAF_BARN_EMPTY) && sheaf->owner == barn_id;
}

/* Sheaves know their barn by its address: META_SPAN_MAX makes 32 bits enough. */
static u32 barn_id(const struct barn *barn)
{
	return (u32)((uintptr_t)barn / CACHE_LINE);
}

/* The lock's last owner was lost in a fork: find the sheaves by what they say of themselves. */
static slowpath void barn_rebuild(struct barn *barn)
{
	barn_init(barn);
	barn->lock.word = task_id() | spin_generation;
	for (u64 pfn = meta_zone.start_pfn; pfn < READ_ONCE(meta_zone.accept_pfn);) {
		struct page *slab = pfn_to_page(pfn);

		pfn += page_block_pages(slab);
		if (page_type(slab) != PAGE_SLAB)
			continue;
		for (unsigned int i = 0; i < slab->objects; i++) {
			struct slab_sheaf *sheaf = slab_object(slab->cache, slab, i);

			if (is_out(slab, i) && is_in(sheaf, barn_id(barn)))
				relink(barn, sheaf);
		}
	}
}

bool barn_lock(struct barn *barn, bool nowait)
{
	enum lock_result r = nowait ? spin_trylock(&barn->lock) : spin_lock(&barn->lock);

	if (unlikely(r == LOCK_STALE))
		barn_rebuild(barn);
	return r != LOCK_BUSY;
}

/* In a forked child: a lost thread may have been inside any of them, with the lock held. */
slowpath void barns_repair(struct kmem_cache_node *n)
{
	for_each_barn (n, barn)
		if (barn_lock(barn, /* nowait= */ true))
			spin_unlock(&barn->lock);
}

static void put_empty_locked(struct barn *barn, struct slab_sheaf *sheaf)
{
	sheaf_set_place(sheaf, SHEAF_BARN_EMPTY, barn_id(barn));
	relink(barn, sheaf);
}

static void put_full_locked(struct barn *barn, struct slab_sheaf *sheaf)
{
	sheaf->left_by = (u8)task_id();
	sheaf_set_place(sheaf, SHEAF_BARN_FULL, barn_id(barn));
	relink(barn, sheaf);
	stat_inc(barn->nr_put);
}

/* @nr: the count of the list that @sheaf is on.  Return: @sheaf, in this thread's hands. */
static struct slab_sheaf *take_out_locked(struct slab_sheaf *sheaf, u16 *nr)
{
	list_del(&sheaf->barn_list);
	WRITE_ONCE(*nr, (u16)(*nr - 1));
	sheaf_set_place(sheaf, SHEAF_TRANSIT, task_id());
	return sheaf;
}

/* The empty sheaf left last, which there is; NULL if it is of less than @kind. */
static struct slab_sheaf *take_empty_locked(struct barn *barn, unsigned int kind)
{
	struct slab_sheaf *sheaf = list_first_entry(&barn->empty, struct slab_sheaf, barn_list);

	return sheaf_kind(sheaf) < kind ? NULL : take_out_locked(sheaf, &barn->nr_empty);
}

/* The full sheaf left first, which there is. */
static struct slab_sheaf *take_coldest_locked(struct barn *barn)
{
	return take_out_locked(list_last_entry(&barn->full, struct slab_sheaf, barn_list),
			       &barn->nr_full);
}

#define OWN_LOOKS 8 /* sheaves looked at for one of this thread's own */

/*
 * The full sheaf that this thread left last, if it is among the latest; otherwise the latest. There
 * is one.
 *
 * Threads that take turns on a CPU would mix their objects otherwise, and each would use the pages
 * of all: 16 of them with 5000 blocks of 8 to 1000 bytes each took 1.2 times as long, since what
 * each used did not fit into the CPU's caches.
 */
static struct slab_sheaf *take_hottest_locked(struct barn *barn)
{
	struct slab_sheaf *hottest = list_first_entry(&barn->full, struct slab_sheaf, barn_list);
	struct slab_sheaf *sheaf;
	u8 own = (u8)task_id();
	int looks = OWN_LOOKS;

	list_for_each_entry (sheaf, &barn->full, barn_list) {
		if (sheaf->left_by == own) {
			hottest = sheaf;
			break;
		}
		if (!--looks)
			break;
	}
	return take_out_locked(hottest, &barn->nr_full);
}

/* A full sheaf of @barn for @empty (may be NULL), or NULL with @empty still the caller's. */
static struct slab_sheaf *exchange(struct barn *barn, struct slab_sheaf *empty, bool coldest)
{
	struct slab_sheaf *full = NULL;

	if (!READ_ONCE(barn->nr_full))
		return NULL;
	barn_lock(barn, /* nowait= */ false);
	if (barn->nr_full) {
		full = coldest ? take_coldest_locked(barn) : take_hottest_locked(barn);
		if (empty)
			put_empty_locked(barn, empty);
		stat_inc(barn->nr_get);
	}
	spin_unlock(&barn->lock);
	return full;
}

/**
 * barn_get_full - take a full sheaf from the barn of this CPU: see take_hottest_locked()
 * @empty: an empty one to leave for it; may be NULL
 *
 * Return: the full sheaf, or NULL with @empty still the caller's.
 */
struct slab_sheaf *barn_get_full(const struct kmem_cache *s, struct kmem_cache_node *n,
				 struct slab_sheaf *empty)
{
	struct slab_sheaf *full = exchange(own_barn(n), empty, /* coldest= */ false);

	if (!full)
		stat_inc(own_home_hint(s, n)->barn_miss);
	return full;
}

/**
 * barn_get_full_elsewhere - the same from the barns of other CPUs: what was left there first
 *
 * What was left last lies in those CPUs' caches, among objects that their threads use.
 */
struct slab_sheaf *barn_get_full_elsewhere(struct kmem_cache_node *n, struct slab_sheaf *empty)
{
	unsigned int own = own_index();
	struct slab_sheaf *full = NULL;

	for (unsigned int i = 1; i < nr_barns && !full; i++)
		full = exchange(&n->barn[(own + i) & (nr_barns - 1)], empty, /* coldest= */ true);
	return full;
}

/* The empty sheaf left last here, of whatever kind, or NULL. */
struct slab_sheaf *barn_get_empty(struct kmem_cache_node *n)
{
	struct barn *barn = own_barn(n);
	struct slab_sheaf *sheaf = NULL;

	if (!READ_ONCE(barn->nr_empty))
		return NULL;
	barn_lock(barn, /* nowait= */ false);
	if (barn->nr_empty)
		sheaf = take_empty_locked(barn, 0);
	spin_unlock(&barn->lock);
	return sheaf;
}

#define ROW_SAMPLES 16
#define SCATTERED_SIZE 256 /* objects from here on share neither lines nor much of a page */

/* Do at least three in four of the objects looked at lie within @reach bytes of the next? */
static bool lies_near(const struct kmem_cache *s, const struct slab_sheaf *sheaf, uintptr_t reach)
{
	unsigned int step = MAX(sheaf->size / ROW_SAMPLES, 1u), near = 0, looked = 0;

	if (s->size >= SCATTERED_SIZE)
		return true;
	for (unsigned int i = 0; i + 1u < sheaf->size; i += step, looked++) {
		uintptr_t distance =
			(uintptr_t)sheaf->objects[i + 1] - (uintptr_t)sheaf->objects[i];

		near += distance + reach <= 2 * reach;
	}
	return near * 4 >= looked * 3;
}

/*
 * Do its objects lie beside each other?  Then the sheaf is worth keeping.  Scattered objects are
 * better off in their slabs, out of which they come in address order: python3 took 1.1 times as
 * long when deep barns kept such sheaves too.
 */
static bool lies_in_rows(const struct kmem_cache *s, const struct slab_sheaf *sheaf)
{
	return lies_near(s, sheaf, 2ul * s->size);
}

#define NEARBY 1024	     /* bytes: mostly in the same page */
#define SPREAD_BYTES_MIN MiB /* of slabs; less is in reach of the CPU's caches however it lies */

/* Are there many slabs, and does this thread alone use them, so that it waits for nobody there? */
static bool slabs_are_mine(const struct kmem_cache *s, struct kmem_cache_node *n)
{
	const struct slab_home *home = own_home_hint(s, n);

	return READ_ONCE(home->uses_by_last) == USES_ALONE &&
	       READ_ONCE(home->last_user) == task_id() &&
	       READ_ONCE(home->nr_slabs) << (PAGE_SHIFT + s->order) >= SPREAD_BYTES_MIN;
}

static bool has_room(const struct kmem_cache *s, struct kmem_cache_node *n, const struct barn *barn,
		     const struct slab_sheaf *sheaf)
{
	u32 full = READ_ONCE(barn->nr_full);

	if (full >= s->max_full + READ_ONCE(barn->extra))
		return false;
	if (full < s->max_full)
		return !full || !slabs_are_mine(s, n) || lies_near(s, sheaf, NEARBY);
	return lies_in_rows(s, sheaf);
}

bool barn_has_room(const struct kmem_cache *s, struct kmem_cache_node *n,
		   const struct slab_sheaf *sheaf)
{
	return has_room(s, n, own_barn(n), sheaf);
}

/**
 * barn_overflow - note that @sheaf found no room in the barn and will be emptied into slabs
 */
void barn_overflow(const struct kmem_cache *s, struct kmem_cache_node *n,
		   const struct slab_sheaf *sheaf)
{
	struct barn *barn = own_barn(n);
	unsigned int overflowed = READ_ONCE(barn->overflowed);

	stat_inc(own_home_hint(s, n)->barn_over);
	if (overflowed < UINT16_MAX && lies_in_rows(s, sheaf))
		WRITE_ONCE(barn->overflowed, (u16)(overflowed + 1));
}

/**
 * barn_deepen - note that the own barn had no full sheaf, and one will be filled from slabs
 *
 * If one was emptied for want of room before, a barn that keeps one more would have saved both.
 */
void barn_deepen(const struct kmem_cache *s, struct kmem_cache_node *n)
{
	struct barn *barn = own_barn(n);
	unsigned int overflowed = READ_ONCE(barn->overflowed), extra = READ_ONCE(barn->extra);

	if (!overflowed)
		return;
	WRITE_ONCE(barn->overflowed, (u16)(overflowed - 1));
	if (extra < s->max_extra)
		WRITE_ONCE(barn->extra, (u16)(extra + 1));
}

/**
 * barn_put_full - leave a sheaf with objects in it
 * Return: false if it stays the caller's.
 */
bool barn_put_full(struct kmem_cache *s, struct kmem_cache_node *n, struct slab_sheaf *sheaf)
{
	struct barn *barn = own_barn(n);
	bool room;

	barn_lock(barn, /* nowait= */ false);
	room = has_room(s, n, barn, sheaf);
	if (room)
		put_full_locked(barn, sheaf);
	spin_unlock(&barn->lock);
	return room;
}

/**
 * barn_swap_full - leave @full, take an empty sheaf of at least @kind
 * Return: the empty one; NULL with @full still the caller's if there is none, or no room.
 */
struct slab_sheaf *barn_swap_full(struct kmem_cache *s, struct kmem_cache_node *n,
				  struct slab_sheaf *full, unsigned int kind)
{
	struct barn *barn = own_barn(n);
	struct slab_sheaf *empty = NULL;

	if (!READ_ONCE(barn->nr_empty))
		return NULL;
	barn_lock(barn, /* nowait= */ false);
	if (barn->nr_empty && has_room(s, n, barn, full))
		empty = take_empty_locked(barn, kind);
	if (empty)
		put_full_locked(barn, full);
	spin_unlock(&barn->lock);
	return empty;
}

/* Leave an empty sheaf, unless there are enough.  Return: false if it stays the caller's. */
bool barn_put_empty(struct kmem_cache_node *n, struct slab_sheaf *sheaf)
{
	struct barn *barn = own_barn(n);
	bool room;

	if (READ_ONCE(barn->nr_empty) >= MAX_EMPTY)
		return false;
	barn_lock(barn, /* nowait= */ false);
	room = barn->nr_empty < MAX_EMPTY;
	if (room)
		put_empty_locked(barn, sheaf);
	spin_unlock(&barn->lock);
	return room;
}

/* A sheaf of @barn if it has more than @full or @empty of them; full ones first, coldest first. */
static struct slab_sheaf *pop_beyond(struct barn *barn, u32 full, u32 empty)
{
	struct slab_sheaf *sheaf = NULL;

	barn_lock(barn, /* nowait= */ false);
	if (barn->nr_full > full)
		sheaf = take_coldest_locked(barn);
	else if (barn->nr_empty > empty)
		sheaf = take_empty_locked(barn, 0);
	spin_unlock(&barn->lock);
	return sheaf;
}

/* Shrink @barn to @full and @empty sheaves, by @most at a time.  Return: objects put into slabs. */
static noinline u64 shrink_to(struct kmem_cache *s, struct barn *barn, u32 full, u32 empty,
			      u32 most)
{
	struct slab_sheaf *sheaf;
	u64 objects = 0;

	while (most-- && (sheaf = pop_beyond(barn, full, empty)) != NULL) {
		objects += sheaf->size;
		slab_give(s, sheaf->objects, sheaf->size);
		sheaf->size = 0;
		sheaf_free(sheaf);
	}
	return objects;
}

/**
 * barn_shrink - empty the barns of a node
 * @keep: BARN_NO_EXTRA leaves what a barn usually keeps, BARN_HALF_EXTRA half of the rest as well
 *
 * Return: objects put back into slabs.
 */
noinline u64 barn_shrink(struct kmem_cache *s, struct kmem_cache_node *n, enum barn_keep keep)
{
	u64 objects = 0;

	for_each_barn (n, barn) {
		u16 extra = keep == BARN_HALF_EXTRA ? READ_ONCE(barn->extra) / 2 : 0;
		u32 full = keep == BARN_NOTHING ? 0 : s->max_full + extra;
		u32 empty = keep == BARN_NOTHING ? 0 : MAX_EMPTY + extra;

		WRITE_ONCE(barn->extra, extra);
		WRITE_ONCE(barn->overflowed, 0);
		if (READ_ONCE(barn->nr_full) > full || READ_ONCE(barn->nr_empty) > empty)
			objects += shrink_to(s, barn, full, empty, ~0u);
	}
	return objects;
}

/* Put back into slabs what lies in the barns of a node, of each at most @most sheaves. */
void barn_flush(struct kmem_cache *s, struct kmem_cache_node *n, u32 most)
{
	for_each_barn (n, barn)
		if (READ_ONCE(barn->nr_full))
			(void)shrink_to(s, barn, 0, ~0u, most);
}
