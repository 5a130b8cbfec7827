/* SPDX-License-Identifier: MIT */
/*
 * boot.c - start of the library
 *
 * The first slow path of the process starts everything: options, the range of addresses, the
 * caches.  That may be long before constructors run, when the loader allocates.  Nothing is
 * read from /proc or /sys, but for the distances of more than two nodes; no thread is started,
 * nothing else is loaded.
 */
#include "base/check.h"
#include "base/math.h"
#include "malloc/internal.h"
#include "platform/os.h"

#if !CONFIG_GENERIC_HIT
extern const u64 hit_sequences[2][3] __attribute__((visibility("hidden")));
#define HIT_SEQUENCES hit_sequences
#else
#define HIT_SEQUENCES NULL /* no hand-written hit on this machine: slow cursors serve */
#endif

/* What slab calls at the first slow path of the process. */
bool (*slow_start)(void) = boot;

enum { NOT_STARTED, STARTING, STARTED };
static u32 boot_state;	/* atomic; futex */
static u32 boot_thread; /* who is starting; written before STARTING is seen */

/*
 * Another thread is starting the library: wait for it.  In a child forked meanwhile that thread
 * is gone, and what it had mapped by then is lost; start anew.
 */
static bool wait_for_boot(void)
{
	while (load_acquire(&boot_state) == STARTING) {
		u32 thread = READ_ONCE(boot_thread), expected = STARTING;

		if (thread && os_thread_gone(thread) &&
		    atomic_cmpxchg(&boot_state, &expected, NOT_STARTED))
			return boot();
		os_futex_wait(&boot_state, STARTING, 10);
	}
	return load_acquire(&boot_state) == STARTED;
}

static bool start_everything(void)
{
	options_parse_env();
	if (mm_init())
		return false;
	slab_hit_sequences = HIT_SEQUENCES;
	return slab_init() == 0;
}

bool boot(void)
{
	u32 expected = NOT_STARTED;
	u64 signals;
	bool ok;

	if (load_acquire(&boot_state) == STARTED)
		return true;
	/* A handler that allocated in the middle of this would wait for itself. */
	signals = os_block_signals();
	if (!atomic_cmpxchg(&boot_state, &expected, STARTING)) {
		os_restore_signals(signals);
		return wait_for_boot();
	}
	WRITE_ONCE(boot_thread, os_thread_id());
	ok = start_everything();
	WRITE_ONCE(boot_thread, 0);
	/* Release pairs with load_acquire() above; a failed start may be tried again. */
	store_release(&boot_state, ok ? STARTED : NOT_STARTED);
	os_restore_signals(signals);
	os_futex_wake(&boot_state, 1 << 20);
	return ok;
}

bool boot_done(void)
{
	return load_acquire(&boot_state) == STARTED;
}

/*
 * Who allocates before the C library knows its environment is served without options; they come
 * now.  A program that has not allocated yet, and may never, pays for a look at one word.
 */
__attribute__((constructor)) static void library_constructor(void)
{
	if (boot_done())
		options_parse_env();
}
