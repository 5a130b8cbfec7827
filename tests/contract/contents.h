/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_CONTRACT_CONTENTS_H
#define BUDDY_TESTS_CONTRACT_CONTENTS_H
/*
 * contents.h - what stands in a block
 *
 * Small blocks are written and read whole; of larger ones both ends and a byte in every page
 * and then some, which is what a wrong copy or a lost page would show.
 */
#include <stdbool.h>
#include <stddef.h>

void fill(void *block, size_t size, unsigned char seed);

/*
 * Are the first @upto bytes what fill() left in a block of @size?  Reads only where fill()
 * wrote, so @size must be the same.
 */
bool filled(const void *block, size_t size, size_t upto, unsigned char seed);

bool all_zero(const void *block, size_t size);

/* Leaves used memory where calloc is likely to find its block. */
void make_dirty(size_t size);

#endif
