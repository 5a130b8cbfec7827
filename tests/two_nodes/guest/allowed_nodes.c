/* SPDX-License-Identifier: MIT */
/*
 * allowed_nodes.c NODES [FILE TEXT] - threads everywhere get memory of NODES only
 *
 * NODES is a list such as "1,2": what the memory policy or the cpuset that this process was
 * started in leaves to it.  With FILE and TEXT the nodes are narrowed under way: first memory of
 * any node is taken, then TEXT is written to FILE (the cpuset.mems of this process), and only
 * what is taken from then on counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blocks.h"
#include "everywhere.h"
#include "machine.h"
#include "ours.h"
#include "report.h"

static struct machine machine;
static struct blocks early[MAX_CPUS], late[MAX_CPUS];
static struct placement placement[MAX_CPUS];

static void take_early(int cpu)
{
	blocks_take(&early[cpu], (unsigned char)(1 + cpu));
}

static void take_late(int cpu)
{
	blocks_take(&late[cpu], (unsigned char)(101 + cpu));
	blocks_count(&late[cpu], ALL_BLOCKS, &placement[cpu]);
}

static void narrow(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("cannot write %s to %s: %s", text, file, strerror(errno));
	close(fd);
}

static bool all_on(const struct placement *counts, const bool allowed[MAX_NODES])
{
	for (int node = 0; node < MAX_NODES; node++)
		if (counts->on[node] && !allowed[node])
			return false;
	return placement_total(counts) > 0 && !counts->absent;
}

/* A node asked for by name but not allowed is like one that is full: its neighbours help out. */
static void check_named_node(int node, const bool allowed[MAX_NODES])
{
	const size_t sizes[] = {64, 5000, 700000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct placement counts;
		void *object = ours.kmalloc_node(sizes[i], GFP_KERNEL, node);

		if (!object) {
			check(false, "buddy_kmalloc_node(%zu, GFP_KERNEL, %d) is NULL", sizes[i],
			      node);
			continue;
		}
		write_all(object, sizes[i], 1);
		memset(&counts, 0, sizeof(counts));
		placement_add(&counts, object, sizes[i]);
		check(all_on(&counts, allowed), "%zu bytes for node %d are on an allowed node (%s)",
		      sizes[i], node, placement_text(&counts));
		ours.kfree(object);
	}
}

int main(int argc, char **argv)
{
	bool allowed[MAX_NODES];

	if ((argc != 2 && argc != 4) || !read_node_list(argv[1], allowed))
		die("usage: allowed_nodes NODES [FILE TEXT]");
	machine_read(&machine);
	if (argc == 4) {
		run_everywhere(&machine, take_early);
		narrow(argv[2], argv[3]);
		/* Half of it is free to be used again, half is still held while more is taken. */
		for (int cpu = 0; cpu < machine.nr_cpus; cpu += 2)
			blocks_free(&early[cpu]);
	}
	run_everywhere(&machine, take_late);
	for (int cpu = 0; cpu < machine.nr_cpus; cpu++)
		check(all_on(&placement[cpu], allowed),
		      "a thread on node %d gets nodes %s only (%s)", machine.node_of_cpu[cpu],
		      argv[1], placement_text(&placement[cpu]));
	if (ours_load())
		for (int node = 0; node < machine.nr_nodes; node++)
			check_named_node(node, allowed);
	for (int cpu = 0; cpu < machine.nr_cpus; cpu++) {
		blocks_free(&early[cpu]);
		blocks_free(&late[cpu]);
	}
	return verdict();
}
