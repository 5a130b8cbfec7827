/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/*
 * malloc.c - malloc, calloc, reallocarray and free beyond the hit; malloc_usable_size
 *
 *   malloc                     hit_x86_64.S
 *     malloc_slow
 *       slab_alloc_slow        up to 32 KiB
 *       malloc_large           exact pages; a mapping of its own if no zone can hold them
 *   free                       hit_x86_64.S
 *     free_slow                by the byte of the page map
 *
 * errno: set to ENOMEM where memory cannot be had.  Nothing else here touches it: the system is
 * called without the C library's help.
 */
#include "base/check.h"
#include "malloc/internal.h"
#include "platform/vm.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static slowpath void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

/* The state of a block that the program holds; one in a thread's set is in transit. */
#define LIVE_LARGE page_state(PAGE_EXACT, 0, PG_LARGE)

#define LARGE_SPARE (8 * CACHE_LINE) /* left over at least, but in blocks of whole pages */

/*
 * Where in its first page a block of @size bytes at @head begins: at one of the lines that its last
 * page leaves over, chosen by its address (cache colouring, as in mm/slab.c of old Linux).
 *
 * The processor compares addresses by their offsets in a page first.  If all blocks began at the
 * same offset, copies between them would be slow: a copy to 1 to 15 bytes beyond the offset it
 * comes from takes 15 times as long on Zen 5, and sqlite3, which sorts by such copies, took 1.08
 * times as long as with glibc.  A block of whole pages is a buffer rather than a string, and is not
 * worth another page.
 */
static size_t large_offset(const struct page *head, u64 pfn, size_t size)
{
	u64 spare = (head->nr_pages << PAGE_SHIFT) - size;
	u32 places = (u32)MIN(spare, PAGE_SIZE - 1) / CACHE_LINE + 1;
	u32 hash = (u32)pfn * GOLDEN_RATIO_32;

	return (u64)hash * places >> 32 << ilog2(CACHE_LINE);
}

/* The block at @head becomes the program's.  Return: where it begins. */
static alwaysinline void *hand_out(struct page *head, size_t size, size_t align,
				   const struct slow *slow)
{
	u64 pfn = page_to_pfn(head);
	size_t offset = align < PAGE_SIZE ? large_offset(head, pfn, size) : 0;

	head->offset = offset;
	page_set_state(head, LIVE_LARGE);
	/* A block from this thread's set has its byte already. */
	if (READ_ONCE(page_map.bytes[pfn]) != MAP_LARGE)
		page_map_set(pfn, 1, MAP_LARGE);
	count_large(slow, head->nr_pages);
	return (char *)pfn_to_addr(pfn) + offset;
}

/* malloc_large(); and inlined for malloc()'s constant arguments, where it is half as long. */
static alwaysinline void *large_block(size_t size, size_t align, gfp_t gfp, int node,
				      bool *ret_zero)
{
	bool spread = align < PAGE_SIZE && size % PAGE_SIZE;
	u64 nr = DIV_ROUND_UP((u64)size + (spread ? LARGE_SPARE : 0), PAGE_SIZE);
	struct page *head = NULL;
	struct slow slow;
	bool nowait;
	void *ret;

	if (size > PTRDIFF_MAX || align > PTRDIFF_MAX ||
	    (!slow_enter_quick(&slow) && !slow_enter(&slow)))
		return NULL;
	nowait = slow.nested || asks_not_to_wait(gfp);
	/* To reach a place aligned to more than this, much of the heap would be taken into use. */
	if (align <= MAX((u64)size, 64 * (u64)MiB)) {
		struct page_request rq = {
			.gfp = gfp,
			.nid = node >= 0   ? node
			       : slow.task ? slow.task->mm.node
					   : mm_nearest_node(0),
			.nowait = nowait,
			.task = slow_mm(&slow),
		};

		head = large_alloc(&rq, nr, MAX(align >> PAGE_SHIFT, (u64)1), ret_zero);
	}
	if (likely(head)) {
		ret = hand_out(head, size, align, &slow);
	} else {
		ret = gfp & __GFP_THISNODE ? NULL
					   : direct_alloc(size, MAX(align, PAGE_SIZE), nowait);
		*ret_zero = true;
	}
	if (slow.task)
		stat_inc(slow.task->slow_allocs);
	slow_leave(&slow);
	kswapd_after_alloc(&slow, asks_not_to_wait(gfp));
	return ret;
}

