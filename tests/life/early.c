/*
 * early.c - malloc before any constructor of libbuddy has run
 *
 * In the program's .preinit_array; in the constructor of a library that the loader initialises
 * before libbuddy, which also starts a thread and forks; in the program's own constructors and
 * destructors.  Blocks allocated early are used and freed late.
 */
#include "early_lib.h"
#include "life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *from_preinit;
static char *from_constructor;

static void preinit(int argc, char **argv, char **environment)
{
	(void)argc;
	(void)argv;
	(void)environment;
	free(keep(malloc(0)));
	from_preinit = keep(calloc(100, 10));
	CHECK(from_preinit, "calloc in .preinit_array gave NULL");
	from_preinit = realloc(from_preinit, 100 << 10);
	CHECK(from_preinit, "realloc in .preinit_array gave NULL");
	fill(from_preinit, 100 << 10, 1);
}

__attribute__((section(".preinit_array"), used)) static void (*preinit_entry)(int, char **,
									      char **) = preinit;

__attribute__((constructor(101))) static void first_constructor(void)
{
	from_constructor = keep(malloc(5 << 20));
	CHECK(from_constructor, "malloc in a constructor gave NULL");
	fill(from_constructor, 5 << 20, 2);
}

static void at_exit(void)
{
	ordinary_use(1 << 20);
}

__attribute__((destructor(101))) static void last_destructor(void)
{
	ordinary_use_alone(1 << 20);
	verify("in the last destructor");
}

int main(void)
{
	char *from_library;

	require_libbuddy();
	CHECK(filled(from_preinit, 100 << 10, 1), "the block of .preinit_array changed");
	CHECK(filled(from_constructor, 5 << 20, 2), "the block of a constructor changed");
	from_library = early_lib_block();
	CHECK(filled(from_library, EARLY_LIB_SIZE, EARLY_LIB_KEY), "the library's block changed");
	free(from_preinit);
	free(from_constructor);
	free(from_library);
	verify("in main");
	atexit(at_exit);
	return 0;
}
