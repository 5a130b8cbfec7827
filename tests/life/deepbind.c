/*
 * deepbind.c - a library that is loaded with RTLD_DEEPBIND
 *
 *	deepbind ours|theirs PLUGIN FINDER
 *
 * Run preloaded.  ours: the library has the malloc of everybody else; theirs, with the option
 * deepbind=on: that of the C library.  Either way dlopen() goes by its caller, so FINDER finds
 * beside itself what the program does not find.
 */
#include "finder.h"
#include "life.h"
#include "plugin.h"

#include <buddy/buddy.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef char *plugin_block_fn(int value);
typedef void *finder_find_fn(const char *name, int mode);
typedef int node_of_fn(const void *ptr);

/* Set *ret_function, a pointer to a function of any type, to @name of @library. */
static void find_function(void *library, const char *name, void *ret_function)
{
	void *symbol = dlsym(library, name);

	CHECK(symbol, "dlsym: %s", dlerror());
	memcpy(ret_function, &symbol, sizeof(symbol));
}

static bool is_ours(const void *block)
{
	node_of_fn *node_of;

	find_function(RTLD_DEFAULT, "buddy_node_of", &node_of);
	return node_of(block) >= 0;
}

/* The plugin also allocates in its constructor, and frees that in its destructor. */
static void use_plugin(const char *path, bool ours)
{
	void *plugin = dlopen(path, RTLD_NOW | RTLD_DEEPBIND);
	plugin_block_fn *block_of_plugin;
	char *block;

	CHECK(plugin, "dlopen: %s", dlerror());
	find_function(plugin, "plugin_block", &block_of_plugin);
	block = block_of_plugin(9);
	CHECK(block && block[PLUGIN_BYTES - 1] == 9, "the plugin's block is wrong");
	CHECK(is_ours(block) == ours, "the plugin's block is %s", ours ? "not ours" : "ours");
	if (ours)
		free(block);
	CHECK(dlclose(plugin) == 0, "dlclose: %s", dlerror());
}

/* A library without a path is looked for beside the library that asks, not beside this program. */
static void find_beside(const char *path, const char *finder_path)
{
	static const int modes[] = {RTLD_NOW, RTLD_NOW | RTLD_DEEPBIND};
	const char *name = strrchr(path, '/') + 1;
	void *finder = dlopen(finder_path, RTLD_NOW), *found;
	finder_find_fn *find;

	CHECK(finder, "dlopen: %s", dlerror());
	find_function(finder, "finder_find", &find);
	CHECK(!dlopen(name, RTLD_NOW), "%s is found from anywhere", name);
	CHECK(strstr(dlerror(), name), "dlerror() does not name it");
	for (int i = 0; i < 2; i++) {
		found = find(name, modes[i]);
		CHECK(found, "not found from beside its caller: %s", dlerror());
		CHECK(dlclose(found) == 0, "dlclose: %s", dlerror());
	}
	CHECK(dlclose(finder) == 0, "dlclose: %s", dlerror());
}

int main(int argc, char **argv)
{
	/* The loader has read this already, and would find everything by it: start anew. */
	if (getenv("LD_LIBRARY_PATH")) {
		unsetenv("LD_LIBRARY_PATH");
		execv("/proc/self/exe", argv);
		CHECK(false, "execv failed");
	}
	require_libbuddy();
	CHECK(argc == 4, "usage: deepbind ours|theirs PLUGIN FINDER");
	use_plugin(argv[2], !strcmp(argv[1], "ours"));
	find_beside(argv[2], argv[3]);
	verify("after loading and unloading");
	return 0;
}
