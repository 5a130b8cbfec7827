/* SPDX-License-Identifier: MIT */
/*
 * test_platform.c - src/platform/linux by itself, on the machine that the test runs on
 */
#include "base/compiler.h"
#include "platform/os.h"
#include "platform/topology.h"
#include "platform/vm.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/kcmp.h>
#include <linux/mempolicy.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGES 3000 /* not a round number of anything */

static void a_place_that_is_taken_is_not_mapped_over(void **state)
{
	char *p = vm_map(2 * OS_PAGE);

	(void)state;
	assert_non_null(p);
	p[OS_PAGE] = 1;
	assert_int_equal(vm_map_at(p, 2 * OS_PAGE), -EEXIST);
	assert_int_equal(p[OS_PAGE], 1);
	vm_unmap(p, OS_PAGE);
	assert_int_equal(vm_map_at(p, 2 * OS_PAGE), -EEXIST);
	assert_int_equal(vm_map_at(p, OS_PAGE), 0);
	vm_unmap(p, 2 * OS_PAGE);
}

static void what_is_discarded_reads_as_zero(void **state)
{
	char *p = vm_map(PAGES * OS_PAGE);

	(void)state;
	memset(p, 1, PAGES * OS_PAGE);
	errno = 4711;
	assert_int_equal(vm_discard(p, PAGES * OS_PAGE), 0);
	assert_int_equal(errno, 4711);
	for (size_t i = 0; i < PAGES * OS_PAGE; i += 512)
		assert_int_equal(p[i], 0);
	vm_unmap(p, PAGES * OS_PAGE);
}

static void what_is_locked_is_not_discarded(void **state)
{
	char *p = vm_map(3 * OS_PAGE);

	(void)state;
	memset(p, 1, 3 * OS_PAGE);
	/* Not mlock(), which locks nothing under a sanitizer. */
	if (syscall(SYS_mlock, p + OS_PAGE, OS_PAGE))
		skip();
	errno = 4711;
	assert_int_equal(vm_discard(p, 3 * OS_PAGE), -EINVAL);
	assert_int_equal(errno, 4711);
	assert_int_equal(p[OS_PAGE], 1);
	assert_int_equal(vm_discard(p, OS_PAGE), 0);
	assert_int_equal(p[0], 0);
	vm_unmap(p, 3 * OS_PAGE);
}

/* A process may have only so many mappings. */
static bool use_up_mappings(void)
{
	enum { MOST = 200000 };
	int nr = 0;

	/* Two kinds in turns, so that neighbours are not merged. */
	while (nr < MOST && mmap(NULL, OS_PAGE, nr % 2 ? PROT_READ : PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED)
		nr++;
	return nr < MOST;
}

enum { GONE, NOT_GONE, TOO_MANY };

static int unmap_the_middle(void)
{
	char *p = vm_map(3 * OS_PAGE);

	memset(p, 1, 3 * OS_PAGE);
	if (!use_up_mappings())
		return TOO_MANY;
	errno = 4711;
	vm_unmap(p + OS_PAGE, OS_PAGE);
	return errno == 4711 && p[0] == 1 && p[OS_PAGE] == 0 && p[2 * OS_PAGE] == 1 ? GONE
										    : NOT_GONE;
}

static void where_a_mapping_may_not_be_split_its_memory_goes_back(void **state)
{
	int status = 0;
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(unmap_the_middle());
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == TOO_MANY)
		skip();
	assert_int_equal(WEXITSTATUS(status), GONE);
}

static void resident_pages_are_those_that_were_touched(void **state)
{
	char *p = vm_map(PAGES * OS_PAGE);

	(void)state;
	vm_advise_huge(p, PAGES * OS_PAGE, false);
	assert_int_equal(vm_resident_pages(p, PAGES * OS_PAGE), 0);
	p[1023 * OS_PAGE] = p[1024 * OS_PAGE] = p[(PAGES - 1) * OS_PAGE] = 1;
	assert_int_equal(vm_resident_pages(p, PAGES * OS_PAGE), 3);
	vm_unmap(p + 2000 * OS_PAGE, OS_PAGE);
	assert_int_equal(vm_resident_pages(p, PAGES * OS_PAGE), -ENOMEM);
	vm_unmap(p, PAGES * OS_PAGE);
}

