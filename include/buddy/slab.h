/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_SLAB_H
#define BUDDY_SLAB_H
/*
 * slab.h - the kmalloc family and object caches
 *
 * Any thread may call these, before main(), after exit() has begun and in a forked child too.
 * Without __GFP_DIRECT_RECLAIM in @gfp no lock is waited for, so such allocations, and the frees,
 * may be made from a signal handler.  So may buddy_ksize().  Caches are made, shrunk and ended
 * neither there nor in the constructor of a cache.
 *
 * An allocation that cannot be had is NULL.  So is one from a cache or a node that does not exist,
 * and a line on stderr says which.  errno is never touched.
 */
#include <buddy/gfp.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What allocations of 0 bytes return: not NULL, faults when touched.  For the buddy_ calls only:
 * free() and realloc() do not know it.
 */
#define BUDDY_ZERO_SIZE_PTR ((void *)16)
#define BUDDY_ZERO_OR_NULL_PTR(p) ((size_t)(p) <= (size_t)BUDDY_ZERO_SIZE_PTR)

/**
 * buddy_kmalloc - @size bytes
 *
 * Aligned to 16; sizes that are powers of two are aligned to themselves, up to a page, and others
 * to the largest power of two that divides them, up to a cache line.  (Linux: to that power.  For
 * more, use a cache with an alignment.)
 *
 * Return: the memory, BUDDY_ZERO_SIZE_PTR for 0 bytes, or NULL.
 */
void *buddy_kmalloc(size_t size, gfp_t gfp);

/** buddy_kzalloc - the same, zeroed */
void *buddy_kzalloc(size_t size, gfp_t gfp);

/** buddy_kcalloc - @n times @size bytes, zeroed; NULL if the product does not fit */
void *buddy_kcalloc(size_t n, size_t size, gfp_t gfp);

/** buddy_kmalloc_array - the same, not zeroed */
void *buddy_kmalloc_array(size_t n, size_t size, gfp_t gfp);

/**
 * buddy_kmalloc_node - from @node first; from it only with __GFP_THISNODE
 * @node: the number of a node that the machine has, or -1 for the caller's
 */
void *buddy_kmalloc_node(size_t size, gfp_t gfp, int node);

/**
 * buddy_krealloc - resize; the contents are kept up to the smaller size
 * @p: NULL or BUDDY_ZERO_SIZE_PTR: as buddy_kmalloc()
 * @size: 0 frees @p and returns BUDDY_ZERO_SIZE_PTR
 *
 * With __GFP_ZERO, if the memory was had with it and each resize was given it, all that is beyond
 * the smaller size is zero, as in the kernel.  Return: the memory, or NULL with @p as it was.
 */
void *buddy_krealloc(const void *p, size_t size, gfp_t gfp);

/** buddy_kfree - free what any function here or malloc() returned; NULL is ignored */
void buddy_kfree(const void *p);

/** buddy_ksize - bytes usable at @p, all of which may be written; 0 for NULL and 0 bytes */
size_t buddy_ksize(const void *p);

/* ---- object caches ---- */

struct kmem_cache;

typedef unsigned int slab_flags_t;
/** Align objects to cache lines. */
#define SLAB_HWCACHE_ALIGN ((slab_flags_t)0x2000u)
/** End the program if the cache cannot be made. */
#define SLAB_PANIC ((slab_flags_t)0x40000u)
/* Accepted, without a meaning yet: */
#define SLAB_RECLAIM_ACCOUNT ((slab_flags_t)0x20000u)
#define SLAB_ACCOUNT ((slab_flags_t)0x4000000u)
#define SLAB_NO_MERGE ((slab_flags_t)0x1000000u)

/**
 * buddy_kmem_cache_create - a cache of objects of one size
 * @name: for reports; copied, cut off at 31 bytes, must not be NULL or empty
 * @size: bytes, 1 to 1 MiB
 * @align: a power of two up to a page, or 0 for the natural 8
 * @flags: SLAB_*; unknown bits are refused
 * @ctor: called for each object when its slab is made, not when it is allocated; objects must be
 *        freed in the state it leaves; NULL for none.  For one that is freed in a signal handler it
 *        may be called again, in a later call of any thread.  It must not allocate from this
 *        cache, nor wait for a lock that is held where caches are shrunk or destroyed.
 *
 * Return: the cache, or NULL: there is no memory; an argument is wrong, which is reported by name
 * on stderr; or this is a constructor, or a signal handler that interrupted a call of libbuddy's.
 */
struct kmem_cache *buddy_kmem_cache_create(const char *name, size_t size, size_t align,
					   slab_flags_t flags, void (*ctor)(void *));

/**
 * buddy_kmem_cache_destroy - end a cache
 *
 * Objects in use are reported and the cache stays (abort_on_error=on ends the program).  NULL is
 * ignored.  No other thread may be using the cache.  In a constructor of a cache, or in a signal
 * handler that interrupted a call of libbuddy's, the cache stays, with a warning on stderr; so it
 * may in a child that a signal handler has forked in the middle of this.
 */
void buddy_kmem_cache_destroy(struct kmem_cache *s);

/** buddy_kmem_cache_alloc - an object, or NULL */
void *buddy_kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp);
/** buddy_kmem_cache_zalloc - zeroed; not for caches with a constructor */
void *buddy_kmem_cache_zalloc(struct kmem_cache *s, gfp_t gfp);
/** buddy_kmem_cache_alloc_node - from @node first; from it only with __GFP_THISNODE */
void *buddy_kmem_cache_alloc_node(struct kmem_cache *s, gfp_t gfp, int node);

/**
 * buddy_kmem_cache_alloc_bulk - @nr objects into @objs[], all or none
 * Return: @nr, or 0 with none allocated; what is in @objs[] then means nothing.
 */
size_t buddy_kmem_cache_alloc_bulk(struct kmem_cache *s, gfp_t gfp, size_t nr, void **objs);

/**
 * buddy_kmem_cache_free - free an object of @s; NULL is ignored
 *
 * An object of another cache is reported and stays as it is.
 */
void buddy_kmem_cache_free(struct kmem_cache *s, void *obj);
/** buddy_kmem_cache_free_bulk - @nr objects of @s, or of any cache if @s is NULL */
void buddy_kmem_cache_free_bulk(struct kmem_cache *s, size_t nr, void **objs);

/**
 * buddy_kmem_cache_shrink - give back all pages of @s that hold no object in use
 *
 * To the free pages of the heap, from where they go to the system in time; buddy_reclaim() is
 * quicker.  Return: 0 if nothing of it is left, and not 0 if objects are in use, as in the kernel.
 */
int buddy_kmem_cache_shrink(struct kmem_cache *s);

/** buddy_kmem_cache_size - the size of the objects as it was asked for */
unsigned int buddy_kmem_cache_size(const struct kmem_cache *s);

#ifdef __cplusplus
}
#endif
#endif
