/*
 * dlopen_libbuddy.c - a program that loads libbuddy itself, late, and closes it again
 *
 * Run without preload, with the path of libbuddy.so as argument.  The library's thread-local
 * storage must fit into the loader's reserve: at most 64 bytes.
 */
#include "life.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATIC_TLS_MAX = 64, LOOPS = 100, THREADS = 4, BLOCKS = 500 };

struct entries {
	void *(*malloc)(size_t size);
	void *(*realloc)(void *mem, size_t size);
	void (*free)(void *mem);
	int (*verify)(void);
};

static void find(void *handle, const char *name, void *slot)
{
	void *symbol = dlsym(handle, name);

	CHECK(symbol, "no %s in libbuddy: %s", name, dlerror());
	memcpy(slot, &symbol, sizeof(symbol));
}

static struct entries find_entries(void *handle)
{
	struct entries entries;

	find(handle, "malloc", &entries.malloc);
	find(handle, "realloc", &entries.realloc);
	find(handle, "free", &entries.free);
	find(handle, "buddy_verify", &entries.verify);
	return entries;
}

/* Size of the PT_TLS segment, as readelf -l shows it. */
static size_t static_tls_bytes(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const Elf64_Ehdr *header;
	const Elf64_Phdr *segments;
	struct stat status;
	size_t bytes = 0;

	CHECK(fd >= 0 && fstat(fd, &status) == 0, "cannot open %s", path);
	header = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(header != MAP_FAILED, "cannot map %s", path);
	segments = (const void *)((const char *)header + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_TLS)
			bytes = segments[i].p_memsz;
	munmap((void *)(uintptr_t)header, (size_t)status.st_size);
	close(fd);
	return bytes;
}

static void *use(void *argument)
{
	const struct entries *entries = argument;
	static _Thread_local unsigned char *blocks[BLOCKS];

	for (unsigned int i = 0; i < BLOCKS; i++) {
		blocks[i] = entries->malloc(1 + i * i);
		CHECK(blocks[i], "malloc of the loaded library gave NULL");
		fill(blocks[i], 1 + i * i, i);
	}
	for (unsigned int i = 0; i < BLOCKS; i++) {
		blocks[i] = entries->realloc(blocks[i], 2 + 2 * i * i);
		CHECK(blocks[i] && filled(blocks[i], 1 + i * i, i), "block %u changed", i);
		entries->free(blocks[i]);
	}
	return NULL;
}

static void use_in_threads(struct entries *entries)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, use, entries) == 0, "no thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK(entries->verify() == 0, "buddy_verify() found violations");
}

static void *wait_at(void *argument)
{
	pthread_barrier_wait(argument);
	pthread_barrier_wait(argument);
	return NULL;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : NULL;
	pthread_barrier_t barrier;
	struct entries entries;
	pthread_t bystander;
	unsigned char *kept;
	void *handle;

	CHECK(path, "usage: dlopen_libbuddy PATH-OF-LIBBUDDY");
	CHECK(!libbuddy_loaded(), "libbuddy is loaded already");
	CHECK(static_tls_bytes(path) <= STATIC_TLS_MAX, "%zu bytes of static TLS",
	      static_tls_bytes(path));

	/* A thread that exists already must get the library's thread-local storage as well. */
	pthread_barrier_init(&barrier, NULL, 2);
	CHECK(pthread_create(&bystander, NULL, wait_at, &barrier) == 0, "no thread");
	pthread_barrier_wait(&barrier);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CHECK(handle, "dlopen: %s", dlerror());
	pthread_barrier_wait(&barrier);
	pthread_join(bystander, NULL);

	entries = find_entries(handle);
	use(&entries);
	use_in_threads(&entries);
	kept = entries.malloc(12345);
	fill(kept, 12345, 9);
	for (int i = 0; i < LOOPS; i++) {
		CHECK(dlclose(handle) == 0, "dlclose: %s", dlerror());
		free(keep(malloc(1000)));
		handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		CHECK(handle, "dlopen number %d: %s", i, dlerror());
		entries = find_entries(handle);
		entries.free(entries.malloc(100000));
	}
	use_in_threads(&entries);
	CHECK(filled(kept, 12345, 9), "a block changed over dlclose");
	entries.free(kept);
	CHECK(dlclose(handle) == 0, "dlclose: %s", dlerror());
	ordinary_use(4 << 20);
	return 0;
}
