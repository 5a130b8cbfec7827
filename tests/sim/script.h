/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_SIM_SCRIPT_H
#define BUDDY_TESTS_SIM_SCRIPT_H
/*
 * script.h - a run of page, large, direct, slab and cache operations, determined by a seed
 *
 * Every block is filled when it is allocated and checked when it is freed.  Any operation may fail,
 * but must not lose memory, hand it out twice or leave a structure broken.
 */
#include "sim.h"

struct script {
	u64 seed;
	int steps;
	bool verify_each; /* both verifiers after every operation */
	unsigned long refused; /* operations that got no memory */
};

/** script_run - run it; blocks remain */
void script_run(struct script *s);
/** script_free_all - free what remains and destroy the caches */
void script_free_all(void);
/** script_expect_nothing_lost - after script_free_all(): every page and object is back */
void script_expect_nothing_lost(void);

#endif
