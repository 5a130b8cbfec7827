/*
 * locked_memory.c - mlockall must lock what is used, not what is reserved
 *
 * locked_memory unlimited	as root, or with an unlimited RLIMIT_MEMLOCK
 * locked_memory limited	without privilege, under a large RLIMIT_MEMLOCK
 *
 * With glibc a small program locks a few MiB.  With MCL_FUTURE, and with MCL_CURRENT for what is
 * mapped already, the kernel makes every writable page resident: a large writable reservation would
 * take all of the machine's memory.  So a parent watches and kills at a bound, and the kernel is
 * told to kill the child first if memory runs out.
 */
#include "life.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	NOBODY = 65534,
	LOCK_LIMIT_MIB = 4096,
	KILL_AT_KIB = 1 << 20,
	USED_MIB = 32,
	OVERHEAD_KIB = 200 << 10, /* allowed beyond what is used; glibc has about 5 MiB */
};

static void be_first_to_die(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		ssize_t ignored = write(fd, "1000", 4);

		(void)ignored;
		close(fd);
	}
}

static void drop_to_limit(void)
{
	struct rlimit limit = {.rlim_cur = (rlim_t)LOCK_LIMIT_MIB << 20,
			       .rlim_max = (rlim_t)LOCK_LIMIT_MIB << 20};

	if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		skip("RLIMIT_MEMLOCK cannot be raised to %d MiB", LOCK_LIMIT_MIB);
	if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
		skip("cannot become nobody");
}

static void drop_nothing(void)
{
	struct rlimit limit;

	CHECK(getrlimit(RLIMIT_MEMLOCK, &limit) == 0, "getrlimit");
	if (geteuid() != 0 && limit.rlim_cur != RLIM_INFINITY)
		skip("locked memory is limited to %lu bytes", (unsigned long)limit.rlim_cur);
}

/* Also small blocks: a heap that takes memory in chunks locks whole chunks. */
static void use_locked(int megabytes)
{
	static char *blocks[USED_MIB];

	for (int i = 0; i < megabytes; i++) {
		blocks[i] = malloc(1 << 20);
		CHECK(blocks[i], "malloc of locked memory gave NULL");
		memset(blocks[i], 1, 1 << 20);
	}
	for (int i = 0; i < megabytes; i++)
		free(blocks[i]);
	ordinary_use((size_t)USED_MIB << 20);
}

static _Noreturn void child_main(bool limited, bool malloc_first)
{
	size_t before;

	be_first_to_die();
	if (limited)
		drop_to_limit();
	else
		drop_nothing();
	if (malloc_first)
		free(keep(malloc(100000)));
	before = resident_kib();
	CHECK(mlockall(MCL_CURRENT | MCL_FUTURE) == 0, "mlockall: errno %d", errno);
	use_locked(USED_MIB);
	/* As nobody the program may not be able to read /proc/self; the parent watches anyway. */
	if (before)
		CHECK(resident_kib() < before + ((size_t)USED_MIB << 11) + OVERHEAD_KIB,
		      "%zu KiB resident with %d MiB in use", resident_kib(), USED_MIB);
	_exit(0);
}

/* statm, not smaps: reading it takes no walk over a heap that may be growing fast. */
static size_t quick_resident_kib(pid_t pid)
{
	char path[64], text[128];
	unsigned long total, resident = 0;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	sscanf(text, "%lu %lu", &total, &resident);
	return resident * 4;
}

static void run(bool limited, bool malloc_first)
{
	const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
	pid_t child = fork();
	siginfo_t info;

	if (child == 0)
		child_main(limited, malloc_first);
	CHECK(child > 0, "fork");
	for (;;) {
		info.si_pid = 0;
		CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0,
		      "waitid");
		if (info.si_pid)
			break;
		if (quick_resident_kib(child) > KILL_AT_KIB) {
			kill(child, SIGKILL);
			CHECK(false, "mlockall blew memory up beyond %d MiB", KILL_AT_KIB >> 10);
		}
		nanosleep(&pause, NULL);
	}
	expect_success(child, malloc_first ? "mlockall after malloc" : "mlockall at once");
}

int main(int argc, char **argv)
{
	bool limited = argc > 1 && strcmp(argv[1], "limited") == 0;

	require_libbuddy();
	run(limited, /* malloc_first= */ true);
	run(limited, /* malloc_first= */ false);
	return 0;
}
