/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_SLAB_SLAB_H
#define BUDDY_SLAB_SLAB_H
/*
 * slab.h - object caches for the layers above
 *
 * Linux: mm/slub.c with sheaves.  The words: a slab is a block of pages cut into objects of one
 * cache; a sheaf is an array of free objects; a thread allocates from and frees to sheaves; a
 * barn, one for each CPU of a node of a cache, is where threads exchange whole sheaves.
 */
#include "mm/mm.h"

#pragma GCC visibility push(hidden)

/* ---- geometry of malloc's classes (geometry.c) ---- */

#define KMALLOC_MAX_SIZE 32768u /* the largest class; above, exact pages */
#define KMALLOC_MINALIGN 16u	/* of every class (Linux: ARCH_KMALLOC_MINALIGN) */
#define NR_KMALLOC_CLASSES 41
#define HIT_MAX_SIZE 1024u /* sizes that malloc's hit path looks up in the task byte by byte */
#define HIT_STEP 128u	   /* above: in steps of so many bytes, up to KMALLOC_MAX_SIZE */

/** kmalloc_class - the class for @size bytes, up to KMALLOC_MAX_SIZE */
unsigned int kmalloc_class(size_t size);
/** kmalloc_class_size - the largest size, in bytes, that a class is for */
u32 kmalloc_class_size(unsigned int class);

/*
 * Each class has a page map value for each of three groups of nodes, so that an object of
 * another node does not get into the sheaf of this one.  Up to three nodes with memory are told
 * apart; of more, every third shares a group.
 */
#define NODE_GROUPS 3
static_assert(2 * NODE_GROUPS * NR_KMALLOC_CLASSES <= MAP_CLASS_LAST, "page map values");

static inline u8 kmalloc_map_value(unsigned int class, int node)
{
	return (u8)(2 * (1 + (unsigned int)topology.rank[node] % NODE_GROUPS * NR_KMALLOC_CLASSES +
			 class));
}

/* ---- sheaf ---- */

enum sheaf_place { SHEAF_TRANSIT, SHEAF_TASK, SHEAF_BARN_FULL, SHEAF_BARN_EMPTY };

/*
 * A pop reads the top object and the slot below, and takes the slow path if they are the same: then
 * the program has freed the object twice, or the sheaf is empty and they are the two words in front
 * of objects[], both NULL.
 *
 * INVARIANT sentinels: while a cursor has a sheaf, the two words in front of objects[] are NULL.
 *   made by     pcs_attach()
 *   kept by     no list has a sheaf while a thread has it
 *   relied on   the pops of hit_x86_64.S, which make one comparison for both questions
 *   checked by  slab_verify()
 */
struct slab_sheaf {
	u32 owner;   /* task id; in a barn, barn_id(); as kind_place */
	u8 size;     /* objects in it, unless a cursor has it; owner */
	u8 left_by;  /* in a barn: low bits of the task id of who left it; barn.lock */
	u8 capacity; /* const while in use */
	/* Low 4 bits enum sheaf_place, high 4 its kind; the lock of that place, or none. */
	u8 kind_place;
	struct list_head barn_list; /* barn.lock; .prev: in a cursor NULL */
	void *sentinel;		    /* always NULL */
	void *objects[];
};
FIELD_AT(struct slab_sheaf, objects, 32);
FIELD_AT(struct slab_sheaf, barn_list.prev, 16);
FIELD_AT(struct slab_sheaf, sentinel, 24);

/* Kinds of sheaves, by length: 128, 256, ... 2048 bytes for 12, 28, 60, 124, 252 objects. */
#define NR_SHEAF_KINDS 5

/* ---- caches ---- */

#define NR_PARTIAL_BUCKETS 8
#define BUCKET_SHIFT 26 /* of bucket_mul; exact for less than 2^13 objects */

#define MAX_BARNS 16

/*
 * Where threads leave and fetch whole sheaves.  A node of a cache has one for each CPU, and CPUs
 * beyond MAX_BARNS share.
 */
struct barn {
	cacheline_aligned struct spinlock lock;
	u16 nr_full, nr_empty;	      /* lock, racy readers */
	u16 extra;		      /* full sheaves kept beyond max_full; racy */
	u16 overflowed;		      /* emptied for want of room, not refilled since; racy */
	struct list_head full, empty; /* left last first; lock */
	unsigned long nr_get, nr_put; /* full sheaves fetched and left; lock */
};
STRUCT_SIZE_IS(struct barn, CACHE_LINE);

