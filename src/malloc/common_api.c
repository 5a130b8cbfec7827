/* SPDX-License-Identifier: MIT */
/*
 * common_api.c - what the buddy_ calls share: nodes that do not exist
 */
#include "base/check.h"
#include "malloc/internal.h"

bool node_unknown(int node)
{
	if (node >= NUMA_NO_NODE && node < MAX(topology.nr_nodes, 1))
		return false;
	/* A node that exists, but is not allowed to this process, is served from the nearest. */
	return node < 0 || node >= MAX_NUMNODES || !topology_node_exists(node);
}

bool bad_node(const char *call, int node)
{
	if (!node_unknown(node))
		return false;
	bug_warn("%s(): node %d does not exist", call, node);
	return true;
}
