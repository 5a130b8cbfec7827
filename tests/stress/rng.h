/*
 * rng.h - the random numbers of the stress programs
 *
 * splitmix64: one word of state, so a thread, a signal handler or a forked child gets its own
 * stream from one seed without sharing anything, and a run is repeated by its printed seed as
 * far as thread timing allows.
 */
#ifndef BUDDY_TESTS_STRESS_RNG_H
#define BUDDY_TESTS_STRESS_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Streams of one seed that differ in @stream are unrelated. */
static inline struct rng rng_stream(uint64_t seed, uint64_t stream)
{
	struct rng rng = {.state = seed ^ (stream * UINT64_C(0xd1342543de82ef95))};

	rng_next(&rng);
	return rng;
}

/* Uniform in [0, bound); the bias of the multiply is of no interest here. */
static inline uint32_t rng_below(struct rng *rng, uint32_t bound)
{
	return (uint32_t)(((rng_next(rng) >> 32) * bound) >> 32);
}

/* True once in @n calls on average. */
static inline int rng_one_in(struct rng *rng, uint32_t n)
{
	return rng_below(rng, n) == 0;
}

#endif
