/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_CONTRACT_TEXT_H
#define BUDDY_TESTS_CONTRACT_TEXT_H
/*
 * text.h - lines of output, made without the heap that is under test
 */
#include <stddef.h>

struct text {
	char buf[400]; /* what does not fit is left out */
	size_t len;
};

void say(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A number as a person would name it: SIZE_MAX-7, PTRDIFF_MAX+1, 2^40. */
void say_number(struct text *t, size_t v);

#endif
