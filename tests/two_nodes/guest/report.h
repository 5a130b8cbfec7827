/* SPDX-License-Identifier: MIT */
#ifndef TWO_NODES_REPORT_H
#define TWO_NODES_REPORT_H
/*
 * report.h - what a guest program says: one line per thing that was checked
 */
#include <stdbool.h>

/**
 * check - print "ok" or "FAIL" and the text, and remember a failure
 * Return: @holds.  Called by one thread only.
 */
bool check(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** note - print a line that decides nothing */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** die - the test itself cannot go on: print why and end the program with a failure */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** verdict - the program's exit status: 0 if every check() held and there was one */
int verdict(void);

#endif
