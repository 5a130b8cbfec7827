/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/*
 * aligned.c - memory aligned beyond 16 bytes
 *
 * A class whose size is a multiple of the alignment has all its objects aligned, since slabs are
 * aligned to pages at least; such a class exists for every alignment up to a page.
 */
#include "malloc/internal.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

/*
 * The smallest class that holds @size and is a multiple of @align, a power of two up to a page;
 * 0 if there is none.
 */
static size_t class_size_aligned(size_t align, size_t size)
{
	/* Rounded up, the first class is nearly always the one. */
	unsigned int class = kmalloc_class(ALIGN_UP(size, align));

	while (class < NR_KMALLOC_CLASSES && kmalloc_class_size(class) % align)
		class ++;
	return class < NR_KMALLOC_CLASSES ? kmalloc_class_size(class) : 0;
}

/* @align is a power of two.  NULL without errno. */
void *aligned_any(size_t align, size_t size)
{
	bool zero;

	if (align <= 16)
		return size <= PTRDIFF_MAX ? malloc(size) : NULL;
	if (align <= PAGE_SIZE && size <= KMALLOC_MAX_SIZE) {
		/* Classes end at a multiple of a page, so rounding up stays within them. */
		size_t fit = class_size_aligned(align, MAX(size, 1ul));

		if (fit)
			return malloc(fit);
	}
	return malloc_large(MAX(size, 1ul), MAX(align, PAGE_SIZE), 0, NUMA_NO_NODE, &zero);
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
