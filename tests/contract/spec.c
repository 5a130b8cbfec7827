/* SPDX-License-Identifier: MIT */
/*
 * spec.c - the contract of the C library's allocation functions, as one table
 *
 * What the C standard, POSIX and glibc's manual (its info pages and manual pages) say of every
 * entry point at every edge.  Where these leave a choice the table takes the stricter side that
 * programs written for glibc rely on, and names it "habit".  Where glibc 2.36 itself does
 * otherwise, the row says what it does and why; any other difference is a failure, of glibc as
 * well as of libbuddy.
 */
#include "spec.h"
#include <errno.h>
#include <malloc.h>
#include <stdint.h>

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)
#define POW2(n) ((size_t)1 << (n))

#define RANGE(first, last, step)                                                                   \
	{                                                                                          \
		EDGE_RANGE, (first), (last), (step)                                                \
	}
#define ONE(value)                                                                                 \
	{                                                                                          \
		EDGE_RANGE, (value), (value), 1                                                    \
	}
#define END                                                                                        \
	{                                                                                          \
		EDGE_END, 0, 0, 0                                                                  \
	}
#define SET(name, ...) static const struct edge name[] = {__VA_ARGS__, END}

/* Sizes */
SET(size_zero, ONE(0));
SET(size_some, ONE(1), ONE(16), ONE(24), ONE(100), ONE(1000), ONE(4096), ONE(4097), ONE(40000),
    ONE(MIB(1) + 1));
SET(size_small, RANGE(1, 1040, 1), {EDGE_CLASSES, KIB(1), MIB(1), 0}, {EDGE_USABLE, 1, MIB(1), 0});
SET(size_classes, RANGE(1, 9, 1), {EDGE_CLASSES, 16, MIB(1), 0}, {EDGE_USABLE, 1, MIB(1), 0});
/* For every class against every other: fewer, since the pairs are many. */
SET(size_ladder, RANGE(1, 9, 1), {EDGE_CLASSES, 16, KIB(64), 0}, {EDGE_USABLE, 1, KIB(4), 0});
SET(size_above_ladder, {EDGE_CLASSES, KIB(64), MIB(1), 0});
SET(size_large, {EDGE_CLASSES, MIB(1), MIB(8), 0}, RANGE(MIB(64) - 1, MIB(64) + 1, 1));
/* More than a machine has, less than an address space may be: overcommit decides. */
SET(size_vast, {EDGE_POWERS, POW2(40), POW2(56), 0});
/* Legal to ask for, and in no address space. */
SET(size_impossible, {EDGE_POWERS, POW2(57), POW2(62), 0},
    RANGE((size_t)PTRDIFF_MAX - 16384, PTRDIFF_MAX, 61),
    RANGE((size_t)PTRDIFF_MAX - 64, PTRDIFF_MAX, 1));
/* "An object that large could cause later pointer subtraction to overflow." */
#define PAST_PTRDIFF_MAX                                                                           \
	RANGE((size_t)PTRDIFF_MAX + 1, (size_t)PTRDIFF_MAX + 64, 1),                               \
		RANGE((size_t)PTRDIFF_MAX + 1, (size_t)PTRDIFF_MAX + 16384, 61),                   \
		ONE(POW2(63) + POW2(32)), ONE(POW2(63) + POW2(62))
SET(size_over, PAST_PTRDIFF_MAX, RANGE(SIZE_MAX - 16383, SIZE_MAX, 31),
    RANGE(SIZE_MAX - 255, SIZE_MAX, 1));
/* The last 16 KiB of numbers, where an internal header, a rounding or a page wraps: all of them. */
SET(size_over_all, PAST_PTRDIFF_MAX, RANGE(SIZE_MAX - 16383, SIZE_MAX, 1));
SET(size_absurd, ONE(PTRDIFF_MAX), ONE((size_t)PTRDIFF_MAX + 1), ONE(SIZE_MAX - 4096),
    ONE(SIZE_MAX));
/* Factors whose products wrap; SPLIT_WRAP pairs each with the smallest partners that do it. */
SET(factor, RANGE(2, 33, 1), {EDGE_CLASSES, 64, POW2(62), 0}, ONE(65537), ONE(POW2(63)),
    RANGE((size_t)PTRDIFF_MAX - 2, (size_t)PTRDIFF_MAX + 2, 1), RANGE(SIZE_MAX - 255, SIZE_MAX, 1),
    RANGE(SIZE_MAX - 16383, SIZE_MAX, 61));
SET(factor_of_nothing, ONE(0), ONE(1), ONE(2), ONE(4096), ONE(POW2(32)), ONE(PTRDIFF_MAX),
    ONE((size_t)PTRDIFF_MAX + 1), ONE(SIZE_MAX));
SET(size_leak, ONE(1000), ONE(KIB(64)), ONE(MIB(1)), ONE(MIB(8)));