static void without_a_file_descriptor_the_memory_limit_cannot_be_told(void **state)
{
	struct rlimit limit, none;
	u64 bytes, room;
	int told;

	(void)state;
	assert_int_equal(os_memory_room(&bytes, &room), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	told = os_memory_room(&bytes, &room);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(told, -EMFILE);
	assert_int_equal(os_memory_room(&bytes, &room), 0);
}

/* ---- a memory limit, in groups that the test makes up ---- */

#define LIMIT 67108864
#define USED 1048576

enum { SEEN, NOT_SEEN, NO_GROUPS };

static bool write_file(const char *folder, const char *name, const char *text)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	return f && fputs(text, f) >= 0 && fclose(f) == 0;
}

/* Twelve controllers in a group with a long name, the one for memory last. */
static bool write_groups(const char *folder, const char *controllers)
{
	char text[8192], name[400] = "/", *end = text;
	size_t len;

	for (len = 1; len < sizeof(name) - 1; len++)
		name[len] = len % 80 ? 'a' : '/';
	name[len] = 0;
	for (int i = 12; i > 1; i--)
		end += sprintf(end, "%d:controller%d:%s\n", i, i, name);
	sprintf(end, "1:%s:%s\n0::/\n", controllers, name);
	return write_file(folder, "groups", text);
}

/* In a child: from here on nobody else sees what is mounted. */
static bool has_own_mounts(void)
{
	return !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int wait_for(pid_t child)
{
	int status = 0;

	waitpid(child, &status, 0);
	return status;
}

static void expect_seen(int status)
{
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_GROUPS)
		skip();
	assert_int_equal(WEXITSTATUS(status), SEEN);
}

/* In a child with mounts of its own: /proc/self/cgroup and /sys/fs/cgroup come from @folder. */
static int see_limit(const char *folder, u64 want_limit, u64 want_room)
{
	char path[400], own[64];
	u64 limit, room;

	snprintf(path, sizeof(path), "%s/groups", folder);
	snprintf(own, sizeof(own), "/proc/%d/cgroup", (int)getpid());
	if (!has_own_mounts() || mount(path, own, NULL, MS_BIND, NULL) ||
	    mount(folder, "/sys/fs/cgroup", NULL, MS_BIND, NULL))
		return NO_GROUPS;
	if (os_memory_room(&limit, &room) || limit != want_limit || room != want_room)
		return NOT_SEEN;
	return SEEN;
}

static void expect_limit(const char *controllers)
{
	static const char *const files[] = {"groups", "memory/memory.limit_in_bytes",
					    "memory/memory.usage_in_bytes"};
	char folder[] = "/tmp/buddy-platform-XXXXXX", path[400];
	pid_t child;
	int status;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/memory", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(write_groups(folder, controllers) &&
		    write_file(folder, files[1], "67108864\n") &&
		    write_file(folder, files[2], "1048576\n"));
	child = fork();
	if (!child)
		_exit(see_limit(folder, LIMIT, LIMIT - USED));
	status = wait_for(child);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/memory", folder);
	rmdir(path);
	rmdir(folder);
	expect_seen(status);
}

static void the_memory_limit_is_seen_behind_long_names_of_groups(void **state)
{
	(void)state;
	expect_limit("memory");
}

/* Their folder has both names then, and a link for each name leads to it. */
static void the_memory_limit_is_seen_where_controllers_are_mounted_together(void **state)
{
	(void)state;
	expect_limit("memory_of_another,memory,pids");
}

/* The files of two nested groups of version 2, and what is seen in the inner one. */
struct groups_case {
	const char *outer[3], *inner[4]; /* max and current; of the inner one high and stat too */
	u64 limit, room;
};

#define STAT "anon 4711\ninactive_file 4194304\nactive_file 10485760\nslab 4711\n"

static const struct groups_case groups_cases[] = {
	/* No limit anywhere. */
	{{"max\n", "60000000\n"},
	 {"max\n", "50000000\n", "max\n"},
	 OS_UNLIMITED,
	 OS_UNLIMITED},
	/* memory.high is a limit as well. */
	{{"max\n", "60000000\n"},
	 {"134217728\n", "10000000\n", "67108864\n"},
	 67108864,
	 67108864 - 10000000},
	/* Near the limit: page cache counts as room, but for a 32nd of the limit. */
	{{"max\n", "61000000\n"},
	 {"67108864\n", "60000000\n", "max\n", STAT},
	 67108864,
	 67108864 - 60000000 + 4194304 + 10485760 - 67108864 / 32},
	/* The outer group leaves less. */
	{{"50331648\n", "40000000\n"},
	 {"67108864\n", "10000000\n", "max\n"},
	 50331648,
	 50331648 - 40000000},
};

