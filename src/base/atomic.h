/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_BASE_ATOMIC_H
#define BUDDY_BASE_ATOMIC_H
/*
 * atomic.h - loads and stores of fields that several threads see
 *
 * Fields keep their plain types, as in the kernel; the access says how it is shared.
 * READ_ONCE and WRITE_ONCE are relaxed; acquire and release pair as their call sites say.
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

/* What this thread has stored is seen before what it stores from here on, by whoever sees that. */
#define smp_mb() __sync_synchronize()

/*
 * cmpxchg_local - the same for a word that only this thread writes, and its signal handlers: one
 * instruction is enough, it need not be a locked one, which costs four times as much
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
 * A counter with one writer at a time (the owner of a lock, or the owning thread) and racy
 * readers: an increment without a locked instruction.
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
