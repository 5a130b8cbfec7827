/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/*
 * aligned.c - memory aligned beyond 16 bytes
 *
 * A class whose size is a multiple of the alignment has all its objects aligned, since slabs are
 * aligned to their size; class_aligns() says why there is one for every alignment up to 16 KiB.
 */
#include "malloc/internal.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#define ALIGN_BY_CLASS_MAX (4 * PAGE_SIZE)
static_assert(KMALLOC_MAX_SIZE % ALIGN_BY_CLASS_MAX == 0, "rounding up stays within the classes");

/*
 * Are objects of the classes aligned to @align, for what is rounded up to it?
 *
 * Where classes step by less than the alignment, the rounded size is a class itself; where they
 * step by as much or more, every class is a multiple of the step, both being powers of two.  Slabs
 * are aligned to their size, which is a multiple too.  Beyond 16 KiB a small object would take the
 * room of more pages than are worth it.  Checked by tests/unit/test_geometry.c.
 */
static inline bool class_aligns(size_t align, size_t size)
{
	return align <= ALIGN_BY_CLASS_MAX && size <= KMALLOC_MAX_SIZE;
}

/* @align is a power of two.  NULL without errno, or with ENOMEM. */
void *aligned_any(size_t align, size_t size)
{
	bool zero;

	if (likely(class_aligns(align, size)))
		return own_malloc(ALIGN_UP(size + !size, align));
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

BUDDY_API int posix_memalign(void **ret, size_t align, size_t size)
{
	int saved = errno;
	void *p;

	if (!is_power_of_2(align) || align % sizeof(void *))
		return EINVAL;
	p = aligned_any(align, size);
	if (!p) {
		errno = saved;
		return ENOMEM;
	}
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
