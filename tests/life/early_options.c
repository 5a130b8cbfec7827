/*
 * early_options.c - BUDDY_OPTIONS holds even if malloc was needed before there was an environment
 *
 * A library whose constructor runs before the C library's asks for memory.  The option is one whose
 * effect shows without a call that might read the environment itself.
 */
#include "life.h"

#include <stdlib.h>
#include <string.h>

extern void *before_libc_block;
extern char **before_libc_environment;

static int inside(void)
{
	if (before_libc_environment)
		skip("the library was initialised after the C library");
	CHECK(before_libc_block, "malloc before the C library's start gave NULL");
	free(before_libc_block);
	return 0;
}

int main(int argc, char **argv)
{
	char text[4000];

	if (argc > 1)
		return inside();
	require_libbuddy();
	if (before_libc_environment)
		return inside();
	expect_good_status(run_heard(argv[0], "inside", "stats_at_exit=on", 0, text, sizeof(text)),
			   "a program that allocates before it has an environment");
	CHECK(strstr(text, "libbuddy") || getenv("LIFE_ANY_HEAP"),
	      "stats_at_exit=on was not heard of, only: \"%s\"", text);
	return 0;
}
