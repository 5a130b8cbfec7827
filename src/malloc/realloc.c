/* SPDX-License-Identifier: MIT */
/*
 * realloc.c - growing and shrinking: in place, or by copying; very large blocks by page tables
 */
#include "malloc/internal.h"
#include "platform/vm.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A block that grows beyond this gets a mapping of its own, which the kernel grows in place or
 * moves by its page tables.  Blocks of the heap are copied: moving their pages took 4 times as long
 * for vectors that grow by half up to 12 MiB, since every move leaves a hole to be faulted in
 * again, breaks huge pages and splits mappings.
 *
 * A block that grows in small steps is moved often, and leaves a hole each time, so its bound is
 * lower: 8 buffers that grow by 1 MiB to 64 had 703 MB resident at their peak, and 567 with it.
 */
#define OWN_MAPPING_MIN (16 * MiB)
#define OWN_MAPPING_MIN_STEPWISE (4 * MiB) /* growing by less than a quarter */

static bool gets_own_mapping(size_t old, size_t size)
{
	if (size <= old)
		return false;
	return size >= (size - old < old / 4 ? OWN_MAPPING_MIN_STEPWISE : OWN_MAPPING_MIN);
}

/*
 * How much room a large block of @size bytes has to grow into: an eighth of itself.  Beyond
 * OWN_MAPPING_MIN_STEPWISE blocks that grow in steps have mappings of their own and need none.
 */
static inline size_t large_room(size_t size)
{
	return MIN(size, OWN_MAPPING_MIN_STEPWISE) / 8;
}

/*
 * A block that grows by a few bytes will likely go on doing so.  An object is given a quarter more:
 * it skips every other class, and is copied half as often.  A large block is given an eighth more,
 * which costs no memory until it is used: without, a hundred buffers that grew by 1 KiB in turns,
 * to 1 MiB, took 4 times as long, since each further page was another copy.
 */
static inline size_t with_room(size_t old, size_t size)
{
	size_t more = size - old;

	if (size <= old)
		return size;
	if (old <= KMALLOC_MAX_SIZE / 2)
		return more < old / 32 ? old + old / 4 + 1 : size;
	return size > KMALLOC_MAX_SIZE && more < old / 8 ? size + large_room(size) : size;
}

static inline void *heap_alloc(size_t size)
{
	bool zero;

	return size <= KMALLOC_MAX_SIZE ? own_malloc(size) : malloc_any(size, &zero);
}

/*
 * As after malloc() and free(), who takes memory back hears of it when a slow path is over, here
 * and below: near a container's limit that makes room before the new pages are used (mm_pressure).
 */
static set_apart void *new_mapping(size_t size)
{
	struct slow slow;
	void *p = NULL;

	slow_enter_anyway(&slow);
	if (!slow.nested)
		p = direct_alloc(size, PAGE_SIZE, false);
	slow_leave(&slow);
	kswapd_poke(&slow);
	return p;
}

/* Memory for a block of @old bytes that is to have @size.  NULL: there is none. */
static void *new_place(size_t old, size_t size)
{
	size_t room = with_room(old, size);
	void *p = gets_own_mapping(old, size) ? new_mapping(size) : NULL;

	if (!p)
		p = heap_alloc(room);
	return p || room == size ? p : heap_alloc(size);
}

/*
 * From this size on pages that were never used are not copied; the C library moves such blocks by
 * their page tables.  A table of 3 GiB of which 48 pages were used became resident as a whole when
 * it grew, and took 4.4 s.
 */
#define COPY_SPARSELY (32 * MiB)

static slowpath void copy_large(char *to, const char *from, size_t bytes)
{
	/* A new mapping reads as zero. */
	if (!direct_size(to) || vm_copy_used(to, from, bytes))
		memcpy(to, from, bytes);
}

/* Not cold: in cold code the compiler copies by one instruction, which is short but slow. */
static noinline void *move(void *ptr, size_t old, size_t size)
{
	void *p = new_place(old, size);

	/* There is no smaller place for it, but it fits where it is. */
	if (!p && size <= old)
		return ptr;
	if (!p) {
		errno = ENOMEM;
		return NULL;
	}
	if (unlikely(MIN(old, size) >= COPY_SPARSELY))
		copy_large(p, ptr, MIN(old, size));
	else
		memcpy(p, ptr, MIN(old, size));
	own_free(ptr);
	return p;
}

/* Will an object of @old bytes do for @size, without too much waste? */
static inline bool stays(size_t old, size_t size)
{
	return size <= old && (size > old / 2 || old <= 64);
}

/* The same for a large block, which can give back single pages. */
static inline bool large_stays(size_t old, size_t size)
{
	return size <= old && old - size <= large_room(old);
}

/* Shrink a large block, or extend it if the pages behind are free.  Return: whether it is done. */
static set_apart bool resize_in_place(void *ptr, size_t size)
{
	struct page *head = virt_to_page(ptr);
	u64 old_nr = head->nr_pages, nr = DIV_ROUND_UP((u64)head->offset + size, PAGE_SIZE);
	struct slow slow;
	bool done = false;

	slow_enter_anyway(&slow);
	if (!slow.nested && large_resize(head, nr)) {
		count_large(&slow, nr - old_nr);
		done = true;
	}
	slow_leave(&slow);
	if (nr < old_nr)
		kswapd_freed(&slow);
	else
		kswapd_poke(&slow);
	return done;
}

static set_apart void *resize_mapping(void *ptr, size_t size)
{
	struct slow slow;
	void *p;

	slow_enter_anyway(&slow);
	p = direct_resize(ptr, size, slow.nested);
	slow_leave(&slow);
	kswapd_poke(&slow);
	return p;
}

static void *resize(void *ptr, size_t old, size_t size)
{
	u8 value = page_map_get(ptr);

	if (value == MAP_LARGE) {
		if (size > KMALLOC_MAX_SIZE &&
		    (large_stays(old, size) || resize_in_place(ptr, size)))
			return ptr;
	} else if (value == MAP_NONE) {
		void *p = size <= old && old - size < PAGE_SIZE ? ptr : resize_mapping(ptr, size);

		if (p)
			return p;
		if (size <= old)
			return ptr;
	} else if (stays(old, size)) {
		return ptr; /* an object of a program's own cache */
	}
	return move(ptr, old, size);
}

static noinline void *realloc_slow(void *ptr, size_t size)
{
	size_t old;

	if (!ptr)
		return own_malloc(size);
	if (!size) {
		own_free(ptr); /* as in glibc; C23 leaves it undefined */
		return NULL;
	}
	if (size > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	old = usable_size_other("realloc", ptr);
	if (!old)
		return NULL; /* reported, under abort_on_error=off */
	return resize(ptr, old, size);
}

static inline void *reallocate(void *ptr, size_t size)
{
	size_t old = object_size_at(ptr);

	/* Most calls end here: strings grow by a few bytes.  The bound excludes 0 as well. */
	if (likely(old && size - 1 < PTRDIFF_MAX))
		return stays(old, size) ? ptr : move(ptr, old, size);
	return realloc_slow(ptr, size);
}

BUDDY_API void *realloc(void *ptr, size_t size)
{
	return reallocate(ptr, size);
}

slowpath void *own_realloc(void *ptr, size_t size)
{
	return reallocate(ptr, size);
}
