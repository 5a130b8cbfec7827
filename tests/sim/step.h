/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_SIM_STEP_H
#define BUDDY_TESTS_SIM_STEP_H
/*
 * step.h - a function called before every instruction of another, by the trap flag of the CPU
 *
 * Only on x86-64 can a program set it.  Under valgrind, which does not know the flag, nothing is
 * called.
 */
#include "base/math.h"

/**
 * step_through - run @fn, and call @before ahead of each of its instructions
 *
 * In a signal handler, with the number of the instruction, counted from 1.
 */
void step_through(void (*fn)(void), void (*before)(u64 number));

/** step_can - is @before called at all? */
bool step_can(void);

/** step_stop - from @before or @fn: let the rest of the function run as usual */
void step_stop(void);

#endif
