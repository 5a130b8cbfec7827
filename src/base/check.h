/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_BASE_CHECK_H
#define BUDDY_BASE_CHECK_H
/*
 * check.h - assertions and the one line that explains an abort
 */
#include "base/compiler.h"

#pragma GCC visibility push(hidden)

/* What a report needs from the system: functions of the platform, set by a higher layer. */
struct bug_ops {
	void (*write)(const char *text, size_t len);
	void (*abort)(void) noreturn_fn;
};
extern struct bug_ops bug_ops;	/* const after start: stored again, but with the same values */
extern bool bug_abort_on_error; /* option abort_on_error; racy, buddy_option_set() */

/*
 * Sets bug_ops and the options, for a program whose first call of all is to be reported.  Set by
 * the layer that knows the options.
 */
extern void (*bug_start)(void);

/**
 * bug_report - say on stderr what the program did wrong, then end it
 *
 * Prints one line, "libbuddy: ...".  Returns only under abort_on_error=off; the caller then leaves
 * the heap as it was.  Never allocates; safe in a signal handler.
 */
void bug_report(const char *format, ...) printf_like(1, 2);

/* Say it, and go on: for warnings about options and the like. */
void bug_warn(const char *format, ...) printf_like(1, 2);

/* An invariant of our own is broken: always ends the program. */
void bug_fatal(const char *file, int line, const char *what) noreturn_fn __attribute__((cold));

#define BUG_ON(cond)                                                                               \
	do {                                                                                       \
		if (unlikely(cond))                                                                \
			bug_fatal(__FILE__, __LINE__, #cond);                                      \
	} while (0)

#define VM_BUG_ON(cond)                                                                            \
	do {                                                                                       \
		if (CONFIG_DEBUG_VM)                                                               \
			BUG_ON(cond);                                                              \
	} while (0)

#pragma GCC visibility pop

#endif
