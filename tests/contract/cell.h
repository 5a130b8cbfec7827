/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_CONTRACT_CELL_H
#define BUDDY_TESTS_CONTRACT_CELL_H
/*
 * cell.h - one call with one combination of a row's arguments, and what came of it
 */
#include "spec.h"
#include "text.h"
#include <malloc.h>

#define ERRNO_BEFORE 1234 /* no errno of any system */
#define OLD_BYTE 0x5a	  /* seed of fill() for the block that a call is given */

struct cell {
	const struct row *row;
	enum maker by;
	size_t old_size;
	size_t align;
	size_t size, count; /* count is used by rows with a split only */
};

/* What a call did. */
struct answer {
	void *block;
	int code; /* errno after the call, or what posix_memalign returned */
	int errno_after;
	bool pointer_kept;
	size_t measured;
};

extern const char *const entry_names[NR_ENTRIES];
extern const char *const maker_names[NR_MAKERS];
extern size_t page_size; /* const after start */

/*
 * Every call goes through a volatile pointer: the compiler knows what malloc promises and would
 * remove a pair of calls, or the test of a promise, that it can prove from it.
 */
extern void *(*volatile fn_malloc)(size_t size);
extern size_t (*volatile fn_usable_size)(void *p);
extern void (*volatile fn_free)(void *p);

/* The entry points that C23 added have to be looked up. */
void find_optional_entries(void);

bool maker_takes_alignment(enum maker by);

/* The call as a C programmer would write it: "realloc(malloc(64), SIZE_MAX-7)". */
void say_call(struct text *t, const struct cell *c);

/* The block that the call is given, NULL if none. */
void *make_old(const struct cell *c);

/* Makes the call with errno set to ERRNO_BEFORE. */
struct answer call(const struct cell *c, void *old);

/* How many bytes the call asks for, modulo the size of size_t. */
size_t asked(const struct cell *c);

#endif
