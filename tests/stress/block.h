/*
 * block.h - one live block of the shadow model
 *
 * What the model knows of a block is kept outside the tested heap, in tables the programs map
 * themselves.  Every function here checks what it can: alignment, usable size, overlap with any
 * other live block, zeroes where promised, and the pattern whenever a block is looked at,
 * changed or freed.  A check that does not hold ends the program.
 */
#ifndef BUDDY_TESTS_STRESS_BLOCK_H
#define BUDDY_TESTS_STRESS_BLOCK_H

#include "rng.h"

#include <stddef.h>
#include <stdint.h>

/* By what a block was made, which rules how it may be freed. */
enum block_origin {
	BLOCK_MALLOC, /* malloc, calloc, realloc, reallocarray */
	BLOCK_ALIGNED_ALLOC,
	BLOCK_MEMALIGN, /* memalign, posix_memalign, valloc, pvalloc */
	BLOCK_NEW,
	BLOCK_NEW_ALIGNED,
};

struct block {
	unsigned char *mem; /* NULL = no block */
	size_t size;	    /* as asked for */
	size_t align;	    /* as asked for */
	uint64_t seed;	    /* of its pattern */
	enum block_origin origin;
};

/* Makes a block of @size bytes by an entry point of the generator's choice. */
void block_alloc(struct block *block, size_t size, struct rng *rng);

/* The same by malloc alone, for handlers and children that ask for the plain way. */
void block_malloc(struct block *block, size_t size, struct rng *rng);

/* Grows or shrinks the block by realloc or reallocarray; only blocks of BLOCK_MALLOC and the
 * aligned C ones may be given. */
void block_realloc(struct block *block, size_t size, struct rng *rng);

/* Checks the pattern. */
void block_check(const struct block *block);

/* Checks and frees the block by one of the entry points its origin allows. */
void block_free(struct block *block, struct rng *rng);

/* A size as real programs ask for: mostly small, up to 64 MiB, sometimes 0. */
size_t block_random_size(struct rng *rng);

/* Blocks made so far by this process, for the summary. */
uint64_t blocks_made(void);

#endif
