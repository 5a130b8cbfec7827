/*
 * shrunk.c - what realloc() cuts off a large block goes back, though the thread that gives memory
 * back has lain down
 */
#include "life.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MIB = 1 << 20, BLOCK = 100 * MIB, REST_S = 9 /* the thread does after 6 quiet ones */ };

int main(void)
{
	char *p = malloc(BLOCK);
	size_t full;

	require_libbuddy();
	CHECK(p, "no memory");
	memset(p, 1, BLOCK);
	full = resident_kib();
	sleep(REST_S);
	CHECK(realloc(p, MIB) == p, "the block has moved");
	expect_given_back(full, NULL);
	return 0;
}
