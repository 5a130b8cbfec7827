/*
 * full_limit.c LIVE LEAST MOST STEPS - LIVE MiB of blocks of LEAST to MOST bytes, in random order
 *
 * Run with a memory limit of little more.  Memory that is free between the blocks has to be used,
 * or go back, before the limit is reached.
 */
#include "life.h"
#include <stdlib.h>
#include <string.h>

#define BLOCKS 60000

static struct block {
	unsigned char *p;
	size_t size;
} blocks[BLOCKS];
static unsigned int nr;
static size_t in_use;
static unsigned int state = 1;

static unsigned int next_random(void)
{
	state = state * 1103515245 + 12345;
	return state >> 4;
}

static void drop_one(void)
{
	struct block *block = &blocks[next_random() % nr];

	CHECK(block->p[0] == (unsigned char)block->size, "a block has changed");
	CHECK(block->p[block->size - 1] == (unsigned char)block->size, "a block has changed");
	free(block->p);
	in_use -= block->size;
	*block = blocks[--nr];
}

static void add_one(size_t size)
{
	struct block *block = &blocks[nr++];

	block->size = size;
	block->p = malloc(size);
	CHECK(block->p, "no memory for %zu bytes", size);
	memset(block->p, (unsigned char)size, size);
	in_use += size;
}

int main(int argc, char **argv)
{
	size_t live, least, most;
	unsigned long steps;

	CHECK(argc == 5, "four numbers, please");
	live = strtoul(argv[1], NULL, 10) << 20;
	least = strtoul(argv[2], NULL, 10);
	most = strtoul(argv[3], NULL, 10);
	steps = strtoul(argv[4], NULL, 10);
	while (steps--) {
		size_t size = least + next_random() % (most - least);

		while (nr == BLOCKS || (nr && in_use + size > live))
			drop_one();
		add_one(size);
	}
	return 0;
}
