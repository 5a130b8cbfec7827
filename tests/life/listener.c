/*
 * listener.c - a program that listens to munmap(), madvise() and mremap(), as the registration
 * caches of network cards do
 *
 * It must hear of all memory that goes away, and may allocate when it does.
 */
#include "life.h"
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCKS 20000
#define LARGE ((size_t)32 << 20)

/* Volatile: compilers assume that malloc calls nothing in this file. */
static volatile size_t discarded, unmapped;
static volatile unsigned int moves;

/* A listener that keeps books, of small and of large blocks. */
static void keep_books(void)
{
	static void *book[8];
	static unsigned int page;

	free(book[page % 8]);
	book[page % 8] = malloc(page % 8 == 7 ? 100000 : 24 << page % 8);
	CHECK(book[page++ % 8], "no memory in a listener");
	errno = EILSEQ;
}

int munmap(void *addr, size_t len)
{
	unmapped += len;
	keep_books();
	return (int)syscall(SYS_munmap, addr, len);
}

int madvise(void *addr, size_t len, int advice)
{
	if (advice == MADV_DONTNEED)
		discarded += len;
	keep_books();
	return (int)syscall(SYS_madvise, addr, len, advice);
}

/* A block with a mapping of its own. */
static void *own_mapping(void)
{
	char *p = realloc(malloc(LARGE / 8), LARGE);

	CHECK(p, "no memory");
	p[0] = 1;
	return p;
}

static void *to_free;

void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
	moves++;
	keep_books();
	free(to_free);
	to_free = NULL;
	return (void *)syscall(SYS_mremap, addr, old_len, new_len, flags);
}

/* Half of what is freed lies between blocks that stay. */
static void hear_of_what_is_trimmed(void)
{
	static void *block[BLOCKS];

	for (int i = 0; i < BLOCKS; i++)
		block[i] = memset(malloc(4000), i, 4000);
	for (int i = 0; i < BLOCKS; i++)
		if (i % 10)
			free(block[i]);
	discarded = 0;
	errno = ENOTTY;
	CHECK(malloc_trim(0) == 1, "malloc_trim() found nothing");
	CHECK(errno == ENOTTY, "errno became %d", errno);
	CHECK(discarded > BLOCKS * (size_t)4000 / 2, "heard of %zu bytes", discarded);
	verify("after malloc_trim()");
	for (int i = 0; i < BLOCKS; i += 10)
		free(block[i]);
}

static void hear_of_what_moves(void)
{
	char *p = own_mapping();

	to_free = own_mapping();
	errno = ENOTTY;
	for (size_t size = LARGE; size < 8 * LARGE; size += LARGE) {
		p = realloc(p, size);
		CHECK(p, "no memory");
	}
	CHECK(moves > 0, "heard of no mremap()");
	unmapped = 0;
	free(p);
	CHECK(errno == ENOTTY, "errno became %d", errno);
	CHECK(unmapped >= 7 * LARGE, "heard of %zu bytes unmapped", unmapped);
	verify("after a mapping was moved and freed");
}

int main(void)
{
	require_libbuddy();
	alarm(60);
	hear_of_what_is_trimmed();
	hear_of_what_moves();
	return 0;
}
