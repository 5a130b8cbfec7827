/* SPDX-License-Identifier: MIT */
/*
 * trim.c - buddy_reclaim(), malloc_trim(), mallopt()
 */
#include "buddy/buddy.h"
#include "malloc/internal.h"
#include <malloc.h>

BUDDY_API uint64_t buddy_reclaim(void)
{
	struct slow slow;
	u64 pages;

	if (!slow_enter(&slow))
		return 0;
	slow_leave(&slow);
	pages = slab_reclaim(/* all= */ true);
	return pages << PAGE_SHIFT;
}

/* @pad says how much glibc keeps at the top of its heap; there is no top here. */
BUDDY_API int malloc_trim(size_t pad)
{
	(void)pad;
	return buddy_reclaim() != 0;
}

#define MXFAST_MAX ((int)(80 * sizeof(size_t) / 4)) /* glibc's limit */

/*
 * glibc's parameters are accepted where ignoring them breaks no promise: thresholds, arenas and
 * padding have no counterpart here.  A request to fill blocks is refused.
 * Return: 1 if it was accepted, 0 otherwise, as in glibc.
 */
BUDDY_API int mallopt(int param, int value)
{
	switch (param) {
	case M_MXFAST:
		return value >= 0 && value <= MXFAST_MAX;
	case M_PERTURB:
		return !value;
	case M_TRIM_THRESHOLD:
	case M_TOP_PAD:
	case M_MMAP_THRESHOLD:
	case M_MMAP_MAX:
	case M_CHECK_ACTION:
	case M_ARENA_TEST:
	case M_ARENA_MAX:
		return 1;
	default:
		return 0;
	}
}
