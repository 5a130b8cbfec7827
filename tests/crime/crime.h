/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_CRIME_CRIME_H
#define BUDDY_TESTS_CRIME_CRIME_H
/*
 * crime.h - what every program of this folder has in common
 *
 * A program says on stdout which report it expects, commits its crime, and goes on as if
 * nothing had happened.  The driver (crime.py) runs it twice: once to see it end with that
 * report, once with abort_on_error=off to see it live with that report.
 */
#include <stddef.h>

/*
 * The calls, through volatile pointers: a compiler that sees a misuse may do as it likes with
 * it, which is the subject of another test suite.
 */
extern void *(*volatile crime_malloc)(size_t size);
extern void *(*volatile crime_realloc)(void *p, size_t size);
extern void *(*volatile crime_reallocarray)(void *p, size_t count, size_t size);
extern size_t (*volatile crime_usable_size)(void *p);
extern void (*volatile crime_free)(void *p);

/* A small object of a class that live_on() leaves alone, a block of pages, one of many MiB. */
#define SMALL_SIZE ((size_t)64)
#define LARGE_SIZE ((size_t)1 << 20)
#define HUGE_SIZE ((size_t)256 << 20)

/* malloc that cannot fail here; the bytes are set so that damage shows. */
char *crime_block(size_t size);

/* @nr blocks of SMALL_SIZE. */
void crime_blocks(char **ret_blocks, int nr);

/* An object aligned to @align; skips the test if there is no such object. */
char *crime_aligned(size_t align, size_t size);

/* Check that the bytes are as crime_block() has set them; if not, end the program with a word. */
void expect_unharmed(const char *block, size_t size);

/*
 * The report must name one of @calls ("free", or "realloc|free" where the crime may only be
 * noticed later) and the address @at.
 */
void expect_report(const char *calls, const void *at);

/*
 * Use the heap as a program does after its mistake: blocks of many sizes, alive at once, keep
 * their contents.  Return: the exit status for main.
 */
int live_on(void);

/* End the program without using the heap again: no allocation or free finds what is wrong there. */
_Noreturn void live_on_without(void);

/*
 * Free an object from @get twice in a row, while @others of them are alive, and take two more,
 * which must not be the same.  Return: the exit status for main.
 */
int reuse_after_double_free(char *(*get)(void), int others);

/*
 * A second thread.  It waits from start until end, or for ever; free makes it free one block
 * and returns when that is done.
 */
void accomplice_start(void);
void accomplice_free(void *p);
void accomplice_end(void);

/* End with status 77: the test cannot be made here; @why says what is missing. */
void skip(const char *why);

#endif
