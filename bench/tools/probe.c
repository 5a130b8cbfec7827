/* SPDX-License-Identifier: MIT */
/*
 * probe.c - say which library this process gets malloc and its siblings from
 *
 * The runner starts it once under every peer: a preload that the loader ignored would otherwise
 * be measured as glibc under a wrong name, and so would a library that has malloc and free only in
 * rows that use another.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the rows use. */
static const char *const used[] = {"malloc", "calloc", "realloc", "posix_memalign", "free"};

static void print_origin(const char *name)
{
	char real[PATH_MAX];
	Dl_info info;
	void *symbol = dlsym(RTLD_DEFAULT, name);

	if (!symbol || !dladdr(symbol, &info) || !realpath(info.dli_fname, real))
		snprintf(real, sizeof(real), "?");
	printf("%s %s\n", name, real);
}

int main(void)
{
	char *volatile block = malloc(1000);

	if (!block)
		return 1;
	memset(block, 1, 1000);
	free(block);
	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		print_origin(used[i]);
}
