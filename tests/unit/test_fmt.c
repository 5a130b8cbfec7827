/* SPDX-License-Identifier: MIT */
/*
 * test_fmt.c - bounded text, against the C library's: src/base/fmt.c
 */
#include "base/fmt.h"
#include "unit.h"
#include <limits.h>

static char ours[4096];
static struct fmt_buf buf;

static const char *text_of(const char *format, ...) printf_like(1, 2);
static const char *text_of(const char *format, ...)
{
	va_list ap;

	buf = (struct fmt_buf){.buf = ours, .size = sizeof(ours)};
	va_start(ap, format);
	fmt_vprint(&buf, format, ap);
	va_end(ap);
	return ours;
}

#define SAME(...)                                                                                  \
	do {                                                                                       \
		char libc[4096];                                                                   \
                                                                                                   \
		snprintf(libc, sizeof(libc), __VA_ARGS__);                                         \
		EXPECT(!strcmp(text_of(__VA_ARGS__), libc));                                       \
	} while (0)

SIM_TEST(numbers_look_as_printf_prints_them)
{
	static const long values[] = {0, 1, -1, 9, 10, -10, 4095, INT_MAX, INT_MIN, 123456789};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		int v = (int)values[i];

		SAME("%d", v);
		SAME("%u", (unsigned int)v);
		SAME("%x", (unsigned int)v);
		SAME("[%8x]", (unsigned int)v);
		SAME("[%-12u]", (unsigned int)v);
		SAME("[%016x]", (unsigned int)v);
	}
	SAME("%ld %ld %lu %lx", LONG_MAX, LONG_MIN, ULONG_MAX, ULONG_MAX);
	SAME("%zu", SIZE_MAX);
	SAME("%p", (void *)0x7fff12345678);
}

SIM_TEST(strings_and_characters_look_as_printf_prints_them)
{
	SAME("%s|%s|%c|%%", "", "text", 'x');
	SAME("[%10s][%-10s][%2s]", "right", "left", "longer");
	SAME("[%.3s][%.9s][%8.2s][%-8.2s]", "cut", "not cut", "two", "left");
	/* Volatile: the compiler must not see printf() get a null pointer. */
	const char *volatile none = NULL;

	EXPECT(!strcmp(text_of("%s", none), "(null)"));
}

SIM_TEST(text_that_does_not_fit_is_cut_and_terminated)
{
	for (size_t size = 1; size < 20; size++) {
		char small[32];

		memset(small, 'Z', sizeof(small));
		buf = (struct fmt_buf){.buf = small, .size = size};
		fmt_print(&buf, "%s-%d", "0123456789", 12345);
		if (size > 1) {
			EXPECT_EQ(strlen(small), MIN(size - 1, 16u));
			EXPECT(!strncmp(small, "0123456789-12345", MIN(size - 1, 16u)));
		}
		for (size_t i = size; i < sizeof(small); i++)
			EXPECT_EQ(small[i], 'Z');
	}
}

static char collected[256];

static void collect(struct fmt_buf *b)
{
	strncat(collected, b->buf, b->len);
}

SIM_TEST(a_full_buffer_is_flushed_and_nothing_is_lost)
{
	char small[8];

	buf = (struct fmt_buf){.buf = small, .size = sizeof(small), .flush = collect};
	fmt_print(&buf, "%s", "the quick brown fox jumps over the lazy dog");
	collect(&buf);
	EXPECT(!strcmp(collected, "the quick brown fox jumps over the lazy dog"));
}

SIM_TEST(a_format_that_ends_in_the_middle_ends_the_text)
{
	const char *cut = "abc%";

	buf = (struct fmt_buf){.buf = ours, .size = sizeof(ours)};
	fmt_print(&buf, cut, 0);
	EXPECT(!strcmp(ours, "abc"));
}

RUN_TESTS(T(numbers_look_as_printf_prints_them),
	  T(strings_and_characters_look_as_printf_prints_them),
	  T(text_that_does_not_fit_is_cut_and_terminated),
	  T(a_full_buffer_is_flushed_and_nothing_is_lost),
	  T(a_format_that_ends_in_the_middle_ends_the_text))
