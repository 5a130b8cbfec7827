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
/* Is fd 2 still what it was at the start, and no file of the program's? */
bool os_stderr_is_ours(void);
/* Notes what it is: at start, and once. */
void os_note_stderr(void);

/**
 * os_write_fd - write to any file descriptor, best effort
 *
 * A pipe without a reader is no signal.  One that is full and does not block is waited for, up to a
 * second.
 */
void os_write_fd(int fd, const char *text, size_t len);

void os_abort(void) noreturn_fn;

u32 os_thread_id(void);
u32 os_process_id(void); /* which is the id of the first thread */
u32 os_parent_id(void);	 /* of the process that has made this one, while it is there */

/** os_block_signals - of this thread, all; os_restore_signals() undoes it */
u64 os_block_signals(void);
void os_restore_signals(u64 mask);

/* Is that thread of this process gone?  False when in doubt. */
bool os_thread_gone(u32 tid);

void os_futex_wait(u32 *word, u32 expected, u32 timeout_ms);
void os_futex_wake(u32 *word, int count);

/** os_random - 64 bits that an attacker cannot guess cheaply; never blocks */
u64 os_random(void);

/* Has the C library been given its environment yet? */
bool os_have_environment(void);

/** os_getenv - the environment's value, NULL in setuid programs */
const char *os_getenv(const char *name);

/** os_node - the NUMA node of the CPU that this thread runs on; 0 when unknown */
unsigned int os_node(void);

/* The CPU as the C library's rseq area has it, without a system call; -1 where there is none. */
int os_cpu_hint(void);

/* How many CPUs this process might run on when that was first asked, at least 1. */
unsigned int os_nr_cpus(void);

/* Has the machine this CPU, whether this thread may run on it or not? */
bool os_cpu_exists(int cpu);

/* Bytes of a page; all else here believes that it is OS_PAGE (vm.h). */
size_t os_page_bytes(void);

/* Bytes of memory and swap of the machine. */
u64 os_memory_bytes(void);

/**
 * os_resident_pages - of this process, heap or not, but for those of files, in pages of 4 KiB
 * Reads a file: some ten microseconds.  Return: 0 if the system does not tell.
 */
u64 os_resident_pages(void);

#define OS_UNLIMITED (~(u64)0)
struct os_limits {
	u64 address_space; /* RLIMIT_AS, OS_UNLIMITED if none */
	u64 data;	   /* RLIMIT_DATA */
};
void os_get_limits(struct os_limits *ret);

/**
 * os_memory_room - the memory limit of the control group, if it has one
 * @ret_limit: the smallest limit up the tree, in bytes; OS_UNLIMITED: none
 * @ret_room: how much more may be used before the first of them is reached, in bytes
 *
 * Reads files: tens of microseconds.  One caller at a time.  Return: 0, or -errno: that cannot be
 * told now, with every file descriptor in use, and may be later.
 */
int os_memory_room(u64 *ret_limit, u64 *ret_room);

/**
 * os_fork_cookie_page - a page that a forked child finds wiped
 * Return: the page, or NULL if the system has no such thing.
 *
 * os_at_fork_child() has @fn called in children that do not skip handlers.  Return: 0 or -errno.
 */
u32 *os_fork_cookie_page(void);
int os_at_fork_child(void (*fn)(void));

/**
 * os_rseq_slot - where this thread arms restartable sequences (&rseq->rseq_cs)
 *
 * One system call.  Return: NULL when nobody has registered this thread for them.
 */
struct rseq_cs **os_rseq_slot(void);

/**
 * os_rseq_fence - after it, no thread is inside a sequence that it began before
 * Return: 0, or -errno: no such promise.
 */
int os_rseq_fence_register(void);
/* Is this thread certainly the only one of the process? */
bool os_single_threaded(void);
int os_rseq_fence(void);

/**
 * os_next_dlopen - dlopen() of the library behind ours
 * It goes by who called it: jump to it.  Return: NULL if there is none.
 */
typedef void *os_dlopen_fn(const char *file, int mode);
os_dlopen_fn *os_next_dlopen(void);
#define OS_RTLD_DEEPBIND 8

/* Calls @destructor with a non-NULL value set by os_thread_exit_arm() when a thread ends. */
int os_thread_exit_key(void (*destructor)(void *));
void os_thread_exit_arm(void *value);

/**
 * os_in_handler - does this thread run a signal handler, or might it?
 *
 * A handler may have interrupted the C library anywhere: what takes a lock of that, as starting a
 * thread does, would wait for what this thread itself has.  Some microseconds.  Neither answer is
 * certain.  No: the handler may use more than 64 KiB of stack, or the machine be neither x86-64 nor
 * aarch64.  Yes: what a handler that is over has left on the stack looks the same.
 */
bool os_in_handler(void);

/**
 * os_thread_start - start a background thread: all signals blocked, small stack, named
 * @deep: it will call others, and needs all of the 128 KiB
 *
 * May allocate; looks through the loaded libraries if @deep, or if their thread-local storage is
 * large.  Return: 0 or -errno.
 */
int os_thread_start(void *(*fn)(void *), const char *name, bool deep);
void os_sleep_ms(u32 ms);

#pragma GCC visibility pop

#endif
