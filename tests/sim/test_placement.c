/* SPDX-License-Identifier: MIT */
/*
 * test_placement.c - which node memory comes from, on machines of many shapes
 *
 * The expected order is computed here by the kernel's rule (build_zonelists() and
 * find_next_best_node()), written a second time, as a list of scores that is sorted.
 */
#include "pages.h"
#include "mm/internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- the rule, as a model ---- */

struct model {
	int nr[MAX_NUMNODES];
	int order[MAX_NUMNODES][MAX_NUMNODES];
};

static bool in_order(const struct model *m, int node, int n)
{
	for (int i = 0; i < m->nr[node]; i++)
		if (m->order[node][i] == n)
			return true;
	return false;
}

/*
 * Next is the node with the smallest distance, which counts one more for a node with a smaller
 * number, and one more for a node with CPUs.  Of equal ones it is the one that was seldom the first
 * of its distance for other nodes, then the one with the smallest number.
 */
static int model_next(const struct topology *t, const struct model *m, const int *load, int node)
{
	int best = -1, best_cost = 0, best_load = 0;

	for (int n = t->nr_nodes - 1; n >= 0; n--) {
		int cost = t->distance[node][n] + (n < node ? 1 : 0) +
			   ((t->has_cpu & 1u << n) ? 1 : 0);

		if (!(t->has_memory & 1u << n) || in_order(m, node, n))
			continue;
		if (n == node)
			return n;
		if (best < 0 || cost < best_cost || (cost == best_cost && load[n] <= best_load)) {
			best = n;
			best_cost = cost;
			best_load = load[n];
		}
	}
	return best;
}

static void model_make(struct model *m, const struct topology *t)
{
	int load[MAX_NUMNODES] = {0};

	memset(m, 0, sizeof(*m));
	for (int node = 0; node < t->nr_nodes; node++) {
		int previous = node, n;
		/* Itself before all others, whatever the scores say. */
		if (t->has_memory & 1u << node)
			m->order[node][m->nr[node]++] = node;
		while ((n = model_next(t, m, load, node)) >= 0) {
			if (t->distance[node][n] != t->distance[node][previous])
				load[n]++;
			m->order[node][m->nr[node]++] = n;
			previous = n;
		}
	}
}

static void expect_model(const struct topology *t)
{
	struct model m;

	model_make(&m, t);
	for (int node = 0; node < t->nr_nodes; node++) {
		EXPECT_EQ(node_data[node].nr_fallback, m.nr[node]);
		for (int i = 0; i < m.nr[node]; i++)
			EXPECT_EQ(node_data[node].fallback[i], m.order[node][i]);
	}
}

/* ---- machines ---- */

/*
 *    0 --- 1 --- 2      distances grow with the hops, none equal around a node;
 *    |     |            3 has CPUs and no memory, 8 has memory and no CPUs
 *    7     3
 *    |     |
 *    6 --- 5 --- 4 --- 8
 */
static void eight_nodes_and_one_without_memory(u64 bytes)
{
	static const u8 d[9][9] = {
		{10, 12, 17, 15, 35, 29, 23, 14, 43}, {12, 10, 13, 11, 27, 21, 31, 19, 39},
		{17, 13, 10, 16, 37, 33, 41, 25, 51}, {15, 11, 16, 10, 22, 18, 26, 28, 30},
		{35, 27, 37, 22, 10, 12, 20, 32, 14}, {29, 21, 33, 18, 12, 10, 15, 24, 19},
		{23, 31, 41, 26, 20, 15, 10, 13, 36}, {14, 19, 25, 28, 32, 24, 13, 10, 45},
		{43, 39, 51, 30, 14, 19, 36, 45, 10},
	};

	sim_no_nodes();
	for (int n = 0; n < 9; n++)
		sim_add_node(n == 3 ? 0 : bytes, n != 8);
	for (int a = 0; a < 9; a++)
		for (int b = 0; b < a; b++)
			sim_distance(a, b, d[a][b]);
}

static void equal_nodes(int nr, u64 bytes)
{
	sim_no_nodes();
	for (int n = 0; n < nr; n++)
		sim_add_node(bytes, true);
}

static void start(void)
{
	void *p = slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE);

	EXPECT(p);
	slab_free(&kmalloc_caches[0], p);
}

/* ---- order ---- */

