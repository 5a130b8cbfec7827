/* SPDX-License-Identifier: MIT */
/*
 * values.c - the numbers that a set of edges stands for
 */
#include "values.h"
#include "cell.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void add(struct values *s, size_t v)
{
	if (s->n == MAX_VALUES) {
		fprintf(stderr, "contract: a set has more than %u values\n", MAX_VALUES);
		exit(2);
	}
	s->v[s->n++] = v;
}

static void add_neighbours(struct values *s, size_t v)
{
	add(s, v - 1);
	add(s, v);
	add(s, v + 1);
}

static size_t usable_of(size_t size)
{
	void *p = fn_malloc(size);
	size_t usable = fn_usable_size(p);

	fn_free(p);
	return usable;
}

size_t first_power(size_t at_least)
{
	size_t p = 1;

	while (p < at_least)
		p <<= 1;
	return p;
}

static void add_edge(struct values *s, const struct edge *e)
{
	if (e->kind == EDGE_RANGE) {
		for (size_t v = e->first;; v += e->step) {
			add(s, v);
			if (e->last - v < e->step)
				return;
		}
	}
	for (size_t p = first_power(e->first); p && p <= e->last; p <<= 1) {
		size_t quarter = p >> 2;

		switch (e->kind) {
		case EDGE_POWERS:
			add(s, p);
			break;
		case EDGE_CLASSES:
			for (size_t v = p; v < 2 * p && v <= e->last; v += quarter ? quarter : p)
				add_neighbours(s, v);
			break;
		case EDGE_USABLE:
			for (size_t v = p; v < 2 * p && v <= e->last; v += quarter ? quarter : p)
				add_neighbours(s, usable_of(v));
			break;
		case EDGE_ODD:
			add(s, p + p / 2);
			add(s, p + p / 4);
			add(s, p - 1);
			add(s, p + 1);
			break;
		default:
			break;
		}
	}
}

void expand(struct values *s, const struct edge *set)
{
	s->n = 0;
	if (!set)
		add(s, 0);
	else
		for (; set->kind != EDGE_END; set++)
			add_edge(s, set);
}

static size_t split_exactly(size_t v, struct pair out[MAX_SPLITS])
{
	static const size_t factors[] = {2, 3, 16, 24, 4096};
	size_t n = 0;

	out[n++] = (struct pair){1, v};
	out[n++] = (struct pair){v, 1};
	for (size_t i = 0; i < ARRAY_SIZE(factors); i++) {
		if (v % factors[i] || v == factors[i])
			continue;
		out[n++] = (struct pair){v / factors[i], factors[i]};
		out[n++] = (struct pair){factors[i], v / factors[i]};
	}
	return n;
}

static size_t split_to_wrap(size_t v, struct pair out[MAX_SPLITS])
{
	static const size_t more[] = {0, 1, 2, 15};
	size_t n = 0, smallest = SIZE_MAX / v + 1;

	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		out[n++] = (struct pair){v, smallest + more[i]};
		out[n++] = (struct pair){smallest + more[i], v};
	}
	return n;
}

size_t split(enum split how, size_t v, struct pair out[MAX_SPLITS])
{
	switch (how) {
	case SPLIT_EXACT:
		return split_exactly(v, out);
	case SPLIT_WRAP:
		return split_to_wrap(v, out);
	case SPLIT_NOTHING:
		out[0] = (struct pair){0, v};
		out[1] = (struct pair){v, 0};
		return 2;
	default:
		out[0] = (struct pair){1, v};
		return 1;
	}
}
