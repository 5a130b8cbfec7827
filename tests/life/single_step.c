/*
 * single_step.c - a debugger that steps through malloc and free comes to their end
 *
 * Each step interrupts, and a restartable sequence that is interrupted starts over.
 */
#include "life.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 4, MAX_STEPS = 500000 };

static void *(*operator_new)(size_t);

/* Every kind of hit: both tables of malloc, operator new, and a call that knows its class. */
static void use_malloc(void)
{
	void *blocks[4] = {malloc(100), malloc(5000), operator_new(100), NULL};

	CHECK(posix_memalign(&blocks[3], 64, 100) == 0, "posix_memalign");
	for (int i = 0; i < 4; i++) {
		CHECK(blocks[i], "block %d is NULL", i);
		memset(blocks[i], i, 100);
	}
	for (int i = 0; i < 4; i++)
		free(blocks[i]);
}

static _Noreturn void be_stepped(void)
{
	use_malloc(); /* the work of a new child is done at full speed */
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(77);
	raise(SIGSTOP);
	for (int round = 0; round < ROUNDS; round++)
		use_malloc();
	_exit(0);
}

int main(void)
{
	int status, steps = 0;
	pid_t child;

	require_libbuddy();
	operator_new = (void *(*)(size_t))dlsym(RTLD_DEFAULT, "_Znwm");
	CHECK(operator_new, "no operator new");
	use_malloc();
	child = fork();
	if (!child)
		be_stepped();
	for (status = wait_for(child); WIFSTOPPED(status); status = wait_for(child)) {
		CHECK(WSTOPSIG(status) == (steps ? SIGTRAP : SIGSTOP), "signal %d after %d steps",
		      WSTOPSIG(status), steps);
		if (++steps > MAX_STEPS || ptrace(PTRACE_SINGLESTEP, child, NULL, NULL)) {
			kill(child, SIGKILL);
			CHECK(steps <= MAX_STEPS,
			      "malloc or free does not end when stepped through");
			CHECK(false, "PTRACE_SINGLESTEP: errno %d", errno);
		}
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip("this process may not be traced");
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x after %d steps", status,
	      steps);
	CHECK(steps > 1000, "%d steps cannot be all", steps);
	return 0;
}