#define MAX_HOMES 16

/*
 * The slabs of a cache on a node that one group of threads works with.  The lists are home.c's,
 * what is in the slabs is for partial.c and give.c.
 */
struct slab_home {
	cacheline_aligned struct spinlock list_lock;
	u32 nr_empty;  /* list_lock */
	u32 low_empty; /* the fewest since home_discard_empty(); list_lock, racy readers */
	struct list_head partial[NR_PARTIAL_BUCKETS]; /* by fullness, fullest last; list_lock */
	struct list_head empty;			      /* list_lock */
	unsigned long nr_slabs, nr_partial;	      /* list_lock, racy readers */
	unsigned long inuse;			      /* objects out of slabs; list_lock */
	unsigned long refills, refilled, flushes, flushed; /* list_lock, racy readers */
	unsigned long barn_miss, barn_over; /* of its threads; racy: counted without a lock */
	struct kmem_cache_node *node;	    /* const */
	u32 last_user;	 /* task id of who took or gave objects last; list_lock, racy readers */
	u8 uses_by_last; /* in a row; list_lock, racy readers */
	u8 index;	 /* const: in node->home[] */
	u8 looked_at;	 /* other homes, for slabs to adopt; list_lock */
	u8 reached;	 /* list of the emptiest slab taken from, see punch_unneeded(); racy */
};
STRUCT_SIZE_IS(struct slab_home, 4 * CACHE_LINE);

struct kmem_cache_node {
	struct slab_home first; /* home[0] */

	/* Read by every visit to a barn or a home, and hardly ever written. */
	struct barn *barn;		   /* const: nr_barns of them, or NULL: no sheaves */
	struct slab_home *home[MAX_HOMES]; /* const once set; release/acquire */
	unsigned long last_use;		   /* reclaim_lock: what the last pass saw */
	unsigned long adopted, strange;	   /* slabs moved, sheaves given back; rare; racy */
	unsigned long punched;		   /* pages given back by holes.c; rare; racy */
};
FIELD_STARTS_LINE(struct kmem_cache_node, barn);

extern unsigned int nr_barns; /* const after start; a power of two */
extern unsigned int nr_homes; /* const after start; a power of two */

/* Every barn of a node. */
#define for_each_barn(n, b) for (struct barn *b = (n)->barn; b && b < (n)->barn + nr_barns; b++)

/* The first home of @n from home[@i] on, or NULL. */
static inline struct slab_home *next_home(const struct kmem_cache_node *n, unsigned int i)
{
	struct slab_home *home = NULL;

	while (i < MAX_HOMES && !home)
		home = load_acquire(&n->home[i++]);
	return home;
}

/* Every home that a node has. */
#define for_each_home(n, h)                                                                        \
	for (struct slab_home *h = next_home(n, 0); h; h = next_home(n, h->index + 1u))

struct kmem_cache {
	char name[32];
	u32 id;			      /* const; index of the cache in a task's table */
	u32 object_size, size, align; /* const: asked for, stride, alignment */
	u32 reciprocal;		      /* const: ceil(2^32 / size) */
	u16 objects;		      /* const: in a slab */
	u8 order;		      /* const */
	u8 colour_mask;		      /* const: one less than the colours, a power of two */
	u8 line_group;		      /* const: objects that fill whole cache lines together */
	u8 class;		      /* const: of malloc, or CLASS_NONE */
	u8 capacity;		      /* const: most objects in a sheaf */
	bool metadata;		      /* const: slabs from the zone of our own structures */
	bool one_home;		      /* const: asked for too seldom to have several */
	bool zero_is_constructed;     /* const: memory that reads as zero needs no ctor */
	u32 max_full;		      /* const: full sheaves a barn keeps */
	u32 max_extra;		      /* const: the most that it comes to keep beyond those */
	u32 bucket_mul;		      /* const: buckets << BUCKET_SHIFT / (objects + 1), up */
	void (*ctor)(void *);	      /* const */
	struct list_head list;	      /* slab_mutex */
	struct kmem_cache_node *node[MAX_NUMNODES]; /* const once set; release/acquire */
};

