/* SPDX-License-Identifier: MIT */
/*
 * spinlock.c - short locks that know their owner and survive a fork: the slow half
 *
 * Spinning is kept short: with more threads than CPUs the owner may be preempted, and spinning
 * then only delays it.
 */
#include "sync/spinlock.h"
#include "base/check.h"
#include "platform/os.h"

#define SPINS 60
#define SLEEP_MS 20 /* at most, so that a waiter notices that it is in a forked child */

u32 spin_generation = 1u << SPIN_GEN_SHIFT;
unsigned long spin_contended;
u32 spin_kept_owner;
void (*spin_long_wait)(void);
__thread u32 task_id_tls __attribute__((tls_model("initial-exec")));

/*
 * A signal handler may have given the thread a number meanwhile.  That one stays, since a child
 * that the handler has forked knows the thread by it.
 */
u32 task_id_bare(void)
{
	static u32 last; /* atomic */
	u32 none = 0, id = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED) & (TASK_ID_BARE - 1);

	(void)atomic_cmpxchg(&task_id_tls, &none, id | TASK_ID_BARE);
	return task_id_tls;
}

/* Was the lock taken in another process, by a thread that did not come along in the fork? */
static bool is_stale(u32 word)
{
	u32 owner = word & TASK_ID_MASK;

	return (word & SPIN_GEN_MASK) != READ_ONCE(spin_generation) && owner != task_id() &&
	       owner != READ_ONCE(spin_kept_owner);
}

static bool steal(struct spinlock *lock, u32 word)
{
	return __atomic_compare_exchange_n(&lock->word, &word, task_id() | spin_generation, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

enum lock_result spin_trylock_slow(struct spinlock *lock, u32 seen)
{
	if (!seen)
		return spin_cmpxchg_free(lock) ? LOCK_TAKEN : LOCK_BUSY;
	if (is_stale(seen) && steal(lock, seen))
		return LOCK_STALE;
	return LOCK_BUSY;
}

enum lock_result spin_lock_slow(struct spinlock *lock)
{
	u32 mine = task_id();
	int spins = 0;

	atomic_add(&spin_contended, 1);
	for (;;) {
		u32 word = READ_ONCE(lock->word);

		if (!word) {
			/* Others may sleep as well: our unlock has to wake one of them. */
			u32 take = mine | spin_generation | (spins > SPINS ? SPIN_WAITERS : 0);

			if (__atomic_compare_exchange_n(&lock->word, &word, take, false,
							__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return LOCK_TAKEN;
			continue;
		}
		if (is_stale(word)) {
			if (steal(lock, word))
				return LOCK_STALE;
			continue;
		}
		BUG_ON((word & TASK_ID_MASK) == mine); /* a thread would wait for itself */
		if (spins++ < SPINS) {
			cpu_relax();
			continue;
		}
		if (!(word & SPIN_WAITERS) &&
		    !__atomic_compare_exchange_n(&lock->word, &word, word | SPIN_WAITERS, false,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
		os_futex_wait(&lock->word, word | SPIN_WAITERS, SLEEP_MS);
		if (spin_long_wait)
			spin_long_wait();
	}
}

void spin_unlock_wake(struct spinlock *lock)
{
	os_futex_wake(&lock->word, 1);
}

/*
 * Rank checking, in debug builds only.  A bit for each rank held.  A signal handler that has
 * interrupted a holder uses trylock, which is exempt.
 */
static __thread u32 held_ranks __attribute__((tls_model("initial-exec")));

slowpath void lock_rank_take(const struct spinlock *lock, bool trylock)
{
	BUG_ON(lock->rank == RANK_NONE || lock->rank >= NR_LOCK_RANKS);
	BUG_ON(!trylock && (held_ranks >> lock->rank) != 0);
	held_ranks |= 1u << lock->rank;
}

slowpath void lock_rank_drop(const struct spinlock *lock)
{
	BUG_ON((READ_ONCE(lock->word) & TASK_ID_MASK) != task_id());
	held_ranks &= ~(1u << lock->rank);
}
