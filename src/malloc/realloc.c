/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/*
 * realloc.c - growing and shrinking: in place, then by moving pages, then by copying
 */
#include "malloc/internal.h"
#include "platform/vm.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* From here on moving page tables beats copying; each move may split a mapping for good. */
#define MOVE_MIN (256 * KiB)
#define MOVES_MAX 8192

static unsigned long moves; /* atomic */

static bool is_large(const void *ptr)
{
	return page_map_get(ptr) == MAP_LARGE;
}

/* Return: as vm_move_pages(); -E2BIG where copying is the better way. */
static int move_pages(void *from, void *to, size_t len)
{
	int err;

	if (len < MOVE_MIN || READ_ONCE(moves) >= MOVES_MAX || !is_large(from) || !is_large(to))
		return -E2BIG;
	err = vm_move_pages(from, to, len);
	if (!err)
		atomic_add(&moves, 1);
	return err;
}

static void *move(void *ptr, size_t old, size_t size)
{
	size_t bytes = MIN(old, size);
	bool zero;
	void *p = malloc_any(size, &zero);

	int err = p ? move_pages(ptr, p, ALIGN_UP(bytes, PAGE_SIZE)) : -EFAULT;

	/* A target that the system took away and would not give back is lost with its pages. */
	if (err == -EFAULT) {
		errno = ENOMEM;
		return NULL;
	}
	if (err)
		memcpy(p, ptr, bytes);
	free(ptr);
	return p;
}

/* Large blocks are resized where they are if the pages behind are free. */
static bool resize_in_place(void *ptr, size_t old, size_t size)
{
	u64 old_nr = old >> PAGE_SHIFT, nr = DIV_ROUND_UP((u64)size, PAGE_SIZE);
	struct slow slow;
	bool done = false;

	slow_enter_free(&slow);
	if (!slow.nested && large_resize(virt_to_page(ptr), nr)) {
		atomic_add(&large_pages, nr - old_nr);
		done = true;
	}
	slow_leave(&slow);
	return done;
}

static void *resize(void *ptr, size_t old, size_t size)
{
	u8 value = page_map_get(ptr);

	if (value == MAP_LARGE) {
		if (size > KMALLOC_MAX_SIZE && resize_in_place(ptr, old, size))
			return ptr;
	} else if (value == MAP_NONE) {
		void *p = direct_resize(ptr, size);

		if (p)
			return p;
		if (size <= old)
			return ptr;
	} else if (size <= old && (size > old / 2 || old <= 64)) {
		return ptr;
	}
	return move(ptr, old, size);
}

BUDDY_API void *realloc(void *ptr, size_t size)
{
	size_t old;

	if (!ptr)
		return malloc(size);
	if (!size) {
		free(ptr); /* as glibc; C23 leaves it undefined */
		return NULL;
	}
	if (size > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	old = usable_size_named("realloc", ptr);
	if (!old)
		return NULL; /* reported, under abort_on_error=off */
	return resize(ptr, old, size);
}

BUDDY_API void *reallocarray(void *ptr, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(ptr, bytes);
}