static const char *const groups_files[] = {
	"outer/memory.max",
	"outer/memory.current",
	"outer/inner/memory.max",
	"outer/inner/memory.current",
	"outer/inner/memory.high",
	"outer/inner/memory.stat",
	"groups",
};

static bool write_case(const char *folder, const struct groups_case *c)
{
	const char *const texts[] = {c->outer[0], c->outer[1], c->inner[0],	 c->inner[1],
				     c->inner[2], c->inner[3], "0::/outer/inner\n"};
	bool done = true;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		done &= !texts[i] || write_file(folder, groups_files[i], texts[i]);
	return done;
}

static void remove_case(const char *folder)
{
	static const char *const folders[] = {"/outer/inner", "/outer", ""};
	char path[400];

	for (size_t i = 0; i < sizeof(groups_files) / sizeof(*groups_files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, groups_files[i]);
		unlink(path);
	}
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", folder, folders[i]);
		rmdir(path);
	}
}

static int see_case(const struct groups_case *c)
{
	char folder[] = "/tmp/buddy-platform-XXXXXX", path[400];
	pid_t child;
	int status;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/outer", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	strcat(path, "/inner");
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(write_case(folder, c));
	child = fork();
	if (!child)
		_exit(see_limit(folder, c->limit, c->room));
	status = wait_for(child);
	remove_case(folder);
	return status;
}

static void the_tightest_limit_up_the_tree_is_seen_less_what_files_take(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(groups_cases) / sizeof(*groups_cases); i++)
		expect_seen(see_case(&groups_cases[i]));
}

/* ---- nodes ---- */

#define NODES "/sys/devices/system/node"

static bool write_distances(int node, const char *text)
{
	char folder[64];

	snprintf(folder, sizeof(folder), NODES "/node%d", node);
	return !mkdir(folder, 0700) && write_file(folder, "distance", text);
}

/* In a child with mounts of its own: nodes 0, 2 and 3, whose files have three distances each. */
static int see_distances(void)
{
	struct topology t = {.nr_nodes = 4};

	if (!has_own_mounts() || mount("none", NODES, "tmpfs", 0, NULL) ||
	    !write_distances(0, "10 32 11\n") || !write_distances(2, "32 10 33\n") ||
	    !write_distances(3, "11 33 10\n"))
		return NO_GROUPS;
	topology_read_distances(&t);
	return t.distance[0][0] == 10 && t.distance[0][2] == 32 && t.distance[0][3] == 11 &&
			       t.distance[2][3] == 33 && t.distance[3][0] == 11 &&
			       !t.distance[0][1] && !t.distance[1][0]
		       ? SEEN
		       : NOT_SEEN;
}

static void expect_child_to(int (*see)(void))
{
	pid_t child = fork();

	if (!child)
		_exit(see());
	expect_seen(wait_for(child));
}

static void distances_are_right_where_numbers_of_nodes_have_gaps(void **state)
{
	(void)state;
	expect_child_to(see_distances);
}

/* ---- a memory policy, as the system tells it where there are several nodes ---- */

#ifdef __x86_64__

struct policy_case {
	u32 allowed; /* nodes */
	int mode;
	u32 nodes; /* as the program gave them */
	u32 has_memory, strict;
	bool placed;
};

#define NODES_2_3 (1u << 2 | 1u << 3)

static const struct policy_case policy_cases[] = {
	{NODES_2_3, MPOL_DEFAULT, 0, NODES_2_3, 0, false},
	{NODES_2_3, MPOL_LOCAL, 0, NODES_2_3, 0, false},
	{NODES_2_3, MPOL_BIND, 1u << 3, 1u << 3, 1u << 3, false},
	{NODES_2_3, MPOL_INTERLEAVE, NODES_2_3, NODES_2_3, 0, true},
	/* Node 1 is not allowed now, but was when the policy was set, or will be. */
	{NODES_2_3, MPOL_BIND | MPOL_F_STATIC_NODES, 1u << 1 | 1u << 3, 1u << 3, 1u << 3, false},
	/* The second of those that are allowed. */
	{NODES_2_3, MPOL_BIND | MPOL_F_RELATIVE_NODES, 1u << 1, NODES_2_3, 0, true},
	{0xe, MPOL_BIND | MPOL_F_RELATIVE_NODES, 1u << 1, 0xe, 0, true},
};

