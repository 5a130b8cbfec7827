/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_GFP_H
#define BUDDY_GFP_H
/*
 * gfp.h - how an allocation may get its memory: the kernel's GFP flags, bit for bit
 *
 * Linux: include/linux/gfp_types.h.  These have an effect here:
 *
 *   __GFP_ZERO            the memory reads as zero
 *   __GFP_THISNODE        memory of the node that is named, or else of the caller's, or none
 *   __GFP_DIRECT_RECLAIM  without it the call waits for no lock, reclaims nothing and starts no
 *                         thread.  Only a thread's first call, which makes the thread known to the
 *                         library, may still wait; and, with several nodes, the first after the
 *                         system has moved the thread to another one
 *   __GFP_MOVABLE, __GFP_RECLAIMABLE
 *                         the migratetype of a block of 2^order pages, and so the pageblock it
 *                         comes from; MOVABLE wins over RECLAIMABLE.  Objects are always UNMOVABLE,
 *                         and exact blocks MOVABLE
 *   __GFP_DMA, __GFP_DMA32
 *                         the allocation returns NULL: those zones have no memory yet
 *
 * All others are accepted and have no effect yet: HIGHMEM, HIGH, IO, FS, KSWAPD_RECLAIM, WRITE,
 * NOWARN, RETRY_MAYFAIL, NOFAIL, NORETRY, MEMALLOC, COMP, NOMEMALLOC, HARDWALL, ACCOUNT, ZEROTAGS.
 * So even with NOFAIL an allocation returns NULL when the system has no memory left.
 */

/** gfp_t - a set of the flags below */
typedef unsigned int gfp_t;

#define __GFP_DMA ((gfp_t)1u << 0)
#define __GFP_HIGHMEM ((gfp_t)1u << 1)
#define __GFP_DMA32 ((gfp_t)1u << 2)
#define __GFP_MOVABLE ((gfp_t)1u << 3)
#define __GFP_RECLAIMABLE ((gfp_t)1u << 4)
#define __GFP_HIGH ((gfp_t)1u << 5)
#define __GFP_IO ((gfp_t)1u << 6)
#define __GFP_FS ((gfp_t)1u << 7)
#define __GFP_ZERO ((gfp_t)1u << 8)
#define __GFP_DIRECT_RECLAIM ((gfp_t)1u << 10)
#define __GFP_KSWAPD_RECLAIM ((gfp_t)1u << 11)
#define __GFP_WRITE ((gfp_t)1u << 12)
#define __GFP_NOWARN ((gfp_t)1u << 13)
#define __GFP_RETRY_MAYFAIL ((gfp_t)1u << 14)
#define __GFP_NOFAIL ((gfp_t)1u << 15)
#define __GFP_NORETRY ((gfp_t)1u << 16)
#define __GFP_MEMALLOC ((gfp_t)1u << 17)
#define __GFP_COMP ((gfp_t)1u << 18)
#define __GFP_NOMEMALLOC ((gfp_t)1u << 19)
#define __GFP_HARDWALL ((gfp_t)1u << 20)
#define __GFP_THISNODE ((gfp_t)1u << 21)
#define __GFP_ACCOUNT ((gfp_t)1u << 22)
#define __GFP_ZEROTAGS ((gfp_t)1u << 23)

#define __GFP_RECLAIM (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)

#define GFP_ATOMIC (__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define GFP_KERNEL (__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_NOWAIT (__GFP_KSWAPD_RECLAIM | __GFP_NOWARN)
#define GFP_NOIO (__GFP_RECLAIM)
#define GFP_NOFS (__GFP_RECLAIM | __GFP_IO)
#define GFP_USER (__GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_HARDWALL)
#define GFP_DMA __GFP_DMA
#define GFP_DMA32 __GFP_DMA32
#define GFP_HIGHUSER (GFP_USER | __GFP_HIGHMEM)
#define GFP_HIGHUSER_MOVABLE (GFP_HIGHUSER | __GFP_MOVABLE)
#define GFP_TRANSHUGE_LIGHT                                                                        \
	((GFP_HIGHUSER_MOVABLE | __GFP_COMP | __GFP_NOMEMALLOC | __GFP_NOWARN) & ~__GFP_RECLAIM)
#define GFP_TRANSHUGE (GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM)

#endif