/* Every node part of @s that there is: @n, of node @i.  (Linux: the same name and role.) */
#define for_each_kmem_cache_node(s, i, n)                                                          \
	for (int i = 0; i < topology.nr_nodes; i++)                                                \
		if (((n) = load_acquire(&(s)->node[i])) != NULL)

/* Return: false if it is held, only with @nowait.  Repairs what a lost thread has left. */
bool barn_lock(struct barn *barn, bool nowait);

#define CLASS_NONE 0xff

extern struct kmem_cache kmalloc_caches[NR_KMALLOC_CLASSES];
extern struct list_head slab_caches; /* slab_mutex */
extern struct spinlock slab_mutex;
extern bool slab_caches_made; /* has the program ever made one?  slab_mutex, racy readers */

/* ---- a thread ---- */

struct cursor {
	void **cur; /* next free slot of the sheaf; owner, reclaim by exchange */
	void **end; /* one past its last slot; changes only while cur is disabled */
};

bool cursor_is_disabled(const struct cursor *c, ptrdiff_t *stray);

/* What the kernel reads when it interrupts a sequence (uapi: struct rseq_cs). */
struct hit_rseq_cs {
	u32 version, flags;
	u64 start_ip, post_commit_offset, abort_ip;
};
STRUCT_SIZE_IS(struct hit_rseq_cs, 32);

/* All that the hit paths touch; src/malloc/hit_x86_64.S knows the offsets. */
struct hit_area {
	cacheline_aligned struct hit_rseq_cs malloc_cs; /* const */
	struct hit_rseq_cs free_cs;			/* const */
	struct rseq_cs **rseq_slot; /* const while LIVE: where sequences are armed */
	struct rseq_cs *no_rseq;    /* written where there is no rseq */
	u8 aborts;		    /* sequences that were interrupted, times 16; owner */
	u8 tables_node; /* the node that both tables are of, plus 1; 0: they are not whole; owner */
	u8 reserved[46];
	struct cursor cursor[MAP_CURSORS];
	/* Page map values of the classes, by size and by steps rounded up; owner, by its node. */
	u8 size_to_map[HIT_MAX_SIZE + 8];
	u8 steps_to_map[KMALLOC_MAX_SIZE / HIT_STEP + 8];
};
FIELD_AT(struct hit_area, malloc_cs, 0);
FIELD_AT(struct hit_area, free_cs, 32);
FIELD_AT(struct hit_area, rseq_slot, 64);
FIELD_AT(struct hit_area, aborts, 80);
FIELD_AT(struct hit_area, cursor, 128);
FIELD_AT(struct hit_area, size_to_map, 2176);
FIELD_AT(struct hit_area, steps_to_map, 3208);

/*
 * The sheaves of a thread for one cache (Linux: slub_percpu_sheaves).  A lost reclaimer leaves no
 * spare without main either.  task.lock.
 */
struct pcs {
	struct slab_sheaf *main;  /* what the cursor is in; NULL: none yet */
	struct slab_sheaf *spare; /* NULL, or any filling; only with a main */
	u8 kind;		  /* of the next sheaf: index of its length */
	u8 misses;		  /* 1 and those since kind or tick last changed; 0: none yet */
	u8 tick;		  /* the clock when misses last read it, modulo 256 */
	u8 swaps;		  /* between main and spare, since the last miss */
	u8 early_allocs; /* before there was a sheaf, up to EARLY_ALLOCS; large ones only */
	u8 early_frees;	 /* likewise, up to EARLY_FREES */
	u8 taken;     /* sheaves from elsewhere than the own barn less those left, 0..TAKEN_MAX */
	u8 leaves;    /* full sheaves that it may leave before it has no spare, 0..LEAVES_MAX */
	u8 strange;   /* rises with sheaves of other homes, falls with own ones (foreign.c) */
	u8 looks;     /* for such: in another place each time */
	bool used;    /* since the last idle scan */
	bool emptied; /* what it had is on its way elsewhere; release/acquire */
};

#define PCS_CHUNK 64
#define PCS_CHUNKS 256 /* caches beyond PCS_CHUNK * PCS_CHUNKS work without sheaves */

/* What a thread has of PCS_CHUNK caches of the program, by id. */
struct pcs_chunk {
	struct cursor cursor[PCS_CHUNK];
	struct pcs pcs[PCS_CHUNK]; /* task.lock */
};