static const struct policy_case *policy;

typedef void answer_fn(int sig, siginfo_t *info, void *context);

/* In a child: the calls that a filter traps are answered by this program. */
static bool enter_filter(struct sock_filter *code, unsigned short length, answer_fn *answer)
{
	struct sigaction sa = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO};
	struct sock_fprog program = {.filter = code, .len = length};

	return !sigaction(SIGSYS, &sa, NULL) && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void answer_for_system(int sig, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	bool wants_allowed = regs[REG_R8] & MPOL_F_MEMS_ALLOWED;

	(void)sig;
	(void)info;
	if (regs[REG_RDI])
		*(int *)regs[REG_RDI] = policy->mode;
	*(u64 *)regs[REG_RSI] = wants_allowed ? policy->allowed : policy->nodes;
	regs[REG_RAX] = 0;
}

static bool answer_for_policy(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_get_mempolicy, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return enter_filter(code, sizeof(code) / sizeof(*code), answer_for_system);
}

static int see_policies(void)
{
	struct topology t;

	if (!answer_for_policy())
		return NO_GROUPS;
	for (size_t i = 0; i < sizeof(policy_cases) / sizeof(*policy_cases); i++) {
		policy = &policy_cases[i];
		topology_probe(&t);
		if (t.has_memory != policy->has_memory || t.strict != policy->strict ||
		    t.placed != policy->placed) {
			fprintf(stderr, "policy %zu: nodes %#x, strict %#x, placed %d\n", i,
				t.has_memory, t.strict, t.placed);
			return NOT_SEEN;
		}
	}
	return SEEN;
}

static void a_memory_policy_is_respected_whatever_its_node_numbers_mean(void **state)
{
	(void)state;
	expect_child_to(see_policies);
}

static void map_anywhere(int sig, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	regs[REG_RAX] = syscall(SYS_mmap, 0, regs[REG_RSI], regs[REG_RDX], regs[REG_R10],
				regs[REG_R8], regs[REG_R9]);
}

/* The system maps where it likes, unless it is told that no other place will do. */
static int map_without_hints(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_FIXED | MAP_FIXED_NOREPLACE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	char *room = vm_map(PAGES * OS_PAGE), *p = room + PAGES / 2 * OS_PAGE;

	/* Free but for its last page; what may lie anywhere lies at its end. */
	vm_unmap(room, (PAGES - 1) * OS_PAGE);
	if (!enter_filter(code, sizeof(code) / sizeof(*code), map_anywhere))
		return NO_GROUPS;
	if (mmap(p, OS_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == p)
		return NOT_SEEN;
	return vm_map_at(p, OS_PAGE) == 0 && vm_map_at(p - OS_PAGE, 2 * OS_PAGE) == -EEXIST
		       ? SEEN
		       : NOT_SEEN;
}

static void where_hints_are_not_followed_places_are_demanded(void **state)
{
	(void)state;
	expect_child_to(map_without_hints);
}

#else

static void where_hints_are_not_followed_places_are_demanded(void **state)
{
	(void)state;
	skip(); /* the registers of x86-64 are known here */
}

static void a_memory_policy_is_respected_whatever_its_node_numbers_mean(void **state)
{
	(void)state;
	skip();
}

#endif

/* How many more pages are resident with @nr pages mapped as @flags says. */
static u64 resident_more(int flags, size_t nr)
{
	u64 before = os_resident_pages(), after;
	char *p = mmap(NULL, nr * OS_PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	memset(p, 1, nr * OS_PAGE);
	after = os_resident_pages();
	munmap(p, nr * OS_PAGE);
	return after > before ? after - before : 0;
}

/* The system's counts are exact to some 64 pages for each CPU. */
static void pages_of_files_are_not_the_heaps(void **state)
{
	(void)state;
	assert_true(os_resident_pages() > 0);
	assert_true(resident_more(MAP_PRIVATE, 8 * PAGES) > 6 * PAGES);
	assert_true(resident_more(MAP_SHARED, 8 * PAGES) < 2 * PAGES);
}

/* ---- forks ---- */

static int times_registered;
static sigset_t blocked_meanwhile;

/* In place of the C library's, which takes a lock that fork() takes as well. */
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	(void)prepare, (void)parent, (void)child;
	times_registered++;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked_meanwhile);
	return ENOMEM;
}

