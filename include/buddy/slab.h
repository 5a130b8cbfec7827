/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_SLAB_H
#define BUDDY_SLAB_H
/*
 * slab.h - the kmalloc family and object caches
 *
 * Any thread may call these: before main(), after exit() has begun, and in a forked child too.  In
 * a signal handler an allocation without __GFP_DIRECT_RECLAIM in @gfp may be made, and so may a
 * free, which waits for no lock if the handler interrupted a call of libbuddy; and buddy_ksize().
 * Caches must not be created, shrunk or destroyed there, nor in the constructor of a cache.
 *
 * An allocation returns NULL if there is no memory, or if there is no such cache or node, which a
 * line on stderr then says.  errno is never touched.
 */
#include <buddy/gfp.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What an allocation of 0 bytes returns: not NULL, and a fault when touched.  Only the buddy_ calls
 * know it; do not pass it to free() or realloc().
 */
#define BUDDY_ZERO_SIZE_PTR ((void *)16)
#define BUDDY_ZERO_OR_NULL_PTR(p) ((size_t)(p) <= (size_t)BUDDY_ZERO_SIZE_PTR)

/**
 * buddy_kmalloc - allocate @size bytes
 *
 * Aligned to at least 16 bytes.  A size that is a power of two is aligned to itself, up to a page;
 * any other to the largest power of two that divides it, up to a cache line (Linux: without that
 * limit).  For more, create a cache with an alignment.
 *
 * Return: the memory, BUDDY_ZERO_SIZE_PTR for 0 bytes, or NULL.
 */
void *buddy_kmalloc(size_t size, gfp_t gfp);

/** buddy_kzalloc - the same, zeroed */
void *buddy_kzalloc(size_t size, gfp_t gfp);

/** buddy_kcalloc - an array of @n times @size bytes, zeroed; NULL if the product overflows */
void *buddy_kcalloc(size_t n, size_t size, gfp_t gfp);

/** buddy_kmalloc_array - the same, not zeroed */
void *buddy_kmalloc_array(size_t n, size_t size, gfp_t gfp);

/**
 * buddy_kmalloc_node - buddy_kmalloc(), @node first; with __GFP_THISNODE no other node
 * @node: the number of a node that the machine has, or -1 for the one that the caller runs on
 */
void *buddy_kmalloc_node(size_t size, gfp_t gfp, int node);

/**
 * buddy_krealloc - resize; the contents are kept up to the smaller of the two sizes
 * @p: with NULL or BUDDY_ZERO_SIZE_PTR it is buddy_kmalloc()
 * @size: in bytes; 0 frees @p and returns BUDDY_ZERO_SIZE_PTR
 *
 * With __GFP_ZERO what is added reads as zero, as in the kernel: provided that the memory was
 * allocated with it, and resized with it each time.
 * Return: the memory, or NULL with @p as it was.
 */
void *buddy_krealloc(const void *p, size_t size, gfp_t gfp);

/**
 * buddy_kfree - free what any function here, or malloc(), returned
 * @p: NULL and BUDDY_ZERO_SIZE_PTR are ignored
 */
void buddy_kfree(const void *p);

/**
 * buddy_ksize - how many bytes may be used at @p, which is at least what was asked for
 * Return: bytes; 0 for NULL and BUDDY_ZERO_SIZE_PTR.
 */
size_t buddy_ksize(const void *p);

/* ---- object caches ---- */

struct kmem_cache;

typedef unsigned int slab_flags_t;
/** Align objects to cache lines, or small ones to the part of a line that holds one. */
#define SLAB_HWCACHE_ALIGN ((slab_flags_t)0x2000u)
/** End the program if the cache cannot be created. */
#define SLAB_PANIC ((slab_flags_t)0x40000u)
/* Accepted, without effect yet: */
#define SLAB_RECLAIM_ACCOUNT ((slab_flags_t)0x20000u)
#define SLAB_ACCOUNT ((slab_flags_t)0x4000000u)
#define SLAB_NO_MERGE ((slab_flags_t)0x1000000u)

