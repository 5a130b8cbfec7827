/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_BENCH_FAKE_H
#define BUDDY_TESTS_BENCH_FAKE_H
/* fake.h - what the pretended allocators share: the C library's own malloc, and a count */
#include <stddef.h>

/* By the time of call so many a program is at its own work: past the loader, stdio and a probe. */
enum { FAKE_GOES_WRONG = 200 };

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

/** fake_call - the number of this call of malloc, from 1 */
static inline int fake_call(void)
{
	static int calls;

	return __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
}

#endif
