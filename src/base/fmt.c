/* SPDX-License-Identifier: MIT */
/*
 * fmt.c - bounded text without allocation, locale or stdio
 *
 * Reports are written while the heap may be broken, so nothing here calls the C library.
 */
#include "base/fmt.h"

static void put(struct fmt_buf *b, char c)
{
	if (b->len + 1 >= b->size) {
		if (!b->flush)
			return;
		b->flush(b);
		b->len = 0;
	}
	b->buf[b->len++] = c;
	b->buf[b->len] = 0;
}

struct spec {
	unsigned int width, most; /* most: characters of a string at most; 0: all */
	bool left, zero, is_long;
};

static void put_padded(struct fmt_buf *b, const struct spec *s, const char *text, size_t n)
{
	char pad = s->zero && !s->left ? '0' : ' ';

	if (!s->left)
		for (size_t i = n; i < s->width; i++)
			put(b, pad);
	for (size_t i = 0; i < n; i++)
		put(b, text[i]);
	if (s->left)
		for (size_t i = n; i < s->width; i++)
			put(b, ' ');
}

static void put_number(struct fmt_buf *b, const struct spec *s, u64 v, bool negative,
		       unsigned int base, bool prefix)
{
	char tmp[24];
	size_t n = sizeof(tmp);

	do {
		tmp[--n] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (prefix) {
		tmp[--n] = 'x';
		tmp[--n] = '0';
	}
	if (negative)
		tmp[--n] = '-';
	put_padded(b, s, tmp + n, sizeof(tmp) - n);
}

static const char *parse_spec(const char *f, struct spec *s)
{
	for (;; f++) {
		if (*f == '-')
			s->left = true;
		else if (*f == '0')
			s->zero = true;
		else
			break;
	}
	while (*f >= '0' && *f <= '9')
		s->width = s->width * 10 + (unsigned int)(*f++ - '0');
	if (*f == '.')
		for (f++; *f >= '0' && *f <= '9'; f++)
			s->most = s->most * 10 + (unsigned int)(*f - '0');
	while (*f == 'l' || *f == 'z') {
		s->is_long = true;
		f++;
	}
	return f;
}

static size_t length(const char *s, size_t most)
{
	size_t n = 0;

	while (s[n] && (!most || n < most))
		n++;
	return n;
}

void fmt_vprint(struct fmt_buf *b, const char *f, va_list ap)
{
	for (; *f; f++) {
		struct spec s = {0};
		long d;
		char c;
		const char *text;

		if (*f != '%') {
			put(b, *f);
			continue;
		}
		f = parse_spec(f + 1, &s);
		switch (*f) {
		case 'd':
			d = s.is_long ? va_arg(ap, long) : va_arg(ap, int);
			put_number(b, &s, d < 0 ? 0 - (u64)d : (u64)d, d < 0, 10, false);
			break;
		case 'u':
		case 'x':
			put_number(b, &s,
				   s.is_long ? va_arg(ap, unsigned long) : va_arg(ap, unsigned int),
				   false, *f == 'u' ? 10 : 16, false);
			break;
		case 'p':
			put_number(b, &s, (uintptr_t)va_arg(ap, void *), false, 16, true);
			break;
		case 's':
			text = va_arg(ap, const char *);
			text = text ? text : "(null)";
			put_padded(b, &s, text, length(text, s.most));
			break;
		case 'c':
			c = (char)va_arg(ap, int);
			put_padded(b, &s, &c, 1);
			break;
		case 0:
			return;
		default:
			put(b, *f);
		}
	}
}

void fmt_print(struct fmt_buf *b, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fmt_vprint(b, format, ap);
	va_end(ap);
}
