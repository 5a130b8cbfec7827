/* SPDX-License-Identifier: MIT */
/*
 * named_node.c - memory asked for on a node by name lies there, whoever asks
 *
 * From a CPU of each node, objects and pages are asked for on each node.  A node without memory is
 * served by the nearest one that has some, and no node at all (-1) by the caller's own.
 */
#include <string.h>

#include "machine.h"
#include "ours.h"
#include "report.h"

#define ANY_NODE (-1)
#define MAX_ORDER_HERE 9

static struct machine machine;

static bool all_on(const void *memory, size_t size, int node)
{
	struct placement counts;

	memset(&counts, 0, sizeof(counts));
	placement_add(&counts, memory, size);
	if (counts.on[node] == placement_total(&counts) && !counts.absent)
		return true;
	note("%zu bytes wanted on node %d: %s", size, node, placement_text(&counts));
	return false;
}

/* Many objects of each size, so that more than one slab is needed. */
static bool kmalloc_lands_on(int home, int node)
{
	static const struct {
		size_t size;
		unsigned int nr;
	} kinds[] = {{40, 600}, {1000, 100}, {20000, 20}, {3000000, 2}};
	static void *objects[600];
	bool right = true;

	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		size_t size = kinds[kind].size;

		for (unsigned int i = 0; i < kinds[kind].nr; i++) {
			objects[i] = ours.kmalloc_node(size, GFP_KERNEL, node);
			if (!objects[i])
				die("buddy_kmalloc_node(%zu, GFP_KERNEL, %d) is NULL", size, node);
			write_all(objects[i], size, 1);
			right = right && all_on(objects[i], size, home);
			if (right && ours.node_of(objects[i]) != home)
				right = check(false, "buddy_node_of() says %d for node %d",
					      ours.node_of(objects[i]), home);
		}
		for (unsigned int i = 0; i < kinds[kind].nr; i++)
			ours.kfree(objects[i]);
	}
	return right;
}

static bool pages_land_on(int home, int node)
{
	bool right = true;

	for (unsigned int order = 0; order <= MAX_ORDER_HERE; order++) {
		struct page *page = ours.alloc_pages_node(node, GFP_KERNEL, order);
		void *memory = page ? ours.page_address(page) : NULL;
		size_t size = 4096ul << order;

		if (!memory)
			die("buddy_alloc_pages_node(%d, GFP_KERNEL, %u) is NULL", node, order);
		write_all(memory, size, 1);
		right = right && all_on(memory, size, home);
		ours.free_pages(page, order);
	}
	return right;
}

static void check_node_from(int cpu, int node)
{
	int caller = machine.node_of_cpu[cpu];
	int home = machine_home_of(&machine, node == ANY_NODE ? caller : node);

	check(kmalloc_lands_on(home, node),
	      "node %d asks buddy_kmalloc_node() for node %d: node %d", caller, node, home);
	check(pages_land_on(home, node),
	      "node %d asks buddy_alloc_pages_node() for node %d: node %d", caller, node, home);
}

int main(void)
{
	machine_read(&machine);
	if (!ours_load())
		return verdict();
	for (int cpu = 0; cpu < machine.nr_cpus; cpu++) {
		pin_to_cpu(cpu);
		check_node_from(cpu, ANY_NODE);
		for (int node = 0; node < machine.nr_nodes; node++)
			check_node_from(cpu, node);
	}
	return verdict();
}
