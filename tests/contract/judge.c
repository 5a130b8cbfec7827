/* SPDX-License-Identifier: MIT */
/*
 * judge.c - holds what a call did against a row of the table
 */
#include "judge.h"
#include "contents.h"
#include "values.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define LEAK_BYTES ((size_t)48 << 20)

static const char *errno_name(int e)
{
	switch (e) {
	case 0:
		return "no error";
	case ENOMEM:
		return "ENOMEM";
	case EINVAL:
		return "EINVAL";
	case ERRNO_BEFORE:
		return "errno unchanged";
	default:
		return "another error";
	}
}

static size_t wanted_alignment(const struct cell *c, unsigned int promises)
{
	size_t a = promises & ALIGNED_16 ? 16 : 1;

	if ((promises & ALIGNED_ARG) && c->align > a)
		a = c->align;
	if ((promises & ALIGNED_UP) && c->align > a)
		a = first_power(c->align);
	if ((promises & ALIGNED_PAGE) && page_size > a)
		a = page_size;
	return a;
}

/* What a block promises by itself.  Says the first fault in @t. */
static bool block_is_sound(const struct cell *c, void *block, struct text *t, unsigned int promises)
{
	size_t need = asked(c), usable = fn_usable_size(block);
	size_t align = wanted_alignment(c, promises);

	if ((uintptr_t)block & (align - 1))
		return say(t, "the block at %p is not aligned to %zu", block, align), false;
	if ((promises & ZEROED) && !all_zero(block, need))
		return say(t, "the block is not zeroed"), false;
	if (promises & WHOLE_PAGES)
		need = (need + page_size - 1) & ~(page_size - 1);
	if (usable < need)
		return say(t, "%zu bytes are usable, want %zu", usable, need), false;
	return true;
}

/* A second block by the same call while the first is alive: as sound, and another place. */
static bool twin_is_apart(const struct cell *c, void *block, struct text *t, unsigned int promises)
{
	size_t usable = fn_usable_size(block), twin_usable;
	void *twin = call(c, NULL).block;
	uintptr_t x = (uintptr_t)block, y = (uintptr_t)twin;
	bool good;

	if (!twin)
		return true;
	twin_usable = fn_usable_size(twin);
	good = block_is_sound(c, twin, t, promises);
	fill(twin, twin_usable, 0xc3);
	if (good && (x == y || (x < y ? y - x < usable : x - y < twin_usable) ||
		     !filled(block, usable, usable, 0x3c)))
		good = (say(t, "two blocks that are alive overlap"), false);
	fn_free(twin);
	return good;
}

/* Everything a block promises.  The memory is overwritten.  Says the first fault in @t. */
static bool block_is_good(const struct cell *c, const struct answer *a, struct text *t,
			  unsigned int promises, size_t old_usable)
{
	size_t size = asked(c), usable = fn_usable_size(a->block);

	if (!block_is_sound(c, a->block, t, promises))
		return false;
	if ((promises & CONTENTS_KEPT) && c->by &&
	    !filled(a->block, old_usable, size < old_usable ? size : old_usable, OLD_BYTE))
		return say(t, "the contents were not kept"), false;
	if ((promises & ERRNO_KEPT) && a->errno_after != ERRNO_BEFORE)
		return say(t, "errno changed to %d on success", a->errno_after), false;
	fill(a->block, usable, 0x3c);
	if (!c->by && !twin_is_apart(c, a->block, t, promises))
		return false;
	if (!filled(a->block, usable, usable, 0x3c))
		return say(t, "the block changed while it was alive"), false;
	return true;
}

static bool refusal_is_good(const struct answer *a, struct text *t, const struct outcome *want)
{
	bool right = want->error == ANY_ERROR ? a->code == ENOMEM || a->code == EINVAL
					      : a->code == want->error;

	if (!right) {
		say(t, "refused with %s (%d), want %s", errno_name(a->code), a->code,
		    want->error == ANY_ERROR ? "ENOMEM or EINVAL" : errno_name(want->error));
		return false;
	}
	if ((want->promises & POINTER_KEPT) && !a->pointer_kept)
		return say(t, "*memptr changed although the call failed"), false;
	if ((want->promises & ERRNO_KEPT) && a->errno_after != ERRNO_BEFORE)
		return say(t, "errno changed to %s", errno_name(a->errno_after)), false;
	return true;
}

