/* SPDX-License-Identifier: MIT */
/*
 * cell.c - makes the call of a cell, and writes it down for people
 */
#include "cell.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t page_size;

void *(*volatile fn_malloc)(size_t) = malloc;
static void *(*volatile fn_calloc)(size_t, size_t) = calloc;
static void *(*volatile fn_realloc)(void *, size_t) = realloc;
static void *(*volatile fn_reallocarray)(void *, size_t, size_t) = reallocarray;
static void *(*volatile fn_aligned_alloc)(size_t, size_t) = aligned_alloc;
static void *(*volatile fn_memalign)(size_t, size_t) = memalign;
static int (*volatile fn_posix_memalign)(void **, size_t, size_t) = posix_memalign;
static void *(*volatile fn_valloc)(size_t) = valloc;
static void *(*volatile fn_pvalloc)(size_t) = pvalloc;
size_t (*volatile fn_usable_size)(void *) = malloc_usable_size;
void (*volatile fn_free)(void *) = free;
/* C23; looked up, since the C library of Debian 12 does not have them. */
static void (*volatile fn_free_sized)(void *, size_t);
static void (*volatile fn_free_aligned_sized)(void *, size_t, size_t);

const char *const entry_names[NR_ENTRIES] = {
	[E_MALLOC] = "malloc",
	[E_CALLOC] = "calloc",
	[E_REALLOC] = "realloc",
	[E_REALLOCARRAY] = "reallocarray",
	[E_ALIGNED_ALLOC] = "aligned_alloc",
	[E_MEMALIGN] = "memalign",
	[E_POSIX_MEMALIGN] = "posix_memalign",
	[E_VALLOC] = "valloc",
	[E_PVALLOC] = "pvalloc",
	[E_MALLOC_USABLE_SIZE] = "malloc_usable_size",
	[E_FREE] = "free",
	[E_FREE_SIZED] = "free_sized",
	[E_FREE_ALIGNED_SIZED] = "free_aligned_sized",
};

void find_optional_entries(void)
{
	void *sized = dlsym(RTLD_DEFAULT, "free_sized");
	void *aligned_sized = dlsym(RTLD_DEFAULT, "free_aligned_sized");

	/* ISO C has no conversion from an object's to a function's pointer. */
	memcpy((void *)&fn_free_sized, &sized, sizeof(sized));
	memcpy((void *)&fn_free_aligned_sized, &aligned_sized, sizeof(aligned_sized));
}

const char *const maker_names[NR_MAKERS] = {
	"malloc",   "calloc",	      "realloc", "reallocarray", "aligned_alloc",
	"memalign", "posix_memalign", "valloc",	 "pvalloc",
};

bool maker_takes_alignment(enum maker by)
{
	return by & BY_ALIGNED;
}

static void say_old_block(struct text *t, const struct cell *c)
{
	if (!c->by) {
		say(t, "NULL");
		return;
	}
	say(t, "%s(", maker_names[__builtin_ctz(c->by)]);
	if (maker_takes_alignment(c->by)) {
		say_number(t, c->align);
		say(t, ", ");
	}
	say_number(t, c->old_size);
	say(t, ")");
}

void say_call(struct text *t, const struct cell *c)
{
	enum entry e = c->row->entry;

	say(t, "%s(", entry_names[e]);
	switch (e) {
	case E_POSIX_MEMALIGN:
		say(t, "&p, ");
		/* fall through */
	case E_ALIGNED_ALLOC:
	case E_MEMALIGN:
		say_number(t, c->align);
		say(t, ", ");
		say_number(t, c->size);
		break;
	case E_REALLOC:
	case E_REALLOCARRAY:
		say_old_block(t, c);
		say(t, ", ");
		/* fall through */
	case E_MALLOC:
	case E_CALLOC:
	case E_VALLOC:
	case E_PVALLOC:
		if (c->row->split) {
			say_number(t, c->count);
			say(t, ", ");
		}
		say_number(t, c->size);
		break;
	default:
		say_old_block(t, c);
	}
	say(t, ")");
}

void *make_old(const struct cell *c)
{
	size_t a = c->align ? c->align : 64, n = c->old_size;
	void *p = NULL;

	switch (c->by) {
	case BY_MALLOC:
		return fn_malloc(n);
	case BY_CALLOC:
		return fn_calloc(1, n);
	case BY_REALLOC:
		return fn_realloc(NULL, n);
	case BY_REALLOCARRAY:
		return fn_reallocarray(NULL, n, 1);
	case BY_ALIGNED_ALLOC:
		return fn_aligned_alloc(a, n);
	case BY_MEMALIGN:
		return fn_memalign(a, n);
	case BY_POSIX_MEMALIGN:
		return fn_posix_memalign(&p, a < sizeof(p) ? sizeof(p) : a, n) ? NULL : p;
	case BY_VALLOC:
		return fn_valloc(n);
	case BY_PVALLOC:
		return fn_pvalloc(n);
	default:
		return NULL;
	}
}

struct answer call(const struct cell *c, void *old)
{
	struct answer a = {.pointer_kept = true};
	void *const no_pointer = &a; /* what *memptr holds before the call */
	void *p = no_pointer;

	errno = ERRNO_BEFORE;
	switch (c->row->entry) {
	case E_MALLOC:
		a.block = fn_malloc(c->size);
		break;
	case E_CALLOC:
		a.block = fn_calloc(c->count, c->size);
		break;
	case E_REALLOC:
		a.block = fn_realloc(old, c->size);
		break;
	case E_REALLOCARRAY:
		a.block = fn_reallocarray(old, c->count, c->size);
		break;
	case E_ALIGNED_ALLOC:
		a.block = fn_aligned_alloc(c->align, c->size);
		break;
	case E_MEMALIGN:
		a.block = fn_memalign(c->align, c->size);
		break;
	case E_POSIX_MEMALIGN:
		a.code = fn_posix_memalign(&p, c->align, c->size);
		a.errno_after = errno;
		a.pointer_kept = p == no_pointer;
		a.block = a.code ? NULL : p;
		return a;
	case E_VALLOC:
		a.block = fn_valloc(c->size);
		break;
	case E_PVALLOC:
		a.block = fn_pvalloc(c->size);
		break;
	case E_MALLOC_USABLE_SIZE:
		a.measured = fn_usable_size(old);
		break;
	case E_FREE:
		fn_free(old);
		break;
	case E_FREE_SIZED:
		fn_free_sized(old, c->old_size);
		break;
	case E_FREE_ALIGNED_SIZED:
		fn_free_aligned_sized(old, c->align, c->old_size);
		break;
	default:
		break;
	}
	a.code = a.errno_after = errno;
	return a;
}

size_t asked(const struct cell *c)
{
	return c->row->split ? c->count * c->size : c->size;
}
