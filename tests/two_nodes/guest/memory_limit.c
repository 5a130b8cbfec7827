/* SPDX-License-Identifier: MIT */
/*
 * memory_limit.c LIVE TOTAL - live within a memory limit by using again what was freed
 *
 * Takes TOTAL MiB in all, never more than LIVE MiB at a time, in rounds of one size each: what a
 * round frees has to serve the next one, whose blocks have another size.  The group's limit lies
 * between the two, and the kernel kills who exceeds it.
 */
#include <stdlib.h>

#include "machine.h"
#include "report.h"

#define MIB (1024ul * 1024)

/* Blocks are chained through their first word: the books must not need memory of their own. */
struct block {
	struct block *next;
};

/* None so small that the C library would need half as much again. */
static const size_t sizes[] = {100, 200000, 3000, 4 * MIB, 700, 16000, 128, 60000, 1500};

#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void one_round(size_t size, size_t live)
{
	struct block *taken = NULL;

	for (size_t done = 0; done + size <= live; done += size) {
		struct block *block = malloc(size);

		if (!block)
			die("malloc(%zu) is NULL", size);
		write_all(block, size, 1);
		block->next = taken;
		taken = block;
	}
	while (taken) {
		struct block *next = taken->next;

		free(taken);
		taken = next;
	}
}

int main(int argc, char **argv)
{
	size_t live = argc == 3 ? strtoul(argv[1], NULL, 10) * MIB : 0;
	size_t total = argc == 3 ? strtoul(argv[2], NULL, 10) * MIB : 0;

	if (!live || !total)
		die("usage: memory_limit LIVE TOTAL");
	for (size_t done = 0, round = 0; done < total; done += live, round++)
		one_round(sizes[round % NR_SIZES], live);
	check(true, "took %zu MiB, %zu at a time", total / MIB, live / MIB);
	return verdict();
}
