/*
 * exhaust.h - take memory until there is none
 */
#ifndef BUDDY_TESTS_EXHAUST_H
#define BUDDY_TESTS_EXHAUST_H

#include <stddef.h>

/*
 * Allocates until the limit of about @limit bytes, which something outside sets, gives NULL and
 * ENOMEM; checks that small blocks, failing reallocs and the blocks held are well; frees all
 * and demands as much again.
 */
void exhaust(size_t limit);

#endif
