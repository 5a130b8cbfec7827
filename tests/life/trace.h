/*
 * trace.h - a child taken through a piece of its work under a tracer's eye
 *
 * The piece lies between two marks.  It may be walked through, which tells the instructions that
 * it comes to; or stopped at one of them, where a signal is sent to the thread that is there, or
 * that thread is held while others go on.  What the child starts meanwhile, threads and children,
 * is traced too and runs at full speed.
 */
#ifndef BUDDY_TESTS_LIFE_TRACE_H
#define BUDDY_TESTS_LIFE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

/* From a traced child: the piece begins, and ends.  A thread's piece may also end with it. */
static inline void trace_mark(void)
{
	__asm__ volatile("int3" ::: "memory");
}

/* Call first.  Skips the test where no child may be traced. */
void trace_required(void);

/*
 * All run @body in a child, which they wait for, and return its status.
 *
 * trace_walk() calls @visit with the address of each instruction between the marks.
 * trace_signal() sends @signal where @address is first come to; *reached: it was.  trace_stop()
 * holds the thread there and calls @meanwhile again and again, until that returns true.
 */
int trace_walk(void (*body)(void), void (*visit)(uintptr_t address));
int trace_signal(void (*body)(void), uintptr_t address, int signal, bool *reached);
int trace_stop(void (*body)(void), uintptr_t address, bool (*meanwhile)(void), bool *reached);

#endif
