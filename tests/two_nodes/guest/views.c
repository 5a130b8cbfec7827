/* SPDX-License-Identifier: MIT */
/*
 * views.c - libbuddy, libnuma, hwloc and the system agree on nodes, CPUs and distances
 *
 * Each is asked for the same table, and each table is compared with the one from sysfs.  libbuddy
 * is asked twice: at once, when it may know only what system calls tell, and with a heap that has
 * grown far enough for the topology module.
 *
 *	views [FOLDER]	goes there first: the module is found all the same
 */
#include <errno.h>
#include <hwloc.h>
#include <numa.h>
#include <stdlib.h>
#include <unistd.h>

#include "machine.h"
#include "ours.h"
#include "report.h"

static struct machine machine;

#define UNKNOWN (-1)

/* What one of the three says.  hwloc leaves out nodes without memory: they stay UNKNOWN. */
struct view {
	int nr_nodes;
	int node_of_cpu[MAX_CPUS];
	int distance[MAX_NODES][MAX_NODES];
};

static void check_view(const char *whose, const struct view *view)
{
	check(view->nr_nodes == machine.nr_nodes, "%s: %d nodes, the system has %d", whose,
	      view->nr_nodes, machine.nr_nodes);
	for (int cpu = 0; cpu < machine.nr_cpus; cpu++)
		if (view->node_of_cpu[cpu] != UNKNOWN ||
		    machine.has_memory[machine.node_of_cpu[cpu]])
			check(view->node_of_cpu[cpu] == machine.node_of_cpu[cpu],
			      "%s: CPU %d on node %d, the system says %d", whose, cpu,
			      view->node_of_cpu[cpu], machine.node_of_cpu[cpu]);
	for (int a = 0; a < machine.nr_nodes; a++)
		for (int b = 0; b < machine.nr_nodes; b++)
			if (view->distance[a][b] != UNKNOWN ||
			    (machine.has_memory[a] && machine.has_memory[b]))
				check(view->distance[a][b] == machine.distance[a][b],
				      "%s: node %d to %d is %d, the system says %d", whose, a, b,
				      view->distance[a][b], machine.distance[a][b]);
}

static void view_of_libnuma(struct view *ret)
{
	if (numa_available() < 0)
		die("libnuma sees no nodes");
	ret->nr_nodes = numa_max_node() + 1;
	for (int cpu = 0; cpu < machine.nr_cpus; cpu++)
		ret->node_of_cpu[cpu] = numa_node_of_cpu(cpu);
	for (int a = 0; a < machine.nr_nodes; a++)
		for (int b = 0; b < machine.nr_nodes; b++)
			ret->distance[a][b] = numa_distance(a, b);
}

static void hwloc_distances(hwloc_topology_t topology, struct view *ret)
{
	struct hwloc_distances_s *distances = NULL;
	unsigned int nr = 1;

	if (hwloc_distances_get_by_name(topology, "NUMALatency", &nr, &distances, 0) || nr != 1)
		die("hwloc knows no distances");
	for (unsigned int i = 0; i < distances->nbobjs; i++)
		for (unsigned int j = 0; j < distances->nbobjs; j++) {
			unsigned int a = distances->objs[i]->os_index;
			unsigned int b = distances->objs[j]->os_index;

			if (a < MAX_NODES && b < MAX_NODES)
				ret->distance[a][b] =
					(int)distances->values[i * distances->nbobjs + j];
		}
	hwloc_distances_release(topology, distances);
}

static void view_of_hwloc(struct view *ret)
{
	hwloc_topology_t topology;
	hwloc_obj_t node = NULL;

	if (hwloc_topology_init(&topology) || hwloc_topology_load(topology))
		die("hwloc cannot read the machine");
	while ((node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node))) {
		if (ret->nr_nodes <= (int)node->os_index)
			ret->nr_nodes = (int)node->os_index + 1;
		if (node->os_index >= MAX_NODES || !machine.has_cpu[node->os_index])
			continue; /* hwloc lends such a node the CPUs that are nearest to it */
		for (int cpu = 0; cpu < machine.nr_cpus; cpu++)
			if (hwloc_bitmap_isset(node->cpuset, (unsigned int)cpu))
				ret->node_of_cpu[cpu] = (int)node->os_index;
	}
	hwloc_distances(topology, ret);
	hwloc_topology_destroy(topology);
}

static void view_of_ours(struct view *ret)
{
	ret->nr_nodes = ours.nr_nodes();
	for (int cpu = 0; cpu < machine.nr_cpus; cpu++)
		ret->node_of_cpu[cpu] = ours.node_of_cpu(cpu);
	for (int a = 0; a < machine.nr_nodes; a++)
		for (int b = 0; b < machine.nr_nodes; b++)
			ret->distance[a][b] = ours.node_distance(a, b);
}

static void view_and_check(const char *whose, void (*view_of)(struct view *ret))
{
	static struct view view;

	for (int cpu = 0; cpu < MAX_CPUS; cpu++)
		view.node_of_cpu[cpu] = UNKNOWN;
	for (int a = 0; a < MAX_NODES; a++)
		for (int b = 0; b < MAX_NODES; b++)
			view.distance[a][b] = UNKNOWN;
	view.nr_nodes = 0;
	view_of(&view);
	check_view(whose, &view);
}

/* <buddy/buddy.h> promises that it stays, whatever the libraries behind the module do to it. */
static void check_errno(const char *call, void (*view_of)(struct view *ret))
{
	static struct view view;

	errno = 0;
	view_of(&view);
	check(errno == 0, "libbuddy %s: errno is %d", call, errno);
	(void)ours.node_of_cpu(machine.nr_cpus + 1000);
	check(errno == 0, "libbuddy %s: errno is %d after a CPU that is not there", call, errno);
}

static void grow_heap(void)
{
	for (size_t taken = 0; taken < 32ul << 20; taken += 1000) {
		char *block = malloc(1000);

		if (!block)
			die("malloc fails");
		write_all(block, 1000, 1);
	}
}

int main(int argc, char **argv)
{
	bool whole;

	if (argc > 1 && chdir(argv[1]))
		die("cannot go to %s", argv[1]);
	machine_read(&machine);
	whole = ours_load();
	if (whole) {
		check_errno("at first", view_of_ours);
		view_and_check("libbuddy at first", view_of_ours);
	}
	view_and_check("libnuma", view_of_libnuma);
	view_and_check("hwloc", view_of_hwloc);
	if (whole) {
		grow_heap();
		view_and_check("libbuddy with a heap", view_of_ours);
	}
	return verdict();
}
