/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_PLATFORM_OS_H
#define BUDDY_PLATFORM_OS_H
/*
 * os.h - the rest of what we ask of the system (contract)
 *
 * Nothing here allocates, touches errno or waits on a lock of the C library, except where said.
 */
#include "base/compiler.h"

#pragma GCC visibility push(hidden)

struct rseq_cs;

/** os_clock_ms - a monotonic clock, coarse (a few ms) and cheap */
u64 os_clock_ms(void);

/** os_write_err - best effort text to the stderr the program was started with */
void os_write_err(const char *text, size_t len);
/* Is fd 2 still the stderr that the program was started with, and no file of its own? */
bool os_stderr_is_ours(void);
/* Note what fd 2 is: once, at the start. */
void os_note_stderr(void);

/**
 * os_write_fd - write to any file descriptor, best effort
 *
 * A pipe without a reader raises no signal.  One that is full and does not block is waited for, up
 * to a second for each piece.
 * Return: whether all of it was written.
 */
bool os_write_fd(int fd, const char *text, size_t len);

/** os_abort - end the program by SIGABRT */
void os_abort(void) noreturn_fn;

/* The system's numbers, which are never 0. */
u32 os_thread_id(void);
u32 os_process_id(void); /* which is the number of its first thread */
u32 os_parent_id(void);	 /* of the process that made this one, while that is there */

/*
 * Does the C library know this thread by the number of one of its parent process?  So it is in a
 * child of vfork(), which has the memory of the thread that called it, and as a rule in one of
 * clone() itself; in one of fork() or _Fork() the number was written anew.  There the parent is not
 * asked for: a filter may end a child that does, as that of sshd.
 */
bool os_thread_is_borrowed(void);
/* Has it the memory of the process that made it, not a copy?  True when in doubt. */
bool os_memory_is_borrowed(void);

/**
 * os_to_first_thread - where the first thread of this process has its thread-local variables
 *
 * Return: how many bytes beyond those of this thread; 0 if that cannot be told, as in a child of
 * clone(), or if it is gone.
 */
ptrdiff_t os_to_first_thread(void);

/** os_block_signals - block all signals for this thread.  Return: for os_restore_signals(). */
u64 os_block_signals(void);
void os_restore_signals(u64 mask);

/* Is thread @tid of this process gone?  False when in doubt. */
bool os_thread_gone(u32 tid);

/** os_futex_wait - sleep while *@word is @expected, for @timeout_ms at most; may wake up early */
void os_futex_wait(u32 *word, u32 expected, u32 timeout_ms);
/** os_futex_wake - wake up to @count threads that sleep on @word, of this process */
void os_futex_wake(u32 *word, int count);

/** os_random - 64 bits that an attacker cannot guess cheaply; never blocks */
u64 os_random(void);

/* Has the C library been given its environment yet? */
bool os_have_environment(void);

/** os_getenv - the environment's value, NULL in setuid programs */
const char *os_getenv(const char *name);

/** os_node - the NUMA node of the CPU that this thread runs on; 0 when unknown */
unsigned int os_node(void);

/* The CPU that this thread runs on, from its rseq area, without a system call; -1: it has none. */
int os_cpu_hint(void);

/* How many CPUs this process could run on when this was first asked; at least 1. */
unsigned int os_nr_cpus(void);

/* Does the machine have this CPU, whether this thread may run on it or not? */
bool os_cpu_exists(int cpu);

/* Bytes of a page; everything else relies on that being OS_PAGE (vm.h). */
size_t os_page_bytes(void);

/* Bytes of memory and swap of the machine, and of memory alone; as they were at the start. */
u64 os_memory_bytes(void);
u64 os_ram_bytes(void);

/**
 * os_resident_pages - how much of this process is resident, heap or not, but without files
 *
 * Reads a file: some ten microseconds.
 * Return: pages of 4 KiB; 0 if the system does not tell.
 */
u64 os_resident_pages(void);

#define OS_UNLIMITED (~(u64)0)
struct os_limits {
	u64 address_space; /* RLIMIT_AS in bytes; OS_UNLIMITED: none */
	u64 data;	   /* RLIMIT_DATA, likewise */
};
void os_get_limits(struct os_limits *ret);

