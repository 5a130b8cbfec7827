/* SPDX-License-Identifier: MIT */
/*
 * common_api.c - what the buddy_ calls share: nodes that do not exist, and the background thread
 */
#include "base/check.h"
#include "malloc/internal.h"

bool node_unknown(int node)
{
	if (node >= NUMA_NO_NODE && node < MAX(topology.nr_nodes, 1))
		return false;
	/* One that exists but is not allowed to this process is served from the nearest. */
	return node < 0 || node >= MAX_NUMNODES || !topology_node_exists(node);
}

bool bad_node(const char *call, int node)
{
	if (!node_unknown(node))
		return false;
	bug_warn("%s(): node %d does not exist", call, node);
	return true;
}

/* The slow path that is over: nested, if a handler or a constructor is in the middle of another. */
static struct slow last_slow(void)
{
	struct task *task = current_task();

	return (struct slow){.task = task, .nested = task && task->mm.depth};
}

void after_alloc(gfp_t gfp)
{
	struct slow slow = last_slow();

	/* To start a thread, or to take memory back, is to wait. */
	if (gfp & __GFP_DIRECT_RECLAIM)
		kswapd_poke(&slow);
	else
		kswapd_wake();
}

void after_free(void)
{
	struct slow slow = last_slow();

	kswapd_freed(&slow);
}
