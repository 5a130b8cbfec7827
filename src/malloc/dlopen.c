/* SPDX-License-Identifier: MIT */
/*
 * dlopen.c - what is loaded with RTLD_DEEPBIND has the program's malloc all the same
 *
 * The flag puts a library's own dependencies before the program when its names are looked up.  One
 * of them is the C library, so it would get malloc and free from there while everybody else has
 * ours, and the first block that goes from one to the other ends the program: php loads its
 * extensions like this, and crashes with any malloc that is preloaded.  So the flag is not passed
 * on.  What it is for is lost with it: a library that has a function of the same name as another
 * shares one with it, as without the flag, or with C libraries that never had it.
 *
 * Only in libbuddy.so: to be in a program is not to be in front of its libraries' dlopen().
 */
#include "malloc/internal.h"
#include "platform/os.h"
#include <stdlib.h>

static os_dlopen_fn *next_dlopen; /* release/acquire here; whoever looks finds the same */

static slowpath os_dlopen_fn *find_next(void)
{
	os_dlopen_fn *next = os_next_dlopen();

	store_release(&next_dlopen, next);
	return next;
}

/*
 * Is the malloc that the program means ours?  One that has its own stands in front of us, and what
 * the flag does to it is its affair.  Addresses do not tell: see free_of_program().
 */
static bool malloc_is_ours(void)
{
	void *(*volatile theirs)(size_t) = malloc; /* volatile: a pair of calls is not left out */
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

/* The next one goes by who called it ($ORIGIN and RUNPATH), so it must be jumped to. */
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
