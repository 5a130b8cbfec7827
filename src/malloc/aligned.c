/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/*
 * aligned.c - memory aligned beyond 16 bytes
 *
 * Up to a cache line a class is aligned if its stride is.  Beyond, only powers of two are, since
 * the objects of other slabs begin at any line (slab_colour()); size_of_class() says which.
 */
#include "malloc/internal.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#define ALIGN_BY_CLASS_MAX (4 * PAGE_SIZE)
static_assert(KMALLOC_MAX_SIZE % ALIGN_BY_CLASS_MAX == 0, "rounding up stays within the classes");

/*
 * A size whose class has all its objects aligned to @align, a power of two, for @size bytes; 0:
 * none.
 *
 * Where classes step by less than a line, the size rounded up to the alignment is a class itself;
 * where they step by as much or more, every class is a multiple of a line.  A small object that is
 * aligned to more than 16 KiB, or one above that that is aligned to more than a line, would take
 * the room of more pages than are worth it.  Checked by tests/unit/test_geometry.c and
 * tests/contract.
 */
static inline size_t size_of_class(size_t align, size_t size)
{
	size_t rounded = ALIGN_UP(size, align);

	if (align > ALIGN_BY_CLASS_MAX || size > KMALLOC_MAX_SIZE)
		return 0;
	if (align <= CACHE_LINE)
		return rounded;
	return rounded <= ALIGN_BY_CLASS_MAX ? roundup_pow_of_two(rounded) : 0;
}

/* @align is a power of two.  NULL without errno, or with ENOMEM. */
void *aligned_any(size_t align, size_t size)
{
	size_t rounded = size_of_class(align, size + !size);
	bool zero;

	if (likely(rounded))
		return own_malloc(rounded);
	if (align <= 16)
		return size <= PTRDIFF_MAX ? own_malloc(size) : NULL;
	return malloc_large(size + !size, MAX(align, PAGE_SIZE), 0, NUMA_NO_NODE, &zero);
}

static void *set_errno(void *p, int err)
{
	if (!p)
		errno = err;
	return p;
}

BUDDY_API void *memalign(size_t align, size_t size)
{
	/* As glibc: any alignment is taken, up to the next power of two. */
	if (align > ((size_t)1 << 63))
		return set_errno(NULL, EINVAL);
	return set_errno(aligned_any(roundup_pow_of_two(align), size), ENOMEM);
}

BUDDY_API void *aligned_alloc(size_t align, size_t size)
{
	if (!is_power_of_2(align))
		return set_errno(NULL, EINVAL);
	return set_errno(aligned_any(align, size), ENOMEM);
}

/* All but a hit, since errno is to stay what it was and is not cheap to ask for. */
static noinline int posix_memalign_slow(void **ret, size_t align, size_t size)
{
	int saved = errno;
	void *p = aligned_any(align, size);

	if (!p) {
		errno = saved;
		return ENOMEM;
	}
	*ret = p;
	return 0;
}

BUDDY_API int posix_memalign(void **ret, size_t align, size_t size)
{
	size_t rounded;
	void *p;

	if (!is_power_of_2(align) || align % sizeof(void *))
		return EINVAL;
	rounded = size_of_class(align, size + !size);
	p = rounded ? pop_size(rounded) : NULL;
	if (unlikely(!p))
		return posix_memalign_slow(ret, align, size);
	*ret = p;
	return 0;
}

BUDDY_API void *valloc(size_t size)
{
	return set_errno(aligned_any(PAGE_SIZE, size), ENOMEM);
}

BUDDY_API void *pvalloc(size_t size)
{
	size_t rounded = ALIGN_UP(MAX(size, 1ul), PAGE_SIZE);

	return set_errno(rounded < size ? NULL : aligned_any(PAGE_SIZE, rounded), ENOMEM);
}
