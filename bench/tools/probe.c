/* SPDX-License-Identifier: MIT */
/*
 * probe.c - say which library a program gets malloc and its siblings from
 *
 *	probe FILE
 *
 * The runner starts it once under every peer: a preload that the loader ignored would otherwise
 * be measured as glibc under a wrong name, and so would a library that has malloc and free only in
 * rows that use another.
 *
 * It looks after it has started itself anew, since a library may take itself out of the
 * environment, and rows of several programs would be glibc's.  FILE gets what it found, and not
 * stdout, where the library may print as much as it likes.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the rows use. */
static const char *const used[] = {
	"malloc", "calloc", "realloc", "posix_memalign", "malloc_usable_size", "free"};

static void print_origin(FILE *out, const char *name)
{
	char real[PATH_MAX];
	Dl_info info;
	void *symbol = dlsym(RTLD_DEFAULT, name);

	if (!symbol || !dladdr(symbol, &info) || !realpath(info.dli_fname, real))
		snprintf(real, sizeof(real), "?");
	fprintf(out, "%s %s\n", name, real);
}

int main(int argc, char **argv)
{
	if (argc == 2)
		execl("/proc/self/exe", argv[0], argv[1], "anew", NULL);
	char *volatile block = malloc(1000);
	FILE *out = argc == 3 ? fopen(argv[1], "we") : NULL;

	if (!block || !out)
		return 1;
	memset(block, 1, 1000);
	free(block);
	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		print_origin(out, used[i]);
	return fclose(out) == 0 ? 0 : 1;
}
