/*
 * early_options.c - BUDDY_OPTIONS hold where malloc was needed before there was an environment
 *
 * Asked for by a library whose constructor runs before the C library's.  The option is one that is
 * seen without a call that might look at the environment itself.
 */
#include "life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	size_t length = 0;
	ssize_t got;
	int ends[2];
	pid_t child;

	if (argc > 1)
		return inside();
	require_libbuddy();
	if (before_libc_environment)
		return inside();
	CHECK(pipe(ends) == 0, "no pipe");
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		setenv("BUDDY_OPTIONS", "stats_at_exit=on", 1);
		run_again(argv[0], "inside", NULL);
	}
	close(ends[1]);
	while ((got = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	close(ends[0]);
	expect_success(child, "a program that allocates before it has an environment");
	CHECK(strstr(text, "libbuddy") || getenv("LIFE_ANY_HEAP"),
	      "stats_at_exit=on was not heard of, only: \"%s\"", text);
	return 0;
}
