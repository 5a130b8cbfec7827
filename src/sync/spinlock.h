/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_SYNC_SPINLOCK_H
#define BUDDY_SYNC_SPINLOCK_H
/*
 * spinlock.h - short locks that know their owner and survive a fork
 *
 * Linux:  spinlock_t.  Differs in two ways.  Userspace cannot disable preemption, so a waiter
 *         spins a little and then sleeps on a futex.  And no fork handler takes the locks to hold
 *         them across a fork.  Instead, a lock's word has the fork generation of the process that
 *         took it.  So a child finds out, lock by lock, which owners were lost in the fork, takes
 *         the lock from them and repairs what it guards.
 *
 * Word: bit 31 somebody sleeps, bits 23..30 fork generation, bits 0..22 owner; 0: free.
 */
#include "base/atomic.h"
#include "sync/lock_rank.h"
#include "sync/task_id.h"

#pragma GCC visibility push(hidden)

#define SPIN_WAITERS (1u << 31)
#define SPIN_GEN_SHIFT TASK_ID_BITS
#define SPIN_GEN_MASK (0xffu << SPIN_GEN_SHIFT)
static_assert((SPIN_WAITERS | SPIN_GEN_MASK | TASK_ID_MASK) == ~0u &&
		      (SPIN_WAITERS & SPIN_GEN_MASK) == 0,
	      "the parts of a lock's word fill it and do not overlap");

struct spinlock {
	u32 word; /* atomic */
	u8 rank;  /* const, enum lock_rank */
};

#define SPINLOCK_INIT(r)                                                                           \
	{                                                                                          \
		.rank = (r)                                                                        \
	}

enum lock_result {
	LOCK_BUSY,  /* not taken (trylock only) */
	LOCK_TAKEN, /* taken */
	LOCK_STALE, /* taken from an owner that was lost in a fork: repair before use */
};

/* Fork generation of this process, shifted to its place in the word.  Only a child changes it. */
extern u32 spin_generation;
/*
 * In a child: the task that forked inside a slow path and still has its locks, or 0
 * (fork_notice.c).
 */
extern u32 spin_kept_owner;

/* How often a lock was found held; racy. */
extern unsigned long spin_contended;

enum lock_result spin_trylock_slow(struct spinlock *lock, u32 seen);
enum lock_result spin_lock_slow(struct spinlock *lock);
void spin_unlock_wake(struct spinlock *lock);
void lock_rank_take(const struct spinlock *lock, bool trylock);
void lock_rank_drop(const struct spinlock *lock);

/* Called by a waiter each time it has slept, to notice that this is a forked child. */
extern void (*spin_long_wait)(void);

static inline bool spin_cmpxchg_free(struct spinlock *lock)
{
	u32 expected = 0;

	/* Acquire pairs with the release in spin_unlock(). */
	return __atomic_compare_exchange_n(&lock->word, &expected, task_id() | spin_generation,
					   false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/** spin_lock - take @lock, waiting for it.  Return: LOCK_TAKEN or LOCK_STALE. */
static inline enum lock_result spin_lock(struct spinlock *lock)
{
	enum lock_result r = LOCK_TAKEN;

	if (unlikely(!spin_cmpxchg_free(lock)))
		r = spin_lock_slow(lock);
	if (CONFIG_DEBUG_VM)
		lock_rank_take(lock, /* trylock= */ false);
	return r;
}

/** spin_trylock - take @lock if that needs no waiting.  Return: LOCK_BUSY if it does. */
static inline enum lock_result spin_trylock(struct spinlock *lock)
{
	enum lock_result r = LOCK_TAKEN;

	if (unlikely(!spin_cmpxchg_free(lock)))
		r = spin_trylock_slow(lock, READ_ONCE(lock->word));
	if (CONFIG_DEBUG_VM && r != LOCK_BUSY)
		lock_rank_take(lock, /* trylock= */ true);
	return r;
}

static inline void spin_unlock(struct spinlock *lock)
{
	if (CONFIG_DEBUG_VM)
		lock_rank_drop(lock);
	/* Release pairs with the acquire of the next owner. */
	if (unlikely(__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) & SPIN_WAITERS))
		spin_unlock_wake(lock);
}

/* Does a thread other than @id, which may be gone, have @lock?  Racy. */
static inline bool spin_held_by_other_than(const struct spinlock *lock, u32 id)
{
	u32 owner = READ_ONCE(lock->word) & TASK_ID_MASK;

	return owner && owner != id;
}

/* Other than this one: certain about locks that this thread has. */
static inline bool spin_held_by_another(const struct spinlock *lock)
{
	return spin_held_by_other_than(lock, task_id());
}

/**
 * spin_settle - free @lock if it was held by a thread that was lost in a fork
 *
 * For locks whose lost owner has left what they guard whole.
 */
static inline void spin_settle(struct spinlock *lock)
{
	if (spin_trylock(lock) != LOCK_BUSY)
		spin_unlock(lock);
}

/**
 * spin_unlock_unwaited - spin_unlock() for a lock that others hardly ever wait for
 *
 * A store instead of an atomic instruction: bursts of 1600 take 0.95 of the time.  It wakes nobody;
 * a waiter that sleeps all the same finds out when its sleep ends (SLEEP_MS).
 */
static inline void spin_unlock_unwaited(struct spinlock *lock)
{
	if (CONFIG_DEBUG_VM)
		lock_rank_drop(lock);
	/* Release pairs with the acquire of the next owner. */
	store_release(&lock->word, 0u);
}

#pragma GCC visibility pop

#endif