static void no_handler_can_fork_while_the_fork_handler_is_registered(void **state)
{
	sigset_t before, after;

	(void)state;
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	assert_int_equal(os_at_fork_child((void (*)(void))abort), -ENOMEM);
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	assert_int_equal(times_registered, 1);
	assert_true(sigismember(&blocked_meanwhile, SIGALRM));
	assert_memory_equal(&before, &after, 8);
	assert_false(sigismember(&after, SIGALRM));
}

/* ---- stderr ---- */

static volatile sig_atomic_t pipe_signals;

static void count_signal(int signo)
{
	(void)signo;
	pipe_signals++;
}

static void a_pipe_without_a_reader_raises_no_signal(void **state)
{
	sigset_t pending;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	pipe_signals = 0;
	signal(SIGPIPE, count_signal);
	errno = 4711;
	os_write_fd(fds[1], "text", 4);
	assert_int_equal(errno, 4711);
	assert_int_equal(pipe_signals, 0);
	sigpending(&pending);
	assert_false(sigismember(&pending, SIGPIPE));
	/* The program's own write does raise it. */
	assert_int_equal(write(fds[1], "text", 4), -1);
	assert_int_equal(pipe_signals, 1);
	signal(SIGPIPE, SIG_DFL);
	close(fds[1]);
}

/* A SIGPIPE that was pending, since the program blocks it, is the program's. */
static void a_signal_of_a_pipe_that_was_pending_stays_so(void **state)
{
	sigset_t set, old, pending;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
	assert_int_equal(write(fds[1], "text", 4), -1);
	os_write_fd(fds[1], "text", 4);
	sigpending(&pending);
	assert_true(sigismember(&pending, SIGPIPE));
	sigtimedwait(&set, NULL, &(struct timespec){.tv_sec = 0});
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(fds[1]);
}

enum { PIPED = 200000 }; /* a pipe holds 65536 */

/* The other end is read late and in small pieces. */
static void *read_slowly(void *arg)
{
	char buf[5000];
	size_t all = 0;
	ssize_t n;

	usleep(50000);
	while ((n = read(*(int *)arg, buf, sizeof(buf))) > 0)
		all += (size_t)n;
	return (void *)all;
}

static void a_full_pipe_that_does_not_block_is_waited_for(void **state)
{
	static char text[PIPED];
	pthread_t reader;
	void *all;
	int fds[2];

	(void)state;
	memset(text, 'x', PIPED);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pthread_create(&reader, NULL, read_slowly, &fds[0]), 0);
	os_write_fd(fds[1], text, PIPED);
	close(fds[1]);
	pthread_join(reader, &all);
	close(fds[0]);
	assert_int_equal((size_t)all, PIPED);
}

/* The program that writes may be the one that should read. */
static void a_full_pipe_that_nobody_empties_is_given_up(void **state)
{
	static char text[PIPED];
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	os_write_fd(fds[1], text, PIPED); /* returns all the same */
	close(fds[0]);
	close(fds[1]);
}

/* May a report go to a file that is open for reading too? */
static int file_is_ours(bool from_the_start)
{
	char name[] = "/tmp/unit_platform.XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	if (from_the_start)
		dup2(fd, 2);
	os_note_stderr();
	dup2(fd, 2);
	close(fd);
	return os_stderr_is_ours();
}

static void a_file_is_stderr_if_it_was_at_the_start(void **state)
{
	int was = dup(2), ours, theirs;

	(void)state;
	ours = file_is_ours(true);
	dup2(was, 2);
	theirs = file_is_ours(false);
	dup2(was, 2);
	close(was);
	os_note_stderr();
	assert_true(ours);
	assert_false(theirs);
}

/* It may be a log that was begun anew; a file that is open for reading too may be a database. */
static void a_file_in_place_of_stderr_counts_if_it_is_for_writing_only(void **state)
{
	static const int modes[] = {O_WRONLY, O_RDWR};
	bool ours[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		char name[] = "/tmp/unit_platform.XXXXXX";
		int was = dup(2), file;

		close(mkstemp(name));
		file = open(name, modes[i]);
		unlink(name);
		os_note_stderr();
		dup2(file, 2);
		ours[i] = os_stderr_is_ours();
		dup2(was, 2);
		close(was);
		close(file);
	}
	assert_true(ours[0]);
	assert_false(ours[1]);
}

