/*
 * child.h - misuse, tried in a child process whose stderr is read
 */
#ifndef BUDDY_TESTS_API_CHILD_H
#define BUDDY_TESTS_API_CHILD_H

#include <stdbool.h>
#include <stddef.h>

struct outcome {
	int status; /* as from waitpid() */
	char text[4096];
};

/*
 * Run @fn in a forked child, with abort_on_error as given, and end that with _exit(0).  The
 * assertions of the test framework do not work in the child: use child_check().
 */
void in_child(struct outcome *ret, bool abort_on_error, void (*fn)(void));

/* The same, but run this program in the child, with an argument and options. */
void in_program(struct outcome *ret, const char *argument, const char *options);

/* In a child: end with a line on stderr and a status that no test expects. */
void child_fail(const char *file, int line, const char *what);
#define child_check(condition)                                                                     \
	do {                                                                                       \
		if (!(condition))                                                                  \
			child_fail(__FILE__, __LINE__, #condition);                                \
	} while (0)

/*
 * In a child: call @alloc, which must never fail, until the heap wants the background thread, and
 * check that it is there.
 */
void child_starts_background(void *(*alloc)(void));

/*
 * @fn is misuse that is reported: with abort_on_error=off it says @what in one line and returns
 * with the heap intact, with abort_on_error=on it ends the program after that line.
 */
void assert_error(void (*fn)(void), const char *what);

/* @fn is a call that cannot be served: it says @what in one line and returns in any case. */
void assert_warning(void (*fn)(void), const char *what);

/* @fn says nothing. */
void assert_silent(void (*fn)(void));

#endif
