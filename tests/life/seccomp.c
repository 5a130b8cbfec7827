/*
 * seccomp.c - a program whose seccomp filter refuses system calls that an allocator makes
 *
 * seccomp start	mbind, get_mempolicy, madvise and membarrier give EPERM from the start
 * seccomp late		the same, but from the middle of a program with threads
 * seccomp strict	ENOSYS, and for more calls: memory policy, mremap, prctl, getcpu, affinity
 * seccomp threads	tgkill and sched_getscheduler give EPERM, as in tor; threads in a row
 * seccomp untrue	madvise gives 0 and does nothing, as in qemu-user; forks
 * seccomp flags	all flags of mmap that are newer than many filters end the program
 * seccomp forked	a forked child is ended by all calls but those that README names for it
 * seccomp locked	a heap that has become large ends at all but what README names: no thread
 * seccomp no_files	no thread where openat gives EPERM and prctl ends the program
 * seccomp service	all that systemd's @system-service lacks, and @resources, end the program
 * seccomp service_late	the same, but from the middle of a program
 * seccomp inherited	a filter that was there at the start: a large heap has a thread
 */
#include "life.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS_IN_A_ROW = 3000, BLOCKS = 16, FORKS = 50, CHILD_SECONDS = 60, SPARSE = 100 << 20 };

static const int usual_calls[] = {SYS_mbind, SYS_get_mempolicy, SYS_madvise, SYS_membarrier};

static const int strict_calls[] = {
	SYS_mbind,	SYS_get_mempolicy, SYS_set_mempolicy,	  SYS_migrate_pages,
	SYS_move_pages, SYS_madvise,	   SYS_membarrier,	  SYS_mremap,
	SYS_prctl,	SYS_getcpu,	   SYS_sched_getaffinity, SYS_rseq,
	SYS_mincore};

static void expect_refused(int error)
{
	CHECK(madvise(NULL, 0, MADV_NORMAL) == -1 && errno == error, "madvise is not refused");
}

static void inside(void)
{
	pid_t child;

	ordinary_use(128 << 20);
	child = fork();
	if (child == 0) {
		ordinary_use(16 << 20);
		_exit(0);
	}
	expect_success(child, "a child under the filter");
}

static void *wait_at(void *argument)
{
	pthread_barrier_wait(argument);
	ordinary_use_alone(16 << 20);
	pthread_barrier_wait(argument);
	ordinary_use_alone(16 << 20);
	return NULL;
}

static void run_late(void)
{
	pthread_barrier_t barrier;
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	CHECK(pthread_create(&thread, NULL, wait_at, &barrier) == 0, "no thread");
	pthread_barrier_wait(&barrier);
	ordinary_use(128 << 20);
	refuse_calls(usual_calls, sizeof(usual_calls) / sizeof(*usual_calls), EPERM);
	expect_refused(EPERM);
	pthread_barrier_wait(&barrier);
	inside();
	pthread_join(thread, NULL);
}

static void *use_malloc(void *unused)
{
	free(keep(malloc(100)));
	return unused;
}

static void run_threads(int count)
{
	pthread_t thread;

	while (count--) {
		CHECK(pthread_create(&thread, NULL, use_malloc, NULL) == 0, "no thread");
		pthread_join(thread, NULL);
	}
}

/* libbuddy finds threads that are gone by tgkill or their clocks: others may have their memory. */
static void without_tgkill(void)
{
	static const int calls[] = {SYS_tgkill, SYS_sched_getscheduler};
	size_t before;

	run_threads(10);
	refuse_calls(calls, sizeof(calls) / sizeof(*calls), EPERM);
	CHECK(syscall(SYS_tgkill, getpid(), getpid(), 0) == -1, "tgkill is not refused");
	run_threads(10);
	before = resident_kib();
	run_threads(THREADS_IN_A_ROW);
	CHECK(resident_kib() < before + THREADS_IN_A_ROW,
	      "%zu KiB resident after %d threads, were %zu", resident_kib(), THREADS_IN_A_ROW,
	      before);
}