SIM_TEST(eight_unequal_nodes_fall_back_in_the_kernels_order)
{
	eight_nodes_and_one_without_memory(GiB);
	start();
	expect_model(&sim.nodes);
	/* By hand, for the eye: itself, then by distance. */
	EXPECT_EQ(node_data[0].fallback[0], 0);
	EXPECT_EQ(node_data[0].fallback[1], 1);
	EXPECT_EQ(node_data[0].fallback[2], 7);
	EXPECT_EQ(node_data[3].nr_fallback, 8);
	EXPECT_EQ(node_data[3].fallback[0], 1);
}

SIM_TEST(random_machines_fall_back_in_the_kernels_order)
{
	u64 state = 42;

	for (int round = 0; round < 3000; round++) {
		int nr = 1 + (int)(sim_random(&state) % MAX_NUMNODES);

		sim_no_nodes();
		for (int n = 0; n < nr; n++)
			sim_add_node(sim_random(&state) % 5 ? GiB : 0, sim_random(&state) % 4);
		for (int a = 0; a < nr; a++)
			for (int b = 0; b < a; b++)
				sim_distance(a, b,
					     11 + (int)(sim_random(&state) % (round % 40 + 1)));
		topology = sim.nodes;
		memset(node_data, 0, sizeof(node_data));
		build_zonelists();
		expect_model(&sim.nodes);
	}
}

SIM_TEST(equally_distant_nodes_are_rotated_among_those_that_fall_back)
{
	int first_choices[4] = {0};

	equal_nodes(4, GiB);
	start();
	expect_model(&sim.nodes);
	for (int n = 0; n < 4; n++)
		first_choices[node_data[n].fallback[1]]++;
	for (int n = 0; n < 4; n++)
		EXPECT(first_choices[n] <= 2);
}

SIM_TEST(distances_of_the_module_replace_the_default_ones)
{
	eight_nodes_and_one_without_memory(256 * MiB);
	sim.blind_probe = true;
	start();
	EXPECT_EQ(topology.distance[0][8], REMOTE_DISTANCE);
	mm_load_topology();
	expect_model(&sim.nodes);
	EXPECT_EQ(zone_of(5)->managed_pages, 256 * MiB / PAGE_SIZE);
	EXPECT_SOUND();
}

/* The thread that asked was lost in a fork before it had an answer. */
SIM_TEST(a_child_asks_again_for_distances_that_its_parent_was_not_told)
{
	eight_nodes_and_one_without_memory(256 * MiB);
	sim.blind_probe = sim.no_module = true;
	start();
	mm_load_topology();
	sim.no_module = false;
	mm_load_topology();
	EXPECT_EQ(topology.distance[0][8], REMOTE_DISTANCE);
	mm_forget_load_topology();
	mm_load_topology();
	expect_model(&sim.nodes);
	/* Only once: the child has the answer that its parent had. */
	mm_forget_load_topology();
	sim_distance(0, 8, 99);
	mm_load_topology();
	EXPECT(topology.distance[0][8] != 99);
}

/* ---- where the range lies ---- */

/* The address sanitizer uses the low addresses itself. */
#ifndef __SANITIZE_ADDRESS__
/* Some emulators map the lowest addresses first, but the page map has to lie above all others. */
SIM_TEST(where_the_system_maps_low_addresses_first_the_page_map_lies_high)
{
	sim.low_views = LOW_UNLESS_ASKED;
	start();
	EXPECT((uintptr_t)page_map.bytes >= meta_zone.end_pfn << PAGE_SHIFT);
	EXPECT_SOUND();
}
#endif

SIM_TEST(where_the_page_map_cannot_lie_high_there_is_no_memory)
{
	sim.low_views = LOW_ALWAYS;
	EXPECT(!slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
	EXPECT_EQ(sim.mapped_bytes, 0);
}

/* ---- placement ---- */

static void expect_on_node(const void *p, int node)
{
	EXPECT_EQ(page_to_nid(virt_to_page(p)), node);
	EXPECT_EQ(sim_bound_node(p), node);
}

SIM_TEST(memory_comes_from_the_callers_node_and_is_bound_to_it)
{
	struct sim_thread threads[9];
	bool zero;

	eight_nodes_and_one_without_memory(GiB);
	for (int n = 0; n < 9; n++) {
		int home = n == 3 ? 1 : n; /* 3 has no memory, 1 is nearest to it */

		sim_thread_new(&threads[n], n);
		sim_switch_to(&threads[n]);
		expect_on_node(page_address(pages_get(0, 0)), home);
		expect_on_node(page_address(pages_get(__GFP_MOVABLE, 4)), home);
		for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c += 7)
			expect_on_node(slab_alloc(&kmalloc_caches[c], 0, NUMA_NO_NODE), home);
		expect_on_node(page_address(run_get(current_task()->mm.node, 3000, 1, &zero)),
			       home);
	}
	EXPECT_SOUND();
}

