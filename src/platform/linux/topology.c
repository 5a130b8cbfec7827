/* SPDX-License-Identifier: MIT */
/*
 * topology.c - the NUMA nodes, from system calls and small files, and from the topology module
 */
#define _GNU_SOURCE
#include "platform/topology.h"
#include "base/atomic.h"
#include "base/fmt.h"
#include "base/math.h"
#include "platform/os.h"
#include "platform/linux/syscall.h"
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <string.h>

#define MAX_KERNEL_NODES 1024

/*
 * A bit for each node that this process may use.  One node, with memory placed by the system, if
 * the system does not tell (a kernel without NUMA, or a filter), or if there are nodes beyond
 * MAX_NUMNODES: binding memory to the others would keep these from the program.
 */
static u32 allowed_nodes(void)
{
	unsigned long mask[MAX_KERNEL_NODES / 64] = {0};
	unsigned long beyond = 0;

	if (sys5(SYS_get_mempolicy, NULL, mask, MAX_KERNEL_NODES, 0, MPOL_F_MEMS_ALLOWED) != 0)
		return 1;
	for (size_t i = 1; i < ARRAY_SIZE(mask); i++)
		beyond |= mask[i];
	return beyond || !mask[0] || mask[0] >> MAX_NUMNODES ? 1 : (u32)mask[0];
}

/*
 * The memory policy that the program was started with, as by `numactl`.  Our binding takes its
 * place, so we bind only to nodes that a strict policy allows, and not at all if the policy itself
 * places memory.
 */
static slowpath void respect_policy(struct topology *t)
{
	unsigned long mask[MAX_KERNEL_NODES / 64] = {0};
	int mode = MPOL_DEFAULT;

	if (sys5(SYS_get_mempolicy, &mode, mask, MAX_KERNEL_NODES, 0, 0) != 0)
		return;
	/* Relative numbers, which count allowed nodes only, are left to the system. */
	switch (mode & ~(MPOL_MODE_FLAGS & ~MPOL_F_RELATIVE_NODES)) {
	case MPOL_DEFAULT:
	case MPOL_LOCAL:
		break;
	case MPOL_BIND:
		if ((u32)mask[0] & t->has_memory)
			t->strict = t->has_memory &= (u32)mask[0];
		break;
	default: /* also modes of later kernels */
		t->placed = true;
	}
}

/* The file of a node has one number for each node of the machine; @nodes: a bit for each. */
static slowpath void read_distances(struct topology *t, int node, u32 nodes)
{
	char path[64], text[256];
	struct fmt_buf b = {.buf = path, .size = sizeof(path)};
	int value = 0;
	long n;

	fmt_print(&b, "/sys/devices/system/node/node%d/distance", node);
	n = sys_read_file(path, text, sizeof(text));
	for (long i = 0; i < n && nodes; i++) {
		if (text[i] >= '0' && text[i] <= '9') {
			value = value * 10 + (text[i] - '0');
		} else if (value) {
			t->distance[node][__builtin_ctz(nodes)] = (u8)MIN(value, 255);
			nodes &= nodes - 1;
			value = 0;
		}
	}
}

/*
 * With more than two nodes, the nearest must be known from the first page on.  With one or two, no
 * file is read.
 */
slowpath void topology_read_distances(struct topology *t)
{
	u32 nodes = 0;

	for (int n = 0; n < t->nr_nodes; n++)
		nodes |= topology_node_exists(n) ? 1u << n : 0;
	for (int n = 0; n < t->nr_nodes; n++)
		if (nodes >> n & 1)
			read_distances(t, n, nodes);
}

void topology_probe(struct topology *ret)
{
	u32 allowed = allowed_nodes();

	memset(ret, 0, sizeof(*ret));
	ret->has_memory = allowed;
	if (allowed & (allowed - 1))
		respect_policy(ret);
	ret->has_cpu = ret->has_memory;
	ret->nr_nodes = (int)fls64(ret->has_memory);
	for (int a = 0; a < MAX_NUMNODES; a++)
		for (int b = 0; b < MAX_NUMNODES; b++)
			ret->distance[a][b] = a == b ? LOCAL_DISTANCE : REMOTE_DISTANCE;
	if (ret->nr_nodes > 2)
		topology_read_distances(ret);
}

slowpath bool topology_node_exists(int node)
{
	return sys_device_exists("node/node", node);
}

/*
 * The module, loaded once; NULL if it is not there.  $ORIGIN is the folder that our own file was
 * loaded from.  The name of that file may be relative, and the program in another folder by now.
 *
 * Not under a seccomp filter: libnuma tries out a memory policy when it is loaded, and hwloc may
 * move its thread, for which the filter may end the program.
 *
 * A static program has no dlopen() that could be looked up, and where it is called by its name the
 * linker warns.
 */
static slowpath void *module(void)
{
	static void *handle; /* release/acquire; loading twice yields the same handle */
	void *m = load_acquire(&handle);
	os_dlopen_fn *open;

	if (m || os_is_filtered())
		return m;
	open = os_next_dlopen();
	if (open)
		m = open("$ORIGIN/libbuddy-topology.so", RTLD_NOW | RTLD_LOCAL);
	store_release(&handle, m);
	return m;
}

/*
 * One thread at a time is in the module, and none once the program has begun to end: the
 * destructors of libnuma, and of the libraries that hwloc loads, free what their functions use.
 */
#define CLOSED (~0u)
#define LOOK_MS 50	  /* a user that was lost in a fork wakes nobody */
#define EXIT_WAIT_MS 2000 /* a limit: exit() may be inside a dlopen() that the module waits for */
static u32 module_user;	  /* atomic; futex: the thread inside, 0, or CLOSED */

static slowpath bool take_module(u32 as, u32 limit_ms)
{
	u64 end = os_clock_ms() + limit_ms;

	for (;;) {
		u32 user = 0;

		if (atomic_cmpxchg(&module_user, &user, as))
			return true;
		if (user == CLOSED || user == os_thread_id() || os_clock_ms() >= end)
			return false;
		if (os_thread_gone(user) && atomic_cmpxchg(&module_user, &user, as))
			return true;
		os_futex_wait(&module_user, user, LOOK_MS);
	}
}

static bool enter_module(void)
{
	return take_module(os_thread_id(), EXIT_WAIT_MS);
}

static void leave_module(void)
{
	u32 me = os_thread_id();

	if (atomic_cmpxchg(&module_user, &me, 0))
		os_futex_wake(&module_user, INT_MAX);
}

void topology_close(void)
{
	u32 user = 0;

	/* Tried here since in most programs nobody is inside: take_module() lies with cold code. */
	if (!atomic_cmpxchg(&module_user, &user, CLOSED))
		take_module(CLOSED, EXIT_WAIT_MS);
}

slowpath int topology_load(struct topology *ret)
{
	int (*load)(struct topology *);
	int err = -ENOENT, saved = errno;
	void *m;

	if (!enter_module())
		return -ECANCELED;
	m = module();
	load = m ? __extension__(int (*)(struct topology *)) dlsym(m, "buddy_topology_load") : NULL;
	if (load)
		err = load(ret);
	leave_module();
	errno = saved;
	return err;
}

slowpath int topology_node_of_cpu(int cpu)
{
	int (*node_of_cpu)(int);
	int node = -ENOENT, saved = errno;
	void *m;

	if (!enter_module())
		return -ECANCELED;
	m = module();
	node_of_cpu = m ? __extension__(int (*)(int)) dlsym(m, "buddy_topology_node_of_cpu") : NULL;
	if (node_of_cpu)
		node = node_of_cpu(cpu);
	leave_module();
	errno = saved;
	return node;
}
