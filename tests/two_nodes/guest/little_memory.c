/* SPDX-License-Identifier: MIT */
/*
 * little_memory.c ROOM - live within the ROOM MiB that the machine has to give
 *
 * Most of it is taken in small blocks, of which one in eight stays, and then in large ones, which
 * do not fit between those.  Both together are more than there is, at once: what was freed has to
 * go back first.  The kernel kills who takes more.
 */
#include <stdlib.h>

#include "machine.h"
#include "report.h"

#define KIB 1024ul
#define SMALL (60 * KIB)
#define LARGE (1024 * KIB)
#define KEPT 8 /* one in so many */

#define MOST 8192
static void *blocks[MOST];

static size_t take(size_t size, size_t kib)
{
	size_t nr = 0;

	for (; nr < MOST && nr * size / KIB < kib; nr++) {
		blocks[nr] = malloc(size);
		if (!blocks[nr])
			die("malloc(%zu) is NULL", size);
		write_all(blocks[nr], size, 1);
	}
	return nr;
}

int main(int argc, char **argv)
{
	size_t room = argc == 2 ? strtoul(argv[1], NULL, 10) * KIB : 0, nr;

	if (!room)
		die("usage: little_memory ROOM");
	for (int round = 0; round < 3; round++) {
		nr = take(SMALL, room / 10 * 7);
		for (size_t i = 0; i < nr; i++)
			if (round == 2 || i % KEPT)
				free(blocks[i]);
		nr = take(LARGE, room / 10 * 5);
		while (nr)
			free(blocks[--nr]);
	}
	check(true, "took seven tenths of %zu MiB, and five tenths, three times", room / KIB);
	return verdict();
}
