/*
 * report.h - how a stress program speaks and dies
 */
#ifndef BUDDY_TESTS_STRESS_REPORT_H
#define BUDDY_TESTS_STRESS_REPORT_H

#include <stdint.h>

/* Exit status by which meson knows a skipped test. */
#define EXIT_SKIPPED 77

/* Prints one line on stdout with a raw write, usable in a handler and in a forked child. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Prints the line on stderr with the seed and ends the process with status 1; with
 * STRESS_ABORT=1 in the environment by abort(), for a debugger or a core file.
 */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Remembered for fail(), and printed, so that every failure names the run that made it. */
void report_seed(const char *program, uint64_t seed);

/* A seed from the clock, for runs that were given none. */
uint64_t fresh_seed(void);

#endif
