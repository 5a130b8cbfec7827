/* SPDX-License-Identifier: MIT */
/*
 * rseq_names.c - what is weak in rseq.c has to be found by programs that have libbuddy.a
 *
 * The names are the dynamic loader's.  A program that needs nothing else of it is not linked with
 * it, and then mold takes weak names for nothing: the program had no fast path.
 */
#include <stddef.h>

extern const ptrdiff_t __rseq_offset;
extern const unsigned int __rseq_size;

extern const void *const rseq_names[2];
const void *const rseq_names[2] = {&__rseq_offset, &__rseq_size};
