/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_SLAB_INTERNAL_H
#define BUDDY_SLAB_INTERNAL_H
/*
 * internal.h - between the files of src/slab only
 */
#include "platform/os.h"
#include "slab/slab.h"

#pragma GCC visibility push(hidden)

/* How long to wait for a thread in a constructor, which may want a lock that the waiter has. */
#define PATIENCE_MS 20

/* geometry.c */
void cache_geometry(struct kmem_cache *s);
void kmalloc_spread(struct kmem_cache *s);

/* partial.c: slabs, and what is taken out of them */
/* Which of the partial lists a slab of this filling is on. */
static inline unsigned int bucket_of(const struct kmem_cache *s, unsigned int inuse)
{
	return (unsigned int)((u64)inuse * s->bucket_mul >> BUCKET_SHIFT);
}
static inline unsigned int slab_bucket(const struct page *slab)
{
	return bucket_of(slab->cache, slab->inuse);
}
unsigned int slab_take(struct kmem_cache *s, int node, void **objs, unsigned int nr, bool exact,
		       gfp_t gfp, struct slow *slow);
/* The byte of the page map for pages of a slab. */
u8 slab_map_value(const struct kmem_cache *s, const struct page *slab);
void map_slab(const struct kmem_cache *s, const struct page *slab);
/* Words of the bitmap of a slab. */
static inline unsigned int slab_words(const struct kmem_cache *s)
{
	return DIV_ROUND_UP(s->objects, 64u);
}
/* Objects out of @slab, by its bitmap.  Under list_lock. */
unsigned int slab_count_out(const struct kmem_cache *s, const struct page *slab);
void close_slab(struct kmem_cache *s, struct slab_home *home, struct page *slab);
void free_slab(struct kmem_cache *s, struct page *slab, const struct slow *slow);

/* give.c: what goes back into slabs */
void slab_give(struct kmem_cache *s, void **objs, unsigned int nr);
bool slab_give_try(struct kmem_cache *s, void *obj, struct slow *slow);

/* slub.c: what could not be freed where nothing may be waited for */
bool settle_deferred(void);
void forget_takers(void);

/* home.c: which slabs there are, and their locks */
static inline u32 slab_state(const struct slab_home *home, unsigned int order)
{
	return page_state(PAGE_SLAB, order, (u32)home->index << PAGE_HOME_SHIFT);
}
void home_cache_init(void);
void cache_node_init(struct kmem_cache_node *n);
struct slab_home *own_home(struct kmem_cache *s, struct kmem_cache_node *n, struct slow *slow);
struct slab_home *own_home_hint(const struct kmem_cache *s, struct kmem_cache_node *n);
struct slab_home *home_of(struct kmem_cache *s, const struct page *slab);
void homes_free(struct kmem_cache_node *n);
bool home_lock(struct kmem_cache *s, struct slab_home *home, bool nowait);
struct slab_home *lock_home_of(struct kmem_cache *s, const struct page *slab, bool nowait);
/* Uses of a home's slabs in a row by one thread, after which no other is thought to want them. */
#define USES_ALONE 16
void note_user(struct slab_home *home);
void slab_sort_in(struct slab_home *home, struct page *slab);
void slab_take_out(struct slab_home *home, struct page *slab);
struct page *fullest(struct slab_home *home);
unsigned int few_slabs(const struct kmem_cache *s);
bool adopt(struct kmem_cache *s, struct slab_home *home);
#define ALL_EMPTY (~0u)
u64 home_discard_empty(struct kmem_cache *s, struct slab_home *home, u32 most);
u64 node_discard_empty(struct kmem_cache *s, struct kmem_cache_node *n, bool all);
void home_rebuild(struct kmem_cache *s, struct slab_home *home);

/* holes.c */
u64 punch_holes(int node, bool dense, u64 most);
u64 punch_unneeded(u64 most);

/* sheaf.c */
#define SHEAF_BYTES_MIN 128u /* the size class above has room for twice as much */
static inline unsigned int sheaf_kind_capacity(unsigned int kind)
{
	return ((SHEAF_BYTES_MIN << kind) - (unsigned int)offsetof(struct slab_sheaf, objects)) / 8;
}
struct slab_sheaf *sheaf_alloc(struct kmem_cache *s, unsigned int kind, struct slow *slow);
void sheaf_free(struct slab_sheaf *sheaf);
void sheaf_caches_init(void);
struct kmem_cache *sheaf_cache(unsigned int kind);
unsigned int sheaf_kind_max(const struct kmem_cache *s);
static inline unsigned int sheaf_kind(const struct slab_sheaf *sheaf)
{
	return sheaf->kind_place >> 4;
}
static inline enum sheaf_place sheaf_place(const struct slab_sheaf *sheaf)
{
	return (enum sheaf_place)(sheaf->kind_place & 15);
}

/*
 * In a forked child a sheaf that is in a barn is found by its owner (barn_rebuild()), any other by
 * its place alone.  So the owner changes only while the place is none of a barn's.
 */