/* A filter may end the program for mbind(). */
SIM_TEST(in_a_filter_that_was_there_first_nothing_is_bound)
{
	sim.began_locked_in = true;
	eight_nodes_and_one_without_memory(GiB);
	for (int n = 0; n < 9; n++) {
		struct sim_thread thread;

		sim_thread_new(&thread, n);
		sim_switch_to(&thread);
		(void)page_address(pages_get(0, 0));
	}
	EXPECT_EQ(sim_count(SIM_BIND), 0);
	EXPECT_SOUND();
}

SIM_TEST(from_a_filter_on_nothing_more_is_bound)
{
	u64 bound;
	bool zero;

	eight_nodes_and_one_without_memory(GiB);
	expect_on_node(page_address(pages_get(0, 0)), 0);
	bound = sim_count(SIM_BIND);
	EXPECT(bound > 0);
	sim.locked_in = true;
	(void)run_get(current_task()->mm.node, 30000, 1, &zero);
	EXPECT_EQ(sim_count(SIM_BIND), bound);
	EXPECT_SOUND();
}

SIM_TEST(a_machine_with_one_node_binds_nothing)
{
	start();
	pages_get(0, 10);
	EXPECT_EQ(sim_count(SIM_BIND), 0);
}

/* The others have no memory, or may not be used; the system sees to that without our binding. */
SIM_TEST(where_one_node_alone_has_memory_nothing_is_bound)
{
	bool zero;

	sim_no_nodes();
	sim_add_node(0, true);
	sim_add_node(GiB, true);
	sim_add_node(0, false);
	start();
	EXPECT(run_get(1, 3000, 1, &zero));
	EXPECT_EQ(page_to_nid(pages_get(0, 3)), 1);
	EXPECT_EQ(sim_count(SIM_BIND), 0);
}

/* `numactl --membind=1`: what lies below node 1's span is not ours. */
SIM_TEST(where_the_first_node_has_no_memory_low_addresses_are_not_ours)
{
	struct page *page;

	sim_no_nodes();
	sim_add_node(0, true);
	sim_add_node(GiB, true);
	start();
	page = buddy_get(1, 0, 0);
	EXPECT(mm_owns(page_address(page)));
	EXPECT(!mm_owns(pfn_to_addr(zone_of(1)->start_pfn - 1)));
	EXPECT(!mm_owns((void *)0x400000));
	EXPECT(!mm_owns(NULL));
}

/* `numactl --membind=0,2`: our binding takes the place of the policy, so it is as strict. */
SIM_TEST(a_strict_policy_of_the_program_stays_strict)
{
	unsigned int bound = 0;
	bool zero;

	sim_no_nodes();
	sim_add_node(GiB, true);
	sim_add_node(0, true);
	sim_add_node(GiB, true);
	sim.nodes.strict = 1u << 0 | 1u << 2;
	start();
	pages_get(0, 10);
	EXPECT(run_get(2, 30000, 1, &zero)); /* long enough for huge pages to be considered */
	for (unsigned int i = 0; i < sim_nr_events; i++)
		if (sim_events[i].op == SIM_BIND) {
			EXPECT_EQ(sim_events[i].strict, sim.nodes.strict);
			bound++;
		}
	EXPECT(bound >= 2);
	EXPECT_SOUND();
}

/* `numactl --interleave`: zones are as usual, but the policy decides where their memory lies. */
SIM_TEST(a_policy_that_places_memory_is_left_to_it)
{
	bool zero;

	eight_nodes_and_one_without_memory(GiB);
	sim.nodes.placed = true;
	start();
	EXPECT_EQ(page_to_nid(pages_get(0, 3)), 0);
	EXPECT(run_get(4, 30000, 1, &zero));
	EXPECT_EQ(sim_count(SIM_BIND), 0);
	EXPECT_SOUND();
}

