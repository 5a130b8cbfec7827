/*
 * plugin.c - a library that dlopen_plugin loads and unloads again and again
 *
 * It allocates in its constructor, frees in its destructor, and has thread-local storage that the
 * loader takes from malloc at its first use.
 */
#include "plugin.h"

#include <stdlib.h>
#include <string.h>

static char *made_by_constructor;
static _Thread_local char per_thread[20000];

__attribute__((constructor)) static void load(void)
{
	made_by_constructor = malloc(PLUGIN_BYTES);
	if (made_by_constructor)
		memset(made_by_constructor, 1, PLUGIN_BYTES);
}

__attribute__((destructor)) static void unload(void)
{
	free(made_by_constructor);
}

char *plugin_block(int value)
{
	char *block = malloc(PLUGIN_BYTES);

	memset(per_thread, value, sizeof(per_thread));
	if (block)
		memset(block, per_thread[PLUGIN_BYTES], PLUGIN_BYTES);
	return block;
}