/*
 * A block that is made of pages, for @size bytes aligned to @align.  With less than a page it may
 * begin anywhere in its first page.  Return: NULL without memory, with errno as it was.
 */
set_apart void *malloc_large(size_t size, size_t align, gfp_t gfp, int node, bool *ret_zero)
{
	return large_block(size, align, gfp, node, ret_zero);
}

static inline struct kmem_cache *small_cache(const struct slow *slow, size_t size)
{
	/* A thread with a task has a table of classes at hand. */
	if (likely(slow->task))
		return map_value_cache(size_map_value(&slow->task->hit, size));
	return &kmalloc_caches[kmalloc_class(size)];
}

static void *malloc_small(size_t size)
{
	struct slow slow;
	void *obj;

	if (!slow_enter_quick(&slow) && !slow_enter(&slow))
		return NULL;
	obj = slab_alloc_slow(small_cache(&slow, size), &slow);
	slow_leave(&slow);
	kswapd_poke(&slow);
	return obj;
}

/* Any size.  *ret_zero: the block reads as zero.  Return: NULL without memory, errno as it was. */
void *malloc_any(size_t size, bool *ret_zero)
{
	*ret_zero = false;
	if (likely(size <= KMALLOC_MAX_SIZE))
		return malloc_small(size);
	return large_block(size, KMALLOC_MINALIGN, 0, NUMA_NO_NODE, ret_zero);
}

void *malloc_slow(size_t size)
{
	bool zero;
	void *p = malloc_any(size, &zero);

	return likely(p) ? p : no_memory();
}

/*
 * From this size on a block that is mostly not resident is discarded rather than cleared, which
 * would make all of it resident.  Programs count on that for tables of many gigabytes of which they
 * touch little: the C library maps such a block anew each time.
 */
#define CLEAR_BY_DISCARD (32 * MiB)

static slowpath bool discard_sparse(char *from, char *end)
{
	long resident = vm_resident_pages(from, (size_t)(end - from));

	return resident >= 0 && (size_t)resident < (size_t)(end - from) / PAGE_SIZE / 2 &&
	       !vm_discard(from, (size_t)(end - from));
}

static slowpath void *clear_huge(char *p, size_t bytes)
{
	/* Whole huge pages only, so that none is split. */
	const uintptr_t huge = PAGEBLOCK_NR_PAGES << PAGE_SHIFT;
	char *from = p + (-(uintptr_t)p & (huge - 1));
	char *end = p + bytes, *to = end - ((uintptr_t)end & (huge - 1));

	if (!discard_sparse(from, to))
		return memset(p, 0, bytes);
	memset(p, 0, (size_t)(from - p));
	memset(to, 0, (size_t)(end - to));
	return p;
}

void *clear_block(void *p, size_t bytes)
{
	if (unlikely(bytes >= CLEAR_BY_DISCARD))
		return clear_huge(p, bytes);
	return memset(p, 0, bytes);
}

BUDDY_API void *calloc(size_t n, size_t size)
{
	size_t bytes;
	bool zero = false;
	void *p;

	if (unlikely(__builtin_mul_overflow(n, size, &bytes)))
		return no_memory();
	if (likely(bytes <= KMALLOC_MAX_SIZE))
		p = own_malloc(bytes);
	else
		p = malloc_any(bytes, &zero);
	if (unlikely(!p))
		return no_memory();
	return zero ? p : clear_block(p, bytes);
}

/* By the program's own realloc() if it has one, as in the C library (replaceable.list). */
BUDDY_API void *reallocarray(void *ptr, size_t n, size_t size)
{
	size_t bytes;

	if (unlikely(__builtin_mul_overflow(n, size, &bytes)))
		return no_memory();
	return realloc(ptr, bytes);
}

/* ---- free ---- */

/*
 * A program that has its own malloc but no operator delete comes here with blocks of its own: they
 * go to its own free().
 *
 * Not if @nested: in a program that is not position independent, and takes the address of free,
 * that address is a stub which leads back here.
 */
