/* SPDX-License-Identifier: MIT */
/*
 * step.c - a function called before every instruction of another, by the trap flag of the CPU
 */
#define _GNU_SOURCE
#include "step.h"
#include <signal.h>
#include <stdbool.h>
#include <ucontext.h>

static __thread u64 number;
static __thread bool stop;
static void (*before_instruction)(u64 number);

#ifdef __x86_64__

#define TRAP_FLAG 0x100

static void trapped(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	before_instruction(++number);
	if (stop)
		uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

static void catch_traps(void)
{
	/* SA_NODEFER: the function that is called may start a thread that steps as well. */
	struct sigaction sa = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGTRAP, &sa, NULL);
}

/* Pushes below the red zone of the function that this is inlined into. */
static void set_trap_flag(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq;"
			 "lea 128(%%rsp), %%rsp" ::
				 : "memory", "cc");
}

static void clear_trap_flag(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); popfq;"
			 "lea 128(%%rsp), %%rsp" ::
				 : "memory", "cc");
}

#else

static void catch_traps(void)
{
}

static void set_trap_flag(void)
{
}

static void clear_trap_flag(void)
{
}

#endif

bool step_can(void)
{
#ifdef __x86_64__
	return true;
#else
	return false;
#endif
}

void step_through(void (*fn)(void), void (*before)(u64 number))
{
	before_instruction = before;
	number = 0;
	stop = false;
	catch_traps();
	set_trap_flag();
	fn();
	clear_trap_flag();
}

void step_stop(void)
{
	stop = true;	   /* if called in the handler */
	clear_trap_flag(); /* if called outside */
}