enum { LONG_TEXT = 200000 };
static char long_text[LONG_TEXT], read_text[LONG_TEXT];

static void *read_text_from(void *fd)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(*(int *)fd, read_text + len, LONG_TEXT - len)) > 0)
		len += (size_t)n;
	return NULL;
}

static void a_text_that_goes_into_a_pipe_by_pieces_arrives_as_it_is(void **state)
{
	pthread_t reader;
	int fds[2];

	(void)state;
	for (int i = 0; i < LONG_TEXT; i++)
		long_text[i] = (char)(i % 251);
	assert_int_equal(pipe(fds), 0);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	assert_int_equal(pthread_create(&reader, NULL, read_text_from, &fds[0]), 0);
	os_write_fd(fds[1], long_text, LONG_TEXT);
	close(fds[1]);
	pthread_join(reader, NULL);
	close(fds[0]);
	assert_memory_equal(read_text, long_text, LONG_TEXT);
}

static void what_comes_to_a_closed_descriptor_is_no_stderr(void **state)
{
	char name[] = "/tmp/unit_platform.XXXXXX";
	int was = dup(2), file = mkstemp(name), closed_at_start, connection, fds[2];
	int closed, device;

	(void)state;
	assert_true(file >= 0);
	close(file);
	close(2);
	os_note_stderr();
	closed = os_stderr_is_ours();
	assert_int_equal(open(name, O_WRONLY), 2);
	unlink(name);
	closed_at_start = os_stderr_is_ours();
	close(2);
	/* A terminal is always one, and so are other devices. */
	assert_int_equal(open("/dev/null", O_RDWR), 2);
	device = os_stderr_is_ours();
	dup2(was, 2);
	os_note_stderr();
	close(2);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	dup2(fds[0], 2);
	connection = os_stderr_is_ours();
	dup2(was, 2);
	close(was);
	close(fds[1]);
	os_note_stderr();
	assert_false(closed);
	assert_true(device);
	assert_false(closed_at_start);
	assert_false(connection);
}

/* ---- threads ---- */

static sigset_t masks[2];
static int pipe_of_thread[2];

static void *tell_mask(void *unused)
{
	pthread_sigmask(SIG_SETMASK, NULL, &masks[1]);
	return write(pipe_of_thread[1], "", 1) == 1 ? unused : NULL;
}

/* Handlers of the program's signals expect to run in its own threads. */
static void a_thread_of_ours_takes_no_signal_of_the_program(void **state)
{
	char byte;

	(void)state;
	assert_int_equal(pipe(pipe_of_thread), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &masks[0]);
	assert_int_equal(os_thread_start(tell_mask, "ours", false), 0);
	assert_int_equal(read(pipe_of_thread[0], &byte, 1), 1);
	for (int signo = 1; signo <= SIGRTMAX; signo++) {
		bool is_libcs = signo >= 32 && signo < SIGRTMIN;

		if (signo != SIGKILL && signo != SIGSTOP && !is_libcs)
			assert_int_equal(sigismember(&masks[1], signo), 1);
	}
	/* The thread that starts it has the mask that it had. */
	pthread_sigmask(SIG_SETMASK, NULL, &masks[1]);
	for (int signo = 1; signo <= SIGRTMAX; signo++)
		assert_int_equal(sigismember(&masks[1], signo), sigismember(&masks[0], signo));
	close(pipe_of_thread[0]);
	close(pipe_of_thread[1]);
}

/* ---- signal handlers ---- */

static volatile bool in_handler;

static void ask(int signo)
{
	(void)signo;
	in_handler = os_in_handler();
}

/* Ask with 32 KiB of variables between here and the handler's frame. */
static noinline void ask_far_below(int signo)
{
	char much[32 * 1024];

	memset(much, 0, sizeof(much));
	ask(signo);
	assert_int_equal(much[signo], 0);
}

static void interrupt(void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	in_handler = false;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
}

static void *ask_in_thread(void *unused)
{
	(void)unused;
	return os_in_handler() ? (void *)1 : NULL;
}

static void a_signal_handler_is_known(void **state)
{
	(void)state;
	interrupt(ask, 0);
	assert_true(in_handler);
	interrupt(ask, SA_NODEFER | SA_RESETHAND | SA_SIGINFO);
	assert_true(in_handler);
	interrupt(ask_far_below, 0);
	assert_true(in_handler);
}

