/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_BASE_ATOMIC_H
#define BUDDY_BASE_ATOMIC_H
/*
 * atomic.h - loads and stores of fields that several threads see
 *
 * Fields keep their plain types, as in the kernel; each access says how the field is shared.
 * READ_ONCE and WRITE_ONCE are relaxed; what acquire and release pair with is said where they are
 * used.
 */
#include "base/compiler.h"

#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define atomic_add(p, v) ((void)__atomic_fetch_add((p), (v), __ATOMIC_RELAXED))
#define atomic_sub(p, v) ((void)__atomic_fetch_sub((p), (v), __ATOMIC_RELAXED))
#define atomic_xchg(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
#define atomic_cmpxchg(p, expected, v)                                                             \
	__atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

/* A full barrier: also between the stores before it and the loads after it. */
#define smp_mb() __sync_synchronize()

/*
 * cmpxchg_local - compare and exchange a word that only this thread and its signal handlers write
 *
 * One instruction is enough.  It need not be locked, which would cost four times as much.
 */
static inline bool cmpxchg_local(void ***p, void ***expected, void **v)
{
#if defined(__x86_64__)
	bool done;

	__asm__ volatile("cmpxchgq %3, %1"
			 : "=@ccz"(done), "+m"(*p), "+a"(*expected)
			 : "r"(v)
			 : "memory");
	return done;
#else
	return atomic_cmpxchg(p, expected, v);
#endif
}

/*
 * For a counter with one writer at a time (the holder of a lock, or the owning thread) and racy
 * readers: adds without a locked instruction.
 */
#define stat_add(x, v) WRITE_ONCE((x), READ_ONCE(x) + (v))
#define stat_inc(x) stat_add((x), 1)

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__asm__ volatile("pause");
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif
