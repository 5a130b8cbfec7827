/*
 * exhaust.h - take memory until there is none
 */
#ifndef BUDDY_TESTS_EXHAUST_H
#define BUDDY_TESTS_EXHAUST_H

#include <stddef.h>

/*
 * Allocate until the limit of about @limit bytes, which is set from outside, gives NULL and ENOMEM;
 * check that small blocks can be had, that realloc fails as it should and that no block has
 * changed; then free all, and expect as much again.
 */
void exhaust(size_t limit);

#endif
