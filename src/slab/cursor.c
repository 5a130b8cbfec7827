/* SPDX-License-Identifier: MIT */
/*
 * cursor.c - taking a cursor away from hits, which ask for no lock
 *
 * Locks:  task.lock.
 */
#include "slab/internal.h"

/*
 * Where a disabled cursor points: the slots around it hold NULL, and lie above every sheaf, so that
 * it is empty, and full whatever its end is.
 *
 * A hit commits with one instruction that reads, adds and writes.  If the cursor is disabled under
 * a hit, that instruction either moves the disabled cursor by one slot, where it is as disabled,
 * or, if it had read before, writes over it: then the cursor is in use again.
 */
void **cursor_disabled_at(void)
{
	return (void **)(page_map.bytes + 8 * sizeof(void *));
}

static inline bool is_disabled_at(void **cur, ptrdiff_t *stray)
{
	*stray = cur - cursor_disabled_at();
	return *stray >= -1 && *stray <= 1;
}

/* Is @c disabled?  *stray: by how many slots a hit has moved it since: -1, 0 or 1. */
bool cursor_is_disabled(const struct cursor *c, ptrdiff_t *stray)
{
	return is_disabled_at(READ_ONCE(c->cur), stray);
}

/*
 * A hit that was under way when @c was disabled has taken or put an object: count it.  In this
 * order a child that is forked in between loses an object at worst.
 */
void cursor_settle_stray(struct cursor *c, struct slab_sheaf *sheaf, ptrdiff_t stray)
{
	if (stray < 0)
		sheaf->size--;
	barrier();
	WRITE_ONCE(c->cur, cursor_disabled_at());
	barrier();
	if (stray > 0)
		sheaf->size++;
}

/*
 * Take @sheaf out of @c.  Its size is stored before the cursor is given up, so that one of them
 * says at any instant how long the sheaf is; a hit that moves the cursor in between makes the
 * exchange fail.
 * @own: the cursor is this thread's
 *
 * Under task.lock, so that nobody else disables cursors of the task.  Return: what the cursor was;
 * if it was disabled already, that.
 */
void **cursor_disable(struct cursor *c, struct slab_sheaf *sheaf, bool own)
{
	void **was = READ_ONCE(c->cur), **disabled = cursor_disabled_at();

	while (was != disabled) {
		ptrdiff_t stray;

		/* It was disabled without a fence, and a hit has moved it since. */
		if (unlikely(is_disabled_at(was, &stray))) {
			cursor_settle_stray(c, sheaf, stray);
			return disabled;
		}
		sheaf->size = (u8)(was - sheaf->objects);
		barrier();
		if (own ? cmpxchg_local(&c->cur, &was, disabled)
			: atomic_cmpxchg(&c->cur, &was, disabled))
			break;
	}
	return was;
}
