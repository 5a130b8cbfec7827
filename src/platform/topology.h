/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_PLATFORM_TOPOLOGY_H
#define BUDDY_PLATFORM_TOPOLOGY_H
/*
 * topology.h - the machine's NUMA nodes as the allocator uses them (contract)
 *
 * Nothing here touches errno.
 */
#include "base/compiler.h"

#pragma GCC visibility push(hidden)

#define MAX_NUMNODES 16
#define NUMA_NO_NODE (-1)
#define LOCAL_DISTANCE 10
#define REMOTE_DISTANCE 20

/**
 * struct topology - nodes, numbered as the system numbers them
 * @nr_nodes: highest node number plus one
 * @has_memory, @has_cpu: bit n for node n; has_memory has only nodes that this process may use
 * @strict: bit n for node n, if a memory policy holds the program to a part of its nodes, and none
 *	of its memory may lie elsewhere (`numactl --membind`); else 0
 * @placed: a memory policy places memory, whichever node asks (`numactl --interleave`,
 *	`--preferred`)
 * @distance: as the firmware tells, LOCAL_DISTANCE on the diagonal
 * @bytes: memory of each node; 0: unknown
 * @rank: for each node, how many nodes with memory have smaller numbers
 */
struct topology {
	int nr_nodes;
	u32 has_memory, has_cpu;
	u32 strict;
	bool placed;
	u8 distance[MAX_NUMNODES][MAX_NUMNODES];
	u64 bytes[MAX_NUMNODES];
	u8 rank[MAX_NUMNODES];
};

/**
 * topology_probe - what is known without the module
 *
 * On a machine with one node that is everything.  With more, the nodes and the allowed set are
 * right; distances are the default with two nodes, and are read from files of the system if there
 * are more.  The rest is unknown until topology_load() has asked the module.
 */
void topology_probe(struct topology *ret);
/* The distances of all nodes, from one small file for each. */
void topology_read_distances(struct topology *t);

/**
 * topology_load - the full picture from the module libbuddy-topology.so (hwloc, libnuma)
 * Allocates and opens files: never called on the way into a program.  Return: 0 or -errno.
 */
int topology_load(struct topology *ret);

/** topology_node_exists - does the machine have @node, allowed to this process or not? */
bool topology_node_exists(int node);

/**
 * topology_node_of_cpu - which node a CPU is on; asks the module
 * Return: the node, or -errno.
 */
int topology_node_of_cpu(int cpu);

/**
 * topology_close - at the program's end: let no thread into the module, and wait for one inside
 *
 * To be called before the destructors of the module's libraries run.  Waits 2 s at most.
 */
void topology_close(void);

#pragma GCC visibility pop

#endif
