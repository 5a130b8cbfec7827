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
 * moves by its page tables.  Blocks of the heap are copied: moving their pages was 4 times slower
 * for vectors that grow by half up to 12 MiB, since every move leaves a hole to be faulted in
 * again, breaks huge pages and splits mappings.  One that grows by a small part of itself will be
 * moved often, and leaves a hole each time: 8 buffers that grow by 1 MiB to 64 had 703 MB resident
 * at their peak, and 567 with the lower bound.
 */
#define OWN_MAPPING_MIN (16 * MiB)
#define OWN_MAPPING_MIN_STEPWISE (4 * MiB) /* one that grows by less than a quarter of itself */

static bool gets_own_mapping(size_t old, size_t size)
{
	if (size <= old)
		return false;
	return size >= (size - old < old / 4 ? OWN_MAPPING_MIN_STEPWISE : OWN_MAPPING_MIN);
}

/*
 * What a large block of @size bytes may have to grow into: an eighth of itself.  Those that grow by
 * steps have mappings of their own from some length on, and need no room.
 */
static inline size_t large_room(size_t size)
{
	return MIN(size, OWN_MAPPING_MIN_STEPWISE) / 8;
}

/*
 * A block that grows by few bytes will likely go on like this.  An object that is given a quarter
 * more passes over every other class and is copied half as often.  A large block is given an
 * eighth more, which pages it reaches into only if it goes on: a hundred buffers that grew by 1 KiB
 * in turns, to 1 MiB, took 4 times as long without, since each page more was another copy.
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

/* A new place for a block of @old bytes that is to have @size. */
static void *new_place(size_t old, size_t size)
{
	size_t room = with_room(old, size);
	struct slow slow;
	void *p = NULL;

	if (gets_own_mapping(old, size)) {
		slow_enter_free(&slow);
		if (!slow.nested)
			p = direct_alloc(size, PAGE_SIZE, false);
		slow_leave(&slow);
	}
	if (!p)
		p = heap_alloc(room);
	return p || room == size ? p : heap_alloc(size);
}

/*
 * From here on what was never used is not copied, as the C library moves its mappings: a table of 3
 * GiB of which 48 pages were used became resident as a whole, in 4.4 s, when it grew.
 */
#define COPY_SPARSELY (32 * MiB)

static slowpath void copy_large(char *to, const char *from, size_t bytes)
{
	/* A new mapping reads as zero. */
	if (!direct_size(to) || vm_copy_used(to, from, bytes))
		memcpy(to, from, bytes);
}

/* Not marked cold: in cold code a compiler copies with one instruction, which is short but slow. */
static noinline void *move(void *ptr, size_t old, size_t size)
{
	void *p = new_place(old, size);

	/* It is large enough where it is. */
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

/* Does an object of @old bytes serve for @size, without too much waste? */
static inline bool stays(size_t old, size_t size)
{
	return size <= old && (size > old / 2 || old <= 64);
}

/* The same for a large block, which gives back what it has too much by pages. */
static inline bool large_stays(size_t old, size_t size)
{
	return size <= old && old - size <= large_room(old);
}

/* Large blocks are resized where they are if the pages behind are free. */
static bool resize_in_place(void *ptr, size_t size)
{
	struct page *head = virt_to_page(ptr);
	u64 old_nr = head->nr_pages, nr = DIV_ROUND_UP((u64)head->offset + size, PAGE_SIZE);
	struct slow slow;
	bool done = false;

	slow_enter_free(&slow);
	if (!slow.nested && large_resize(head, nr)) {
		count_large(&slow, nr - old_nr);
		done = true;
	}
	slow_leave(&slow);
	return done;
}

static void *resize_mapping(void *ptr, size_t size)
{
	struct slow slow;
	void *p;

	slow_enter_free(&slow);
	p = direct_resize(ptr, size, slow.nested);
	slow_leave(&slow);
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
		own_free(ptr); /* as glibc; C23 leaves it undefined */
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

	/* Strings grow by a few bytes: most calls end here.  The bound leaves out 0 too. */
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