/* Holds a lock most of the time. */
static void *churn(void *unused)
{
	static void *block[BLOCKS];
	unsigned int random = 1;

	for (;;) {
		void **p = &block[(random = random * 1103515245 + 12345) >> 16 & (BLOCKS - 1)];

		free(*p);
		*p = malloc(40000 + (random >> 8) % 400000);
	}
	return unused;
}

/* Forked while a thread has locks and blocks in hand, the child has to notice that it is one. */
static _Noreturn void fork_beside_a_thread(void)
{
	pthread_t thread;

	CHECK(madvise(NULL, 1, -1) == 0, "madvise does not say yes to all");
	CHECK(pthread_create(&thread, NULL, churn, NULL) == 0, "no thread");
	ordinary_use_alone(16 << 20);
	for (int i = 0; i < FORKS; i++) {
		pid_t child = fork();

		if (child == 0) {
			alarm(CHILD_SECONDS);
			free(keep(malloc(300000)));
			verify("in a child");
			_exit(0);
		}
		expect_success(child, "a child where madvise does nothing");
	}
	_exit(0);
}

#define OLD_FLAGS                                                                                  \
	(MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE | MAP_FIXED |        \
	 MAP_DENYWRITE)

/* As in the sandbox of Qt WebEngine 5.  It is the low half of the argument that is looked at. */
static void live_with_old_flags(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned int)~OLD_FLAGS, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};

	if (!try_to_enter_filter(code, sizeof(code) / sizeof(*code)))
		skip("no seccomp filter: errno %d", errno);
	inside();
}

/* What glibc's malloc calls itself, what README adds for a forked child, and the test's own. */
static const int child_calls[] = {
	SYS_mmap,      SYS_munmap, SYS_mremap, SYS_mprotect, SYS_brk,
	SYS_madvise,   SYS_futex,  SYS_getpid, SYS_gettid,   SYS_rt_sigprocmask,
	SYS_exit_group, SYS_write, SYS_clock_gettime};

/* Of the heap's 4 MiB, with slow paths enough that the child looks whether it needs a thread. */
static void use_slow_paths(void)
{
	for (int i = 0; i < 1000; i++)
		free(keep(malloc((size_t)40000 + (size_t)(i % 16) * 4096)));
}

