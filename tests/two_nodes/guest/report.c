/* SPDX-License-Identifier: MIT */
/*
 * report.c - lines for the console, and the exit status that sums them up
 */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned int checks, failures;

static void print_line(const char *tag, const char *format, va_list args)
{
	fputs(tag, stdout);
	vprintf(format, args);
	putchar('\n');
	/* What was said before a crash must not be lost with it. */
	fflush(stdout);
}

bool check(bool holds, const char *format, ...)
{
	va_list args;

	checks++;
	failures += !holds;
	va_start(args, format);
	print_line(holds ? "ok    " : "FAIL  ", format, args);
	va_end(args);
	return holds;
}

void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("      ", format, args);
	va_end(args);
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("FAIL  ", format, args);
	va_end(args);
	exit(2);
}

int verdict(void)
{
	return checks && !failures ? EXIT_SUCCESS : EXIT_FAILURE;
}
