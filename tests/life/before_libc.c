/*
 * before_libc.c - a library that needs no other, whose constructor uses malloc
 *
 * If the loader loads it after the C library, it initialises it before the C library: then there is
 * no environment yet.  The malloc is that of whoever has one.
 */
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

extern void *before_libc_block;
extern char **before_libc_environment;

void *before_libc_block;
char **before_libc_environment;

__attribute__((constructor)) static void use_early(void)
{
	before_libc_environment = environ;
	before_libc_block = malloc(100);
}
