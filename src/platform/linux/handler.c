/* SPDX-License-Identifier: MIT */
/*
 * handler.c - does this thread run a signal handler?
 *
 * The system does not tell.  But the state of the interrupted code lies on the stack, above the
 * frames of the handler, and has a shape that nothing else is likely to have.  The frame of a
 * handler that has returned may still be there as well, in the variables of a function that has not
 * written to all of them: then the answer is a wrong yes.
 *
 * x86-64 and aarch64; elsewhere the answer is no.
 */
#include "base/math.h"
#include "platform/linux/syscall.h"
#include "platform/os.h"
#include "platform/vm.h"
#include <errno.h>
#include <linux/futex.h>
#include <time.h>

#if defined(__x86_64__)

/*
 * The address that a handler returns to, and the start of the saved state (struct rt_sigframe of
 * the kernel's arch/x86, without its tail).
 */
struct saved {
	u64 restorer;
	u64 flags, link;   /* uc_flags, uc_link */
	u64 stack[3];	   /* uc_stack */
	u64 registers[15]; /* r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx */
	u64 rsp, rip, eflags;
	u16 cs, gs, fs, ss;
};
static_assert(offsetof(struct saved, rsp) == 8 + 40 + 15 * 8, "as the system lays it out");

#define SAVED_AT 8  /* address of struct saved, modulo 16 */
#define FLAGS_MAX 7 /* UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS */
#define FLAG_SS 2   /* UC_SIGCONTEXT_SS */
#define USER_CS 0x33
#define USER_SS 0x2b
#define EFLAGS_SET 0x202 /* always set: interrupts enabled, and bit 1 */
#define EFLAGS_MAX (1u << 22)

/* @s lies among other functions' variables, and may be anything. */
__attribute__((no_sanitize("address"))) static bool looks_saved(const volatile struct saved *s)
{
	u64 flags = s->flags;

	return s->restorer && flags <= FLAGS_MAX && !s->link && s->cs == USER_CS &&
	       (!(flags & FLAG_SS) || s->ss == USER_SS) && (s->eflags & EFLAGS_SET) == EFLAGS_SET &&
	       s->eflags < EFLAGS_MAX && s->rip && s->rsp;
}

#elif defined(__aarch64__)

/* struct sigcontext of the kernel's arch/arm64, and the head of the first record after it. */
struct saved {
	u64 fault_address, registers[31], sp, pc, pstate;
	u64 pad;
	u32 magic, size;
};
static_assert(offsetof(struct saved, magic) == 288, "as the system lays it out");

#define SAVED_AT 0 /* address of struct saved, modulo 16 */
#define FPSIMD_MAGIC 0x46508001
#define FPSIMD_SIZE 528

/* @s lies among other functions' variables, and may be anything. */
__attribute__((no_sanitize("address"))) static bool looks_saved(const volatile struct saved *s)
{
	return s->magic == FPSIMD_MAGIC && s->size == FPSIMD_SIZE && s->pc && s->sp;
}

#endif

#ifdef SAVED_AT

#define REACH (64 * 1024) /* bytes of the stack, from this frame up */

/* Can the word at @address be read?  The system tries: EFAULT if not. */
static bool is_readable(uintptr_t address)
{
	const struct timespec now = {.tv_sec = 0};

	return sys4(SYS_futex, address, FUTEX_WAIT_PRIVATE, 0, &now) != -EFAULT;
}

slowpath bool os_in_handler(void)
{
	uintptr_t at = ALIGN_UP((uintptr_t)__builtin_frame_address(0), 16) + SAVED_AT;
	uintptr_t end = at + REACH, own = (uintptr_t)&errno;
	uintptr_t readable = ALIGN_DOWN(at, OS_PAGE) + OS_PAGE;

	/*
	 * The thread-local variables of all threads but the first lie above their stacks.  Memory
	 * beyond them is somebody else's, who may unmap it.
	 */
	if (own > at && own < end)
		end = own;
	for (; at + sizeof(struct saved) <= end; at += 16) {
		while (at + sizeof(struct saved) > readable) {
			if (!is_readable(readable))
				return false;
			readable += OS_PAGE;
		}
		if (looks_saved((const volatile struct saved *)at))
			return true;
	}
	return false;
}

#else

slowpath bool os_in_handler(void)
{
	return false;
}

#endif
