/*
 * heap.h - the heap under test, by its entry points
 *
 * Every call to the tested heap goes through this table.  It is filled by dlsym so that one
 * program runs under any malloc, uses what this C library does not declare yet (free_sized),
 * and reaches libbuddy's own malloc also in a sanitizer build, where the program's malloc is
 * the sanitizer's.
 */
#ifndef BUDDY_TESTS_STRESS_HEAP_H
#define BUDDY_TESTS_STRESS_HEAP_H

#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>

struct heap {
	/* always there */
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t count, size_t size);
	void *(*realloc)(void *mem, size_t size);
	void *(*reallocarray)(void *mem, size_t count, size_t size);
	void *(*aligned_alloc)(size_t align, size_t size);
	void *(*memalign)(size_t align, size_t size);
	int (*posix_memalign)(void **mem, size_t align, size_t size);
	void *(*valloc)(size_t size);
	void *(*pvalloc)(size_t size);
	size_t (*malloc_usable_size)(void *mem);
	void (*free)(void *mem);

	/* NULL where the heap has no such thing */
	void (*free_sized)(void *mem, size_t size);
	void (*free_aligned_sized)(void *mem, size_t align, size_t size);
	int (*malloc_trim)(size_t pad);
	struct mallinfo2 (*mallinfo2)(void);
	int (*verify)(void);

	/* C++ forms by their mangled names; all NULL unless libbuddy is the heap */
	void *(*op_new)(size_t size);
	void *(*op_new_aligned)(size_t size, size_t align);
	void (*op_delete)(void *mem);
	void (*op_delete_sized)(void *mem, size_t size);
	void (*op_delete_aligned)(void *mem, size_t align);

	bool is_buddy;
};

extern struct heap heap;

/*
 * Fills the table.  Fails the program when libbuddy is not the heap, so that a preload which
 * did not happen cannot pass; STRESS_ANY_HEAP=1 in the environment allows any heap.
 */
void heap_find(void);

/* Runs buddy_verify() where there is one and fails, naming @where, if it finds a violation. */
void heap_verify(const char *where);

/*
 * Bytes in live blocks as the heap itself counts them, 0 where it cannot say.  Blocks resting
 * in a thread's cache may be counted or not, so callers compare with some tolerance.
 */
size_t heap_live_bytes(void);

/* Resident memory of this process in bytes, 0 without /proc. */
size_t resident_bytes(void);

/* Growth that is no loss: what rests in threads' caches and is counted as live. */
#define LIVE_TOLERANCE ((size_t)2 << 20)

struct heap_level {
	size_t live, resident; /* bytes, as above */
};

struct heap_level heap_level(void);

/* Fails if the heap has grown since @first.  Returns its level now. */
struct heap_level heap_check_growth(struct heap_level first);

/* BUDDY_SOAK=1 asks for the long form of every stress program. */
bool soaking(void);

#endif