static slowpath bool free_of_program(void *ptr, bool nested)
{
	/* Volatile: a compiler may assume that two names are two functions. */
	void (*volatile theirs)(void *) = free;

	if (theirs == own_free || nested || mm_owns(ptr))
		return false;
	theirs(ptr);
	return true;
}

/* A mapping of its own, live or gone, has no descriptor that would say more. */
static slowpath void bad_free(const char *call, const void *ptr)
{
	bool owned = mm_owns(ptr);

	if (page_map_get(ptr) == MAP_PAGES)
		bug_report("%s(%p): pages of the page API", call, ptr);
	else if (owned && find_slab(ptr))
		(void)slab_check_object(call, ptr);
	else
		bug_report("%s(%p): %snot the start of a live block: freed already, or a pointer "
			   "into the middle",
			   call, ptr, owned ? "" : "not allocated by libbuddy, or ");
}

static void free_large(const char *call, void *ptr, struct slow *slow)
{
	struct page *head = virt_to_page(ptr);
	u32 live = LIVE_LARGE;

	/* Of two frees at once one wins, and the other is reported. */
	if (ptr != large_start(head) ||
	    !atomic_cmpxchg(&head->state, &live, page_state(PAGE_EXACT, 0, PG_TRANSIT))) {
		bad_free(call, ptr);
		return;
	}
	count_large(slow, 0 - head->nr_pages);
	large_free(head, slow_mm(slow), slow->nested);
}

static void free_object(const char *call, void *ptr, struct kmem_cache *s, struct slow *slow)
{
	if (is_object(s, ptr))
		slab_free_slow(s, ptr, slow);
	else
		(void)slab_check_object(call, ptr);
}

void free_named(const char *call, void *ptr)
{
	u8 value;
	struct slow slow;
	struct kmem_cache *s;

	if (!ptr)
		return;
	value = page_map_get(ptr);
	if (!slow_enter_quick(&slow))
		slow_enter_anyway(&slow);
	if (likely(value && value <= MAP_CLASS_LAST)) {
		free_object(call, ptr, map_value_cache(value), &slow);
	} else if (value == MAP_LARGE) {
		free_large(call, ptr, &slow);
	} else if (value == MAP_CACHE) {
		s = slab_check_object(call, ptr);
		if (s)
			slab_free_slow(s, ptr, &slow);
	} else if (!direct_free(ptr, slow.nested) && !free_of_program(ptr, slow.nested)) {
		bad_free(call, ptr);
	}
	slow_leave(&slow);
	kswapd_freed(&slow);
}

void free_slow(void *ptr)
{
	free_named("free", ptr);
}

/* The size of malloc's object at @ptr under slab_debug=F; 0, with a report, if none is in use. */
static slowpath size_t usable_size_checked(const char *call, const void *ptr, struct kmem_cache *s)
{
	if (is_object(s, ptr))
		return s->size;
	if (is_object_start(s, ptr))
		bug_report("%s(%p): freed already, an object of %s", call, ptr, s->name);
	else
		(void)slab_check_object(call, ptr);
	return 0;
}

set_apart size_t usable_size_other(const char *call, const void *ptr)
{
	u8 value = page_map_get(ptr);
	struct kmem_cache *s;
	size_t size;

	if (value && value <= MAP_CLASS_LAST)
		return usable_size_checked(call, ptr, map_value_cache(value));
	if (value == MAP_LARGE) {
		const struct page *head = virt_to_page(ptr);

		if (READ_ONCE(head->state) == LIVE_LARGE && ptr == large_start(head))
			return (head->nr_pages << PAGE_SHIFT) - head->offset;
	}
	if (value == MAP_CACHE) {
		s = slab_check_object(call, ptr);
		return s ? s->object_size : 0;
	}
	/* The system may put such a mapping into the range too, if there is no other place left. */
	size = direct_size(ptr);
	if (!size)
		bad_free(call, ptr);
	return size;
}

BUDDY_API size_t malloc_usable_size(void *ptr)
{
	size_t size = object_size_at(ptr);

	if (likely(size) || !ptr)
		return size;
	return usable_size_other("malloc_usable_size", ptr);
}