enum task_state {
	TASK_UNUSED,
	TASK_LIVE,
	TASK_WARM,  /* its thread has ended, and works on slabs; its sheaves stay for the next */
	TASK_DYING, /* likewise, with nothing left */
};

struct task {
	/* The page of the hits. */
	alignas(PAGE_SIZE) struct hit_area hit;
	struct spinlock lock; /* the pcs of this task; slow paths only try it (task.c) */
	u8 state;	      /* enum task_state; LIVE: release by its thread, others: under lock */
	bool cursors_on;      /* const while LIVE: rseq is there and no debugging is on */
	u8 spare_calls;	      /* of slab_look_at_spare(), modulo 256; owner */
	u8 spare_allocs;      /* slow_allocs when that looked at slabs, modulo 256; owner */
	struct task *next;    /* all tasks; const once linked */
	struct task *next_dead;	     /* tasks_lock */
	struct slab_sheaf *inflight; /* being filled or emptied; for a forked child; task.lock */
	unsigned long slow_allocs, slow_frees; /* owner */
	unsigned long last_use;	   /* of the two, at the last reclaim pass; reclaim_lock */
	unsigned long large_pages; /* of malloc: taken less given back, modulo 2^64; owner */

	struct mm_task mm;
	struct pcs pcs[NR_KMALLOC_CLASSES];
	/* Caches of the program, by id; const once set, under lock; racy readers. */
	struct pcs_chunk *ext[PCS_CHUNKS];
};
/* A hit touches one page of its task. */
static_assert(sizeof(struct hit_area) <= PAGE_SIZE && offsetof(struct task, hit) == 0,
	      "a task begins with the page of its hits");
static_assert(sizeof(struct task) == 2 * PAGE_SIZE, "and has one more");

extern u32 nr_tasks;	       /* numbers given out; tasks_lock, racy readers */
extern struct task *all_tasks; /* acquire; grows at the head */

/* TLS: &task->hit, and the same plus 32 (where free's sequence is described). */
extern __thread struct hit_area *hit_malloc_tls
	__attribute__((tls_model("initial-exec"), visibility("hidden")));
extern __thread char *hit_free_tls __attribute__((tls_model("initial-exec"), visibility("hidden")));

extern struct hit_area boot_hit; /* every thread's first: all cursors disabled */

/* Is there anything to be found in the sheaves of @task? */
static inline bool task_has_sheaves(const struct task *task)
{
	u8 state = load_acquire(&task->state);

	return state == TASK_LIVE || state == TASK_WARM;
}

static inline struct task *current_task(void)
{
	struct hit_area *hit = hit_malloc_tls;

	return hit == &boot_hit ? NULL : container_of(hit, struct task, hit);
}

static inline struct cursor *class_cursor(struct task *task, unsigned int class)
{
	return &task->hit.cursor[kmalloc_map_value(class, task->mm.node) / 2];
}

/* Where @task has the program's cache @s, or NULL: not used yet, or a cache without sheaves. */
static inline struct pcs_chunk *task_chunk(const struct task *task, const struct kmem_cache *s)
{
	return likely(s->id < PCS_CHUNK * PCS_CHUNKS) ? READ_ONCE(task->ext[s->id / PCS_CHUNK])
						      : NULL;
}

/* The cursor of @s, of malloc or of the program, in @task; NULL if no hit ever uses one there. */
static inline struct cursor *task_cursor(struct task *task, const struct kmem_cache *s)
{
	struct pcs_chunk *chunk;

	if (!READ_ONCE(task->cursors_on))
		return NULL;
	if (s->class != CLASS_NONE)
		return class_cursor(task, s->class);
	chunk = task_chunk(task, s);
	return chunk ? &chunk->cursor[s->id % PCS_CHUNK] : NULL;
}

/* The sheaves that @task has for @s, of malloc or of the program, or NULL. */
static inline struct pcs *task_pcs(struct task *task, const struct kmem_cache *s)
{
	struct pcs_chunk *chunk;

	if (s->class != CLASS_NONE)
		return &task->pcs[s->class];
	chunk = task_chunk(task, s);
	return chunk ? &chunk->pcs[s->id % PCS_CHUNK] : NULL;
}

/* ---- entering and leaving a slow path (slow.c) ---- */

/* A slow path in progress. */
struct slow {
	struct task *task; /* NULL: this thread has none and cannot have one now */
	bool nested; /* wait for nothing: it interrupted another one, or its request may not wait */
};

