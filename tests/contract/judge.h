/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_CONTRACT_JUDGE_H
#define BUDDY_TESTS_CONTRACT_JUDGE_H
/*
 * judge.h - does a call do what the table says?
 */
#include "cell.h"

/* Makes the call of the cell once.  Return: it agrees with @want; if not, @t says why. */
bool run_against(const struct cell *c, struct text *t, const struct outcome *want);

/* Makes the call again and again.  Return: the process does not grow. */
bool grows_not(const struct cell *c, struct text *t);

#endif
