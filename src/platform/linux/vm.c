/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/*
 * vm.c - address space on Linux
 *
 * What takes pages away from their addresses goes through the C library's functions, since others
 * listen there: libraries that keep memory registered with a network card (UCX, Open MPI) patch
 * munmap(), madvise() and mremap(), and would go on using pages that were given back.  All else is
 * a direct system call.  A listener may call malloc, so whoever calls these functions is in a slow
 * path, or holds no lock.
 */
#include "platform/vm.h"
#include "base/atomic.h"
#include "base/math.h"
#include "platform/os.h"
#include "platform/linux/syscall.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>

#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450 /* newer than some C libraries; the same everywhere */
#endif

#define MAP_OURS (MAP_PRIVATE | MAP_ANONYMOUS)

static long map(void *addr, size_t len, int prot, int flags)
{
	return sys6(SYS_mmap, (long)addr, (long)len, prot, flags, -1, 0);
}

static int map_at(void *addr, size_t len, int flags)
{
	long ret = map(addr, len, PROT_READ | PROT_WRITE, MAP_OURS | MAP_NORESERVE | flags);

	if (sys_failed(ret))
		return (int)ret;
	if (ret != (long)addr) {
		vm_unmap((void *)ret, len);
		return -EEXIST;
	}
	return 0;
}

/*
 * The address is a hint, which the system follows where nothing is mapped.  The flag that asks for
 * no other place is newer than many seccomp filters (that of Qt WebEngine 5 ends the process).  It
 * is for systems that follow no hints, as the first mapping of a process shows.
 */
int vm_map_at(void *addr, size_t len)
{
	static bool follows_hints touched_first; /* atomic */
	int err = map_at(addr, len, 0);

	if (!err && !READ_ONCE(follows_hints))
		WRITE_ONCE(follows_hints, true);
	if (err == -EEXIST && !READ_ONCE(follows_hints))
		err = map_at(addr, len, MAP_FIXED_NOREPLACE);
	return err;
}

static void *map_anywhere(void *hint, size_t len, int prot, int flags)
{
	long ret = map(hint, len, prot, MAP_OURS | flags);

	return sys_failed(ret) ? NULL : (void *)ret;
}

void *vm_map(size_t len)
{
	return map_anywhere(NULL, len, PROT_READ | PROT_WRITE, 0);
}

void *vm_map_sparse(size_t len)
{
	return map_anywhere(NULL, len, PROT_READ | PROT_WRITE, MAP_NORESERVE);
}

void *vm_map_zero_view(void *hint, size_t len)
{
	return map_anywhere(hint, len, PROT_READ, MAP_NORESERVE);
}

int vm_make_writable(void *addr, size_t len)
{
	return (int)sys3(SYS_mprotect, addr, len, PROT_READ | PROT_WRITE);
}

void vm_unmap(void *addr, size_t len)
{
	int saved = errno;

	/* If there are too many mappings to split one, at least its memory goes back. */
	if (munmap(addr, len))
		(void)madvise(addr, len, MADV_DONTNEED);
	errno = saved;
}

static int discard(void *addr, size_t len)
{
	int saved = errno, err = madvise(addr, len, MADV_DONTNEED) ? -errno : 0;

	errno = saved;
	return err;
}

/*
 * The system may say that it has taken memory back, and not have done so: older versions of
 * qemu-user do nothing, since madvise() is only advice, and a seccomp filter may answer anything.
 * calloc() relies on it, so it is tried once.  An error is an honest answer.
 */
enum answers { UNTRIED, HONEST, DISHONEST };

static slowpath enum answers try_discard(void)
{
	volatile char *page = vm_map(OS_PAGE);
	bool honest;

	if (!page)
		return UNTRIED;
	*page = 1;
	honest = discard((void *)page, OS_PAGE) || !*page;
	vm_unmap((void *)page, OS_PAGE);
	return honest ? HONEST : DISHONEST;
}

int vm_discard(void *addr, size_t len)
{
	static enum answers answers; /* racy: all who try first get the same */

	if (unlikely(READ_ONCE(answers) == UNTRIED))
		WRITE_ONCE(answers, try_discard());
	return READ_ONCE(answers) == HONEST ? discard(addr, len) : -ENOSYS;
}

/* In an entry of /proc/self/pagemap: the page is in memory, or in swap. */
#define PAGEMAP_USED ((u64)3 << 62)
#define PAGEMAP_BATCH 128 /* 1 KiB of stack */

/* @entry[]: what the system tells of the @nr pages from @page on. */
typedef void pagemap_fn(void *arg, const char *page, const u64 *entry, size_t nr);