/**
 * buddy_kmem_cache_create - create a cache for objects of one size
 * @name: for reports and statistics; copied, and cut off at 31 bytes; not NULL or empty
 * @size: of an object, 1 byte to 1 MiB
 * @align: a power of two up to a page; 0 for 8
 * @flags: SLAB_*; unknown bits are refused
 * @ctor: called for each object when its slab is made, not at each allocation; NULL for none
 *
 * Objects of a cache with a constructor must be freed in the state that it leaves them in.  It may
 * run again for an object that was freed in a signal handler, later and in any thread.  It must not
 * allocate from its own cache, nor wait for a lock that is held while caches are shrunk or
 * destroyed.
 *
 * Return: the cache.  NULL if there is no memory, if an argument is wrong, which stderr then names,
 * or in a constructor or a signal handler that interrupted a call of libbuddy.
 */
struct kmem_cache *buddy_kmem_cache_create(const char *name, size_t size, size_t align,
					   slab_flags_t flags, void (*ctor)(void *));

/**
 * buddy_kmem_cache_destroy - destroy a cache
 * @s: no other thread may be using it; NULL is ignored
 *
 * If objects are still in use, that is reported, and ends the program unless abort_on_error=off;
 * the cache stays.  It stays as well, with a warning on stderr, in a constructor and in a signal
 * handler that interrupted a call of libbuddy; and it may stay in a child that a handler forks in
 * the middle of this.
 */
void buddy_kmem_cache_destroy(struct kmem_cache *s);

/** buddy_kmem_cache_alloc - allocate an object.  Return: the object, or NULL. */
void *buddy_kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp);

/**
 * buddy_kmem_cache_zalloc - the same, zeroed
 *
 * A cache with a constructor ignores __GFP_ZERO, with a warning on stderr: its objects come as
 * constructed.
 */
void *buddy_kmem_cache_zalloc(struct kmem_cache *s, gfp_t gfp);

/** buddy_kmem_cache_alloc_node - the same, @node first; with __GFP_THISNODE no other node */
void *buddy_kmem_cache_alloc_node(struct kmem_cache *s, gfp_t gfp, int node);

/**
 * buddy_kmem_cache_alloc_bulk - allocate @nr objects into @objs[], all or none
 * Return: @nr, or 0 with none allocated and @objs[] undefined.
 */
size_t buddy_kmem_cache_alloc_bulk(struct kmem_cache *s, gfp_t gfp, size_t nr, void **objs);

/**
 * buddy_kmem_cache_free - free an object of @s
 * @obj: NULL is ignored
 *
 * Anything but an object of @s that is in use is reported, and ends the program unless
 * abort_on_error=off; it stays as it is.
 */
void buddy_kmem_cache_free(struct kmem_cache *s, void *obj);

/**
 * buddy_kmem_cache_free_bulk - free @nr objects
 * @s: the cache of all of them; NULL frees each as buddy_kfree() does
 * @objs: those that are NULL are ignored; the array is left alone
 */
void buddy_kmem_cache_free_bulk(struct kmem_cache *s, size_t nr, void **objs);

/**
 * buddy_kmem_cache_shrink - give back all slabs of @s that hold no object in use
 *
 * Their pages become free pages of the heap, which go back to the system in time; buddy_reclaim()
 * sends them at once.
 * Return: 0 if no object is in use, so that no slab is left; 1 if one is; -EINVAL if @s is NULL.
 */
int buddy_kmem_cache_shrink(struct kmem_cache *s);

/** buddy_kmem_cache_size - the size of its objects in bytes, as it was asked for; 0 for NULL */
unsigned int buddy_kmem_cache_size(const struct kmem_cache *s);

#ifdef __cplusplus
}
#endif
#endif
