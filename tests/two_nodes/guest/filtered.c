/* SPDX-License-Identifier: MIT */
/*
 * filtered.c [PROGRAM ARGUMENT...] - a program lives under a filter that ends it for placing memory
 *
 * The calls are those that set a memory policy, of what systemd calls @resources.  With a PROGRAM
 * the filter is there before it.  Without, it comes when a heap of a few blocks is there, as in a
 * program that locks itself in, and the heap then grows on all CPUs.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "blocks.h"
#include "everywhere.h"
#include "machine.h"
#include "report.h"

#define END_AT(call, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, (skip), 0)

static struct machine machine;
static struct blocks early[MAX_CPUS], late[MAX_CPUS];

static void enter_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		END_AT(SYS_mbind, 3),
		END_AT(SYS_set_mempolicy, 2),
		END_AT(SYS_set_mempolicy_home_node, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		die("no filter: %s", strerror(errno));
}

static void take_early(int cpu)
{
	blocks_take(&early[cpu], (unsigned char)(1 + cpu));
}

static void take_late(int cpu)
{
	blocks_take(&late[cpu], (unsigned char)(101 + cpu));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		enter_filter();
		execvp(argv[1], argv + 1);
		die("cannot run %s: %s", argv[1], strerror(errno));
	}
	machine_read(&machine);
	run_everywhere(&machine, take_early);
	enter_filter();
	run_everywhere(&machine, take_late);
	check(true, "a heap that grows under a filter");
	return verdict();
}
