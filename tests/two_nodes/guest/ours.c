/* SPDX-License-Identifier: MIT */
/*
 * ours.c - the part of libbuddy's face that concerns nodes, looked up at run time
 */
#include "ours.h"

#include <dlfcn.h>
#include <string.h>

#include "report.h"

struct ours ours;

static const struct {
	const char *name;
	void *at;
} functions[] = {
	{"buddy_nr_nodes", &ours.nr_nodes},
	{"buddy_node_distance", &ours.node_distance},
	{"buddy_node_of_cpu", &ours.node_of_cpu},
	{"buddy_node_of", &ours.node_of},
	{"buddy_kmalloc_node", &ours.kmalloc_node},
	{"buddy_kfree", &ours.kfree},
	{"buddy_alloc_pages_node", &ours.alloc_pages_node},
	{"buddy_free_pages", &ours.free_pages},
	{"buddy_page_address", &ours.page_address},
};

#define NR_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

bool ours_load(void)
{
	bool whole = true;

	for (size_t i = 0; i < NR_FUNCTIONS; i++) {
		void *found = dlsym(RTLD_DEFAULT, functions[i].name);

		if (!found)
			whole = check(false, "%s is missing", functions[i].name);
		/* POSIX promises that functions fit; ISO C has no cast for it. */
		memcpy(functions[i].at, &found, sizeof(found));
	}
	return whole;
}
