/* SPDX-License-Identifier: MIT */
/*
 * rseq.c - restartable sequences: where a thread arms them, and the fence that ends them
 *
 * The C library registers an area for each thread, which all code in the process shares.
 */
#include "base/atomic.h"
#include "platform/linux/syscall.h"
#include "platform/os.h"
#include <errno.h>
#include <linux/membarrier.h>

/*
 * Where glibc 2.35 and later has the area.  Weak: with an older or another C library there is none,
 * and all cursors stay disabled.
 */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

#define RSEQ_CS_OFFSET 8 /* struct rseq: cpu_id_start, cpu_id, then rseq_cs */

/* The area of this thread; NULL if the C library has none, or says that it is not registered. */
static char *rseq_area(void)
{
#if defined(__x86_64__)
	char *area;

	if (!&__rseq_size || !&__rseq_offset || !__rseq_size)
		return NULL;
	area = (char *)__builtin_thread_pointer() + __rseq_offset;
	/* cpu_id is negative while this thread is not registered. */
	return *(volatile int *)(area + 4) < 0 ? NULL : area;
#else
	return NULL;
#endif
}

#ifndef SYS_rseq
#define SYS_rseq 334 /* x86-64, which alone has sequences here */
#endif
#define RSEQ_UNREGISTER 1
#define RSEQ_LEN 32    /* what all C libraries before 2.41 register */
#define RSEQ_NO_SIG 0u /* nobody's signature */

/*
 * Does the kernel know @area?  A thread made by a bare clone() has an area that nobody registered,
 * and its cpu_id may be anything.  So the kernel is asked to unregister the area, with a wrong
 * signature.  EPERM: it is registered, and stays so.  EINVAL: it is not, or is registered with
 * another length.  The answer for the first thread that asks, which is registered, shows whether
 * EINVAL can mean the latter.
 */
static bool rseq_is_known(const char *area)
{
	enum { UNASKED, MEANS_NOTHING, MEANS_UNKNOWN };
	static int einval; /* racy: all who ask first get the same answer */
	long err = sys4(SYS_rseq, area, RSEQ_LEN, RSEQ_UNREGISTER, RSEQ_NO_SIG);

	if (READ_ONCE(einval) == UNASKED)
		WRITE_ONCE(einval, err == -EPERM ? MEANS_UNKNOWN : MEANS_NOTHING);
	return err != -EINVAL || READ_ONCE(einval) == MEANS_NOTHING;
}

struct rseq_cs **os_rseq_slot(void)
{
	char *area = rseq_area();

	return area && rseq_is_known(area) ? (struct rseq_cs **)(area + RSEQ_CS_OFFSET) : NULL;
}

int os_cpu_hint(void)
{
	const char *area = rseq_area();

	return area ? *(const volatile int *)(area + 4) : -1;
}

/* glibc 2.32 and later. */
extern char __libc_single_threaded __attribute__((weak));

bool os_single_threaded(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}

int os_rseq_fence_register(void)
{
	return (int)sys3(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0);
}

int os_rseq_fence(void)
{
	return (int)sys3(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0);
}
