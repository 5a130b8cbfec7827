/* SPDX-License-Identifier: MIT */
/*
 * local_memory.c - each node's threads get memory of their own node
 *
 * One thread per CPU, all at once, take blocks, write to them and ask the system where the pages
 * are, three times:
 *
 *   fresh   from a heap that is new
 *   freed   after each thread has freed the blocks of a thread of another node: memory that
 *           passes through a thread's hands must not become that thread's own
 *   moved   after each thread has moved to a CPU of another node: what it takes from then on is
 *           the new node's, but for what it still holds itself
 *
 * The home of a node without memory is the nearest node that has some.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "machine.h"
#include "report.h"

enum phase { FRESH, FREED, MOVED, NR_PHASES };

static const char *const phase_text[NR_PHASES] = {
	[FRESH] = "from a new heap",
	[FREED] = "after freeing other nodes' blocks",
	[MOVED] = "after moving here from another node",
};

struct worker {
	pthread_t thread;
	int cpu;
	struct worker *partner; /* on another node, where there is one */
	struct blocks blocks;
	struct placement placement[NR_PHASES];
};

static struct machine machine;
static struct worker workers[MAX_CPUS];
static int nr_workers;
static pthread_barrier_t barrier;

static unsigned char mark_of(const struct worker *worker, enum phase phase)
{
	return (unsigned char)(1 + (worker - workers) * NR_PHASES + phase);
}

static void *work(void *arg)
{
	struct worker *self = arg;

	pin_to_cpu(self->cpu);
	pthread_barrier_wait(&barrier);

	blocks_take(&self->blocks, mark_of(self, FRESH));
	blocks_count(&self->blocks, ALL_BLOCKS, &self->placement[FRESH]);
	pthread_barrier_wait(&barrier);

	blocks_free(&self->partner->blocks);
	pthread_barrier_wait(&barrier);
	blocks_take(&self->blocks, mark_of(self, FREED));
	blocks_count(&self->blocks, ALL_BLOCKS, &self->placement[FREED]);
	blocks_free(&self->blocks);

	pin_to_cpu(self->partner->cpu);
	pthread_barrier_wait(&barrier);
	blocks_take(&self->blocks, mark_of(self, MOVED));
	blocks_count(&self->blocks, LATER_BLOCKS, &self->placement[MOVED]);
	blocks_free(&self->blocks);
	return NULL;
}

/* Whose blocks worker @i frees, and whose place it takes. */
static struct worker *find_partner(int i)
{
	/*
	 * Half way round the ring: a permutation, so that nobody's blocks are freed twice, and
	 * another node where CPUs are numbered node by node.
	 */
	return &workers[(i + nr_workers / 2) % nr_workers];
}

static int node_in_phase(const struct worker *worker, enum phase phase)
{
	return machine.node_of_cpu[phase == MOVED ? worker->partner->cpu : worker->cpu];
}

static void check_node(int node, enum phase phase)
{
	int home = machine_home_of(&machine, node);
	struct placement all;

	memset(&all, 0, sizeof(all));
	for (int i = 0; i < nr_workers; i++) {
		if (node_in_phase(&workers[i], phase) != node)
			continue;
		for (int n = 0; n < MAX_NODES; n++)
			all.on[n] += workers[i].placement[phase].on[n];
		all.absent += workers[i].placement[phase].absent;
	}
	check(all.on[home] > 0 && all.on[home] == placement_total(&all) && !all.absent,
	      "threads on node %d get memory of node %d %s (%s)", node, home, phase_text[phase],
	      placement_text(&all));
}

int main(void)
{
	machine_read(&machine);
	nr_workers = machine.nr_cpus;
	pthread_barrier_init(&barrier, NULL, (unsigned int)nr_workers);
	for (int i = 0; i < nr_workers; i++) {
		workers[i].cpu = i;
		workers[i].partner = find_partner(i);
	}
	for (int i = 0; i < nr_workers; i++)
		if (machine.node_of_cpu[i] == machine.node_of_cpu[workers[i].partner->cpu])
			die("CPU %d has no partner on another node", i);
	for (int i = 0; i < nr_workers; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			die("cannot start a thread");
	for (int i = 0; i < nr_workers; i++)
		pthread_join(workers[i].thread, NULL);

	for (enum phase phase = 0; phase < NR_PHASES; phase++)
		for (int node = 0; node < machine.nr_nodes; node++)
			if (machine.has_cpu[node])
				check_node(node, phase);
	return verdict();
}
