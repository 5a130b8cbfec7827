/*
 * untouched_limit.c WAY - a large table that was never touched is freed ("free") or shrunk
 * ("shrink"), while free small blocks take most of the room under a memory limit
 *
 * The table was never resident.  If its pages were taken for resident, they would be used again
 * without a look at the limit, and the small blocks would keep theirs.
 */
#include "life.h"
#include <stdlib.h>
#include <string.h>

enum {
	MIB = 1 << 20,
	TABLE = 30 * MIB,
	SMALL = 1000,
	SMALL_BLOCKS = 40 * MIB / SMALL,
	LARGE_BLOCKS = 40,
};

static void *take(size_t size)
{
	void *p = malloc(size);

	CHECK(p, "no memory for %zu bytes", size);
	return p;
}

static void use_and_free_small_blocks(void)
{
	static void *blocks[SMALL_BLOCKS];

	for (size_t i = 0; i < SMALL_BLOCKS; i++)
		blocks[i] = memset(take(SMALL), 1, SMALL);
	for (size_t i = 0; i < SMALL_BLOCKS; i++)
		free(blocks[i]);
}

static void end_table(char *table, bool shrink)
{
	if (shrink)
		CHECK(realloc(table, MIB), "a table cannot shrink");
	else
		free(table);
}

int main(int argc, char **argv)
{
	static char *blocks[LARGE_BLOCKS];
	char *table;

	CHECK(argc == 2, "free or shrink, please");
	table = take(TABLE);
	table[0] = 1;
	use_and_free_small_blocks();
	end_table(table, !strcmp(argv[1], "shrink"));
	for (size_t i = 0; i < LARGE_BLOCKS; i++)
		blocks[i] = memset(take(MIB), 1, MIB);
	for (size_t i = 0; i < LARGE_BLOCKS; i++)
		CHECK(blocks[i][MIB - 1] == 1, "block %zu has changed", i);
	return 0;
}
