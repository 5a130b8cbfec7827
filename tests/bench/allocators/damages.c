/* SPDX-License-Identifier: MIT */
/*
 * damages.c - an allocator that writes into blocks of the program
 *
 * Each block is spoilt when the next one is made, if it still lives; what moved, and what was to be
 * zeroes, at once.  Only what the program itself asked for is, not what the libraries did: that
 * would end it before it could notice.
 */
#include "fake.h"

#include <dlfcn.h>
#include <stdint.h>
#include <sys/auxv.h>

enum { FAR = 1 << 30 };

static char *last;
static size_t last_size;
static int lock;

static void take_lock(void)
{
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
		;
}

static void drop_lock(void)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

/* Whether it was the program that called, and not the loader or a library for itself. */
static int is_the_programs(const void *caller)
{
	uintptr_t entry = getauxval(AT_ENTRY), at = (uintptr_t)caller;

	return (at > entry ? at - entry : entry - at) < FAR;
}

static void *spoil_the_last_for(char *block, size_t size, const void *caller)
{
	if (!is_the_programs(caller))
		return block;
	take_lock();
	if (last && last_size)
		last[last_size - 1] ^= 0x55;
	last = block;
	last_size = size;
	drop_lock();
	return block;
}

static void forget(const char *block)
{
	take_lock();
	if (last == block)
		last = NULL;
	drop_lock();
}

void *malloc(size_t size)
{
	return spoil_the_last_for(__libc_malloc(size), size, __builtin_return_address(0));
}

void *calloc(size_t count, size_t size)
{
	char *block = __libc_calloc(count, size);

	if (is_the_programs(__builtin_return_address(0)))
		block[0] = 1;
	return block;
}

void *realloc(void *block, size_t size)
{
	forget(block);
	char *moved = __libc_realloc(block, size);

	if (block && is_the_programs(__builtin_return_address(0)))
		moved[0] = 0x55;
	return moved;
}

void *operator_new(size_t size) __asm__("_Znwm");

void *operator_new(size_t size)
{
	return spoil_the_last_for(__libc_malloc(size), size, __builtin_return_address(0));
}

int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
	*ret_block = spoil_the_last_for(__libc_memalign(alignment, size), size,
					__builtin_return_address(0));
	return 0;
}

size_t malloc_usable_size(void *block)
{
	size_t (*libcs)(void *) = (size_t(*)(void *))dlsym(RTLD_NEXT, "malloc_usable_size");

	return libcs(block);
}

void free(void *block)
{
	forget(block);
	__libc_free(block);
}
