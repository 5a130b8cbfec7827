/* SPDX-License-Identifier: MIT */
/*
 * zonelist.c - for each node, where memory comes from: itself, then the nearest
 *
 * Linux:  build_zonelists(), find_next_best_node().  The same score: distance, a little against
 *         lower numbered nodes than oneself, a little against nodes with CPUs of their own, and
 *         a load that rotates equally distant nodes among the nodes that fall back to them.
 */
#include "mm/internal.h"
#include "mm/mm.h"

static u32 node_load[MAX_NUMNODES]; /* writers: the start, and mm_load_topology(), once */

static bool node_has_memory(int n)
{
	return topology.has_memory >> n & 1;
}

static int find_next_best_node(int node, u32 used)
{
	u32 best_val = ~0u;
	int best = NUMA_NO_NODE;

	if (node_has_memory(node) && !(used >> node & 1))
		return node;
	for (int n = 0; n < topology.nr_nodes; n++) {
		u32 val;

		if (!node_has_memory(n) || (used >> n & 1))
			continue;
		val = topology.distance[node][n];
		val += n < node;
		val += topology.has_cpu >> n & 1;
		val = val * MAX_NUMNODES + node_load[n];
		if (val < best_val) {
			best_val = val;
			best = n;
		}
	}
	return best;
}

static void build_node(int node)
{
	struct pglist_data *pgdat = &node_data[node];
	u32 used = 0;
	int n, nr = 0, prev = node;

	while ((n = find_next_best_node(node, used)) != NUMA_NO_NODE) {
		/* The first of a group of equal distance carries the load of the group. */
		if (topology.distance[node][n] != topology.distance[node][prev])
			node_load[n] += 1;
		used |= 1u << n;
		pgdat->fallback[nr++] = (u8)n;
		prev = n;
	}
	WRITE_ONCE(pgdat->nr_fallback, nr);
}

void build_zonelists(void)
{
	for (int n = 0; n < MAX_NUMNODES; n++)
		node_load[n] = 0;
	for (int n = 0; n < topology.nr_nodes; n++)
		build_node(n);
}

int zonelist_length(int nid, bool thisnode)
{
	const struct pglist_data *pgdat = &node_data[nid];

	if (!thisnode)
		return pgdat->nr_fallback;
	return pgdat->nr_fallback && pgdat->fallback[0] == nid;
}

/* The nearest node with memory (the kernel's numa_mem_id()). */
int mm_nearest_node(int node)
{
	if (node < 0 || node >= topology.nr_nodes || !node_data[node].nr_fallback)
		node = 0;
	return node_data[node].nr_fallback ? node_data[node].fallback[0] : 0;
}
