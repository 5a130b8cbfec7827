/* SPDX-License-Identifier: MIT */
/*
 * spill.c NODE MIB [NODES] - a full node spills to the nearest one, nothing fails, nobody is killed
 *
 * NODES, a list such as "0,2", are all that the memory policy of this process allows; the others
 * must give nothing.  A thread on NODE takes and writes blocks of many sizes until the last of the
 * other nodes with memory has had to give some.  A node may give only when each nearer one is all
 * but empty.  Then everything is freed, and the machine must have its memory back.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "report.h"

#define MIB (1024ul * 1024)

/*
 * A node counts as full below this.  The kernel keeps back what its watermarks say, raised by its
 * huge page daemon: up to 20 MiB of a node of the machines here.
 */
#define FULL_KIB (32l * 1024)

/* What the farthest node has to give before it counts as spilled to. */
#define SPILLED_PAGES (16 * MIB / 4096)

/*
 * A node counts as turned to from the second argument on, in MiB: before it was pinned, this
 * program may have run elsewhere and taken a few pages there, and where there are huge pages, one
 * may come from afar before libbuddy knows.
 */
static size_t turned_to_pages;

/* Blocks are chained through their first word: the books must not need memory of their own. */
struct block {
	struct block *next;
};

/* One size a step, 1 MiB or one block of it. */
static const size_t sizes[] = {500, 1 * MIB, 4000, 64ul * 1024, 3 * MIB, 100};

#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static struct machine machine;
static bool allowed[MAX_NODES];
static int order[MAX_NODES]; /* of the nodes that are allowed, nearest first */
static int nr_order;
static struct block *taken;

/* Take one step's blocks; their pages by node are added to @counts. */
static bool take_step(size_t size, struct placement *counts)
{
	for (size_t done = 0; done < MIB; done += size) {
		struct block *block = malloc(size);

		if (!block)
			return false;
		write_all(block, size, 0x5a);
		block->next = taken;
		taken = block;
		placement_add(counts, block, size);
	}
	return true;
}

static void free_all(void)
{
	while (taken) {
		struct block *next = taken->next;

		free(taken);
		taken = next;
	}
}

/* The node at @rank has been turned to: are all nearer nodes full? */
static void check_nearer_full(int node, int rank)
{
	for (int nearer = 0; nearer < rank; nearer++) {
		long left = node_free_kib(order[nearer]);

		check(left < FULL_KIB,
		      "threads on node %d turn to node %d when node %d has %ld MiB left", node,
		      order[rank], order[nearer], left / 1024);
	}
}

static void fill(int node)
{
	struct placement all;
	bool seen[MAX_NODES] = {false};

	memset(&all, 0, sizeof(all));
	for (size_t step = 0; all.on[order[nr_order - 1]] < SPILLED_PAGES; step++) {
		if (!take_step(sizes[step % NR_SIZES], &all)) {
			check(false, "malloc fails after %s", placement_text(&all));
			return;
		}
		for (int rank = 0; rank < nr_order; rank++)
			if (!seen[rank] && all.on[order[rank]] >= turned_to_pages) {
				seen[rank] = true;
				check_nearer_full(node, rank);
			}
	}
	check(all.on[order[0]] >= SPILLED_PAGES && !all.absent, "nothing failed on the way (%s)",
	      placement_text(&all));
	for (int other = 0; other < machine.nr_nodes; other++)
		if (!allowed[other])
			check(!all.on[other], "node %d, not allowed, gave nothing", other);
}

/* What stays: descriptors of the pages (1.6 %), page tables, and what else the guest does. */
#define KEPT_KIB (24l * 1024)

static void check_given_back(long before[MAX_NODES])
{
	free_all();
	malloc_trim(0);
	for (int rank = 0; rank < nr_order; rank++) {
		long now = node_free_kib(order[rank]);

		check(now > before[rank] - KEPT_KIB, "node %d has its memory back: %ld of %ld MiB",
		      order[rank], now / 1024, before[rank] / 1024);
	}
}

static void check_local_again(int node)
{
	struct placement again;

	memset(&again, 0, sizeof(again));
	for (size_t step = 0; step < NR_SIZES; step++)
		if (!take_step(sizes[step], &again))
			die("malloc fails on an empty machine");
	/* A page that something small still lives on may stay where it is: one in a hundred. */
	check(again.on[order[0]] >= placement_total(&again) / 100 * 99 && !again.absent,
	      "then threads on node %d get memory of node %d again (%s)", node, order[0],
	      placement_text(&again));
	free_all();
}

static int cpu_of_node(int node)
{
	for (int cpu = 0; cpu < machine.nr_cpus; cpu++)
		if (machine.node_of_cpu[cpu] == node)
			return cpu;
	die("node %d has no CPU", node);
}

static void find_order(int node)
{
	int all[MAX_NODES], nr = machine_nodes_by_distance(&machine, node, all);

	for (int i = 0; i < nr; i++)
		if (allowed[all[i]])
			order[nr_order++] = all[i];
	if (nr_order < 2)
		die("there is no node to spill to");
}

int main(int argc, char **argv)
{
	int node = argc == 3 || argc == 4 ? atoi(argv[1]) : -1;
	long before[MAX_NODES] = {0};

	machine_read(&machine);
	if (node < 0 || node >= machine.nr_nodes ||
	    !read_node_list(argc == 4 ? argv[3] : "0-7", allowed))
		die("usage: spill NODE MIB [NODES]");
	turned_to_pages = strtoul(argv[2], NULL, 10) * MIB / 4096;
	find_order(node);
	pin_to_cpu(cpu_of_node(node));

	for (int rank = 0; rank < nr_order; rank++)
		before[rank] = node_free_kib(order[rank]);
	fill(node);
	check_given_back(before);
	check_local_again(node);
	return verdict();
}