/* Alignments */
SET(align_any_good, {EDGE_POWERS, 1, MIB(2), 0});
SET(align_below_pointer, ONE(1), ONE(2), ONE(4));
SET(align_posix_good, {EDGE_POWERS, 8, MIB(2), 0});
SET(align_to_64k, {EDGE_POWERS, 8, KIB(64), 0});
SET(align_some, ONE(8), ONE(16), ONE(64), ONE(4096), ONE(KIB(64)), ONE(MIB(2)));
SET(align_leak, ONE(64), ONE(4096));
SET(align_large, {EDGE_POWERS, MIB(4), MIB(256), 0});
SET(align_vast, {EDGE_POWERS, MIB(512), POW2(56), 0});
SET(align_impossible, {EDGE_POWERS, POW2(57), POW2(63), 0});
SET(align_zero, ONE(0));
SET(align_odd, ONE(3), {EDGE_ODD, 4, POW2(20), 0});
/* With more than half the address space no power of two is left to round to. */
SET(align_odd_vast, {EDGE_ODD, POW2(21), POW2(62), 0});
SET(align_odd_absurd, ONE(POW2(63) + 1), ONE(POW2(63) + POW2(62)), ONE(SIZE_MAX - 4095),
    ONE(SIZE_MAX - 15), ONE(SIZE_MAX - 1), ONE(SIZE_MAX));

/* Outcomes */
#define BLOCK(p)                                                                                   \
	{                                                                                          \
		GIVES_BLOCK, 0, ALIGNED_16 | ERRNO_KEPT | (p)                                      \
	}
#define MAYBE(p)                                                                                   \
	{                                                                                          \
		MAY_REFUSE, ENOMEM, ALIGNED_16 | (p)                                               \
	}
#define REFUSED(e, p)                                                                              \
	{                                                                                          \
		REFUSES, (e), (p)                                                                  \
	}
/* posix_memalign returns its error; errno and the pointer are not its to touch. */
#define POSIX_REFUSED(e) REFUSED(e, ERRNO_KEPT | POINTER_KEPT)
#define FREED                                                                                      \
	{                                                                                          \
		FREES, 0, ERRNO_KEPT                                                               \
	}
#define GONE                                                                                       \
	{                                                                                          \
		GIVES_NOTHING, 0, ERRNO_KEPT                                                       \
	}
#define GONE_NO_LEAK                                                                               \
	{                                                                                          \
		GIVES_NOTHING, 0, ERRNO_KEPT | NO_LEAK                                             \
	}

/* Reasons of glibc 2.36, each used by more than one row */
#define ROUNDS_UP                                                                                  \
	"aligned_alloc is memalign there, which rounds the alignment up to a power of two; "       \
	"fixed in 2.38"
#define SETS_ERRNO                                                                                 \
	"posix_memalign shares memalign's code, which sets errno beside returning the code"

