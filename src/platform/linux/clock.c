/* SPDX-License-Identifier: MIT */
/*
 * clock.c - what time it is on Linux
 *
 * The vDSO is called directly.  clock_gettime() may be another library's: that of libfaketime holds
 * a lock while it opens a file, for which it calls malloc, and its time stands still or runs away.
 */
#define _GNU_SOURCE
#include "base/atomic.h"
#include "platform/os.h"
#include "platform/linux/syscall.h"
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>

#if defined(__aarch64__)
#define VDSO_CLOCK "__kernel_clock_gettime"
#else
#define VDSO_CLOCK "__vdso_clock_gettime"
#endif

/* Like a system call: returns 0 or -errno. */
typedef long clock_fn(clockid_t id, struct timespec *ret_time);

static long clock_by_call(clockid_t id, struct timespec *ret_time)
{
	return sys2(SYS_clock_gettime, id, ret_time);
}

/* A library as the kernel has mapped it: its tables hold offsets, since nobody has relocated it. */
struct image {
	uintptr_t bias;
	const Elf64_Dyn *dynamic;
};

static struct image image_at(uintptr_t start)
{
	const Elf64_Ehdr *header = (const void *)start;
	const Elf64_Phdr *segment = (const void *)(start + header->e_phoff);
	struct image image = {0};

	for (int i = 0; i < header->e_phnum; i++, segment++) {
		if (segment->p_type == PT_LOAD)
			image.bias = start + segment->p_offset - segment->p_vaddr;
		else if (segment->p_type == PT_DYNAMIC)
			image.dynamic = (const void *)(start + segment->p_offset);
	}
	return image;
}

static const void *image_table(const struct image *image, Elf64_Sxword tag)
{
	for (const Elf64_Dyn *d = image->dynamic; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == tag)
			return (const void *)(image->bias + d->d_un.d_ptr);
	return NULL;
}

static bool is_clock(const char *name)
{
	size_t len = sizeof(VDSO_CLOCK) - 1;

	return !strncmp(name, VDSO_CLOCK, len) && !name[len];
}

/* Not slowpath: every program runs it once. */
static noinline clock_fn *find_clock(void)
{
	int saved = errno; /* getauxval() sets it if there is no vDSO */
	uintptr_t start = getauxval(AT_SYSINFO_EHDR);
	struct image image = start ? image_at(start) : (struct image){0};
	const Elf64_Sym *symbols = image_table(&image, DT_SYMTAB);
	const char *names = image_table(&image, DT_STRTAB);
	const u32 *hash = image_table(&image, DT_HASH); /* its second word: number of symbols */

	errno = saved;
	if (!symbols || !names || !hash)
		return clock_by_call;
	for (u32 i = 0; i < hash[1]; i++)
		if (symbols[i].st_shndx != SHN_UNDEF && is_clock(names + symbols[i].st_name))
			return (clock_fn *)(image.bias + symbols[i].st_value);
	return clock_by_call;
}

static struct timespec now(clockid_t id)
{
	static clock_fn *found; /* atomic: everyone finds the same */
	clock_fn *ask = READ_ONCE(found);
	struct timespec t = {0};

	if (!ask) {
		ask = find_clock();
		WRITE_ONCE(found, ask);
	}
	(void)ask(id, &t); /* cannot fail for the clocks that there are */
	return t;
}

u64 os_clock_ms(void)
{
	struct timespec t = now(CLOCK_MONOTONIC_COARSE);

	return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

u64 sys_clock_ns(void)
{
	struct timespec t = now(CLOCK_MONOTONIC);

	return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}
