/*
 * ordinary_use.c - what any program does with malloc, to be done in odd surroundings
 */
#include "life.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 1500, SIZE_STEP = 7, SIZE_MAX_SMALL = 3000, THREADS = 2 };

static size_t small_size(unsigned int i)
{
	return 1 + i * SIZE_STEP % SIZE_MAX_SMALL;
}

static void use_small_blocks(unsigned int key)
{
	static _Thread_local unsigned char *blocks[BLOCKS];

	for (unsigned int i = 0; i < BLOCKS; i++) {
		blocks[i] = i % 3 ? malloc(small_size(i)) : calloc(1, small_size(i));
		CHECK(blocks[i], "no %zu bytes: errno %d", small_size(i), errno);
		CHECK((uintptr_t)blocks[i] % 16 == 0, "%p is not aligned", (void *)blocks[i]);
		CHECK(malloc_usable_size(blocks[i]) >= small_size(i), "usable size of %zu bytes",
		      small_size(i));
		fill(blocks[i], small_size(i), key + i);
	}
	for (unsigned int i = 0; i < BLOCKS; i += 2) {
		CHECK(filled(blocks[i], small_size(i), key + i), "block %u changed", i);
		blocks[i] = realloc(blocks[i], 2 * small_size(i));
		CHECK(blocks[i], "realloc gave NULL: errno %d", errno);
		CHECK(filled(blocks[i], small_size(i), key + i), "realloc lost block %u", i);
	}
	for (unsigned int i = 0; i < BLOCKS; i++) {
		CHECK(filled(blocks[i], small_size(i), key + i), "block %u changed", i);
		free(blocks[i]);
	}
}

static void use_large_blocks(size_t budget)
{
	size_t size = budget / 8;
	unsigned char *plain = malloc(size), *zeroed = calloc(1, size);
	void *aligned = NULL;

	CHECK(plain && zeroed, "no %zu bytes: errno %d", size, errno);
	for (size_t i = 0; i < size; i += 512)
		CHECK(zeroed[i] == 0, "calloc of %zu bytes is not zero at %zu", size, i);
	fill(plain, size, 1);
	plain = realloc(plain, size + size / 2);
	CHECK(plain && filled(plain, size, 1), "realloc of %zu bytes", size);
	CHECK(posix_memalign(&aligned, 64 << 10, size / 2) == 0, "posix_memalign");
	CHECK((uintptr_t)aligned % (64 << 10) == 0, "%p is not aligned to 64 KiB", aligned);
	memset(aligned, 1, size / 2);
	free(aligned);
	free(plain);
	free(zeroed);
}

void ordinary_use_alone(size_t budget)
{
	use_small_blocks(0);
	use_large_blocks(budget);
	malloc_trim(0);
	use_small_blocks(7);
}

static void *thread_main(void *argument)
{
	use_small_blocks((unsigned int)(uintptr_t)argument);
	return NULL;
}

void ordinary_use(size_t budget)
{
	pthread_t threads[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++) {
		int error = pthread_create(&threads[i], NULL, thread_main, (void *)i);

		CHECK(error == 0, "cannot start a thread: error %d", error);
	}
	ordinary_use_alone(budget);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	verify("after ordinary use");
}