/**
 * slow_enter - begin a slow path: start the library, notice a fork, make a task
 * Return: false if there is no memory to start with.  slow_leave() only after true.
 */
bool slow_enter(struct slow *s);
void slow_leave_bare(void);
static inline void slow_leave(struct slow *s)
{
	barrier();
	if (likely(s->task))
		s->task->mm.depth--;
	else
		slow_leave_bare();
}
/* The same where failing is no choice, as in a free: the task may be missing. */
void slow_enter_anyway(struct slow *s);

/*
 * What the word says that a forked child finds wiped.  NOTICING: it has no generation of its own
 * yet.  UNDECIDED: the heap is in order, but which thread has forked is known only when that comes
 * in.  While only one thread has ever been in here, slab_fork_cookie points at a word that always
 * says REPAIRED (fork_notice.c).
 */
enum { FORK_NEW, FORK_NOTICING, FORK_NOTICED, FORK_REPAIRED, FORK_UNDECIDED };
extern u32 *slab_fork_cookie; /* changed once, by who comes in second; racy readers */

/* Is this a forked child whose heap is not in order yet? */
static inline bool slab_fork_pending(void)
{
	return READ_ONCE(*READ_ONCE(slab_fork_cookie)) != FORK_REPAIRED;
}

/*
 * slow_enter() and slow_enter_anyway() where there is nothing to start, to notice or to make: for
 * paths that are quick themselves.  Return: false, with nothing done, if there is.
 */
static inline bool slow_enter_quick(struct slow *s)
{
	struct task *task = current_task();

	if (unlikely(!task || task->mm.depth || topology.nr_nodes > 1 || slab_fork_pending()))
		return false;
	task->mm.depth = 1;
	barrier();
	*s = (struct slow){.task = task};
	return true;
}

/* Whose page set serves a slow path; NULL: none. */
static inline struct mm_task *slow_mm(const struct slow *slow)
{
	return slow->task ? &slow->task->mm : NULL;
}

/* The node of a request for memory of @node, or, NUMA_NO_NODE, of the caller's. */
static inline int request_node(const struct slow *slow, gfp_t gfp, int node)
{
	if (node == NUMA_NO_NODE)
		return slow->task ? slow->task->mm.node : mm_nearest_node(0);
	return gfp & __GFP_THISNODE ? node : mm_nearest_node(node);
}

/* Must no lock be waited for?  No flags at all mean malloc, which waits. */
static inline bool asks_not_to_wait(gfp_t gfp)
{
	return gfp && !(gfp & __GFP_DIRECT_RECLAIM);
}

/*
 * Option slab_debug=F: every free is checked at once, and nothing goes through sheaves.  Threads
 * born before it was set still hit, and what lies in their sheaves looks as if it were in use.
 *
 * This is the last page map value of a class whose objects need no check: MAP_CLASS_LAST, or 0 with
 * the option.  So realloc() has one comparison for both.  Racy, like all options:
 * buddy_option_set() may write it at any time.
 */
extern u8 slab_unchecked_last;

static inline bool slab_consistency_checks(void)
{
	return !READ_ONCE(slab_unchecked_last);
}

/* Set by the layer above, before the first slow path, which calls it: starts everything, once. */
extern bool (*slow_start)(void);
/* Start, length and abort address of malloc's and free's hit; NULL: this machine has none. */
extern const u64 (*slab_hit_sequences)[3];

/* ---- objects (slub.c) ---- */
void *slab_alloc(struct kmem_cache *s, gfp_t gfp, int node);
void slab_free(struct kmem_cache *s, void *obj);
size_t slab_alloc_bulk(struct kmem_cache *s, gfp_t gfp, size_t nr, void **objs);
/* Sheaf first; the slow half of malloc's and free's hit paths. */
void *slab_alloc_slow(struct kmem_cache *s, struct slow *slow);
void slab_free_slow(struct kmem_cache *s, void *obj, struct slow *slow);

