/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_CONTRACT_VALUES_H
#define BUDDY_TESTS_CONTRACT_VALUES_H
/*
 * values.h - the numbers that a set of edges stands for
 */
#include "spec.h"

#define MAX_VALUES (1u << 16)

struct values {
	size_t v[MAX_VALUES];
	size_t n;
};

/* Of no set: one value, since a row without a set has one cell in that direction. */
void expand(struct values *s, const struct edge *set);

/* The smallest power of two that is @at_least. */
size_t first_power(size_t at_least);

struct pair {
	size_t count, size;
};

#define MAX_SPLITS 12

/* Return: how many pairs @v stands for. */
size_t split(enum split how, size_t v, struct pair out[MAX_SPLITS]);

#endif