const struct row contract_rows[] = {
	/* malloc */
	{E_MALLOC, .size = size_zero, .want = BLOCK(0), .source = "malloc(3): a unique pointer"},
	{E_MALLOC, .size = size_small, .want = BLOCK(0), .source = "C17 7.22.3.4"},
	{E_MALLOC, .size = size_large, .want = BLOCK(0), .source = "C17 7.22.3.4"},
	{E_MALLOC, .size = size_vast, .want = MAYBE(0), .source = "malloc(3)"},
	{E_MALLOC, .size = size_impossible, .want = REFUSED(ENOMEM, 0), .source = "POSIX malloc"},
	{E_MALLOC, .size = size_over_all, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): more than PTRDIFF_MAX is an error"},

	/* calloc */
	{E_CALLOC, .size = factor_of_nothing, .split = SPLIT_NOTHING, .want = BLOCK(0),
	 .source = "malloc(3): nmemb or size 0 gives a unique pointer"},
	{E_CALLOC, .size = size_small, .split = SPLIT_EXACT, .want = BLOCK(ZEROED),
	 .source = "C17 7.22.3.2"},
	{E_CALLOC, .size = size_large, .split = SPLIT_EXACT, .want = BLOCK(ZEROED),
	 .source = "C17 7.22.3.2"},
	{E_CALLOC, .size = size_vast, .split = SPLIT_EXACT, .want = MAYBE(ZEROED),
	 .source = "malloc(3)"},
	{E_CALLOC, .size = size_impossible, .split = SPLIT_EXACT, .want = REFUSED(ENOMEM, 0),
	 .source = "POSIX calloc"},
	{E_CALLOC, .size = size_over_all, .split = SPLIT_EXACT, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): more than PTRDIFF_MAX is an error"},
	{E_CALLOC, .size = factor, .split = SPLIT_WRAP, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): a product that overflows is an error"},

	/* realloc of nothing is malloc */
	{E_REALLOC, .size = size_zero, .want = BLOCK(0), .source = "C17 7.22.3.5: as malloc"},
	{E_REALLOC, .size = size_small, .want = BLOCK(0), .source = "C17 7.22.3.5: as malloc"},
	{E_REALLOC, .size = size_large, .want = BLOCK(0), .source = "C17 7.22.3.5: as malloc"},
	{E_REALLOC, .size = size_vast, .want = MAYBE(0), .source = "C17 7.22.3.5: as malloc"},
	{E_REALLOC, .size = size_impossible, .want = REFUSED(ENOMEM, 0), .source = "POSIX realloc"},
	{E_REALLOC, .size = size_over_all, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): more than PTRDIFF_MAX is an error"},
	/* of a block: up and down from every class to every other, then the edges */
	{E_REALLOC, BY_MALLOC, size_ladder, .size = size_ladder, .want = BLOCK(CONTENTS_KEPT),
	 .source = "C17 7.22.3.5: contents up to the lesser size"},
	{E_REALLOC, BY_MALLOC, size_above_ladder, .size = size_above_ladder,
	 .want = BLOCK(CONTENTS_KEPT), .source = "C17 7.22.3.5: contents up to the lesser size"},
	{E_REALLOC, BY_MALLOC, size_some, .size = size_above_ladder, .want = BLOCK(CONTENTS_KEPT),
	 .source = "C17 7.22.3.5: contents up to the lesser size"},
	{E_REALLOC, BY_MALLOC, size_above_ladder, .size = size_some, .want = BLOCK(CONTENTS_KEPT),
	 .source = "C17 7.22.3.5: contents up to the lesser size"},
	{E_REALLOC, BY_ANY, size_some, .align = align_some, .size = size_some,
	 .want = BLOCK(CONTENTS_KEPT), .source = "malloc(3): ptr by malloc or related functions"},
	{E_REALLOC, BY_PLAIN, size_some, .size = size_large, .want = BLOCK(CONTENTS_KEPT),
	 .source = "C17 7.22.3.5"},
	{E_REALLOC, BY_MALLOC, size_large, .size = size_some, .want = BLOCK(CONTENTS_KEPT),
	 .source = "C17 7.22.3.5"},
	{E_REALLOC, BY_MALLOC, size_large, .size = size_large, .want = BLOCK(CONTENTS_KEPT),
	 .source = "C17 7.22.3.5"},
	{E_REALLOC, BY_ANY, size_zero, .align = align_some, .size = size_some,
	 .want = BLOCK(CONTENTS_KEPT), .source = "malloc(3): malloc(0) is a pointer like others"},
	{E_REALLOC, BY_ANY, size_some, .align = align_some, .size = size_zero, .want = FREED,
	 .source = "malloc(3): free(ptr), returns NULL, not an error"},
	{E_REALLOC, BY_ANY, size_zero, .align = align_some, .size = size_zero, .want = FREED,
	 .source = "malloc(3): free(ptr), returns NULL, not an error"},
	{E_REALLOC, BY_ANY, size_leak, .align = align_leak, .size = size_zero,
	 .want = {FREES, 0, ERRNO_KEPT | NO_LEAK}, .source = "malloc(3): free(ptr)"},
	{E_REALLOC, BY_PLAIN, size_some, .size = size_vast,
	 .want = MAYBE(CONTENTS_KEPT | OLD_BLOCK_KEPT), .source = "C17 7.22.3.5"},
	{E_REALLOC, BY_ANY, size_some, .align = align_some, .size = size_impossible,
	 .want = REFUSED(ENOMEM, OLD_BLOCK_KEPT), .source = "C17 7.22.3.5: the old object stays"},
	{E_REALLOC, BY_MALLOC, size_some, .size = size_over_all,
	 .want = REFUSED(ENOMEM, OLD_BLOCK_KEPT), .source = "C17 7.22.3.5: the old object stays"},
	{E_REALLOC, BY_ANY, size_some, .align = align_some, .size = size_absurd,
	 .want = REFUSED(ENOMEM, OLD_BLOCK_KEPT), .source = "C17 7.22.3.5: the old object stays"},
	{E_REALLOC, BY_MALLOC, size_large, .size = size_absurd,
	 .want = REFUSED(ENOMEM, OLD_BLOCK_KEPT), .source = "C17 7.22.3.5: the old object stays"},

	/* reallocarray is realloc of the product */
	{E_REALLOCARRAY, .size = factor_of_nothing, .split = SPLIT_NOTHING, .want = BLOCK(0),
	 .source = "malloc(3): realloc(NULL, 0)"},
	{E_REALLOCARRAY, .size = size_small, .split = SPLIT_EXACT, .want = BLOCK(0),
	 .source = "malloc(3): realloc(NULL, nmemb * size)"},
	{E_REALLOCARRAY, .size = size_large, .split = SPLIT_EXACT, .want = BLOCK(0),
	 .source = "malloc(3): realloc(NULL, nmemb * size)"},
	{E_REALLOCARRAY, .size = size_vast, .split = SPLIT_EXACT, .want = MAYBE(0),
	 .source = "malloc(3): realloc(NULL, nmemb * size)"},
	{E_REALLOCARRAY, .size = size_impossible, .split = SPLIT_EXACT, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): realloc(NULL, nmemb * size)"},
	{E_REALLOCARRAY, .size = size_over, .split = SPLIT_EXACT, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): more than PTRDIFF_MAX is an error"},
	{E_REALLOCARRAY, .size = factor, .split = SPLIT_WRAP, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): a product that overflows is an error"},
	{E_REALLOCARRAY, BY_ANY, size_some, .align = align_some, .size = size_some,
	 .split = SPLIT_EXACT, .want = BLOCK(CONTENTS_KEPT), .source = "malloc(3)"},
	{E_REALLOCARRAY, BY_ANY, size_some, .align = align_some, .size = factor_of_nothing,
	 .split = SPLIT_NOTHING, .want = FREED, .source = "malloc(3): realloc(ptr, 0)"},
	{E_REALLOCARRAY, BY_MALLOC, size_leak, .size = size_zero, .split = SPLIT_NOTHING,
	 .want = {FREES, 0, ERRNO_KEPT | NO_LEAK}, .source = "malloc(3): realloc(ptr, 0)"},
	{E_REALLOCARRAY, BY_MALLOC, size_some, .size = size_over, .split = SPLIT_EXACT,
	 .want = REFUSED(ENOMEM, OLD_BLOCK_KEPT),
	 .source = "malloc(3): the original block is left untouched"},
	{E_REALLOCARRAY, BY_MALLOC, size_some, .size = factor, .split = SPLIT_WRAP,
	 .want = REFUSED(ENOMEM, OLD_BLOCK_KEPT),
	 .source = "malloc(3): fails safely where the product overflows"},

	/* aligned_alloc; C17 (DR 460) no longer asks for a size that is a multiple */
	{E_ALIGNED_ALLOC, .align = align_any_good, .size = size_zero, .want = BLOCK(ALIGNED_ARG),
	 .source = "C17 7.22.3, habit: a unique pointer"},
	{E_ALIGNED_ALLOC, .align = align_any_good, .size = size_classes, .want = BLOCK(ALIGNED_ARG),
	 .source = "C17 7.22.3.1"},
	{E_ALIGNED_ALLOC, .align = align_to_64k, .size = size_small, .want = BLOCK(ALIGNED_ARG),
	 .source = "C17 7.22.3.1"},
	{E_ALIGNED_ALLOC, .align = align_some, .size = size_large, .want = BLOCK(ALIGNED_ARG),
	 .source = "C17 7.22.3.1"},
	{E_ALIGNED_ALLOC, .align = align_large, .size = size_some, .want = BLOCK(ALIGNED_ARG),
	 .source = "C17 7.22.3.1"},
	{E_ALIGNED_ALLOC, .align = align_vast, .size = size_some, .want = MAYBE(ALIGNED_ARG),
	 .source = "posix_memalign(3)"},
	{E_ALIGNED_ALLOC, .align = align_some, .size = size_vast, .want = MAYBE(ALIGNED_ARG),
	 .source = "posix_memalign(3)"},
	{E_ALIGNED_ALLOC, .align = align_impossible, .size = size_some, .want = REFUSED(ENOMEM, 0),
	 .source = "posix_memalign(3)"},
	{E_ALIGNED_ALLOC, .align = align_any_good, .size = size_impossible,
	 .want = REFUSED(ENOMEM, 0), .source = "posix_memalign(3)"},
	{E_ALIGNED_ALLOC, .align = align_vast, .size = size_impossible, .want = REFUSED(ENOMEM, 0),
	 .source = "posix_memalign(3)"},
	{E_ALIGNED_ALLOC, .align = align_impossible, .size = size_impossible,
	 .want = REFUSED(ENOMEM, 0), .source = "posix_memalign(3): the sum wraps"},
	{E_ALIGNED_ALLOC, .align = align_any_good, .size = size_over, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): more than PTRDIFF_MAX is an error"},
	{E_ALIGNED_ALLOC, .align = align_vast, .size = size_over, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): more than PTRDIFF_MAX is an error"},
	{E_ALIGNED_ALLOC, .align = align_impossible, .size = size_over, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): more than PTRDIFF_MAX is an error"},
	{E_ALIGNED_ALLOC, .align = align_zero, .size = size_some, .want = REFUSED(EINVAL, 0),
	 .source = "C17 7.22.3.1: an alignment that is not supported fails",
	 .glibc_because = ROUNDS_UP, .glibc = BLOCK(0)},
	{E_ALIGNED_ALLOC, .align = align_odd, .size = size_some, .want = REFUSED(EINVAL, 0),
	 .source = "C17 7.22.3.1: an alignment that is not supported fails",
	 .glibc_because = ROUNDS_UP, .glibc = BLOCK(ALIGNED_UP)},
	{E_ALIGNED_ALLOC, .align = align_odd_vast, .size = size_some, .want = REFUSED(EINVAL, 0),
	 .source = "C17 7.22.3.1: an alignment that is not supported fails",
	 .glibc_because = ROUNDS_UP, .glibc = MAYBE(ALIGNED_UP)},
	{E_ALIGNED_ALLOC, .align = align_odd_absurd, .size = size_some, .want = REFUSED(EINVAL, 0),
	 .source = "C17 7.22.3.1: an alignment that is not supported fails"},
	{E_ALIGNED_ALLOC, .align = align_odd, .size = size_absurd, .want = REFUSED(ANY_ERROR, 0),
	 .source = "C17 7.22.3.1"},

	/* memalign; "the boundary must be a power of two!", yet glibc never checked */
	{E_MEMALIGN, .align = align_any_good, .size = size_zero, .want = BLOCK(ALIGNED_ARG),
	 .source = "glibc manual, habit: a unique pointer"},
	{E_MEMALIGN, .align = align_any_good, .size = size_classes, .want = BLOCK(ALIGNED_ARG),
	 .source = "glibc manual"},
	{E_MEMALIGN, .align = align_to_64k, .size = size_small, .want = BLOCK(ALIGNED_ARG),
	 .source = "glibc manual"},
	{E_MEMALIGN, .align = align_some, .size = size_large, .want = BLOCK(ALIGNED_ARG),
	 .source = "glibc manual"},
	{E_MEMALIGN, .align = align_large, .size = size_some, .want = BLOCK(ALIGNED_ARG),
	 .source = "glibc manual"},
	{E_MEMALIGN, .align = align_vast, .size = size_some, .want = MAYBE(ALIGNED_ARG),
	 .source = "glibc manual"},
	{E_MEMALIGN, .align = align_some, .size = size_vast, .want = MAYBE(ALIGNED_ARG),
	 .source = "glibc manual"},
	{E_MEMALIGN, .align = align_impossible, .size = size_some, .want = REFUSED(ENOMEM, 0),
	 .source = "posix_memalign(3)"},
	{E_MEMALIGN, .align = align_any_good, .size = size_impossible, .want = REFUSED(ENOMEM, 0),
	 .source = "posix_memalign(3)"},
	{E_MEMALIGN, .align = align_vast, .size = size_impossible, .want = REFUSED(ENOMEM, 0),
	 .source = "posix_memalign(3)"},
	{E_MEMALIGN, .align = align_impossible, .size = size_impossible, .want = REFUSED(ENOMEM, 0),
	 .source = "posix_memalign(3): the sum wraps"},
	{E_MEMALIGN, .align = align_any_good, .size = size_over, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): more than PTRDIFF_MAX is an error"},
	{E_MEMALIGN, .align = align_vast, .size = size_over, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): more than PTRDIFF_MAX is an error"},
	{E_MEMALIGN, .align = align_impossible, .size = size_over, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): more than PTRDIFF_MAX is an error"},
	{E_MEMALIGN, .align = align_zero, .size = size_some,
	 .want = {MAY_REFUSE, EINVAL, ALIGNED_16},
	 .source = "posix_memalign(3): may not check; habit: as alignment 1"},
	{E_MEMALIGN, .align = align_odd, .size = size_some,
	 .want = {MAY_REFUSE, EINVAL, ALIGNED_16 | ALIGNED_UP},
	 .source = "posix_memalign(3): may not check; habit: rounds up"},
	{E_MEMALIGN, .align = align_odd_vast, .size = size_some,
	 .want = {MAY_REFUSE, ANY_ERROR, ALIGNED_16 | ALIGNED_UP},
	 .source = "posix_memalign(3): may not check; habit: rounds up"},
	{E_MEMALIGN, .align = align_odd_absurd, .size = size_some, .want = REFUSED(EINVAL, 0),
	 .source = "posix_memalign(3): not a power of two, and none to round up to"},
	{E_MEMALIGN, .align = align_odd, .size = size_absurd, .want = REFUSED(ANY_ERROR, 0),
	 .source = "posix_memalign(3)"},

	/* posix_memalign */
	{E_POSIX_MEMALIGN, .align = align_posix_good, .size = size_zero, .want = BLOCK(ALIGNED_ARG),
	 .source = "POSIX, habit: a unique pointer"},
	{E_POSIX_MEMALIGN, .align = align_posix_good, .size = size_classes,
	 .want = BLOCK(ALIGNED_ARG), .source = "POSIX posix_memalign"},
	{E_POSIX_MEMALIGN, .align = align_to_64k, .size = size_small, .want = BLOCK(ALIGNED_ARG),
	 .source = "POSIX posix_memalign"},
	{E_POSIX_MEMALIGN, .align = align_some, .size = size_large, .want = BLOCK(ALIGNED_ARG),
	 .source = "POSIX posix_memalign"},
	{E_POSIX_MEMALIGN, .align = align_large, .size = size_some, .want = BLOCK(ALIGNED_ARG),
	 .source = "POSIX posix_memalign"},
	{E_POSIX_MEMALIGN, .align = align_vast, .size = size_some,
	 .want = MAYBE(ALIGNED_ARG | POINTER_KEPT | ERRNO_KEPT), .source = "POSIX posix_memalign",
	 .glibc_because = SETS_ERRNO, .glibc = MAYBE(ALIGNED_ARG | POINTER_KEPT)},
	{E_POSIX_MEMALIGN, .align = align_some, .size = size_vast,
	 .want = MAYBE(ALIGNED_ARG | POINTER_KEPT | ERRNO_KEPT), .source = "POSIX posix_memalign",
	 .glibc_because = SETS_ERRNO, .glibc = MAYBE(ALIGNED_ARG | POINTER_KEPT)},
	{E_POSIX_MEMALIGN, .align = align_impossible, .size = size_some,
	 .want = POSIX_REFUSED(ENOMEM), .source = "posix_memalign(3): errno is not set",
	 .glibc_because = SETS_ERRNO, .glibc = REFUSED(ENOMEM, POINTER_KEPT)},
	{E_POSIX_MEMALIGN, .align = align_posix_good, .size = size_impossible,
	 .want = POSIX_REFUSED(ENOMEM), .source = "posix_memalign(3): errno is not set",
	 .glibc_because = SETS_ERRNO, .glibc = REFUSED(ENOMEM, POINTER_KEPT)},
	{E_POSIX_MEMALIGN, .align = align_impossible, .size = size_impossible,
	 .want = POSIX_REFUSED(ENOMEM), .source = "posix_memalign(3): errno is not set",
	 .glibc_because = SETS_ERRNO, .glibc = REFUSED(ENOMEM, POINTER_KEPT)},
	{E_POSIX_MEMALIGN, .align = align_posix_good, .size = size_over,
	 .want = POSIX_REFUSED(ENOMEM), .source = "posix_memalign(3): errno is not set",
	 .glibc_because = SETS_ERRNO, .glibc = REFUSED(ENOMEM, POINTER_KEPT)},
	{E_POSIX_MEMALIGN, .align = align_vast, .size = size_over, .want = POSIX_REFUSED(ENOMEM),
	 .source = "posix_memalign(3): errno is not set", .glibc_because = SETS_ERRNO,
	 .glibc = REFUSED(ENOMEM, POINTER_KEPT)},
	{E_POSIX_MEMALIGN, .align = align_impossible, .size = size_over,
	 .want = POSIX_REFUSED(ENOMEM), .source = "posix_memalign(3): errno is not set",
	 .glibc_because = SETS_ERRNO, .glibc = REFUSED(ENOMEM, POINTER_KEPT)},
	{E_POSIX_MEMALIGN, .align = align_zero, .size = size_some, .want = POSIX_REFUSED(EINVAL),
	 .source = "POSIX: not a power of two"},
	{E_POSIX_MEMALIGN, .align = align_below_pointer, .size = size_some,
	 .want = POSIX_REFUSED(EINVAL), .source = "POSIX: not a multiple of sizeof(void *)"},
	{E_POSIX_MEMALIGN, .align = align_odd, .size = size_some, .want = POSIX_REFUSED(EINVAL),
	 .source = "POSIX: not a power of two"},
	{E_POSIX_MEMALIGN, .align = align_odd_vast, .size = size_some,
	 .want = POSIX_REFUSED(EINVAL), .source = "POSIX: not a power of two"},
	{E_POSIX_MEMALIGN, .align = align_odd_absurd, .size = size_some,
	 .want = POSIX_REFUSED(EINVAL), .source = "POSIX: not a power of two"},
	{E_POSIX_MEMALIGN, .align = align_odd, .size = size_zero, .want = POSIX_REFUSED(EINVAL),
	 .source = "POSIX: not a power of two"},
	{E_POSIX_MEMALIGN, .align = align_odd, .size = size_absurd,
	 .want = POSIX_REFUSED(ANY_ERROR), .source = "POSIX posix_memalign"},

	/* valloc and pvalloc */
	{E_VALLOC, .size = size_zero, .want = BLOCK(ALIGNED_PAGE),
	 .source = "posix_memalign(3): memalign(page, 0)"},
	{E_VALLOC, .size = size_small, .want = BLOCK(ALIGNED_PAGE), .source = "posix_memalign(3)"},
	{E_VALLOC, .size = size_large, .want = BLOCK(ALIGNED_PAGE), .source = "posix_memalign(3)"},
	{E_VALLOC, .size = size_vast, .want = MAYBE(ALIGNED_PAGE), .source = "posix_memalign(3)"},
	{E_VALLOC, .size = size_impossible, .want = REFUSED(ENOMEM, 0),
	 .source = "posix_memalign(3)"},
	{E_VALLOC, .size = size_over_all, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): more than PTRDIFF_MAX is an error"},
	{E_PVALLOC, .size = size_zero, .want = BLOCK(ALIGNED_PAGE),
	 .source = "posix_memalign(3), habit: a unique pointer"},
	{E_PVALLOC, .size = size_small, .want = BLOCK(ALIGNED_PAGE | WHOLE_PAGES),
	 .source = "posix_memalign(3): size rounded up to the page"},
	{E_PVALLOC, .size = size_large, .want = BLOCK(ALIGNED_PAGE | WHOLE_PAGES),
	 .source = "posix_memalign(3): size rounded up to the page"},
	{E_PVALLOC, .size = size_vast, .want = MAYBE(ALIGNED_PAGE | WHOLE_PAGES),
	 .source = "posix_memalign(3)"},
	{E_PVALLOC, .size = size_impossible, .want = REFUSED(ENOMEM, 0),
	 .source = "posix_memalign(3)"},
	{E_PVALLOC, .size = size_over_all, .want = REFUSED(ENOMEM, 0),
	 .source = "malloc(3): more than PTRDIFF_MAX is an error; must not round to 0"},

	/* malloc_usable_size */
	{E_MALLOC_USABLE_SIZE, BY_ANY, size_zero, .align = align_some,
	 .want = {MEASURES, 0, ERRNO_KEPT}, .source = "malloc_usable_size(3)"},
	{E_MALLOC_USABLE_SIZE, BY_MALLOC, size_small, .want = {MEASURES, 0, ERRNO_KEPT},
	 .source = "malloc_usable_size(3)"},
	{E_MALLOC_USABLE_SIZE, BY_ANY, size_classes, .align = align_some,
	 .want = {MEASURES, 0, ERRNO_KEPT}, .source = "malloc_usable_size(3)"},
	{E_MALLOC_USABLE_SIZE, BY_ANY, size_large, .align = align_some,
	 .want = {MEASURES, 0, ERRNO_KEPT}, .source = "malloc_usable_size(3)"},

	/* free and its sized forms */
	{E_FREE, BY_ANY, size_zero, .align = align_any_good, .want = GONE,
	 .source = "malloc(3): preserves errno"},
	{E_FREE, BY_ANY, size_classes, .align = align_some, .want = GONE,
	 .source = "malloc(3): preserves errno"},
	{E_FREE, BY_ANY, size_large, .align = align_some, .want = GONE,
	 .source = "malloc(3): preserves errno"},
	{E_FREE, BY_ALIGNED, size_some, .align = align_large, .want = GONE,
	 .source = "malloc(3): preserves errno"},
	{E_FREE, BY_ANY, size_leak, .align = align_leak, .want = GONE_NO_LEAK,
	 .source = "C17 7.22.3.3: available for further allocation"},
	{E_FREE_SIZED, BY_PLAIN, size_zero, .want = GONE, .source = "C23 free_sized"},
	{E_FREE_SIZED, BY_PLAIN, size_small, .want = GONE, .source = "C23 free_sized"},
	{E_FREE_SIZED, BY_PLAIN, size_large, .want = GONE, .source = "C23 free_sized"},
	{E_FREE_SIZED, BY_PLAIN, size_leak, .want = GONE_NO_LEAK, .source = "C23 free_sized"},
	{E_FREE_ALIGNED_SIZED, BY_ALIGNED_ALLOC, size_zero, .align = align_any_good, .want = GONE,
	 .source = "C23 free_aligned_sized"},
	{E_FREE_ALIGNED_SIZED, BY_ALIGNED_ALLOC, size_classes, .align = align_any_good,
	 .want = GONE, .source = "C23 free_aligned_sized"},
	{E_FREE_ALIGNED_SIZED, BY_ALIGNED_ALLOC, size_large, .align = align_some, .want = GONE,
	 .source = "C23 free_aligned_sized"},
	{E_FREE_ALIGNED_SIZED, BY_ALIGNED_ALLOC, size_some, .align = align_large, .want = GONE,
	 .source = "C23 free_aligned_sized"},
	{E_FREE_ALIGNED_SIZED, BY_ALIGNED_ALLOC, size_leak, .align = align_leak,
	 .want = GONE_NO_LEAK, .source = "C23 free_aligned_sized"},
};
const size_t nr_contract_rows = sizeof(contract_rows) / sizeof(contract_rows[0]);

