/* SPDX-License-Identifier: MIT */
/*
 * topology_module.c - the full picture of the machine, as a library of its own
 *
 * hwloc and libnuma cost every process that is linked with them milliseconds and system calls,
 * so they are loaded only where the kernel reports more than one node, by the background thread or
 * by a call that asks for what they know.
 */
#include "platform/topology.h"
#include "base/compiler.h"
#include <errno.h>
#include <hwloc.h>
#include <numa.h>

BUDDY_API int buddy_topology_load(struct topology *t);
BUDDY_API int buddy_topology_node_of_cpu(int cpu);

int buddy_topology_node_of_cpu(int cpu)
{
	return numa_available() < 0 ? -ENOSYS : numa_node_of_cpu(cpu);
}

static void load_nodes(hwloc_topology_t topo, struct topology *t)
{
	hwloc_obj_t node = NULL;

	t->has_cpu = 0;
	while ((node = hwloc_get_next_obj_by_type(topo, HWLOC_OBJ_NUMANODE, node)) != NULL) {
		unsigned int n = node->os_index;

		if (n >= MAX_NUMNODES)
			continue;
		t->bytes[n] = node->attr->numanode.local_memory;
		if (node->cpuset && !hwloc_bitmap_iszero(node->cpuset))
			t->has_cpu |= 1u << n;
	}
}

static void load_distances(struct topology *t)
{
	for (int a = 0; a < t->nr_nodes; a++) {
		for (int b = 0; b < t->nr_nodes; b++) {
			int d = numa_distance(a, b);

			if (d > 0 && d < 256)
				t->distance[a][b] = (u8)d;
		}
	}
}

int buddy_topology_load(struct topology *t)
{
	hwloc_topology_t topo;
	int err = 0;

	if (numa_available() < 0)
		return -ENOSYS;
	if (hwloc_topology_init(&topo))
		return -ENOMEM;
	if (hwloc_topology_load(topo))
		err = -EIO;
	else
		load_nodes(topo, t);
	hwloc_topology_destroy(topo);
	load_distances(t);
	return err;
}