SIM_TEST(an_object_asked_of_a_node_comes_from_it)
{
	eight_nodes_and_one_without_memory(GiB);
	start();
	for (int n = 0; n < 9; n++)
		expect_on_node(slab_alloc(&kmalloc_caches[5], GFP_KERNEL, n), n == 3 ? 1 : n);
}

#define NODE_BYTES (24 * MiB)
#define BLOCKS_OF_NODE (NODE_BYTES / (PAGE_SIZE << MAX_PAGE_ORDER))

/* Each node is used up to its budget, nearest first; then the local one beyond its budget. */
SIM_TEST(a_full_node_spills_to_the_nearest_until_all_are_full)
{
	struct model m;

	eight_nodes_and_one_without_memory(NODE_BYTES);
	start();
	model_make(&m, &sim.nodes);
	for (int node = 4; node >= 3; node--) {
		/* The second time, from the node without memory, everything is full already. */
		for (int i = 0; node == 4 && i < m.nr[node]; i++) {
			int from = m.order[node][i];
			unsigned int had = from == 0; /* taken by start(), in part */

			for (unsigned int b = had; b < BLOCKS_OF_NODE; b++)
				expect_on_node(page_address(buddy_get(node, 0, MAX_PAGE_ORDER)),
					       from);
			EXPECT(zone_of(from)->present_pages <= zone_of(from)->managed_pages);
		}
		for (int i = 0; i < 3; i++)
			expect_on_node(page_address(buddy_get(node, 0, MAX_PAGE_ORDER)),
				       m.order[node][0]);
	}
	EXPECT_SOUND();
}

/* Slabs of @s that @node counts as its own. */
static unsigned long slabs_counted(const struct kmem_cache *s, int node)
{
	unsigned long slabs = 0;

	if (s->node[node])
		for_each_home (s->node[node], home)
			slabs += home->nr_slabs;
	return slabs;
}

/* Slabs of @s that lie on @node. */
static unsigned long slabs_there(const struct kmem_cache *s, int node)
{
	const struct zone *zone = zone_of(node);
	unsigned long slabs = 0;

	for (u64 pfn = zone->start_pfn; pfn < zone->accept_pfn;) {
		const struct page *page = pfn_to_page(pfn);

		slabs += page_type(page) == PAGE_SLAB && page->cache == s;
		pfn += page_block_pages(page);
	}
	return slabs;
}

SIM_TEST(objects_of_a_full_node_come_from_the_nearest)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(4096)];
	struct sim_thread t;
	struct model m;
	int seen = 0;

	eight_nodes_and_one_without_memory(NODE_BYTES);
	model_make(&m, &sim.nodes);
	sim_thread_new(&t, 6);
	sim_switch_to(&t);
	/* Three nodes' worth of 4 KiB objects. */
	for (size_t i = 0; i < 3 * NODE_BYTES / 4096; i++) {
		void *p = slab_alloc(s, 0, NUMA_NO_NODE);
		int node = page_to_nid(virt_to_page(p));

		if (node != m.order[6][seen])
			seen++;
		EXPECT_EQ(node, m.order[6][seen]);
		memset(p, 1, 4096);
	}
	EXPECT(seen >= 2);
	for (int i = 0; i <= seen; i++) {
		EXPECT(slabs_there(s, m.order[6][i]));
		EXPECT_EQ(slabs_counted(s, m.order[6][i]), slabs_there(s, m.order[6][i]));
	}
	EXPECT_SOUND();
}

/* The rule for blocks larger than a pageblock is the same as for pages. */
SIM_TEST(large_blocks_of_a_full_node_come_from_the_nearest)
{
	u64 nr = 2 * PAGEBLOCK_NR_PAGES; /* 6 on a node, fewer where start() has used some */
	struct model m;
	bool zero;
	int seen = 0;

	eight_nodes_and_one_without_memory(NODE_BYTES);
	start();
	model_make(&m, &sim.nodes);
	for (unsigned int i = 0; i < 3 * BLOCKS_OF_NODE; i++) {
		int node = page_to_nid(run_get(6, nr, 1, &zero));

		if (node != m.order[6][seen])
			seen++;
		EXPECT_EQ(node, m.order[6][seen]);
	}
	EXPECT(seen >= 2);
	EXPECT_SOUND();
}

static unsigned int shrinks;

static u64 another_slab_is_empty(const struct zone *zone, bool barns)
{
	(void)zone;
	(void)barns;
	return ++shrinks < 100;
}