static void fork_and_filter(const char *what)
{
	pid_t child = fork();
	int status;

	CHECK(child >= 0, "no child");
	if (child == 0) {
		if (!try_to_end_at_other_calls(child_calls,
					       sizeof(child_calls) / sizeof(*child_calls)))
			_exit(77);
		use_slow_paths();
		_exit(0);
	}
	status = wait_for(child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip("no seccomp filter");
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %#x", what, status);
}

static void fork_into_a_filter(void)
{
	use_slow_paths();
	fork_and_filter("a child of a program with one thread");
	run_threads(1);
	fork_and_filter("a child of a program with several");
}

/* What glibc's malloc calls itself, what README adds for a large heap, and the test's own. */
static const int locked_calls[] = {SYS_mmap,	SYS_munmap, SYS_mremap,	    SYS_mprotect,
				   SYS_brk,	SYS_madvise, SYS_futex,	    SYS_openat,
				   SYS_read,	SYS_close,  SYS_exit_group, SYS_write,
				   SYS_clock_gettime};

static void lock_in(void)
{
	free(keep(malloc(100)));
	if (!try_to_end_at_other_calls(locked_calls, sizeof(locked_calls) / sizeof(*locked_calls)))
		skip("no seccomp filter");
	for (int i = 0; i < 3; i++)
		fill_and_free();
}

static void expect_threads_of_a_large_heap(unsigned int nr)
{
	fill_and_free();
	CHECK(count_threads() == nr, "%u threads, not %u", count_threads(), nr);
}

static void lock_in_without_files(void)
{
	static const int refused = SYS_openat, ends = SYS_prctl;

	free(keep(malloc(100)));
	refuse_calls(&refused, 1, EPERM);
	if (!try_to_end_at_calls(&ends, 1))
		skip("no seccomp filter");
	expect_threads_of_a_large_heap(1);
}

/*
 * The service file of redis allows @system-service without @resources.  Of what an allocator may
 * call, this is what that lacks.
 */
static const int not_of_services[] = {SYS_mincore, SYS_mbind, SYS_set_mempolicy,
				      SYS_set_mempolicy_home_node, SYS_migrate_pages,
				      SYS_move_pages, SYS_sched_setaffinity};

static void enter_filter_of_services(void)
{
	if (!try_to_end_at_calls(not_of_services,
				 sizeof(not_of_services) / sizeof(*not_of_services)))
		skip("no seccomp filter");
}

static void serve_in_a_filter(void)
{
	for (int round = 0; round < 4; round++) {
		char *block = keep(malloc(SPARSE));
		size_t before = resident_kib();

		block[SPARSE / 2] = 1;
		free(block);
		block = keep(calloc(1, SPARSE));
		CHECK(block && !block[SPARSE / 2], "calloc's memory is not zero");
		CHECK(resident_kib() < before + SPARSE / 1024 / 2, "%zu KiB resident, were %zu",
		      resident_kib(), before);
		free(block);
		inside();
	}
}

static void serve_late(void)
{
	ordinary_use(64 << 20);
	enter_filter_of_services();
	serve_in_a_filter();
}

static void start_in_a_filter(void)
{
	expect_threads_of_a_large_heap(2);
}

/* Those that set their filter themselves, once libbuddy has started, or run inside of one. */
static const struct {
	const char *how;
	void (*run)(void);
} modes[] = {
	{"late", run_late},
	{"threads", without_tgkill},
	{"untrue_inside", fork_beside_a_thread},
	{"flags", live_with_old_flags},
	{"forked", fork_into_a_filter},
	{"locked", lock_in},
	{"no_files", lock_in_without_files},
	{"service_inside", serve_in_a_filter},
	{"service_late", serve_late},
	{"inherited_inside", start_in_a_filter},
};

/* Those whose filter is there before libbuddy is. */
static void run_again_in_a_filter(const char *path, const char *how)
{
	static const int discard = SYS_madvise, any = SYS_kcmp;

	if (strcmp(how, "start") == 0) {
		refuse_calls(usual_calls, sizeof(usual_calls) / sizeof(*usual_calls), EPERM);
		run_again(path, "inside", "EPERM");
	}
	if (strcmp(how, "strict") == 0) {
		refuse_calls(strict_calls, sizeof(strict_calls) / sizeof(*strict_calls), ENOSYS);
		run_again(path, "inside", "ENOSYS");
	}
	if (strcmp(how, "untrue") == 0) {
		refuse_calls(&discard, 1, 0);
		run_again(path, "untrue_inside", "");
	}
	if (strcmp(how, "service") == 0) {
		enter_filter_of_services();
		run_again(path, "service_inside", "");
	}
	if (strcmp(how, "inherited") == 0) {
		refuse_calls(&any, 1, EPERM);
		run_again(path, "inherited_inside", "");
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	require_libbuddy();
	run_again_in_a_filter(argv[0], how);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (strcmp(how, modes[i].how) == 0) {
			modes[i].run();
			return 0;
		}
	}
	CHECK(strcmp(how, "inside") == 0 && argc == 3,
	      "usage: seccomp start|late|strict|threads|untrue|flags|forked|locked|no_files|"
	      "service|service_late|inherited");
	expect_refused(strcmp(argv[2], "EPERM") == 0 ? EPERM : ENOSYS);
	inside();
	return 0;
}