/* Call @fn for all pages from that at @page to @end.  Return: 0, or what openat says, or -EIO. */
static slowpath int walk_pagemap(const char *page, const char *end, pagemap_fn *fn, void *arg)
{
	long fd = sys4(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
	int err = fd < 0 ? (int)fd : 0;
	u64 entry[PAGEMAP_BATCH];

	while (!err && page < end) {
		size_t nr = MIN(DIV_ROUND_UP((size_t)(end - page), OS_PAGE), PAGEMAP_BATCH + 0ul);
		long bytes = (long)(nr * sizeof(*entry));

		if (sys4(SYS_pread64, fd, entry, bytes,
			 (uintptr_t)page / OS_PAGE * sizeof(*entry)) == bytes)
			fn(arg, page, entry, nr);
		else
			err = -EIO;
		page += nr * OS_PAGE;
	}
	if (fd >= 0)
		(void)sys1(SYS_close, fd);
	return err;
}

static void add_used(void *arg, const char *page, const u64 *entry, size_t nr)
{
	long *pages = arg;

	(void)page;
	for (size_t i = 0; i < nr; i++)
		*pages += (entry[i] & PAGEMAP_USED) != 0;
}

/*
 * How many pages of the range pagemap says are used.  It has entries for what is not mapped too;
 * the advice, which is none, is refused there.
 */
static slowpath long count_used(void *addr, size_t len)
{
	long err = sys3(SYS_madvise, addr, len, MADV_NORMAL), pages = 0;

	if (!err)
		err = walk_pagemap(addr, (char *)addr + len, add_used, &pages);
	return err ? err : pages;
}

static slowpath long count_in_core(void *addr, size_t len)
{
	unsigned char resident[1024];
	char *end = (char *)addr + len;
	long pages = 0, err;

	for (char *at = addr; at < end; at += sizeof(resident) * OS_PAGE) {
		size_t nr = MIN((size_t)(end - at) / OS_PAGE, sizeof(resident));

		err = sys3(SYS_mincore, at, nr * OS_PAGE, resident);
		if (err)
			return err;
		for (size_t i = 0; i < nr; i++)
			pages += resident[i] & 1;
	}
	return pages;
}

/*
 * mincore() is not among the calls that systemd takes for a service's usual ones, and redis was
 * ended for it by the filter of its service file.  Those for reading a file are.
 */
slowpath long vm_resident_pages(void *addr, size_t len)
{
	return os_is_filtered() ? count_used(addr, len) : count_in_core(addr, len);
}

struct copy {
	char *to;
	const char *from, *end;
};

/* Copy those parts of [from, end) that lie in used pages. */
static void copy_used(void *arg, const char *page, const u64 *entry, size_t nr)
{
	const struct copy *c = arg;

	for (size_t i = 0, first; i < nr; i++) {
		const char *start, *stop;

		if (!(entry[i] & PAGEMAP_USED))
			continue;
		for (first = i; i < nr && (entry[i] & PAGEMAP_USED); i++)
			;
		start = MAX(page + first * OS_PAGE, c->from);
		stop = MIN(page + i * OS_PAGE, c->end);
		memcpy(c->to + (start - c->from), start, (size_t)(stop - start));
	}
}

slowpath int vm_copy_used(char *to, const char *from, size_t len)
{
	struct copy c = {.to = to, .from = from, .end = from + len};

	return walk_pagemap((const char *)ALIGN_DOWN((uintptr_t)from, OS_PAGE), c.end, copy_used,
			    &c);
}

void vm_advise_huge(void *addr, size_t len, bool huge)
{
	(void)sys3(SYS_madvise, addr, len, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

/*
 * Linux: madvise_cold_or_pageout_pte_range() splits a huge page at once if it is advised in part.
 */
slowpath void vm_split_huge(void *addr, size_t len)
{
	(void)sys3(SYS_madvise, addr, len, MADV_COLD);
}

u64 vm_touch(void *addr)
{
	u64 start = sys_clock_ns();

	*(volatile char *)addr = 0;
	return sys_clock_ns() - start;
}

void *vm_resize(void *addr, size_t old_len, size_t new_len)
{
	int saved = errno;
	void *ret = mremap(addr, old_len, new_len, MREMAP_MAYMOVE);

	errno = saved;
	return ret == MAP_FAILED ? NULL : ret;
}

slowpath void vm_bind(void *addr, size_t len, int node, u32 strict)
{
	unsigned long mask = strict ? strict : 1ul << node;
	int mode = strict ? MPOL_BIND : MPOL_PREFERRED;

	/* maxnode counts one bit more than it reads. */
	(void)sys6(SYS_mbind, (long)addr, (long)len, mode, (long)&mask, sizeof(mask) * 8 + 1, 0);
	/* Before Linux 5.17 there is no such call: the node of the CPU comes first. */
	if (strict)
		(void)sys4(SYS_set_mempolicy_home_node, (long)addr, (long)len, node, 0);
}

int vm_node_of(void *addr)
{
	int node = -1;
	long ret = sys5(SYS_get_mempolicy, &node, NULL, 0, addr, MPOL_F_NODE | MPOL_F_ADDR);

	return sys_failed(ret) ? -1 : node;
}
