/*
 * two_copies.c - a second libbuddy, that of a plugin with a C library of its own
 *
 * Run with libbuddy preloaded and its path as argument.  dlmopen() loads it once more, with another
 * C library, and both C libraries give out the same keys.  Threads use both copies, in either
 * order, and end.
 */
#include "life.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 20, BLOCKS = 400 };

static struct {
	void *(*malloc)(size_t size);
	void (*free)(void *mem);
	int (*verify)(void);
} other;

static void find(void *handle, const char *name, void *slot)
{
	void *symbol = dlsym(handle, name);

	CHECK(symbol, "no %s in libbuddy: %s", name, dlerror());
	memcpy(slot, &symbol, sizeof(symbol));
}

static void use(void *(*get)(size_t size), void (*put)(void *mem))
{
	unsigned char *blocks[BLOCKS];

	for (unsigned int i = 0; i < BLOCKS; i++) {
		blocks[i] = get(1 + 40 * i);
		CHECK(blocks[i], "malloc gave NULL");
		fill(blocks[i], 1 + 40 * i, i);
	}
	for (unsigned int i = 0; i < BLOCKS; i++) {
		CHECK(filled(blocks[i], 1 + 40 * i, i), "block %u changed", i);
		put(blocks[i]);
	}
}

static void *run(void *other_first)
{
	if (other_first)
		use(other.malloc, other.free);
	use(malloc, free);
	if (!other_first)
		use(other.malloc, other.free);
	return NULL;
}

int main(int argc, char **argv)
{
	size_t before = 0, after;
	void *handle;

	require_libbuddy();
	CHECK(argc == 2, "usage: two_copies PATH-OF-LIBBUDDY");
	handle = dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW | RTLD_LOCAL);
	CHECK(handle, "dlmopen: %s", dlerror());
	find(handle, "malloc", &other.malloc);
	find(handle, "free", &other.free);
	find(handle, "buddy_verify", &other.verify);
	CHECK(other.malloc != malloc, "there is but one libbuddy");
	for (int i = 0; i < THREADS; i++) {
		pthread_t thread;

		CHECK(pthread_create(&thread, NULL, run, i % 2 ? handle : NULL) == 0, "no thread");
		pthread_join(thread, NULL);
		verify("after a thread");
		CHECK(other.verify() == 0, "the other copy's buddy_verify() found violations");
		if (i == 1)
			before = live_bytes();
	}
	after = live_bytes();
	CHECK(after <= before + 4096, "%zu bytes are live, %zu were", after, before);
	return 0;
}
