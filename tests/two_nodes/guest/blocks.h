/* SPDX-License-Identifier: MIT */
#ifndef TWO_NODES_BLOCKS_H
#define TWO_NODES_BLOCKS_H
/*
 * blocks.h - a set of small, medium and large blocks from malloc, written to and checked
 */
#include <stddef.h>

#include "machine.h"

/* As many blocks as blocks_take() makes; see the table in blocks.c. */
#define NR_BLOCKS 5480

/** struct blocks - zeroed, or filled by blocks_take() */
struct blocks {
	unsigned char *at[NR_BLOCKS];
	unsigned char mark; /* each block's first and last byte, different for each set */
};

enum which_blocks {
	ALL_BLOCKS,
	/*
	 * The second half of each size.  A thread that has just moved to another node may still
	 * hold objects of its old one; these are used up first.
	 */
	LATER_BLOCKS,
};

/** blocks_take - malloc them all and write to every byte; ends the program if one is NULL */
void blocks_take(struct blocks *blocks, unsigned char mark);

/** blocks_free - check that nobody wrote to them, and free them; fine on an empty set */
void blocks_free(struct blocks *blocks);

/** blocks_count - where their pages lie */
void blocks_count(const struct blocks *blocks, enum which_blocks which,
		  struct placement *ret_counts);

#endif
