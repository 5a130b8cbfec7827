/* SPDX-License-Identifier: MIT */
/*
 * test_zonelist.c - the order of nodes by hand: src/mm/zonelist.c
 *
 * Machines of many nodes against a model of the rule: tests/sim/test_placement.c.
 */
#include "unit.h"

static void build(void)
{
	topology = sim.nodes;
	build_zonelists();
}

static void expect_order(int node, int nr, const int *order)
{
	EXPECT_EQ(node_data[node].nr_fallback, nr);
	for (int i = 0; i < nr; i++)
		EXPECT_EQ(node_data[node].fallback[i], order[i]);
}

SIM_TEST(one_node_falls_back_to_nothing)
{
	build();
	expect_order(0, 1, (int[]){0});
	EXPECT_EQ(mm_nearest_node(0), 0);
}

/* 0 --10-- 1 ------30------ 2 */
SIM_TEST(nearer_nodes_come_first)
{
	sim_no_nodes();
	for (int n = 0; n < 3; n++)
		sim_add_node(GiB, true);
	sim_distance(0, 1, 20);
	sim_distance(1, 2, 40);
	sim_distance(0, 2, 60);
	build();
	expect_order(0, 3, (int[]){0, 1, 2});
	expect_order(1, 3, (int[]){1, 0, 2});
	expect_order(2, 3, (int[]){2, 1, 0});
}

SIM_TEST(a_node_itself_comes_first_whatever_the_distances_say)
{
	sim_no_nodes();
	sim_add_node(GiB, true);
	sim_add_node(GiB, false);
	sim.nodes.distance[0][1] = 5;
	sim.nodes.distance[0][0] = 200;
	build();
	expect_order(0, 2, (int[]){0, 1});
}

SIM_TEST(of_nodes_equally_far_one_without_cpus_comes_first)
{
	sim_no_nodes();
	sim_add_node(GiB, true);
	sim_add_node(GiB, true);
	sim_add_node(GiB, false);
	build();
	expect_order(0, 3, (int[]){0, 2, 1});
}

SIM_TEST(of_nodes_equally_far_a_higher_number_comes_before_a_lower)
{
	sim_no_nodes();
	for (int n = 0; n < 3; n++)
		sim_add_node(GiB, true);
	build();
	EXPECT_EQ(node_data[1].fallback[1], 2);
}

SIM_TEST(a_node_without_memory_is_in_no_list_and_has_one_itself)
{
	sim_no_nodes();
	sim_add_node(GiB, true);
	sim_add_node(0, true);
	sim_add_node(GiB, true);
	sim_distance(1, 2, 15);
	build();
	expect_order(0, 2, (int[]){0, 2});
	expect_order(1, 2, (int[]){2, 0});
	EXPECT_EQ(mm_nearest_node(1), 2);
}

SIM_TEST(a_node_that_does_not_exist_counts_as_the_first)
{
	build();
	EXPECT_EQ(mm_nearest_node(-1), 0);
	EXPECT_EQ(mm_nearest_node(7), 0);
}

/* The first node has no memory. */
SIM_TEST(a_first_node_without_memory_is_no_obstacle)
{
	sim_no_nodes();
	sim_add_node(0, true);
	sim_add_node(GiB, true);
	EXPECT(sim_start());
	EXPECT_EQ(page_to_nid(buddy_get(0, 0, 0)), 1);
	EXPECT_EQ(page_to_nid(virt_to_page(slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE))), 1);
	EXPECT_SOUND();
}

RUN_TESTS(T(one_node_falls_back_to_nothing), T(nearer_nodes_come_first),
	  T(a_node_itself_comes_first_whatever_the_distances_say),
	  T(of_nodes_equally_far_one_without_cpus_comes_first),
	  T(of_nodes_equally_far_a_higher_number_comes_before_a_lower),
	  T(a_node_without_memory_is_in_no_list_and_has_one_itself),
	  T(a_node_that_does_not_exist_counts_as_the_first),
	  T(a_first_node_without_memory_is_no_obstacle))
