/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_BASE_FMT_H
#define BUDDY_BASE_FMT_H
/*
 * fmt.h - bounded text without allocation, locale or stdio
 */
#include "base/compiler.h"
#include <stdarg.h>

#pragma GCC visibility push(hidden)

/**
 * struct fmt_buf - a buffer being written, always terminated
 * @flush: called when the buffer is full; if NULL, the text is cut off
 */
struct fmt_buf {
	char *buf;
	size_t size, len;
	void (*flush)(struct fmt_buf *b);
	void *arg;
};

/**
 * fmt_print - append formatted text
 *
 * Understands %d %u %x (with l, z), %s, %p, %c, %%, a field width, the flags '-' and '0', and for
 * strings a precision of 1 or more.  Never allocates; safe in a signal handler.
 */
void fmt_print(struct fmt_buf *b, const char *format, ...) printf_like(2, 3);
void fmt_vprint(struct fmt_buf *b, const char *format, va_list ap);

#pragma GCC visibility pop

#endif
