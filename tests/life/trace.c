/*
 * trace.c - a child that does a piece of its work under a tracer
 */
#include "trace.h"

#include "life.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BREAKPOINT 0xcc

struct trace {
	enum { BEFORE, WITHIN, AFTER } phase;
	pid_t thread;			  /* the one between the marks */
	void (*visit)(uintptr_t address); /* NULL: a breakpoint is used */
	uintptr_t address;
	int signal;		 /* sent at the breakpoint, unless there is: */
	bool (*meanwhile)(void); /* called while the thread is held there */
	pid_t held;		 /* 0: none */
	long code;		 /* what the breakpoint replaces */
	bool reached;
};

static pid_t start_traced(void (*body)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(77);
		raise(SIGSTOP);
		body();
		_exit(0);
	}
	status = wait_for(child);
	if (!WIFSTOPPED(status))
		skip("no child can be traced here");
	CHECK(ptrace(PTRACE_SETOPTIONS, child, NULL,
		     PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_EXITKILL) == 0,
	      "PTRACE_SETOPTIONS: errno %d", errno);
	return child;
}

static void do_nothing(void)
{
}

/* Tracer and traced take turns, which takes up to five times as long on two CPUs. */
static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;
	int cpu = sched_getcpu();

	CPU_ZERO(&cpus);
	if (cpu >= 0 && cpu < CPU_SETSIZE) {
		CPU_SET(cpu, &cpus);
		sched_setaffinity(0, sizeof(cpus), &cpus);
	}
}

void trace_required(void)
{
	pid_t child;

	stay_on_one_cpu();
	child = start_traced(do_nothing);

	ptrace(PTRACE_CONT, child, NULL, NULL);
	expect_success(child, "a traced child");
}

/* Let the thread go on: by single steps while it is between the marks of a walk. */
static void go_on(const struct trace *t, pid_t thread, int signal)
{
	bool step = t->visit && t->phase == WITHIN && thread == t->thread;

	ptrace(step ? PTRACE_SINGLESTEP : PTRACE_CONT, thread, NULL, (long)signal);
}

static void poke(pid_t thread, uintptr_t address, long code)
{
	CHECK(ptrace(PTRACE_POKETEXT, thread, address, code) == 0, "cannot write code: errno %d",
	      errno);
}

static void set_breakpoint(struct trace *t)
{
	errno = 0;
	t->code = ptrace(PTRACE_PEEKTEXT, t->thread, t->address, NULL);
	CHECK(errno == 0, "cannot read code: errno %d", errno);
	poke(t->thread, t->address, (t->code & ~0xffl) | BREAKPOINT);
}

/* Whichever thread comes here: take the breakpoint out, and interrupt or hold it right there. */
static bool at_breakpoint(struct trace *t, pid_t thread)
{
	struct user_regs_struct regs;

	if (t->visit || t->phase == BEFORE)
		return false;
	ptrace(PTRACE_GETREGS, thread, NULL, &regs);
	if (regs.rip - 1 != t->address)
		return false;
	regs.rip--;
	ptrace(PTRACE_SETREGS, thread, NULL, &regs);
	poke(thread, t->address, t->code);
	if (t->phase == WITHIN) {
		if (t->meanwhile)
			t->held = thread;
		else
			syscall(SYS_tkill, thread, t->signal);
		t->reached = true;
	}
	t->phase = AFTER;
	return true;
}

static void at_mark(struct trace *t, pid_t thread)
{
	if (t->phase == BEFORE) {
		t->phase = WITHIN;
		t->thread = thread;
		if (!t->visit)
			set_breakpoint(t);
	} else if (t->phase == WITHIN && thread == t->thread) {
		t->phase = AFTER;
		if (!t->visit)
			poke(thread, t->address, t->code);
	}
}

static void at_trap(struct trace *t, pid_t thread)
{
	siginfo_t info;

	ptrace(PTRACE_GETSIGINFO, thread, NULL, &info);
	if (info.si_code == SI_KERNEL) {
		if (!at_breakpoint(t, thread))
			at_mark(t, thread);
	} else if (t->visit && t->phase == WITHIN) {
		t->visit((uintptr_t)ptrace(PTRACE_PEEKUSER, thread,
					   offsetof(struct user_regs_struct, rip), NULL));
	}
	if (thread != t->held)
		go_on(t, thread, 0);
}

/* The next thread that stops or ends, or -1.  A held thread goes on when meanwhile() says so. */
static pid_t wait_for_next(struct trace *t, int *status)
{
	const struct timespec tick = {.tv_nsec = 100000};
	pid_t thread;

	while (t->held) {
		thread = waitpid(-1, status, __WALL | WNOHANG);
		if (thread)
			return thread;
		if (t->meanwhile()) {
			go_on(t, t->held, 0);
			t->held = 0;
		} else {
			nanosleep(&tick, NULL);
		}
	}
	return waitpid(-1, status, __WALL);
}

/* Return: the status of @child, when it and all that it started are gone. */
static int follow(struct trace *t, pid_t child)
{
	int status, result = 0;
	pid_t thread;

	go_on(t, child, 0);
	while ((thread = wait_for_next(t, &status)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (thread == t->thread)
				t->phase = AFTER;
			if (thread == t->held)
				t->held = 0;
			if (thread == child)
				result = status;
		} else if (status >> 16 || WSTOPSIG(status) == SIGSTOP) {
			go_on(t, thread, 0); /* an event of tracing: a new thread or child */
		} else if (WSTOPSIG(status) == SIGTRAP) {
			at_trap(t, thread);
		} else {
			go_on(t, thread, WSTOPSIG(status));
		}
	}
	return result;
}

int trace_walk(void (*body)(void), void (*visit)(uintptr_t address))
{
	struct trace t = {.visit = visit};

	return follow(&t, start_traced(body));
}

int trace_signal(void (*body)(void), uintptr_t address, int signal, bool *reached)
{
	struct trace t = {.address = address, .signal = signal};
	int status = follow(&t, start_traced(body));

	*reached = t.reached;
	return status;
}

int trace_stop(void (*body)(void), uintptr_t address, bool (*meanwhile)(void), bool *reached)
{
	struct trace t = {.address = address, .meanwhile = meanwhile};
	int status = follow(&t, start_traced(body));

	*reached = t.reached;
	return status;
}