/* The cache whose live object begins at @obj; NULL, with a report under @call, if none does. */
struct kmem_cache *slab_check_object(const char *call, const void *obj);
static inline struct page *slab_of(const struct kmem_cache *s, const void *obj)
{
	return pfn_to_page(ALIGN_DOWN(addr_to_pfn(obj), (u64)1 << s->order));
}
/* The slab that @addr lies in, found by looking at every order; NULL: in none. */
struct page *find_slab(const void *addr);
static inline unsigned int obj_to_index(const struct kmem_cache *s, const struct page *slab,
					const void *obj)
{
	u64 offset = (uintptr_t)obj - (uintptr_t)page_address(slab);

	return (unsigned int)(offset * s->reciprocal >> 32);
}
/*
 * How far from its start the objects of a slab begin, in bytes: see set_colours().  It is less than
 * an object, so obj_to_index() is right without it.  @addr: anywhere in the slab.
 */
static inline u32 slab_colour(const struct kmem_cache *s, uintptr_t addr)
{
	return (u32)(addr >> (PAGE_SHIFT + s->order) & s->colour_mask) * CACHE_LINE;
}
/* @start: where the slab begins, which need not be known to be one of @s. */
static inline uintptr_t object_address(const struct kmem_cache *s, uintptr_t start, u64 index)
{
	return start + slab_colour(s, start) + index * s->size;
}
static inline void *slab_object(const struct kmem_cache *s, const struct page *slab,
				unsigned int index)
{
	return (void *)object_address(s, (uintptr_t)page_address(slab), index);
}

/* Is the object at @index out of @slab?  Racy unless the list_lock of its home is held. */
static inline bool is_out(const struct page *slab, unsigned int index)
{
	return READ_ONCE(slab->bits[index / 64]) >> (index % 64) & 1;
}

/*
 * Does an object of @s begin at @ptr, which is in a slab of @s?  The object may be free: a caller
 * that neither hands out nor takes back can do without the bitmap, whose cache line is likely far.
 * redis asks for the size of everything that it allocates and frees.
 */
static inline bool is_object_start(const struct kmem_cache *s, const void *ptr)
{
	uintptr_t start = ALIGN_DOWN((uintptr_t)ptr, PAGE_SIZE << s->order);
	u64 index = ((uintptr_t)ptr - start) * s->reciprocal >> 32;

	return likely(object_address(s, start, index) == (uintptr_t)ptr);
}

/* The same, and the object is out of its slab: in use, or in a sheaf. */
static inline bool is_object(const struct kmem_cache *s, const void *ptr)
{
	uintptr_t start = ALIGN_DOWN((uintptr_t)ptr, PAGE_SIZE << s->order);
	u64 index = ((uintptr_t)ptr - start) * s->reciprocal >> 32;

	return likely(object_address(s, start, index) == (uintptr_t)ptr) &&
	       likely(is_out(pfn_to_page(start >> PAGE_SHIFT), (unsigned int)index));
}

/* ---- caches (slab_common.c) ---- */
void slab_init(void);
struct kmem_cache *cache_by_index(int index);
struct kmem_cache *cache_create(const char *name, u32 size, u32 align, void (*ctor)(void *));
int cache_destroy(const char *call, struct kmem_cache *s);
unsigned long cache_shrink(struct kmem_cache *s);
/* Objects out of slabs, in use or in sheaves; racy. */
unsigned long cache_inuse(const struct kmem_cache *s);
struct kmem_cache_node *cache_make_node(struct kmem_cache *s, int node, bool nowait);

/* The node's part of @s, made when first needed; NULL if there is no memory, or a lock is held. */
static inline struct kmem_cache_node *cache_node(struct kmem_cache *s, int node, bool nowait)
{
	struct kmem_cache_node *n = load_acquire(&s->node[s->metadata ? 0 : node]);

	return likely(n) ? n : cache_make_node(s, node, nowait);
}

/* ---- reclaim.c ---- */
u64 slab_reclaim(bool all);
extern u32 reporting_delay_ms; /* option; racy, buddy_option_set() */

/* ---- kswapd.c ---- */
void kswapd_poke(struct slow *slow);
void kswapd_wake(void);
/* What an allocation ends with: to start a thread, or to take memory back, is to wait. */
static inline void kswapd_after_alloc(struct slow *slow, bool nowait)
{
	if (nowait)
		kswapd_wake();
	else
		kswapd_poke(slow);
}
void kswapd_freed(const struct slow *slow);
extern bool kswapd_enabled; /* option background_threads; racy, buddy_option_set() */

/* ---- verify.c ---- */
int slab_verify(void);
void slab_check_at_exit(void);

#pragma GCC visibility pop

#endif
