/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/*
 * aligned.c - memory aligned beyond 16 bytes
 *
 * A class whose size is a multiple of the alignment has all its objects aligned, since slabs are
 * aligned to pages at least; aligned_any() says why there is one for every alignment up to a page.
 */
#include "malloc/internal.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

/*
 * @align is a power of two.  NULL without errno, or with ENOMEM.
 *
 * A size rounded up to the alignment, up to a page, has a class that is a multiple of it.  Where
 * classes step by less than the alignment, the rounded size is a class itself; where they step by
 * as much or more, every class is a multiple of the step, both being powers of two.
 * Checked by tests/unit/test_geometry.c.
 */
void *aligned_any(size_t align, size_t size)
{
	bool zero;

	/* Classes end at a multiple of a page, so rounding up stays within them. */
	if (likely(align <= PAGE_SIZE && size <= KMALLOC_MAX_SIZE))
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
