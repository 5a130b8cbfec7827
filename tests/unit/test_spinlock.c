/* SPDX-License-Identifier: MIT */
/*
 * test_spinlock.c - owners, waiters, forks, ranks: src/sync/spinlock.c
 */
#include "unit.h"
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static struct spinlock lock = SPINLOCK_INIT(RANK_ZONE);

static bool is_mine(void)
{
	return (lock.word & TASK_ID_MASK) == task_id();
}

/* Other threads of this process must not take it for stale either. */
static bool is_mine_now(void)
{
	return (lock.word & ~SPIN_WAITERS) == (task_id() | spin_generation);
}

SIM_TEST(a_free_lock_is_taken_and_known_by_its_owner)
{
	EXPECT_EQ(lock.word, 0);
	EXPECT_EQ(spin_lock(&lock), LOCK_TAKEN);
	EXPECT(is_mine());
	spin_unlock(&lock);
	EXPECT_EQ(lock.word, 0);
}

SIM_TEST(a_lock_that_is_held_is_busy_to_a_trylock_also_of_its_owner)
{
	EXPECT_EQ(spin_trylock(&lock), LOCK_TAKEN);
	EXPECT_EQ(spin_trylock(&lock), LOCK_BUSY);
	spin_unlock(&lock);
	EXPECT_EQ(spin_trylock(&lock), LOCK_TAKEN);
	spin_unlock(&lock);
}

SIM_TEST(a_lock_of_a_thread_lost_in_a_fork_is_stale)
{
	lock_of_lost_thread(&lock);
	EXPECT_EQ(spin_lock(&lock), LOCK_STALE);
	EXPECT(is_mine_now());
	spin_unlock(&lock);
	lock_of_lost_thread(&lock);
	EXPECT_EQ(spin_trylock(&lock), LOCK_STALE);
	EXPECT_EQ(spin_trylock(&lock), LOCK_BUSY);
	spin_unlock(&lock);
	EXPECT_EQ(spin_lock(&lock), LOCK_TAKEN);
}

SIM_TEST(a_lock_of_this_generation_is_never_stale)
{
	lock.word = spin_generation | 4711;
	EXPECT_EQ(spin_trylock(&lock), LOCK_BUSY);
	EXPECT_EQ(lock.word, spin_generation | 4711);
}

SIM_TEST(a_lock_of_the_thread_that_forked_in_a_slow_path_is_not_stale)
{
	lock_of_lost_thread(&lock);
	spin_kept_owner = lock.word & TASK_ID_MASK;
	EXPECT_EQ(spin_trylock(&lock), LOCK_BUSY);
	spin_kept_owner = 0;
	EXPECT_EQ(spin_trylock(&lock), LOCK_STALE);
	EXPECT(is_mine_now());
}

/* A handler has interrupted a critical section and forked: the thread still owns the lock. */
SIM_TEST(a_lock_taken_by_this_very_thread_before_the_fork_is_not_stale)
{
	lock.word = task_id() | ((spin_generation - (1u << SPIN_GEN_SHIFT)) & SPIN_GEN_MASK);
	EXPECT_EQ(spin_trylock(&lock), LOCK_BUSY);
	EXPECT(is_mine());
}

/* Before its first allocation too, though the system knows it by another number in the child. */
SIM_TEST(a_thread_without_a_task_block_has_its_locks_in_a_child_too)
{
	EXPECT(sim_start());
	EXPECT(!current_task());
	EXPECT_EQ(spin_lock(&lock), LOCK_TAKEN);
	sim_main_thread.tid += 100;
	spin_kept_owner = task_id();
	slab_fork_new_generation();
	EXPECT_EQ(spin_trylock(&lock), LOCK_BUSY);
	EXPECT(is_mine());
	spin_unlock(&lock);
}

SIM_TEST(the_generation_wraps_round_without_becoming_zero)
{
	u32 seen = 0;

	EXPECT(sim_start());
	for (int i = 0; i < 600; i++) {
		struct sim_thread child;

		sim_thread_new(&child, 0);
		sim_switch_to(&child);
		seen = spin_generation;
		slab_fork_new_generation();
		EXPECT(spin_generation != seen);
		EXPECT(spin_generation & SPIN_GEN_MASK);
		EXPECT(!(spin_generation & ~SPIN_GEN_MASK));
	}
}

SIM_TEST(waiting_for_a_lock_of_ones_own_ends_the_program)
{
	/* Each in a child, since its end is what is expected. */
	EXPECT(sim_reports()[0] == 0);
	spin_lock(&lock);
	if (fork() == 0) {
		close(2); /* its report is of no interest */
		spin_lock(&lock);
		_exit(0);
	}
	int status = 0;

	EXPECT(wait(&status) > 0);
	EXPECT(!WIFEXITED(status) || WEXITSTATUS(status));
}

SIM_TEST(taking_locks_against_their_ranks_ends_the_program)
{
	struct spinlock outer = SPINLOCK_INIT(RANK_SLAB_MUTEX);
	int status = 0;

	spin_lock(&lock);
	if (fork() == 0) {
		close(2); /* its report is of no interest */
		spin_lock(&outer);
		_exit(0);
	}
	EXPECT(wait(&status) > 0);
	EXPECT(!WIFEXITED(status) || WEXITSTATUS(status));
	/* A trylock never waits, so it may. */
	EXPECT_EQ(spin_trylock(&outer), LOCK_TAKEN);
}

static unsigned long counter;

static void *count(void *arg)
{
	(void)arg;
	for (int i = 0; i < 200000; i++) {
		spin_lock(&lock);
		counter++;
		spin_unlock(&lock);
	}
	return NULL;
}

SIM_TEST(two_threads_exclude_each_other)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		EXPECT(!pthread_create(&threads[i], NULL, count, NULL));
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(counter, 400000);
	EXPECT_EQ(lock.word & TASK_ID_MASK, 0);
}

static void *wait_for_lock(void *arg)
{
	spin_lock(&lock);
	*(bool *)arg = is_mine_now();
	spin_unlock(&lock);
	return NULL;
}

SIM_TEST(a_sleeper_gets_a_lock_whose_release_wakes_nobody)
{
	unsigned long contended = spin_contended;
	pthread_t thread;
	bool got = false;

	spin_lock(&lock);
	EXPECT(!pthread_create(&thread, NULL, wait_for_lock, &got));
	while (!(READ_ONCE(lock.word) & SPIN_WAITERS))
		cpu_relax();
	spin_unlock_unwaited(&lock);
	EXPECT(!pthread_join(thread, NULL));
	EXPECT(got);
	EXPECT_EQ(lock.word, 0);
	EXPECT_EQ(spin_contended, contended + 1);
}

RUN_TESTS(T(a_free_lock_is_taken_and_known_by_its_owner),
	  T(a_lock_that_is_held_is_busy_to_a_trylock_also_of_its_owner),
	  T(a_lock_of_a_thread_lost_in_a_fork_is_stale),
	  T(a_lock_of_this_generation_is_never_stale),
	  T(a_lock_taken_by_this_very_thread_before_the_fork_is_not_stale),
	  T(a_lock_of_the_thread_that_forked_in_a_slow_path_is_not_stale),
	  T(a_thread_without_a_task_block_has_its_locks_in_a_child_too),
	  T(the_generation_wraps_round_without_becoming_zero),
	  T(waiting_for_a_lock_of_ones_own_ends_the_program),
	  T(taking_locks_against_their_ranks_ends_the_program), T(two_threads_exclude_each_other),
	  T(a_sleeper_gets_a_lock_whose_release_wakes_nobody))
