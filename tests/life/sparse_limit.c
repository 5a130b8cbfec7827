/*
 * sparse_limit.c LIVE STEPS - LIVE MiB of blocks of one size, replaced at random by other sizes
 *
 * For long, each slab of the one size keeps some block.  Run with a memory limit that leaves room
 * for half as much again, so what is free between such blocks has to be used for others.
 */
#include "life.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 1900u
#define LEAST 800u
#define RANGE 2000u

static unsigned int state = 1;

static unsigned int next_random(void)
{
	state = state * 1103515245 + 12345;
	return state >> 4;
}

static void replace(unsigned char **block, size_t size, unsigned char key)
{
	free(*block);
	*block = malloc(size);
	CHECK(*block, "no memory for %zu bytes", size);
	memset(*block, key, size);
}

int main(int argc, char **argv)
{
	size_t live = argc > 1 ? strtoul(argv[1], NULL, 10) : 40;
	unsigned long steps = argc > 2 ? strtoul(argv[2], NULL, 10) : 600000;
	unsigned int nr = (unsigned int)((live << 20) / FIRST_SIZE);
	unsigned char **blocks = calloc(nr, sizeof(*blocks));

	CHECK(blocks, "no memory for a table");
	for (unsigned int i = 0; i < nr; i++)
		replace(&blocks[i], FIRST_SIZE, (unsigned char)i);
	while (steps--) {
		unsigned int i = next_random() % nr;

		CHECK(blocks[i][0] == (unsigned char)i, "block %u has changed", i);
		CHECK(blocks[i][LEAST - 1] == (unsigned char)i, "block %u has changed", i);
		replace(&blocks[i], LEAST + next_random() % RANGE, (unsigned char)i);
	}
	for (unsigned int i = 0; i < nr; i++)
		free(blocks[i]);
	free(blocks);
	return 0;
}