static inline void sheaf_set_place(struct slab_sheaf *sheaf, enum sheaf_place place, u32 owner)
{
	bool to_barn = place == SHEAF_BARN_FULL || place == SHEAF_BARN_EMPTY;

	if (to_barn)
		sheaf->owner = owner;
	barrier();
	sheaf->kind_place = (u8)((sheaf->kind_place & 0xf0) | place);
	barrier();
	if (!to_barn)
		sheaf->owner = owner;
	barrier();
}

/* barn.c */
void barns_init(struct kmem_cache_node *n, void *mem);
void barns_repair(struct kmem_cache_node *n);
bool barn_has_room(const struct kmem_cache *s, struct kmem_cache_node *n,
		   const struct slab_sheaf *sheaf);
struct slab_sheaf *barn_get_full(const struct kmem_cache *s, struct kmem_cache_node *n,
				 struct slab_sheaf *empty);
struct slab_sheaf *barn_get_full_elsewhere(struct kmem_cache_node *n, struct slab_sheaf *empty);
struct slab_sheaf *barn_swap_full(struct kmem_cache *s, struct kmem_cache_node *n,
				  struct slab_sheaf *full, unsigned int kind);
struct slab_sheaf *barn_get_empty(struct kmem_cache_node *n);
bool barn_put_full(struct kmem_cache *s, struct kmem_cache_node *n, struct slab_sheaf *sheaf);
bool barn_put_empty(struct kmem_cache_node *n, struct slab_sheaf *sheaf);
void barn_overflow(const struct kmem_cache *s, struct kmem_cache_node *n,
		   const struct slab_sheaf *sheaf);
void barn_deepen(const struct kmem_cache *s, struct kmem_cache_node *n);
enum barn_keep { BARN_NOTHING, BARN_NO_EXTRA, BARN_HALF_EXTRA };
u64 barn_shrink(struct kmem_cache *s, struct kmem_cache_node *n, enum barn_keep keep);
void barn_flush(struct kmem_cache *s, struct kmem_cache_node *n, u32 most);

/* slab_common.c */
struct kmem_cache *cache_by_id(u32 id);
void caches_settle(void);
void init_boot_cache(struct kmem_cache *s, struct kmem_cache_node *n, const char *name,
		     size_t size);

/* task.c */
extern struct spinlock tasks_lock;
void task_caches_init(void);
/* The thread @tid, which ends or is gone, leaves the block @task, unless it is another's by now. */
void task_exit(struct task *task, u32 tid);
bool task_trylock(struct task *task);
/* The same of a warm one too, for others than its thread. */
static inline bool task_trylock_to_look(struct task *task)
{
	return task_has_sheaves(task) && spin_trylock(&task->lock) != LOCK_BUSY;
}
struct task *task_create(struct slow *slow);
void task_rehome(struct task *task, int node);
void task_bury(struct task *task);
void tasks_find_dead(void);

/* slow.c */
u32 slow_first_inside(void);
void slow_leave_last(struct slow *s);

/* cursor.c */
void **cursor_disabled_at(void);
void **cursor_disable(struct cursor *c, struct slab_sheaf *sheaf, bool own);
void cursor_settle_stray(struct cursor *c, struct slab_sheaf *sheaf, ptrdiff_t stray);

/* fork_notice.c */
/*
 * slab_fork_pending(), but not where it is only undecided which thread has forked.  While this is
 * true no thread may be started: it would have to be guessed which one puts the child in order.
 */
static inline bool slab_fork_alone_yet(void)
{
	return READ_ONCE(*READ_ONCE(slab_fork_cookie)) < FORK_REPAIRED;
}

void slab_fork_watch(void);
void slab_fork_settle_lone(void);
void slab_fork_thread_made(void);
void slab_fork_end_alone(void);
bool slab_fork_look_around(struct task *task, u32 *depth);
void slab_fork_guest_left(u32 generation);
/* The process that has the heap.  Racy: all threads of a process write the same. */
extern u32 slab_process_id;
void slab_fork_note_process(void);
bool slab_fork_is_vfork_child(void);
/*
 * Is this a child of vfork(), which has its parent's heap and variables?  What it made for its
 * thread would be known by a number that is gone when the parent goes on.
 */
static inline bool slab_fork_is_borrowed(void)
{
	return unlikely(os_process_id() != READ_ONCE(slab_process_id)) &&
	       slab_fork_is_vfork_child();
}

/* fork.c */
void slab_fork_repair(bool started_here);
void slab_fork_decide(const struct task *me);
extern u32 slab_undecided_tid;
void slab_fork_new_generation(void);

/* drain.c */
void task_drain(struct task *task, bool only_idle, struct slow *slow);
void tasks_drain_warm(void);
void task_end_left_behind(struct task *task, const struct slow *slow);
bool task_lock_to_drain(struct task *task, const struct slow *slow);
void task_drain_cache(struct task *task, struct kmem_cache *s, bool quiet);
void hit_fence_register(void);
bool hit_fence_promised(void);
extern bool hit_fence_ready, hit_fence_broken;

/* reclaim.c */
void slab_look_at_spare(const struct slow *freed);
void slab_reclaim_rest(void);
void slab_reclaim_settle(void);

/* kswapd.c */
void kswapd_thread_left(u32 tid);
void kswapd_forget(void);
bool kswapd_is_running(void);

#pragma GCC visibility pop

#endif
