/* SPDX-License-Identifier: MIT */
/*
 * spread.c NODES - threads everywhere get memory that is spread over NODES
 *
 * NODES is a list such as "0,1": where the memory policy that this process was started under places
 * its memory.  Each must have given at least half of an equal share, and the others nothing.
 */
#include "blocks.h"
#include "everywhere.h"
#include "machine.h"
#include "report.h"

static struct machine machine;
static struct blocks blocks[MAX_CPUS];
static struct placement placement[MAX_CPUS];

static void take(int cpu)
{
	blocks_take(&blocks[cpu], (unsigned char)(1 + cpu));
	blocks_count(&blocks[cpu], ALL_BLOCKS, &placement[cpu]);
}

static bool is_spread(const struct placement *counts, const bool named[MAX_NODES])
{
	size_t total = placement_total(counts), nr = 0;

	for (int node = 0; node < MAX_NODES; node++)
		nr += named[node];
	for (int node = 0; node < MAX_NODES; node++)
		if (named[node] ? counts->on[node] < total / nr / 2 : counts->on[node] > 0)
			return false;
	return total > 0 && !counts->absent;
}

int main(int argc, char **argv)
{
	bool named[MAX_NODES];

	if (argc != 2 || !read_node_list(argv[1], named))
		die("usage: spread NODES");
	machine_read(&machine);
	run_everywhere(&machine, take);
	for (int cpu = 0; cpu < machine.nr_cpus; cpu++) {
		check(is_spread(&placement[cpu], named),
		      "memory of a thread on node %d is spread over %s (%s)",
		      machine.node_of_cpu[cpu], argv[1], placement_text(&placement[cpu]));
		blocks_free(&blocks[cpu]);
	}
	return verdict();
}
