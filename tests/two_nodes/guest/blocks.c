/* SPDX-License-Identifier: MIT */
/*
 * blocks.c - a set of small, medium and large blocks from malloc, written to and checked
 */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#include "report.h"

/*
 * From slab objects of several kinds through whole slabs to runs of pages, some of them larger
 * than a huge page: about 15 MiB in all.
 */
static const struct {
	size_t size;
	unsigned int nr;
} kinds[] = {
	{24, 2000},   {100, 2000}, {500, 1000},	 {3000, 300},
	{12000, 100}, {40000, 64}, {300000, 12}, {2300000, 4},
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

void blocks_take(struct blocks *blocks, unsigned char mark)
{
	size_t i = 0;

	blocks->mark = mark;
	for (size_t kind = 0; kind < NR_KINDS; kind++)
		for (unsigned int n = 0; n < kinds[kind].nr; n++) {
			unsigned char *block = malloc(kinds[kind].size);

			if (!block)
				die("malloc(%zu) is NULL", kinds[kind].size);
			write_all(block, kinds[kind].size, mark);
			blocks->at[i++] = block;
		}
	if (i != NR_BLOCKS)
		die("NR_BLOCKS should be %zu", i);
}

void blocks_free(struct blocks *blocks)
{
	size_t i = 0;

	for (size_t kind = 0; kind < NR_KINDS; kind++)
		for (unsigned int n = 0; n < kinds[kind].nr; n++, i++) {
			unsigned char *block = blocks->at[i];

			if (!block)
				continue;
			if (block[0] != blocks->mark || block[kinds[kind].size - 1] != blocks->mark)
				die("somebody wrote to a block of %zu bytes", kinds[kind].size);
			free(block);
			blocks->at[i] = NULL;
		}
}

void blocks_count(const struct blocks *blocks, enum which_blocks which,
		  struct placement *ret_counts)
{
	size_t i = 0;

	memset(ret_counts, 0, sizeof(*ret_counts));
	for (size_t kind = 0; kind < NR_KINDS; kind++)
		for (unsigned int n = 0; n < kinds[kind].nr; n++, i++)
			if (which == ALL_BLOCKS || n >= kinds[kind].nr / 2)
				placement_add(ret_counts, blocks->at[i], kinds[kind].size);
}
