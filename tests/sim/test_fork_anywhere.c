/* SPDX-License-Identifier: MIT */
/*
 * test_fork_anywhere.c - a fork while another thread is inside, at every system call that it makes
 *
 * One thread makes the scripted run.  At its k-th call into the system another thread forks: the
 * child has the memory as it is at that instant, and the running thread is lost.  In the child the
 * thread that forked repairs what it finds.  Then it goes on, or a new thread does that inherits
 * the task block of the lost one: both verifiers find nothing, memory can be allocated and freed,
 * and the heap can grow.
 */
#include "pages.h"
#include "script.h"
#include "sync/spinlock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOT_REACHED 10

static u64 fork_at;
static bool in_new_thread;
static void (*machine)(void);
static struct sim_thread forker;

/* Life goes on: every class, strides of fresh memory, direct mappings. */
static void *go_on(void *arg)
{
	void *objs[NR_KMALLOC_CLASSES], *direct;
	struct page *pages[6];
	bool zero;

	(void)arg;
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++) {
		objs[c] = slab_alloc(&kmalloc_caches[c], 0, NUMA_NO_NODE);
		EXPECT(objs[c]);
		memset(objs[c], 7, kmalloc_caches[c].size);
	}
	EXPECT_SOUND();
	/* More than one stride: the zone must be able to grow. */
	for (int i = 0; i < 6; i++) {
		pages[i] = run_get(0, 8 * MAX_ORDER_NR_PAGES, 1, &zero);
		EXPECT(pages[i]);
	}
	direct = direct_alloc(3 * PAGE_SIZE, PAGE_SIZE, false);
	EXPECT(direct);
	EXPECT_EQ(direct_size(direct), 3 * PAGE_SIZE);
	EXPECT_SOUND();
	EXPECT(direct_free(direct, false));
	for (int i = 0; i < 6; i++)
		large_free(pages[i], NULL, false);
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++)
		slab_free(&kmalloc_caches[c], objs[c]);
	slab_reclaim(/* all= */ true);
	EXPECT_SOUND();
	return NULL;
}

/* The thread that forked, in the child. */
static void *survivor(void *arg)
{
	sim_impersonate(&forker);
	if (!in_new_thread)
		return go_on(arg);
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
	sim_in_thread(go_on);
	return NULL;
}

static void child(void)
{
	sim.before_call = NULL;
	sim_wipe_fork_cookie();
	sim_in_thread(survivor);
	fflush(NULL);
	_exit(0);
}

static void fork_before_call(enum sim_op op, u64 number)
{
	int status;
	pid_t pid;

	if (number != fork_at)
		return;
	fflush(NULL);
	pid = fork();
	if (!pid)
		child();
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status))
		_exit(0);
	fprintf(stderr, "a fork before call %llu, of kind %d, ended with %x\n",
		(unsigned long long)number, (int)op, (unsigned int)status);
	_exit(1);
}

static void one_node(void)
{
	sim_one_node(GiB);
}

static void two_nodes(void)
{
	sim_one_node(GiB);
	sim_no_nodes();
	sim_add_node(512 * MiB, true);
	sim_add_node(512 * MiB, true);
}

static void scripted_run(void)
{
	struct script s = {.seed = 3, .steps = 250};

	machine();
	sim_thread_new(&forker, 0);
	sim_switch_to(&forker);
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
	sim_switch_to(&sim_main_thread);
	sim.calls = 0;
	sim.before_call = fork_before_call;
	script_run(&s);
	_exit(NOT_REACHED);
}

static void run_sweep(void (*m)(void), bool new_thread)
{
	int status = 0, bad = 0;

	machine = m;
	in_new_thread = new_thread;
	for (fork_at = 1; status != NOT_REACHED; fork_at++) {
		status = sim_run_status(scripted_run);
		bad += status != 0 && status != NOT_REACHED;
	}
	printf("%llu forks, %d went wrong\n", (unsigned long long)(fork_at - 2), bad);
	assert_true(fork_at > 40);
	assert_int_equal(bad, 0);
}

static void a_child_forked_at_any_call_is_sound_and_can_grow(void **state)
{
	(void)state;
	run_sweep(one_node, false);
}

static void a_child_forked_at_any_call_on_two_nodes_is_sound_and_can_grow(void **state)
{
	(void)state;
	run_sweep(two_nodes, false);
}

static void a_thread_started_in_a_child_forked_at_any_call_can_allocate(void **state)
{
	(void)state;
	run_sweep(one_node, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_forked_at_any_call_is_sound_and_can_grow),
		cmocka_unit_test(a_child_forked_at_any_call_on_two_nodes_is_sound_and_can_grow),
		cmocka_unit_test(a_thread_started_in_a_child_forked_at_any_call_can_allocate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
