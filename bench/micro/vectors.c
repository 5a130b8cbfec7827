/* SPDX-License-Identifier: MIT */
/*
 * vectors.c - vectors that grow by copying
 *
 * Imitates std::vector, hash tables and arrays of scripts: no realloc, but a block of twice the
 * length, a copy, and a free of the old one.  What is freed is too short for every later step, so
 * an allocator that keeps it resident holds up to half as much again as the program.  Vectors
 * start one after the other, so that one grows while others fill.
 */
#include "bench.h"

enum {
	VECTORS = 3,
	FIRST = 16,
	LARGEST = 3 << 20, /* elements; the last block is not filled */
	LAG = 300000,	   /* elements that each vector is behind the one before */
};

struct vector {
	uint64_t *elements;
	size_t nr, room;
};

static uint64_t rounds;

static void grow(struct vector *vector)
{
	size_t room = vector->room ? 2 * vector->room : FIRST, size = room * sizeof(uint64_t);
	uint64_t *elements = bench_hide(malloc(size));

	if (!elements)
		bench_no_memory(size);
	if (vector->elements)
		memcpy(elements, vector->elements, vector->nr * sizeof(uint64_t));
	free(vector->elements);
	vector->elements = elements;
	vector->room = room;
}

static inline void append(struct vector *vector, uint64_t element)
{
	if (vector->nr == vector->room)
		grow(vector);
	vector->elements[vector->nr++] = element;
}

static uint64_t element_of(size_t i, uint64_t round)
{
	return (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15) + round;
}

static void end(struct vector *vector, uint64_t round)
{
	for (size_t i = 0; i < vector->nr; i++) {
		if (vector->elements[i] != element_of(i, round))
			bench_damage("a vector lost contents", &vector->elements[i],
				     sizeof(uint64_t));
	}
	free(vector->elements);
}

static void vectors_work(unsigned int id, void *shared)
{
	(void)shared;
	for (uint64_t round = id; round < rounds + id; round++) {
		struct vector vectors[VECTORS] = {0};

		for (size_t i = 0; i < LARGEST + (VECTORS - 1) * LAG; i++) {
			for (size_t v = 0; v < VECTORS; v++) {
				if (i >= v * LAG && vectors[v].nr < LARGEST)
					append(&vectors[v], element_of(vectors[v].nr, round));
			}
		}
		for (size_t v = 0; v < VECTORS; v++)
			end(&vectors[v], round);
	}
}

int main(int argc, char **argv)
{
	struct bench_load load = bench_parse_load(argc, argv, 1);

	rounds = bench_scaled(8, load.work);
	struct bench_span span = bench_crew((unsigned int)load.threads, vectors_work, NULL);

	bench_print_span(span, rounds * VECTORS * LARGEST * load.threads,
			 (unsigned int)load.threads);
}