/* A node that gives back a slab at each look is not full, whatever is asked for. */
SIM_TEST(while_others_free_memory_comes_from_the_callers_node)
{
	u64 (*shrink)(const struct zone *, bool);
	bool zero;

	eight_nodes_and_one_without_memory(GiB);
	start();
	shrink = shrink_slab;
	shrink_slab = another_slab_is_empty;
	expect_on_node(page_address(buddy_get(6, 0, MAX_PAGE_ORDER)), 6);
	EXPECT(shrinks <= 2);
	expect_on_node(page_address(run_get(6, PAGEBLOCK_NR_PAGES, 1, &zero)), 6);
	EXPECT(shrinks <= 4);
	expect_on_node(page_address(run_get(6, 16 * PAGEBLOCK_NR_PAGES, 1, &zero)), 6);
	EXPECT(shrinks <= 6);
	shrink_slab = shrink;
	EXPECT_SOUND();
}

SIM_TEST(smaller_large_blocks_of_a_full_node_come_from_the_nearest)
{
	struct model m;
	bool zero;
	int seen = 0;

	eight_nodes_and_one_without_memory(NODE_BYTES);
	start();
	model_make(&m, &sim.nodes);
	for (unsigned int i = 0; i < 3 * NODE_BYTES / MiB; i++) {
		int node = page_to_nid(run_get(6, 200, 1, &zero));

		if (node != m.order[6][seen])
			seen++;
		EXPECT_EQ(node, m.order[6][seen]);
	}
	EXPECT_EQ(seen, 2);
	EXPECT_SOUND();
}

SIM_TEST(thisnode_never_leaves_its_node)
{
	bool zero;
	struct page_request rq = {.gfp = __GFP_THISNODE, .nid = 7};

	eight_nodes_and_one_without_memory(NODE_BYTES);
	start();
	for (unsigned int i = 0; i < 2 * BLOCKS_OF_NODE; i++) {
		expect_on_node(
			page_address(pages_are_allocated(alloc_pages_request(&rq, MAX_PAGE_ORDER))),
			7);
		expect_on_node(page_address(run_is_allocated(large_alloc(&rq, 100, 1, &zero))), 7);
		expect_on_node(slab_alloc(&kmalloc_caches[20], GFP_KERNEL | __GFP_THISNODE, 7), 7);
	}
}

/* The sheaves of a thread whose node is full have objects of other nodes. */
SIM_TEST(thisnode_without_a_name_is_the_node_of_the_caller)
{
	struct kmem_cache *s = &kmalloc_caches[NR_KMALLOC_CLASSES - 1];
	struct sim_thread thread;
	void *obj, *objs[20];

	eight_nodes_and_one_without_memory(NODE_BYTES);
	start();
	sim_thread_new(&thread, 6);
	sim_switch_to(&thread);
	do {
		obj = slab_alloc(s, GFP_KERNEL, NUMA_NO_NODE);
		EXPECT(obj);
	} while (page_to_nid(virt_to_page(obj)) == 6);
	for (int i = 0; i < 20; i++)
		expect_on_node(slab_alloc(s, GFP_KERNEL | __GFP_THISNODE, NUMA_NO_NODE), 6);
	for (int i = 0; i < 20; i++)
		expect_on_node(slab_alloc(s, GFP_NOWAIT | __GFP_THISNODE, NUMA_NO_NODE), 6);
	EXPECT_EQ(slab_alloc_bulk(s, GFP_KERNEL | __GFP_THISNODE, 20, objs), 20);
	for (int i = 0; i < 20; i++)
		expect_on_node(objs[i], 6);
	EXPECT_SOUND();
}

/* Only the start of the range is checked at first, not the starts of the other nodes' spans. */
SIM_TEST(a_node_whose_first_block_is_taken_begins_behind_it)
{
	struct page_request rq = {.gfp = __GFP_THISNODE, .nid = 1};
	struct zone *zone;

	sim_no_nodes();
	sim_add_node(GiB, true);
	sim_add_node(GiB, true);
	start();
	zone = zone_of(1);
	EXPECT_EQ(zone->commit_pfn, zone->start_pfn);
	sim_occupy(pfn_to_addr(zone->start_pfn + 5), PAGE_SIZE);
	expect_on_node(page_address(pages_are_allocated(alloc_pages_request(&rq, 3))), 1);
	EXPECT_EQ(page_type(pfn_to_page(zone->start_pfn)), PAGE_HOLE);
	EXPECT_SOUND();
}

