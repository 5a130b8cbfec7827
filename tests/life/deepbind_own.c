/*
 * deepbind_own.c - a library that is loaded with RTLD_DEEPBIND by a program with its own malloc
 *
 *	deepbind_own PLUGIN
 *
 * Run preloaded.  The flag has the same effect as without libbuddy: the library has the C library's
 * malloc, not the program's.
 */
#include "life.h"
#include "plugin.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 16 << 20, ALIGN = 64 };

typedef char *plugin_block_fn(int value);

static _Alignas(ALIGN) char arena[ARENA];
static size_t used; /* by the only thread */

static bool is_own(const void *p)
{
	return (uintptr_t)p - (uintptr_t)arena < ARENA;
}

/* The size is put in front of each block. */
void *malloc(size_t size)
{
	size_t whole = ALIGN + (size + ALIGN - 1) / ALIGN * ALIGN;
	char *p = arena + used;

	if (size > ARENA || whole > ARENA - used)
		return NULL;
	used += whole;
	memcpy(p, &size, sizeof(size));
	return p + ALIGN;
}

void free(void *p)
{
	CHECK(!p || is_own(p), "the program's free() has what is not its own");
}

void *calloc(size_t n, size_t size)
{
	return malloc(n * size); /* never used before */
}

void *realloc(void *p, size_t size)
{
	char *to = malloc(size);
	size_t old;

	if (!p || !to)
		return to;
	memcpy(&old, (char *)p - ALIGN, sizeof(old));
	return memcpy(to, p, old < size ? old : size);
}

int main(int argc, char **argv)
{
	plugin_block_fn *block_of_plugin;
	void *plugin, *symbol;
	char *block;

	CHECK(argc == 2, "usage: deepbind_own PLUGIN");
	CHECK(libbuddy_loaded() || getenv("LIFE_ANY_HEAP"), "libbuddy is not there");
	CHECK(is_own(keep(malloc(1))), "the program's malloc is another's");
	plugin = dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND);
	CHECK(plugin, "dlopen: %s", dlerror());
	symbol = dlsym(plugin, "plugin_block");
	CHECK(symbol, "dlsym: %s", dlerror());
	memcpy(&block_of_plugin, &symbol, sizeof(symbol));
	block = block_of_plugin(9);
	CHECK(block && block[PLUGIN_BYTES - 1] == 9, "the plugin's block is wrong");
	CHECK(!is_own(block), "the plugin has the program's malloc");
	CHECK(dlclose(plugin) == 0, "dlclose: %s", dlerror());
	return 0;
}
