/* SPDX-License-Identifier: MIT */
/*
 * probe.c - say which library this process gets malloc and free from
 *
 * The runner starts it once under every peer: a preload that the loader ignored would otherwise
 * be measured as glibc under a wrong name.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	print_origin("malloc");
	print_origin("free");
	free(block);
}
