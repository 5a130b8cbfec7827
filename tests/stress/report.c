/*
 * report.c - how a stress program speaks and dies
 *
 * Everything goes through vsnprintf on the stack and write(2): the heap may be what is broken,
 * and stdio's locks may be what another thread hangs on.
 */
#include "report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 512 };

static const char *program_name = "stress";
static uint64_t program_seed;

static void write_line(int fd, const char *line, int length)
{
	if (length > LINE_MAX_BYTES - 1)
		length = LINE_MAX_BYTES - 1;
	while (length > 0) {
		ssize_t written = write(fd, line, (size_t)length);

		if (written <= 0)
			return;
		line += written;
		length -= (int)written;
	}
}

void say(const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (length > LINE_MAX_BYTES - 2)
		length = LINE_MAX_BYTES - 2;
	line[length++] = '\n';
	write_line(STDOUT_FILENO, line, length);
}

void fail(const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;
	int length;

	length = snprintf(line, sizeof(line),
			  "%s: FAILED (seed %" PRIu64 ", pid %d): ", program_name, program_seed,
			  (int)getpid());
	va_start(args, format);
	length += vsnprintf(line + length, sizeof(line) - (size_t)length - 1, format, args);
	va_end(args);
	if (length > LINE_MAX_BYTES - 2)
		length = LINE_MAX_BYTES - 2;
	line[length++] = '\n';
	write_line(STDERR_FILENO, line, length);
	if (getenv("STRESS_ABORT"))
		abort();
	_exit(EXIT_FAILURE);
}

void report_seed(const char *program, uint64_t seed)
{
	program_name = program;
	program_seed = seed;
	say("%s: seed %" PRIu64, program, seed);
}

uint64_t fresh_seed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec) ^
	       ((uint64_t)getpid() << 40);
}