#define QUERY(name, fn, x, y, lo, hi, ...)                                                         \
	{                                                                                          \
		.needs = (name), .ask = (fn), .a = (x), .b = (y), .low = (lo), .high = (hi),       \
		__VA_ARGS__                                                                        \
	}
#define MALLOPT(param, value, answer, ...)                                                         \
	QUERY("mallopt", ask_mallopt, param, value, answer, answer,                                \
	      .text = "mallopt(" #param ", " #value ")", __VA_ARGS__)
#define MALLOPT_UNKNOWN(param)                                                                     \
	MALLOPT(param, 1, 0, .source = "mallopt(3): 0 on error",                                   \
		.glibc_because = "its switch has no default, so an unknown parameter succeeds",    \
		.glibc_low = 1, .glibc_high = 1)
#define IN_RANGE .source = "mallopt(3): 1 on success"
#define OUT_OF_RANGE .source = "mallopt(3): 0 on error"

/* Calls that hand out no memory.  In this order: mallopt comes last since it may stay in force. */
const struct query contract_queries[] = {
	QUERY("malloc_usable_size", ask_usable_size_of_null, 0, 0, 0, 0,
	      .text = "malloc_usable_size(NULL)", .source = "malloc_usable_size(3)"),
	QUERY("free", ask_free_of_null, 0, 0, 0, 0, .text = "free(NULL)",
	      .source = "C17 7.22.3.3: no action occurs"),
	QUERY("free_sized", ask_free_sized_of_null, 0, 0, 0, 0, .text = "free_sized(NULL, 0)",
	      .source = "C23 free_sized: as free(NULL)"),
	QUERY("free_sized", ask_free_sized_of_null, 64, 0, 0, 0, .text = "free_sized(NULL, 64)",
	      .source = "C23 free_sized: as free(NULL)"),
	QUERY("free_sized", ask_free_sized_of_null, -1, 0, 0, 0,
	      .text = "free_sized(NULL, SIZE_MAX)", .source = "C23 free_sized: as free(NULL)"),
	QUERY("free_aligned_sized", ask_free_aligned_sized_of_null, 64, 64, 0, 0,
	      .text = "free_aligned_sized(NULL, 64, 64)",
	      .source = "C23 free_aligned_sized: as free(NULL)"),
	QUERY("free_aligned_sized", ask_free_aligned_sized_of_null, 0, -1, 0, 0,
	      .text = "free_aligned_sized(NULL, 0, SIZE_MAX)",
	      .source = "C23 free_aligned_sized: as free(NULL)"),

	QUERY("malloc_trim", ask_malloc_trim, 0, 0, 0, 1, .text = "malloc_trim(0)",
	      .source = "malloc_trim(3): 1 or 0"),
	QUERY("malloc_trim", ask_malloc_trim, 1, 0, 0, 1, .text = "malloc_trim(1)",
	      .source = "malloc_trim(3): 1 or 0"),
	QUERY("malloc_trim", ask_malloc_trim, PTRDIFF_MAX, 0, 0, 1,
	      .text = "malloc_trim(PTRDIFF_MAX)", .source = "malloc_trim(3): 1 or 0"),
	QUERY("malloc_trim", ask_malloc_trim, -4096, 0, 0, 1,
	      .text = "malloc_trim(SIZE_MAX - 4095)", .source = "malloc_trim(3): 1 or 0"),
	QUERY("malloc_trim", ask_malloc_trim, -1, 0, 0, 1, .text = "malloc_trim(SIZE_MAX)",
	      .source = "malloc_trim(3): 1 or 0"),
	QUERY("malloc_trim", ask_trim_gives_back, 64L << 20, 0, 0, 8L << 20,
	      .text = "malloc_trim(0) after 64 MiB of small blocks were freed: bytes left",
	      .source = "malloc_trim(3): release free memory from the heap"),

	QUERY("mallinfo2", ask_mallinfo2_adds_up, 0, 0, 1, 1,
	      .text = "mallinfo2(): uordblks + fordblks == arena, and no field is absurd",
	      .source = "mallinfo(3)"),
	QUERY("mallinfo2", ask_mallinfo2_sees, 20000, 100, 1800000, 8000000,
	      .text = "mallinfo2(): growth in use by 20000 blocks of 100 bytes",
	      .source = "mallinfo(3): total of bytes in use"),
	QUERY("mallinfo2", ask_mallinfo2_sees, 1000, 2000, 1800000, 4000000,
	      .text = "mallinfo2(): growth in use by 1000 blocks of 2000 bytes",
	      .source = "mallinfo(3): total of bytes in use"),
	QUERY("mallinfo2", ask_mallinfo2_sees, 1, 16L << 20, 16L << 20, 20L << 20,
	      .text = "mallinfo2(): growth in use by one block of 16 MiB",
	      .source = "mallinfo(3): total of bytes in use"),
	QUERY("mallinfo", ask_mallinfo_is_mallinfo2, 0, 0, 1, 1,
	      .text = "mallinfo(): the fields of mallinfo2() as int", .source = "mallinfo(3)"),

	QUERY("malloc_info", ask_malloc_info, 0, 0, 0, 0, .text = "malloc_info(0, stream)",
	      .source = "malloc_info(3)"),
	QUERY("malloc_info", ask_malloc_info_is_xml, 0, 0, 1, 1,
	      .text = "malloc_info(0, stream): well-formed XML, <malloc version=\"1\"> outside",
	      .source = "malloc_info(3)"),
	QUERY("malloc_info", ask_malloc_info_has_totals, 0, 0, 1, 1,
	      .text = "malloc_info(0, stream): each of glibc's sums over all heaps",
	      .source = "malloc_info(3), its example; habit: the sum of mappings"),
	QUERY("malloc_info", ask_malloc_info, 1, 0, 1, 1,
	      .text = "malloc_info(1, stream): refused, nothing written",
	      .source = "malloc_info(3): options must be zero"),
	QUERY("malloc_info", ask_malloc_info, -1, 0, 1, 1,
	      .text = "malloc_info(-1, stream): refused, nothing written",
	      .source = "malloc_info(3): options must be zero"),
	QUERY("malloc_stats", ask_malloc_stats, 0, 0, 1, 1,
	      .text = "malloc_stats(): whole lines on stderr, nothing on stdout",
	      .source = "malloc_stats(3)"),

	MALLOPT_UNKNOWN(12345),
	MALLOPT_UNKNOWN(-12345),
	MALLOPT_UNKNOWN(0),
	MALLOPT(M_MXFAST, 0, 1, IN_RANGE),
	MALLOPT(M_MXFAST, 160, 1, IN_RANGE),
	MALLOPT(M_MXFAST, 161, 0, OUT_OF_RANGE),
	MALLOPT(M_MXFAST, -1, 0, OUT_OF_RANGE),
	MALLOPT(M_MXFAST, 128, 1, IN_RANGE),
	MALLOPT(M_TRIM_THRESHOLD, 0, 1, IN_RANGE),
	MALLOPT(M_TRIM_THRESHOLD, -1, 1, IN_RANGE),
	MALLOPT(M_TRIM_THRESHOLD, 131072, 1, IN_RANGE),
	MALLOPT(M_TOP_PAD, 0, 1, IN_RANGE),
	MALLOPT(M_TOP_PAD, 131072, 1, IN_RANGE),
	MALLOPT(M_MMAP_THRESHOLD, 0, 1, IN_RANGE),
	MALLOPT(M_MMAP_THRESHOLD, 33554432, 1, IN_RANGE),
	MALLOPT(M_MMAP_THRESHOLD, 131072, 1, IN_RANGE),
	MALLOPT(M_MMAP_MAX, 0, 1, IN_RANGE),
	MALLOPT(M_MMAP_MAX, 65536, 1, IN_RANGE),
	MALLOPT(M_CHECK_ACTION, 3, 1, IN_RANGE),
	MALLOPT(M_PERTURB, 0, 1, IN_RANGE),
	QUERY("mallopt", ask_perturb_is_kept, 0xa5, 5000, 1, 1,
	      .text = "mallopt(M_PERTURB, 0xa5): 0, or blocks are filled with 0x5a",
	      .source = "mallopt(3): initialized to the complement"),
	MALLOPT(M_ARENA_TEST, 8, 1, IN_RANGE),
	MALLOPT(M_ARENA_MAX, 8, 1, IN_RANGE),
};
const size_t nr_contract_queries = sizeof(contract_queries) / sizeof(contract_queries[0]);
