/* SPDX-License-Identifier: MIT */
/*
 * bug.c - the one line that explains an abort
 */
#include "base/check.h"
#include "base/fmt.h"

struct bug_ops bug_ops;
bool bug_abort_on_error = true;

static void report(const char *format, va_list ap)
{
	char text[400];
	struct fmt_buf b = {.buf = text, .size = sizeof(text) - 1};

	if (!bug_ops.write && bug_start)
		bug_start();
	fmt_print(&b, "libbuddy: ");
	fmt_vprint(&b, format, ap);
	/* One line, whatever is in a name that the program chose. */
	for (size_t i = 0; i < b.len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == '\177')
			text[i] = '?';
	text[b.len++] = '\n';
	if (bug_ops.write)
		bug_ops.write(text, b.len);
}

void bug_warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	report(format, ap);
	va_end(ap);
}

void bug_report(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	report(format, ap);
	va_end(ap);
	if (bug_abort_on_error && bug_ops.abort)
		bug_ops.abort();
}

void bug_fatal(const char *file, int line, const char *what)
{
	bug_warn("internal error at %s:%d: %s", file, line, what);
	if (bug_ops.abort)
		bug_ops.abort();
	__builtin_trap();
}
