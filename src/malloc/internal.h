/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_MALLOC_INTERNAL_H
#define BUDDY_MALLOC_INTERNAL_H
/*
 * internal.h - between the files of src/malloc only
 */
#include "slab/slab.h"

#pragma GCC visibility push(hidden)

/* boot.c */
bool boot(void);
bool boot_done(void);

/* options.c */
void options_parse_env(void);
/* Racy, buddy_option_set(). */
extern bool option_stats_at_exit;
extern bool option_deepbind;

/*
 * This library's malloc, free and realloc.  The plain names mean those of the program, which may
 * have its own (replaceable.list).
 */
void *own_malloc(size_t size);
void own_free(void *ptr);
void *own_realloc(void *ptr, size_t size);

/* malloc.c: the slow halves.  hit_x86_64.S jumps to the first three; new_slow() is in cxx.cc. */
void *malloc_slow(size_t size);
void free_slow(void *ptr);
void *new_slow(size_t size);
void *malloc_any(size_t size, bool *ret_zero);
void *malloc_large(size_t size, size_t align, gfp_t gfp, int node, bool *ret_zero);
/* Make @bytes at @p, the start of a block or a part of one, read as zero.  Return: @p. */
void *clear_block(void *p, size_t bytes);
/* Where the large block at @head begins for the program. */
static inline void *large_start(const struct page *head)
{
	return (char *)page_address(head) + head->offset;
}
void free_named(const char *call, void *ptr);
/*
 * The usable size of a block that object_size_at() has no answer for.  0, with a report under
 * @call, if no block of ours begins at @ptr.
 */
size_t usable_size_other(const char *call, const void *ptr);
static inline struct kmem_cache *map_value_cache(u8 value)
{
	unsigned int class = value / 2u - 1;

	/* One turn for each group of nodes that comes before; a division would cost more. */
	while (unlikely(class >= NR_KMALLOC_CLASSES))
		class -= NR_KMALLOC_CLASSES;
	return &kmalloc_caches[class];
}

/*
 * How many bytes may be used at @ptr: at least as many as were asked for.  0: no object of malloc's
 * caches begins there, or slab_debug=F wants a closer look.
 */
static inline size_t object_size_at(const void *ptr)
{
	u8 value = page_map_get(ptr);
	const struct kmem_cache *s;

	/* Only a class's value passes (MAP_NONE wraps); with the option, not even that. */
	if (unlikely((u8)(value - 1) >= READ_ONCE(slab_unchecked_last)))
		return 0;
	s = map_value_cache(value);
	return is_object_start(s, ptr) ? s->size : 0;
}

/* common_api.c: true if the machine has no such node; bad_node() reports it under @call. */
bool node_unknown(int node);
bool bad_node(const char *call, int node);

/* aligned.c */
void *aligned_any(size_t align, size_t size);

/*
 * Large blocks have @nr pages more, or fewer (modulo 2^64).  Counted in the task, unless a handler
 * could come in between.
 */
static inline void count_large(const struct slow *slow, u64 nr)
{
	if (likely(slow->task && !slow->nested))
		stat_add(slow->task->large_pages, nr);
	else
		atomic_add(&large_pages, nr);
}

/* hit_x86_64.S: take an object of a class from this thread's cursor.  NULL if it has none. */
void *hit_pop(u8 map_value);

/* The same from @c, this thread's cursor for a cache of the program. */
void *hit_take(struct cursor *c);
/* Put @obj back.  Return: false if the sheaf is full, or has @obj on top: it was freed twice. */
bool hit_put(struct cursor *c, void *obj);

/* The page map value of the class for @size bytes, up to KMALLOC_MAX_SIZE, as a hit finds it. */
static inline u8 size_map_value(const struct hit_area *hit, size_t size)
{
	return size <= HIT_MAX_SIZE ? hit->size_to_map[size]
				    : hit->steps_to_map[DIV_ROUND_UP(size, HIT_STEP)];
}

/* hit_pop() by size, up to KMALLOC_MAX_SIZE.  NULL as well while this thread has no task. */
static inline void *pop_size(size_t size)
{
	return hit_pop(size_map_value(hit_malloc_tls, size));
}

#pragma GCC visibility pop

#endif
