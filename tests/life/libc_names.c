/*
 * libc_names.c - the C library's second names for malloc are libbuddy's too
 *
 * Blocks that come from one name are freed by the other.
 */
#include "life.h"
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);
extern void *__libc_memalign(size_t, size_t);
extern void *__libc_valloc(size_t);
extern void *__libc_pvalloc(size_t);

static void back(void *p, size_t size, size_t align)
{
	CHECK(p && (uintptr_t)p % align == 0, "%p is not aligned to %zu", p, align);
	CHECK(malloc_usable_size(p) >= size, "no room for %zu bytes", size);
	memset(p, 1, size);
	free(p);
}

int main(void)
{
	size_t before;
	char *p;

	require_libbuddy();
	before = live_bytes();
	for (size_t size = 1; size < 1 << 20; size *= 3) {
		back(__libc_malloc(size), size, 16);
		p = __libc_calloc(size, 1);
		CHECK(!p[0] && !p[size - 1], "not zero");
		back(p, size, 16);
		back(__libc_memalign(64, size), size, 64);
		back(__libc_valloc(size), size, 4096);
		back(__libc_pvalloc(size), size, 4096);
		back(__libc_realloc(malloc(size), 2 * size), 2 * size, 16);
		__libc_free(malloc(size));
	}
	CHECK(live_bytes() == before, "%zu bytes live, %zu before", live_bytes(), before);
	verify("at the end");
	return 0;
}