static bool errno_was_kept(const struct answer *a, struct text *t, const struct outcome *want)
{
	if ((want->promises & ERRNO_KEPT) && a->errno_after != ERRNO_BEFORE)
		return say(t, "errno changed to %d", a->errno_after), false;
	return true;
}

/* Does the answer agree with @want?  If not, @t says why. */
static bool agrees(const struct cell *c, const struct answer *a, struct text *t,
		   const struct outcome *want, size_t old_usable)
{
	switch (want->result) {
	case GIVES_BLOCK:
		if (!a->block)
			return say(t, "refused with %s (%d), want a block", errno_name(a->code),
				   a->code),
			       false;
		return block_is_good(c, a, t, want->promises, old_usable);
	case MAY_REFUSE:
		return a->block ? block_is_good(c, a, t, want->promises, old_usable)
				: refusal_is_good(a, t, want);
	case REFUSES:
		if (a->block)
			return say(t, "gave a block, want %s", errno_name(want->error)), false;
		return refusal_is_good(a, t, want);
	case FREES:
		if (a->block)
			return say(t, "returned a pointer, want NULL and the block freed"), false;
		return errno_was_kept(a, t, want);
	case MEASURES:
		if (a->measured < c->old_size)
			return say(t, "%zu bytes are usable, want %zu", a->measured, c->old_size),
			       false;
		return errno_was_kept(a, t, want);
	default:
		return errno_was_kept(a, t, want);
	}
}

/* After a refusal the old block is the caller's, with every byte it had. */
static bool old_block_is_good(void *old, size_t usable, struct text *t)
{
	if (fn_usable_size(old) != usable)
		return say(t, "the old block changed its size although the call failed"), false;
	if (!filled(old, usable, usable, OLD_BYTE))
		return say(t, "the old block changed although the call failed"), false;
	return true;
}

/* Who owns the block that was handed in, once the call has returned? */
static bool old_block_alive(const struct cell *c, const struct answer *a)
{
	switch (c->row->entry) {
	case E_REALLOC:
	case E_REALLOCARRAY:
		return !a->block && c->row->want.result != FREES;
	case E_MALLOC_USABLE_SIZE:
		return true;
	default:
		return false;
	}
}

bool run_against(const struct cell *c, struct text *t, const struct outcome *want)
{
	size_t usable = 0;
	struct answer a;
	void *old;
	bool good;

	if (want->promises & ZEROED)
		make_dirty(asked(c));
	old = make_old(c);
	if (c->by && !old)
		return say(t, "there is no block to begin with"), false;
	if (old) {
		usable = fn_usable_size(old);
		fill(old, usable, OLD_BYTE);
	}
	a = call(c, old);
	good = agrees(c, &a, t, want, usable);
	if (old && old_block_alive(c, &a)) {
		good = good && old_block_is_good(old, usable, t);
		fn_free(old);
	}
	fn_free(a.block);
	return good;
}

size_t resident_bytes(void)
{
	unsigned long total, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * page_size;
}

/* Makes, touches and lets go of LEAK_BYTES in blocks of this cell's size. */
bool grows_not(const struct cell *c, struct text *t)
{
	size_t before = resident_bytes(), after;

	for (size_t done = 0; done < LEAK_BYTES; done += c->old_size) {
		unsigned char *p = make_old(c);

		if (!p)
			return say(t, "there is no block to begin with"), false;
		for (size_t i = 0; i < c->old_size; i += page_size)
			p[i] = 1;
		fn_free(call(c, p).block);
	}
	after = resident_bytes();
	if (after > before + LEAK_BYTES / 2)
		return say(t, "the process grew by %zu of %zu bytes let go", after - before,
			   LEAK_BYTES),
		       false;
	return true;
}