/* A thread first of all asks for a large block of a node without memory, which is not its own. */
SIM_TEST(a_thread_keeps_no_set_of_pages_of_a_node_without_memory)
{
	struct page_request rq = {.nid = 3};
	struct sim_thread fresh;
	struct slow slow;
	bool zero;

	eight_nodes_and_one_without_memory(NODE_BYTES);
	start();
	sim_thread_new(&fresh, 0);
	sim_switch_to(&fresh);
	EXPECT(slow_enter(&slow) && slow.task);
	slow.task->mm.pcp.ready = false;
	slow.task->mm.pcp.zone = NULL;
	rq.task = &slow.task->mm;
	expect_on_node(page_address(run_is_allocated(large_alloc(&rq, 20, 1, &zero))), 1);
	EXPECT(slow.task->mm.pcp.zone != zone_of(3));
	slow_leave(&slow);
	EXPECT_SOUND();
}

/* Memory of that very node, or none: the kernel's NOFALLBACK list of such a node is empty. */
SIM_TEST(thisnode_on_a_node_without_memory_gets_nothing)
{
	bool zero;
	struct page_request rq = {.gfp = __GFP_THISNODE, .nid = 3};

	eight_nodes_and_one_without_memory(NODE_BYTES);
	start();
	EXPECT(!alloc_pages_request(&rq, 0));
	EXPECT(!large_alloc(&rq, 100, 1, &zero));
	EXPECT(!slab_alloc(&kmalloc_caches[20], GFP_KERNEL | __GFP_THISNODE, 3));
	EXPECT_SOUND();
}

/* ---- threads and nodes ---- */

SIM_TEST(an_object_freed_on_another_node_goes_home)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(256)];
	struct sim_thread here, there;
	void *objs[500];

	eight_nodes_and_one_without_memory(GiB);
	sim_thread_new(&here, 2);
	sim_thread_new(&there, 5);
	sim_switch_to(&there);
	slab_alloc(s, 0, NUMA_NO_NODE); /* has sheaves before */
	sim_switch_to(&here);
	for (int i = 0; i < 500; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	sim_switch_to(&there);
	for (int i = 0; i < 500; i++)
		slab_free(s, objs[i]);
	/* This node must not allocate any of them again. */
	for (int i = 0; i < 1000; i++)
		expect_on_node(slab_alloc(s, 0, NUMA_NO_NODE), 5);
	EXPECT_SOUND();
}

SIM_TEST(a_limit_of_any_size_leaves_a_range)
{
	sim.limits.address_space = ((u64)1 << 63) + 12345;
	sim.limits.data = ~(u64)0 / 3;
	EXPECT(sim_start());
	EXPECT(buddy_get(0, 0, 0));
}

SIM_TEST(a_thread_that_moves_is_served_from_its_new_node)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(128)];
	struct sim_thread t;
	void *objs[400], *p = NULL;
	int tries = 0;

	eight_nodes_and_one_without_memory(GiB);
	sim_thread_new(&t, 0);
	sim_switch_to(&t);
	for (int i = 0; i < 400; i++)
		objs[i] = slab_alloc(s, 0, NUMA_NO_NODE);
	for (int i = 0; i < 200; i++)
		slab_free(s, objs[i]);
	pages_put(pages_get(0, 0), 0); /* something in the page set */
	t.node = 8;
	/* Some slow path notices the move, soon enough. */
	for (tries = 0; tries < 200; tries++) {
		p = slab_alloc(s, 0, NUMA_NO_NODE);
		if (page_to_nid(virt_to_page(p)) == 8)
			break;
	}
	EXPECT(tries < 100);
	EXPECT_EQ(current_task()->mm.node, 8);
	EXPECT_SOUND();
	/* From now on everything is of the new node, and what the thread left is on the old one. */
	for (int i = 0; i < 500; i++)
		expect_on_node(slab_alloc(s, 0, NUMA_NO_NODE), 8);
	expect_on_node(page_address(pages_get(0, 0)), 8);
	unsigned int left = 0;

	for_each_barn (s->node[0], barn)
		left += barn->nr_full + barn->nr_empty;
	EXPECT(left > 0);
	for (int i = 200; i < 400; i++)
		slab_free(s, objs[i]);
	for (int i = 0; i < 500; i++)
		expect_on_node(slab_alloc(s, 0, NUMA_NO_NODE), 8);
	EXPECT_SOUND();
}

