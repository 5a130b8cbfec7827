/*
 * listener_at_start.c - a munmap() of the program's own that allocates, called while libbuddy
 * starts
 *
 * The addresses that libbuddy wants first are taken, so it maps others and unmaps them again.  In a
 * child, since the start blocks all signals, SIGALRM among them.
 *
 *   listener_at_start untrue    madvise says yes to all, so the page of the fork cookie goes back
 *                               at once: the listener does not hear of that
 */
#include "life.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_GIB = 64, LAST_GIB = 300, SECONDS = 10 };

static volatile unsigned int calls;

int munmap(void *addr, size_t len)
{
	calls++;
	free(keep(malloc(100)));
	return (int)syscall(SYS_munmap, addr, len);
}

static void occupy(void)
{
	for (size_t gib = FIRST_GIB; gib < LAST_GIB; gib++)
		mmap((void *)(gib << 30), (size_t)1 << 30, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
}

static _Noreturn void child(void)
{
	void *p;

	occupy();
	p = malloc(10000);
	CHECK(p, "no memory");
	if (!calls)
		skip("libbuddy had started, or found a place at once");
	free(p);
	ordinary_use_alone(1 << 20);
	verify("after a start with a listener");
	_exit(0);
}

static _Noreturn void untrue_child(void)
{
	static const int call = SYS_madvise;

	refuse_calls(&call, 1, 0);
	free(keep(malloc(10000)));
	CHECK(!calls, "the start was heard of");
	_exit(0);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0, "waitid");
	return info.si_pid == pid;
}

int main(int argc, char **argv)
{
	pid_t pid = fork();

	if (pid == 0 && argc == 2 && strcmp(argv[1], "untrue") == 0)
		untrue_child();
	if (pid == 0)
		child();
	for (int ms = 0; !has_ended(pid); ms += 10) {
		if (ms > SECONDS * 1000)
			kill(pid, SIGKILL);
		usleep(10000);
	}
	expect_success(pid, "a program with a listener");
	return 0;
}
