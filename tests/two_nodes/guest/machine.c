/* SPDX-License-Identifier: MIT */
/*
 * machine.c - sysfs and move_pages(2): where nodes, CPUs and pages really are
 */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"

#define NODE_FOLDER "/sys/devices/system/node/"
#define PAGE_BYTES 4096ul

/* A file of /sys in a buffer, always terminated; false if it cannot be read. */
static bool read_file(char *ret_text, size_t size, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, ret_text, size - 1);
	close(fd);
	if (got < 0)
		return false;
	ret_text[got] = '\0';
	return true;
}

static bool read_node_file(char *ret_text, size_t size, int node, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), NODE_FOLDER "node%d/%s", node, file);
	return read_file(ret_text, size, path);
}

/* The kernel's list format, "0-2,5" with an optional newline; an empty list names nothing. */
static bool read_list(const char *list, bool *ret_named, long limit)
{
	memset(ret_named, 0, (size_t)limit * sizeof(*ret_named));
	while (*list && *list != '\n') {
		char *end;
		long first = strtol(list, &end, 10);
		long last = first;

		if (end == list)
			return false;
		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		if (first < 0 || last < first || last >= limit)
			return false;
		for (long i = first; i <= last; i++)
			ret_named[i] = true;
		list = *end == ',' ? end + 1 : end;
	}
	return true;
}

bool read_node_list(const char *list, bool ret_named[MAX_NODES])
{
	return read_list(list, ret_named, MAX_NODES);
}

static void read_nodes_named_in(const char *file, bool ret_named[MAX_NODES])
{
	char path[128], text[256];

	snprintf(path, sizeof(path), NODE_FOLDER "%s", file);
	if (!read_file(text, sizeof(text), path) || !read_node_list(text, ret_named))
		die("cannot read %s", path);
}

static void read_distances(struct machine *machine, int node)
{
	char text[256];
	char *at = text;

	if (!read_node_file(text, sizeof(text), node, "distance"))
		die("cannot read the distances of node %d", node);
	for (int to = 0; to < machine->nr_nodes; to++)
		if (machine->online[to])
			machine->distance[node][to] = (int)strtol(at, &at, 10);
}

static void read_cpus(struct machine *machine, int node)
{
	char text[256];
	bool here[MAX_CPUS];

	if (!read_node_file(text, sizeof(text), node, "cpulist") ||
	    !read_list(text, here, MAX_CPUS))
		die("cannot read the CPUs of node %d", node);
	for (int cpu = 0; cpu < MAX_CPUS; cpu++)
		if (here[cpu]) {
			machine->node_of_cpu[cpu] = node;
			if (machine->nr_cpus <= cpu)
				machine->nr_cpus = cpu + 1;
		}
}

void machine_read(struct machine *ret)
{
	memset(ret, 0, sizeof(*ret));
	read_nodes_named_in("online", ret->online);
	read_nodes_named_in("has_memory", ret->has_memory);
	read_nodes_named_in("has_cpu", ret->has_cpu);
	for (int node = 0; node < MAX_NODES; node++)
		if (ret->online[node])
			ret->nr_nodes = node + 1;
	for (int node = 0; node < ret->nr_nodes; node++) {
		if (!ret->online[node])
			continue;
		read_distances(ret, node);
		read_cpus(ret, node);
	}
}

int machine_nodes_by_distance(const struct machine *machine, int from, int ret_order[MAX_NODES])
{
	int nr = 0;

	for (int node = 0; node < machine->nr_nodes; node++) {
		int at = nr;

		if (!machine->has_memory[node])
			continue;
		while (at > 0 &&
		       machine->distance[from][ret_order[at - 1]] > machine->distance[from][node]) {
			ret_order[at] = ret_order[at - 1];
			at--;
		}
		ret_order[at] = node;
		nr++;
	}
	return nr;
}

int machine_home_of(const struct machine *machine, int node)
{
	int order[MAX_NODES];

	if (machine_nodes_by_distance(machine, node, order) == 0)
		die("no node has memory");
	return order[0];
}

long node_free_kib(int node)
{
	char text[4096];
	const char *line;

	if (!read_node_file(text, sizeof(text), node, "meminfo") ||
	    !(line = strstr(text, "MemFree:")))
		die("cannot read the free memory of node %d", node);
	return strtol(line + strlen("MemFree:"), NULL, 10);
}

void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot pin to CPU %d: %s", cpu, strerror(errno));
}

void write_all(void *block, size_t size, unsigned char mark)
{
	memset(block, mark, size);
	__asm__ volatile("" : : "r"(block) : "memory");
}

/* move_pages(2) with no target nodes moves nothing: it tells where each page is. */
static void ask_for_nodes(const void **pages, unsigned long nr, int *ret_status)
{
	if (syscall(SYS_move_pages, 0, nr, pages, NULL, ret_status, 0))
		die("move_pages: %s", strerror(errno));
}

/*
 * The node of a page that was said to be absent, or a negative number if it is.  The kernel says so
 * too of a page that it is moving to make room for a huge one: to read it waits until it is there.
 * (What was never written reads as the zero page, which has no node.)
 */
static int ask_again(const void *page)
{
	int status = -ENOENT;

	for (int tries = 0; tries < 10 && status < 0; tries++) {
		(void)*(const volatile char *)page;
		ask_for_nodes(&page, 1, &status);
	}
	return status;
}

static void count_nodes(struct placement *counts, const void **pages, unsigned long nr)
{
	int status[64];

	ask_for_nodes(pages, nr, status);
	for (unsigned long i = 0; i < nr; i++) {
		int node = status[i] == -ENOENT ? ask_again(pages[i]) : status[i];

		if (node >= 0 && node < MAX_NODES)
			counts->on[node]++;
		else
			counts->absent++;
	}
}

void placement_add(struct placement *counts, const void *block, size_t size)
{
	uintptr_t first = (uintptr_t)block & ~(PAGE_BYTES - 1);
	uintptr_t last = ((uintptr_t)block + size - 1) & ~(PAGE_BYTES - 1);
	const void *pages[64];
	unsigned long nr = 0;

	if (first == counts->last)
		first += PAGE_BYTES;
	counts->last = last;
	for (uintptr_t page = first; page <= last; page += PAGE_BYTES) {
		pages[nr++] = (const void *)page;
		if (nr == sizeof(pages) / sizeof(pages[0])) {
			count_nodes(counts, pages, nr);
			nr = 0;
		}
	}
	if (nr)
		count_nodes(counts, pages, nr);
}

size_t placement_total(const struct placement *counts)
{
	size_t total = 0;

	for (int node = 0; node < MAX_NODES; node++)
		total += counts->on[node];
	return total;
}

const char *placement_text(const struct placement *counts)
{
	static char text[256];
	size_t used = 0;

	text[0] = '\0';
	for (int node = 0; node < MAX_NODES; node++)
		if (counts->on[node])
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%snode %d: %zu",
						 used ? ", " : "", node, counts->on[node]);
	snprintf(text + used, sizeof(text) - used, "%s%s%zu absent", used ? " pages" : "",
		 used ? ", " : "", counts->absent);
	return text;
}
