/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_BASE_MATH_H
#define BUDDY_BASE_MATH_H
/*
 * math.h - integer helpers
 */
#include "base/compiler.h"

#define KiB ((size_t)1 << 10)
#define MiB ((size_t)1 << 20)
#define GiB ((size_t)1 << 30)

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define CLAMP(x, lo, hi) MIN(MAX((x), (lo)), (hi))
#define ALIGN_UP(x, a) (((x) + ((a)-1)) & ~((a)-1))
#define ALIGN_DOWN(x, a) ((x) & ~((a)-1))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))

/* 2^32 and 2^64 divided by the golden ratio: their multiples are spread evenly (Knuth). */
#define GOLDEN_RATIO_32 0x9e3779b9u
#define GOLDEN_RATIO_64 0x9e3779b97f4a7c15ul

static inline bool is_power_of_2(size_t x)
{
	return x && !(x & (x - 1));
}

/* log2 rounded down; @x is not 0 */
static inline unsigned int ilog2(u64 x)
{
	return 63u - (unsigned int)__builtin_clzll(x);
}

/* Position of the highest bit set, counted from 1; 0 for 0 (the kernel's fls). */
static inline unsigned int fls64(u64 x)
{
	return x ? ilog2(x) + 1 : 0;
}

/* Number of bits set (the kernel's hweight64).  Not every machine has an instruction for it. */
static inline unsigned int hweight64(u64 x)
{
	x -= x >> 1 & 0x5555555555555555;
	x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (unsigned int)(x * 0x0101010101010101 >> 56);
}

static inline size_t roundup_pow_of_two(size_t x)
{
	return x <= 1 ? 1 : (size_t)1 << (ilog2(x - 1) + 1);
}

static inline size_t rounddown_pow_of_two(size_t x)
{
	return (size_t)1 << ilog2(x);
}

/* Integer square root, rounded down (the kernel's int_sqrt). */
static inline u64 int_sqrt(u64 x)
{
	u64 r = 0;

	for (u64 bit = (u64)1 << 62; bit; bit >>= 2) {
		u64 t = r + bit;

		r >>= 1;
		if (x >= t) {
			x -= t;
			r += bit;
		}
	}
	return r;
}

#endif
