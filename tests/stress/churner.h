/*
 * churner.h - a thread that churns memory and can be forked away from at any instruction
 *
 * A slot says that it holds a block only while the model of that block is complete: it is set
 * after the allocation and cleared before the free.  A child forked at any moment can therefore
 * adopt the blocks of a churner it no longer has; at most one block per churner, the one in
 * the making, is lost to it.
 */
#ifndef BUDDY_TESTS_STRESS_CHURNER_H
#define BUDDY_TESTS_STRESS_CHURNER_H

#include "block.h"
#include "rng.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
	CHURNER_SLOTS = 1000,
	CHURNER_SIZE_MAX = 128 << 10,
};

struct churner_slot {
	struct block block;
	atomic_bool live;
};

struct churner {
	struct churner_slot slots[CHURNER_SLOTS];
	struct rng rng;
	unsigned int number; /* its progress counter */
	pthread_t thread;
	atomic_bool stop;
};

/* A churner outside the tested heap. */
struct churner *churner_map(unsigned int number, struct rng rng);

/* One random step on the slots, by any thread that owns them. */
void churner_step(struct churner *churner);

void churner_start(struct churner *churner);
void churner_stop(struct churner *churner);

/* Checks and frees all blocks; also in a child of fork, where the thread stopped anywhere. */
void churner_clear(struct churner *churner);

/* Checks all blocks; only for the thread that owns the slots. */
void churner_check(const struct churner *churner);

#endif
