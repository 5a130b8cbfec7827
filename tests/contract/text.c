/* SPDX-License-Identifier: MIT */
/*
 * text.c - lines of output
 */
#include "text.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

void say(struct text *t, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(t->buf + t->len, sizeof(t->buf) - t->len, format, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n;
	if (t->len >= sizeof(t->buf))
		t->len = sizeof(t->buf) - 1;
}

void say_number(struct text *t, size_t v)
{
	const size_t near = 20000, ptrdiff_max = PTRDIFF_MAX;

	if (v >= SIZE_MAX - near)
		say(t, v == SIZE_MAX ? "SIZE_MAX" : "SIZE_MAX-%zu", SIZE_MAX - v);
	else if (v > ptrdiff_max && v - ptrdiff_max <= near)
		say(t, "PTRDIFF_MAX+%zu", v - ptrdiff_max);
	else if (v <= ptrdiff_max && ptrdiff_max - v <= near)
		say(t, v == ptrdiff_max ? "PTRDIFF_MAX" : "PTRDIFF_MAX-%zu", ptrdiff_max - v);
	else if (v >= (1u << 17) && (v & (v - 1)) == 0)
		say(t, "2^%d", __builtin_ctzl(v));
	else
		say(t, "%zu", v);
}
