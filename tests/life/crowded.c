/*
 * crowded.c - a program that reserves nearly all addresses there are
 *
 * So the next large block with a mapping of its own lies where the heap would have grown.
 */
#include "life.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#define GIB ((size_t)1 << 30)

/* What README.md says of the range: four times the machine's memory, and at least 4 GiB. */
static size_t span(void)
{
	struct sysinfo info;
	size_t wanted, bytes = 4 * GIB;

	CHECK(sysinfo(&info) == 0, "sysinfo");
	wanted = 4 * (info.totalram + info.totalswap) * info.mem_unit;
	while (bytes < wanted)
		bytes *= 2;
	return bytes;
}

/* Take what there is in pieces of @size, down to @end.  Highest addresses come first. */
static void reserve(size_t size, uintptr_t end)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	void *p;

	while ((p = mmap(NULL, size, PROT_NONE, flags, -1, 0)) != MAP_FAILED) {
		if ((uintptr_t)p < end) {
			munmap(p, size);
			break;
		}
	}
}

int main(void)
{
	uintptr_t heap = (uintptr_t)malloc(100000);
	size_t range = span(), block = range / 16; /* at most half of the machine's memory */
	char *p;

	require_libbuddy();
	CHECK(heap, "malloc gave NULL");
	for (size_t size = (size_t)1 << 46; size >= block; size /= 2)
		reserve(size, heap + range - block);
	/* A block that grows to this size gets a mapping of its own. */
	p = realloc(malloc(1 << 20), block);
	if ((uintptr_t)p < heap || (uintptr_t)p >= heap + range)
		skip("%p is not where the heap at %#lx would grow", (void *)p, heap);
	p[0] = p[block - 1] = 1;
	CHECK(malloc_usable_size(p) >= block, "malloc_usable_size gave %zu", malloc_usable_size(p));
	p = realloc(p, block - 4096);
	CHECK(p && p[0] == 1, "realloc");
	ordinary_use(64 << 20);
	free(p);
	ordinary_use(64 << 20);
	verify("at the end");
	return 0;
}
