/*
 * dlopen_plugin.c - loading and unloading another library again and again
 *
 * Run preloaded, with the path of the plugin as argument.  Threads use the plugin's thread-local
 * storage, which the loader takes from malloc; the plugin's blocks outlive it.
 */
#include "life.h"
#include "plugin.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 50, LOOPS = 500, RESIDENT_TOLERANCE_KIB = 4 << 10, LIVE_TOLERANCE = 256 << 10 };

typedef char *plugin_block_fn(int value);

static void *thread_main(void *argument)
{
	plugin_block_fn *block_of_plugin;
	char *block;

	memcpy(&block_of_plugin, argument, sizeof(block_of_plugin));
	block = block_of_plugin(5);
	CHECK(block && block[PLUGIN_BYTES - 1] == 5, "the plugin's block is wrong");
	free(block);
	return NULL;
}

static void load_and_unload(const char *path)
{
	void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol;
	plugin_block_fn *block_of_plugin;
	pthread_t thread;
	char *block;

	CHECK(plugin, "dlopen: %s", dlerror());
	symbol = dlsym(plugin, "plugin_block");
	CHECK(symbol, "dlsym: %s", dlerror());
	memcpy(&block_of_plugin, &symbol, sizeof(symbol));
	CHECK(pthread_create(&thread, NULL, thread_main, &symbol) == 0, "no thread");
	block = block_of_plugin(9);
	pthread_join(thread, NULL);
	CHECK(dlclose(plugin) == 0, "dlclose: %s", dlerror());
	CHECK(block && block[0] == 9, "a block changed when its library went");
	free(block);
}

int main(int argc, char **argv)
{
	size_t live, resident;

	require_libbuddy();
	CHECK(argc == 2, "usage: dlopen_plugin PATH-OF-PLUGIN");
	for (int i = 0; i < WARM_UP; i++)
		load_and_unload(argv[1]);
	live = live_bytes();
	resident = resident_kib();
	for (int i = 0; i < LOOPS; i++)
		load_and_unload(argv[1]);
	verify("after loading and unloading");
	CHECK(live_bytes() <= live + LIVE_TOLERANCE, "live bytes grew from %zu to %zu", live,
	      live_bytes());
	CHECK(resident_kib() <= resident + RESIDENT_TOLERANCE_KIB,
	      "resident memory grew from %zu to %zu KiB", resident, resident_kib());
	return 0;
}
