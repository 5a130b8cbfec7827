/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_SIM_STEP_H
#define BUDDY_TESTS_SIM_STEP_H
/*
 * step.h - a function called before every instruction of another, by the trap flag of the CPU
 *
 * x86-64 alone has it within reach of a program.  valgrind does not know the flag: there nothing
 * is called.
 */
#include "base/math.h"

/**
 * step_through - run @fn; before each of its instructions, with their number from 1 on, call
 * @before, in a signal handler
 */
void step_through(void (*fn)(void), void (*before)(u64 number));

/** step_stop - from @before or @fn: let the rest of the function run as usual */
void step_stop(void);

#endif
