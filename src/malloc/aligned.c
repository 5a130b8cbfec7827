/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/*
 * aligned.c - memory aligned beyond 16 bytes
 *
 * Up to a cache line the objects of a class are aligned if their stride is.  Beyond that only those
 * of powers of two are: the objects of other slabs begin at any line (slab_colour()).
 */
#include "malloc/internal.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#define ALIGN_BY_CLASS_MAX (4 * PAGE_SIZE)
static_assert(KMALLOC_MAX_SIZE % ALIGN_BY_CLASS_MAX == 0, "rounding up stays within the classes");

/*
 * The size to ask for so that @size bytes are aligned to @align, a power of two: all objects of its
 * class are.  0: no class will do, or it would waste too many pages: those for an alignment of more
 * than 16 KiB, or for one of more than a line if the object is larger than 16 KiB.
 *
 * Up to a line the size rounded up is enough.  Where classes step by less than a line it is a class
 * itself; where they step by a line or more, every class is a multiple of a line.  Checked by
 * tests/unit/test_geometry.c and tests/contract.
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

/* @align is a power of two.  Return: the memory; NULL, with errno as it was or ENOMEM. */
void *aligned_any(size_t align, size_t size)
{
	size_t rounded = size_of_class(align, size + !size);
	bool zero;

	if (likely(rounded))
		return own_malloc(rounded);
	if (align <= KMALLOC_MINALIGN)
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
	/* As in glibc: any alignment is rounded up to a power of two. */
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

/* All but a hit, which does not touch errno: here it has to be saved, and that is not cheap. */
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
