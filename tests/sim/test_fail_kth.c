/* SPDX-License-Identifier: MIT */
/*
 * test_fail_kth.c - the k-th system call fails, for every k
 *
 * A scripted run is repeated with the fault one call later each time, until it ends before the
 * fault.  Whatever fails, the run goes on: an operation returns NULL or does without, both
 * verifiers find nothing after each operation, and when everything is freed every page is back.
 */
#include "script.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOT_REACHED 10 /* exit status: the run ended before call k */

static u64 k;
static bool onward;
static int error;
static void (*machine)(void);

static void one_node(void)
{
	sim_one_node(GiB);
}

/* Small nodes, so that the run spills from one to the next. */
static void three_nodes(void)
{
	sim_one_node(GiB);
	sim_no_nodes();
	sim_add_node(24 * MiB, true);
	sim_add_node(0, true);
	sim_add_node(16 * MiB, false);
	sim_distance(0, 2, 31);
}

static void scripted_run(void)
{
	struct script s = {.seed = 7, .steps = 250, .verify_each = true};

	machine();
	sim.fail_at = k;
	sim.fail_onward = onward;
	sim.fail_error = error;
	script_run(&s);
	if (!sim.faults)
		_exit(NOT_REACHED);
	/* Something must have worked, or the run shows nothing; unless all calls were to fail. */
	if (!onward)
		EXPECT(s.refused < 100);
	sim.fail_at = 0;
	script_run(&(struct script){.seed = 8, .steps = 50});
	script_free_all();
	script_expect_nothing_lost();
}

static void every_k(void)
{
	int status = 0;

	for (k = 1; !status; k++)
		status = sim_run_status(scripted_run);
	if (status != NOT_REACHED)
		fail_msg("with call %llu failing the run ended with %d",
			 (unsigned long long)(k - 1), status);
	printf("%llu calls, each failed once\n", (unsigned long long)(k - 2));
	/* Fewer would mean that the script hardly makes system calls. */
	assert_true(k > 20);
}

static void run_sweep(void (*m)(void), bool all_after, int err)
{
	machine = m;
	onward = all_after;
	error = err;
	every_k();
}

static void each_call_failing_once_loses_nothing(void **state)
{
	(void)state;
	run_sweep(one_node, false, -ENOMEM);
}

static void each_call_and_all_after_it_failing_loses_nothing(void **state)
{
	(void)state;
	run_sweep(one_node, true, -ENOMEM);
}

static void each_call_failing_once_on_three_nodes_loses_nothing(void **state)
{
	(void)state;
	run_sweep(three_nodes, false, -ENOMEM);
}

static void each_call_and_all_after_it_failing_on_three_nodes_loses_nothing(void **state)
{
	(void)state;
	run_sweep(three_nodes, true, -ENOMEM);
}

/* A filter that always refuses a call (EPERM) is no reason to give up either. */
static void each_call_refused_with_eperm_loses_nothing(void **state)
{
	(void)state;
	run_sweep(one_node, false, -EPERM);
}

SIM_TEST(a_start_that_fails_can_be_tried_again)
{
	void *p;

	for (u64 first = 1; first < 100; first++) {
		if (mm_ready)
			break;
		sim.fallible_calls = 0;
		sim.fail_at = first;
		sim.fail_onward = true;
		p = slab_alloc(&kmalloc_caches[3], 0, NUMA_NO_NODE);
		if (!mm_ready) {
			EXPECT(!p);
			/* Nothing of the attempt is left behind. */
			EXPECT_EQ(sim.mapped_bytes, 0);
			EXPECT_EQ(page_map.nr, 0);
		}
	}
	EXPECT(mm_ready);
	sim.fail_at = 0;
	p = slab_alloc(&kmalloc_caches[3], 0, NUMA_NO_NODE);
	EXPECT(p);
	slab_free(&kmalloc_caches[3], p);
	EXPECT_SOUND();
}

/* aarch64 may have pages of 16 or 64 KiB. */
SIM_TEST(a_system_with_other_pages_is_refused_in_so_many_words)
{
	sim.page_bytes = 16 * KiB;
	EXPECT(!slab_alloc(&kmalloc_caches[3], 0, NUMA_NO_NODE));
	EXPECT_EQ(sim.calls, 0);
	EXPECT(strstr(sim_reports(), "16384 bytes, not 4096"));
	sim_clear_reports();
	EXPECT(!slab_alloc(&kmalloc_caches[3], 0, NUMA_NO_NODE));
	EXPECT_EQ(sim_reports()[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_that_fails_can_be_tried_again),
		cmocka_unit_test(a_system_with_other_pages_is_refused_in_so_many_words),
		cmocka_unit_test(each_call_failing_once_loses_nothing),
		cmocka_unit_test(each_call_and_all_after_it_failing_loses_nothing),
		cmocka_unit_test(each_call_failing_once_on_three_nodes_loses_nothing),
		cmocka_unit_test(each_call_and_all_after_it_failing_on_three_nodes_loses_nothing),
		cmocka_unit_test(each_call_refused_with_eperm_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
