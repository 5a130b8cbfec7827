/*
 * trace.h - a child that does a piece of its work under a tracer
 *
 * The piece lies between two marks.  It may be single-stepped, to find the instructions that it
 * executes, or stopped at one of them: there a signal is sent to the thread, or it is held while
 * others go on.  Threads and children that the child starts meanwhile are traced too, and run at
 * full speed.
 */
#ifndef BUDDY_TESTS_LIFE_TRACE_H
#define BUDDY_TESTS_LIFE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

/* Called by the traced child where the piece begins and ends.  It also ends with its thread. */
static inline void trace_mark(void)
{
	__asm__ volatile("int3" ::: "memory");
}

/* To be called first.  Skips the test if no child may be traced. */
void trace_required(void);

/*
 * All of these run @body in a child, wait for its end, and return its status.
 *
 * trace_walk() calls @visit with the address of each instruction between the marks.
 * trace_signal() sends @signal when @address is reached first, and sets *reached if it is.
 * trace_stop() holds the thread there instead, and calls @meanwhile until that returns true.
 */
int trace_walk(void (*body)(void), void (*visit)(uintptr_t address));
int trace_signal(void (*body)(void), uintptr_t address, int signal, bool *reached);
int trace_stop(void (*body)(void), uintptr_t address, bool (*meanwhile)(void), bool *reached);

#endif
