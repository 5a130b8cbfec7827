/*
 * pattern.h - the bytes a live block is filled with
 *
 * A block of up to 64 KiB is written whole; of a larger one the first and last page and 64
 * bytes in every 64 KiB, so that blocks of many MiB are checked without making them resident.
 */
#ifndef BUDDY_TESTS_STRESS_PATTERN_H
#define BUDDY_TESTS_STRESS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

void pattern_fill(unsigned char *mem, size_t size, uint64_t seed);

/*
 * Checks a fill of @size bytes as far as it lies below @limit (after a realloc to less).
 * Returns the offset of the first wrong byte, or SIZE_MAX when all is well.
 */
size_t pattern_check(const unsigned char *mem, size_t size, size_t limit, uint64_t seed);

/*
 * Returns the offset of a byte that is not zero, or SIZE_MAX.  Large blocks are looked at
 * wherever a fill of an earlier block can have left something: at the start of every page.
 */
size_t pattern_zero_check(const unsigned char *mem, size_t size);

#endif
