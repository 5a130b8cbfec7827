/*
 * shrink_without_memory.c - realloc() to a smaller size works when there is no memory left at all
 */
#include "life.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

/*
 * Objects of several classes, exact pages, a run of pageblocks, and a block with its own mapping.
 */
static const size_t sizes[] = {48, 100, 1000, 5000, 32 << 10, 100 << 10, 3 << 20, 20 << 20};

enum { KINDS = sizeof(sizes) / sizeof(sizes[0]) };

struct node {
	struct node *next;
};

/* No more mappings from now on. */
static void forbid_more(void)
{
	const struct rlimit less = {1, RLIM_INFINITY}; /* for Linux, 0 would be no limit */

	CHECK(setrlimit(RLIMIT_DATA, &less) == 0, "setrlimit: errno %d", errno);
}

/* Allocate whatever is left, and link it in front of @all. */
static struct node *take_the_rest(struct node *all)
{
	for (size_t size = 8 << 20; size >= sizeof(*all); size /= 2) {
		struct node *node;

		while ((node = malloc(size)) != NULL) {
			node->next = all;
			all = node;
		}
	}
	return all;
}

static void give_back(struct node *all)
{
	while (all) {
		struct node *next = all->next;

		free(all);
		all = next;
	}
}

int main(void)
{
	unsigned char *blocks[KINDS];
	struct node *all = NULL;

	require_libbuddy();
	for (unsigned int i = 0; i < KINDS; i++) {
		blocks[i] = realloc(malloc(sizes[i] / 2), sizes[i]);
		CHECK(blocks[i], "no memory to begin with");
		fill(blocks[i], sizes[i], i);
	}
	forbid_more();
	for (unsigned int i = 0; i < KINDS; i++) {
		for (size_t size = sizes[i] / 2; size; size /= 30) {
			unsigned char *shrunk;

			all = take_the_rest(all);
			shrunk = realloc(blocks[i], size);
			CHECK(shrunk, "from %zu bytes to %zu: errno %d", sizes[i], size, errno);
			CHECK(filled(shrunk, size, i), "a block that shrank to %zu changed", size);
			blocks[i] = shrunk;
		}
	}
	give_back(all);
	for (unsigned int i = 0; i < KINDS; i++)
		free(blocks[i]);
	verify("after blocks shrank without memory");
	return 0;
}
