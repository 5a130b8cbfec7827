/*
 * early_lib.c - a library whose constructor uses malloc before libbuddy's own has run
 *
 * The loader initialises libraries in the reverse of the order in which it loaded them, unless they
 * need each other, so a preloaded one comes late.
 */
#include "early_lib.h"

#include "life.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static char *block;

static void *thread_main(void *argument)
{
	free(argument);
	return keep(malloc(EARLY_LIB_SIZE));
}

__attribute__((constructor)) static void use_early(void)
{
	pthread_t thread;
	void *result;
	pid_t child;

	CHECK(pthread_create(&thread, NULL, thread_main, keep(malloc(100))) == 0,
	      "no thread in a constructor");
	pthread_join(thread, &result);
	block = result;
	CHECK(block, "a thread in a constructor got NULL");
	fill(block, EARLY_LIB_SIZE, EARLY_LIB_KEY);
	child = fork();
	if (child == 0) {
		ordinary_use(1 << 20);
		_exit(0);
	}
	expect_success(child, "a child forked in a constructor");
}

char *early_lib_block(void)
{
	return block;
}
