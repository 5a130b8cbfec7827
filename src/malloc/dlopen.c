/* SPDX-License-Identifier: MIT */
/*
 * dlopen.c - libraries that are loaded with RTLD_DEEPBIND use the program's malloc all the same
 *
 * With that flag a library's names are looked up in its own dependencies before the program.  The C
 * library is one of these, so the library would get malloc and free from there while everybody else
 * has ours, and the first block that passes between them ends the program.  php loads its
 * extensions like this, and crashes with every other malloc that we tried to preload.
 *
 * So the flag is not passed on.  Its purpose is lost: libraries with functions of the same name
 * share one of them, as without the flag, or with a C library that never had it.
 *
 * Not in libbuddy.a: in a program it would not stand in front of its libraries' dlopen().
 */
#include "malloc/internal.h"
#include "platform/os.h"
#include <stdlib.h>

static os_dlopen_fn *next_dlopen; /* release/acquire; whoever looks it up finds the same */

static slowpath os_dlopen_fn *find_next(void)
{
	os_dlopen_fn *next = os_next_dlopen();

	store_release(&next_dlopen, next);
	return next;
}

/*
 * Is the program's malloc ours?  If the program has its own in front of ours, what the flag does to
 * that is its own affair.  Addresses are not compared, for the reason given at free_of_program().
 */
static bool malloc_is_ours(void)
{
	/* Volatile: a compiler may leave out a malloc() and its free(). */
	void *(*volatile theirs)(size_t) = malloc;
	void *p = theirs(1);
	bool ours = !p || mm_owns(p);

	free(p);
	return ours;
}

static slowpath int without_deepbind(int mode)
{
	options_parse_env();
	return !option_deepbind && malloc_is_ours() ? mode & ~OS_RTLD_DEEPBIND : mode;
}

void *dlopen(const char *file, int mode); /* <dlfcn.h> is the platform's */

/* A jump, not a call: the next dlopen() asks who called it, for $ORIGIN and RUNPATH. */
BUDDY_API has_tail_call void *dlopen(const char *file, int mode)
{
	os_dlopen_fn *next = load_acquire(&next_dlopen);

	if (unlikely(mode & OS_RTLD_DEEPBIND))
		mode = without_deepbind(mode);
	if (unlikely(!next))
		next = find_next();
	if (unlikely(!next))
		return NULL;
	tail_call return next(file, mode);
}