SIM_TEST(the_next_thread_inherits_the_sheaves_of_one_that_ended)
{
	struct kmem_cache *s = &kmalloc_caches[kmalloc_class(64)];
	struct sim_thread first, second;
	unsigned long slabs;

	sim_thread_new(&first, 0);
	sim_switch_to(&first);
	for (int i = 0; i < 300; i++) {
		void *p = slab_alloc(s, 0, NUMA_NO_NODE);

		slab_free(s, p);
	}
	slabs = s->node[0]->first.nr_slabs;
	EXPECT(current_task());
	sim_thread_exit(&first);
	sim_thread_new(&second, 0);
	sim_switch_to(&second);
	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	EXPECT_EQ(s->node[0]->first.nr_slabs, slabs);
	EXPECT(current_task() == container_of(first.malloc_tls, struct task, hit));
	EXPECT_SOUND();
}

/* A thread of another node inherits the task block of a thread that has ended. */
SIM_TEST(the_next_thread_inherits_no_page_set_of_another_node)
{
	struct sim_thread first, second;
	const struct mm_task *task;

	equal_nodes(2, GiB);
	sim_thread_new(&first, 0);
	sim_switch_to(&first);
	pages_put(pages_get(0, 0), 0);
	task = &current_task()->mm;
	EXPECT(task->pcp.zone == zone_of(0));
	sim_thread_exit(&first);
	sim_thread_new(&second, 1);
	sim_switch_to(&second);
	pages_put(pages_get(0, 0), 0);
	EXPECT(&current_task()->mm == task);
	EXPECT(task->pcp.zone == zone_of(1));
	EXPECT(task->pcp.count > 0);
	EXPECT_SOUND();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eight_unequal_nodes_fall_back_in_the_kernels_order),
		cmocka_unit_test(random_machines_fall_back_in_the_kernels_order),
		cmocka_unit_test(equally_distant_nodes_are_rotated_among_those_that_fall_back),
		cmocka_unit_test(distances_of_the_module_replace_the_default_ones),
		cmocka_unit_test(a_child_asks_again_for_distances_that_its_parent_was_not_told),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(where_the_system_maps_low_addresses_first_the_page_map_lies_high),
#endif
		cmocka_unit_test(where_the_page_map_cannot_lie_high_there_is_no_memory),
		cmocka_unit_test(memory_comes_from_the_callers_node_and_is_bound_to_it),
		cmocka_unit_test(in_a_filter_that_was_there_first_nothing_is_bound),
		cmocka_unit_test(from_a_filter_on_nothing_more_is_bound),
		cmocka_unit_test(a_machine_with_one_node_binds_nothing),
		cmocka_unit_test(where_one_node_alone_has_memory_nothing_is_bound),
		cmocka_unit_test(where_the_first_node_has_no_memory_low_addresses_are_not_ours),
		cmocka_unit_test(a_strict_policy_of_the_program_stays_strict),
		cmocka_unit_test(a_policy_that_places_memory_is_left_to_it),
		cmocka_unit_test(an_object_asked_of_a_node_comes_from_it),
		cmocka_unit_test(a_full_node_spills_to_the_nearest_until_all_are_full),
		cmocka_unit_test(objects_of_a_full_node_come_from_the_nearest),
		cmocka_unit_test(large_blocks_of_a_full_node_come_from_the_nearest),
		cmocka_unit_test(while_others_free_memory_comes_from_the_callers_node),
		cmocka_unit_test(smaller_large_blocks_of_a_full_node_come_from_the_nearest),
		cmocka_unit_test(thisnode_never_leaves_its_node),
		cmocka_unit_test(thisnode_without_a_name_is_the_node_of_the_caller),
		cmocka_unit_test(a_node_whose_first_block_is_taken_begins_behind_it),
		cmocka_unit_test(a_thread_keeps_no_set_of_pages_of_a_node_without_memory),
		cmocka_unit_test(thisnode_on_a_node_without_memory_gets_nothing),
		cmocka_unit_test(an_object_freed_on_another_node_goes_home),
		cmocka_unit_test(a_limit_of_any_size_leaves_a_range),
		cmocka_unit_test(a_thread_that_moves_is_served_from_its_new_node),
		cmocka_unit_test(the_next_thread_inherits_the_sheaves_of_one_that_ended),
		cmocka_unit_test(the_next_thread_inherits_no_page_set_of_another_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