static void a_signal_handler_on_a_stack_of_its_own_is_known(void **state)
{
	stack_t stack = {.ss_size = 128 * 1024}, none = {.ss_flags = SS_DISABLE};

	(void)state;
	stack.ss_sp = malloc(stack.ss_size);
	assert_non_null(stack.ss_sp);
	assert_int_equal(sigaltstack(&stack, NULL), 0);
	interrupt(ask, SA_ONSTACK);
	sigaltstack(&none, NULL);
	free(stack.ss_sp);
	assert_true(in_handler);
}

static void the_memory_of_a_child_is_its_own_unless_vfork_made_it(void **state)
{
	pid_t child;
	int status;

	(void)state;
	if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 0, 0))
		skip();
	child = fork();
	if (!child)
		_exit(os_memory_is_borrowed());
	status = wait_for(child);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	child = vfork();
	if (!child)
		_exit(os_memory_is_borrowed());
	status = wait_for(child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status));
}

static __thread int own;

static void *see_first(void *where)
{
	return (char *)&own + os_to_first_thread() == where ? NULL : where;
}

static void where_the_first_thread_has_its_variables_is_known_in_others(void **state)
{
	pthread_t thread;
	void *other;

	(void)state;
	assert_int_equal(os_to_first_thread(), 0);
	assert_int_equal(pthread_create(&thread, NULL, see_first, &own), 0);
	assert_int_equal(pthread_join(thread, &other), 0);
	assert_null(other);
}

/* The search goes up to the end of the stack, beyond which nothing can be read. */
static void a_thread_outside_a_handler_is_known(void **state)
{
	pthread_t thread;
	void *is;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, ask_in_thread, NULL), 0);
	assert_int_equal(pthread_join(thread, &is), 0);
	assert_null(is);
	in_handler = true;
	ask(0);
	assert_false(in_handler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First, since what was mapped before shows that hints are followed. */
		cmocka_unit_test(where_hints_are_not_followed_places_are_demanded),
		cmocka_unit_test(a_place_that_is_taken_is_not_mapped_over),
		cmocka_unit_test(what_is_discarded_reads_as_zero),
		cmocka_unit_test(pages_of_files_are_not_the_heaps),
		cmocka_unit_test(no_handler_can_fork_while_the_fork_handler_is_registered),
		cmocka_unit_test(a_pipe_without_a_reader_raises_no_signal),
		cmocka_unit_test(a_full_pipe_that_does_not_block_is_waited_for),
		cmocka_unit_test(a_full_pipe_that_nobody_empties_is_given_up),
		cmocka_unit_test(a_signal_of_a_pipe_that_was_pending_stays_so),
		cmocka_unit_test(a_thread_of_ours_takes_no_signal_of_the_program),
		cmocka_unit_test(a_file_is_stderr_if_it_was_at_the_start),
		cmocka_unit_test(what_comes_to_a_closed_descriptor_is_no_stderr),
		cmocka_unit_test(a_file_in_place_of_stderr_counts_if_it_is_for_writing_only),
		cmocka_unit_test(a_text_that_goes_into_a_pipe_by_pieces_arrives_as_it_is),
		cmocka_unit_test(a_thread_outside_a_handler_is_known),
		cmocka_unit_test(where_the_first_thread_has_its_variables_is_known_in_others),
		cmocka_unit_test(the_memory_of_a_child_is_its_own_unless_vfork_made_it),
		cmocka_unit_test(a_signal_handler_is_known),
		cmocka_unit_test(a_signal_handler_on_a_stack_of_its_own_is_known),
		cmocka_unit_test(what_is_locked_is_not_discarded),
		cmocka_unit_test(where_a_mapping_may_not_be_split_its_memory_goes_back),
		cmocka_unit_test(resident_pages_are_those_that_were_touched),
		cmocka_unit_test(without_a_file_descriptor_the_memory_limit_cannot_be_told),
		cmocka_unit_test(the_memory_limit_is_seen_behind_long_names_of_groups),
		cmocka_unit_test(the_memory_limit_is_seen_where_controllers_are_mounted_together),
		cmocka_unit_test(the_tightest_limit_up_the_tree_is_seen_less_what_files_take),
		cmocka_unit_test(distances_are_right_where_numbers_of_nodes_have_gaps),
		cmocka_unit_test(a_memory_policy_is_respected_whatever_its_node_numbers_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
