/* SPDX-License-Identifier: MIT */
/*
 * boot.c - start of the library
 *
 * The first slow path of the process starts everything: options, the range of addresses, the
 * caches.  That may be long before constructors run, when the loader allocates.  So the start reads
 * nothing from /proc or /sys, except the distances between more than two nodes, and neither starts
 * a thread nor loads a library.
 */
#include "malloc/internal.h"
#include "platform/os.h"
#include <limits.h>

#if !CONFIG_GENERIC_HIT
extern const u64 hit_sequences[2][3] __attribute__((visibility("hidden")));
#define HIT_SEQUENCES hit_sequences
#else
#define HIT_SEQUENCES NULL /* no hand-written hit on this machine: cursors stay disabled */
#endif

/* What slab calls at the first slow path of the process. */
bool (*slow_start)(void) = boot;

#define NOT_STARTED 0u
#define STARTED (~0u)
static u32 boot_state; /* in between, the thread that starts the library; atomic; futex */
/*
 * This thread starts the library.  What it calls may come back here: a munmap() that another
 * library has put in front of the C library's may allocate.
 */
static __thread bool starting __attribute__((tls_model("initial-exec")));

/*
 * Another thread is starting the library: wait for it.  In a child that was forked meanwhile that
 * thread is gone, even if this one has its number (in another namespace): start anew.  What it had
 * mapped by then is lost.
 */
static slowpath bool wait_for_boot(void)
{
	u32 thread;

	while ((thread = load_acquire(&boot_state)) != STARTED && thread != NOT_STARTED) {
		if ((thread == os_thread_id() || os_thread_gone(thread)) &&
		    atomic_cmpxchg(&boot_state, &thread, NOT_STARTED))
			return boot();
		os_futex_wait(&boot_state, thread, 10);
	}
	return thread == STARTED;
}

static bool start_everything(void)
{
	options_parse_env();
	if (mm_init())
		return false;
	slab_hit_sequences = HIT_SEQUENCES;
	slab_init();
	return true;
}

bool boot(void)
{
	u32 expected = NOT_STARTED;
	u64 signals;
	bool ok;

	if (load_acquire(&boot_state) == STARTED)
		return true;
	if (starting)
		return false;
	/* A handler that allocated in the middle of this would wait for its own thread. */
	signals = os_block_signals();
	if (!atomic_cmpxchg(&boot_state, &expected, os_thread_id())) {
		os_restore_signals(signals);
		return wait_for_boot();
	}
	starting = true;
	ok = start_everything();
	starting = false;
	/* Pairs with each load_acquire() of it.  A start that has failed may be tried again. */
	store_release(&boot_state, ok ? STARTED : NOT_STARTED);
	os_restore_signals(signals);
	os_futex_wake(&boot_state, INT_MAX);
	return ok;
}

bool boot_done(void)
{
	return load_acquire(&boot_state) == STARTED;
}

/*
 * If the library was started before the C library had its environment, that was without options:
 * read them now.  A program that has not allocated yet, and may never, pays only for a look at one
 * word, at stderr, which it may close later, and at the filter, which may be another later.
 */
__attribute__((constructor)) static void library_constructor(void)
{
	os_note_stderr();
	os_note_filter();
	if (boot_done())
		options_parse_env();
}