/**
 * os_memory_room - the memory limit of the control group, if it has one, or of a small machine
 * @ret_limit: the smallest limit up the tree, in bytes; OS_UNLIMITED: none
 * @ret_room: how many more bytes may be used before the first limit is reached
 *
 * Reads files: tens of microseconds.  One caller at a time.
 * Return: 0; -errno if it cannot be told now, as with every file descriptor in use, but may be
 * later.
 */
int os_memory_room(u64 *ret_limit, u64 *ret_room);

/**
 * os_fork_cookie_page - a page that a forked child finds wiped
 * Return: the page, or NULL if the system has no such thing.
 */
u32 *os_fork_cookie_page(void);

/**
 * os_at_fork_child - have @fn called in forked children, but not of _Fork() and clone()
 * Takes a lock of the C library's.  Return: 0 or -errno.
 */
int os_at_fork_child(void (*fn)(void));

/**
 * os_rseq_slot - where this thread arms restartable sequences (&rseq->rseq_cs)
 *
 * One system call.  Return: NULL when nobody has registered this thread for them.
 */
struct rseq_cs **os_rseq_slot(void);

/**
 * os_rseq_fence_register - ask the system to promise os_rseq_fence() to this process
 *
 * With several threads the system may take 20 ms.  Return: 0, or -errno: there is no such promise.
 */
int os_rseq_fence_register(void);

/**
 * os_rseq_fence - end or restart all sequences under way: afterwards no thread of the process is in
 * one that it began before
 * Return: 0, or -errno: there was no fence.
 */
int os_rseq_fence(void);

/* Is this thread certainly the only one of the process? */
bool os_single_threaded(void);

/**
 * os_next_dlopen - the dlopen() of the library behind ours
 * Jump to it: it asks who called it.  Return: NULL if there is none.
 */
typedef void *os_dlopen_fn(const char *file, int mode);
os_dlopen_fn *os_next_dlopen(void);
#define OS_RTLD_DEEPBIND 8

/**
 * os_thread_exit_key - have @destructor called at the end of each thread that has armed it
 * Once.  Return: 0; -errno if there are no keys left.
 */
int os_thread_exit_key(void (*destructor)(void *));
/** os_thread_exit_arm - call it for this thread, with @value, which is not NULL; may allocate */
void os_thread_exit_arm(void *value);

/**
 * os_in_handler - does this thread run a signal handler, or might it?
 *
 * A handler may have interrupted the C library anywhere.  What takes a lock there, as starting a
 * thread does, could then wait for a lock that this thread itself holds.  Takes some microseconds.
 *
 * Neither answer is certain.  A no is wrong if the handler uses more than 64 KiB of stack, or the
 * machine is neither x86-64 nor aarch64.  A yes is wrong if a handler that is over has left its
 * frame on the stack.
 */
bool os_in_handler(void);

/* Note whether a seccomp filter is in force.  Only the first call does, at the start. */
void os_note_filter(void);

/* os_began_locked_in - was a filter in force when the program started? */
bool os_began_locked_in(void);

/**
 * os_is_locked_in - has this thread entered a seccomp filter since the start?
 *
 * Such a filter is made for what the program does, and may end it for what a thread of ours would
 * call.  One that was there at the start lets whole programs run.
 */
bool os_is_locked_in(void);

/* os_is_filtered - is a filter in force, from the start or since? */
bool os_is_filtered(void);

/**
 * os_thread_start - start a detached thread with all signals blocked and a small stack
 * @fn: called with NULL
 * @name: cut off at 15 bytes
 * @deep: it calls other libraries, and needs 128 KiB of stack beside thread-local storage
 *
 * May allocate.  Looks through the loaded libraries if @deep, or if their thread-local storage is
 * large. Return: 0 or -errno.
 */
int os_thread_start(void *(*fn)(void *), const char *name, bool deep);

/** os_sleep_ms - sleep for @ms milliseconds, or less if a signal handler runs */
void os_sleep_ms(u32 ms);

#pragma GCC visibility pop

#endif
