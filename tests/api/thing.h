/*
 * thing.h - something allocated from the API, and what is known about it
 */
#ifndef BUDDY_TESTS_API_THING_H
#define BUDDY_TESTS_API_THING_H

#include "rng.h"

#include <buddy/slab.h>
#include <stddef.h>
#include <stdint.h>

enum { CACHES = 7, BULK_MAX = 40 };

enum thing_kind { NOTHING, KMALLOC, OBJECTS, PAGES, HELD_PAGE, EXACT };

/*
 * One thing of the table.  size is what was asked for and is filled; room is what was claimed:
 * all that the API said is usable.
 */
struct thing {
	enum thing_kind kind;
	unsigned int order;  /* PAGES and HELD_PAGE: as allocated */
	unsigned int number; /* OBJECTS: of the cache */
	unsigned int nr;     /* OBJECTS: how many */
	size_t size, room;
	uint64_t fill;
	void *mem[BULK_MAX]; /* OBJECTS: nr of them; else only the first is used */
};

/* What the things of a table amount to, in bytes and objects. */
struct tally {
	uint64_t pages, large, direct;
	uint64_t objects[CACHES];
};

void things_init(void);
void things_end(void);
struct kmem_cache *things_cache(unsigned int number);
/* The number of the cache of that name; CACHES if it is none of these. */
unsigned int things_cache_number(const char *name);

/* Make a thing, perhaps NOTHING: memory is bounded, and some requests may be refused. */
void thing_make(struct thing *t, struct rng *rng);
/* Check it, then resize it or fill it anew. */
void thing_change(struct thing *t, struct rng *rng);
/* Check it, then free it by any call that may free it. */
void thing_free(struct thing *t, struct rng *rng);
void thing_count(const struct thing *t, struct tally *ret);

#endif
