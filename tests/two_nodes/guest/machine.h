/* SPDX-License-Identifier: MIT */
#ifndef TWO_NODES_MACHINE_H
#define TWO_NODES_MACHINE_H
/*
 * machine.h - the nodes as the system itself shows them, with no library in between
 *
 * This is what libbuddy, libnuma and hwloc are all measured against, so it reads sysfs and makes
 * raw system calls, and takes no memory from malloc.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_NODES 24
#define MAX_CPUS 16

struct machine {
	int nr_nodes; /* highest node number plus one */
	int nr_cpus;
	bool online[MAX_NODES];
	bool has_memory[MAX_NODES];
	bool has_cpu[MAX_NODES];
	int distance[MAX_NODES][MAX_NODES];
	int node_of_cpu[MAX_CPUS];
};

/** machine_read - fill in *@ret from /sys, or end the program */
void machine_read(struct machine *ret);

/**
 * machine_nodes_by_distance - the nodes with memory, nearest to @from first
 * Return: how many there are in @ret_order.
 */
int machine_nodes_by_distance(const struct machine *machine, int from, int ret_order[MAX_NODES]);

/** machine_home_of - where memory asked for on @node should come from: the nearest there is */
int machine_home_of(const struct machine *machine, int node);

/** node_free_kib - what the system has left on @node */
long node_free_kib(int node);

/** read_node_list - which of the nodes a list such as "0-2,5" names; false if it is none */
bool read_node_list(const char *list, bool ret_named[MAX_NODES]);

/** pin_to_cpu - let the calling thread run on @cpu only */
void pin_to_cpu(int cpu);

/** write_all - write to every byte, also where a compiler can see that nobody reads it */
void write_all(void *block, size_t size, unsigned char mark);

/**
 * struct placement - pages counted by the node they lie on; start with a zeroed one
 * @absent: pages with no memory behind them, which nobody has written to yet
 * @last: the page asked for last, which neighbours share and which counts once
 */
struct placement {
	size_t on[MAX_NODES];
	size_t absent;
	uintptr_t last;
};

/** placement_add - ask the system for the node of each page of @block, adding to *@counts */
void placement_add(struct placement *counts, const void *block, size_t size);

/** placement_total - all pages that have memory behind them */
size_t placement_total(const struct placement *counts);

/** placement_text - "node 0: 12, node 1: 3 pages", for messages; valid until the next call */
const char *placement_text(const struct placement *counts);

#endif
