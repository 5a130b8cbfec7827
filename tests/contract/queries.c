/* SPDX-License-Identifier: MIT */
/*
 * queries.c - the questions of the contract that are not about one block
 *
 * Each returns a number that spec.c gives a range for.
 */
#include "spec.h"
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* mallinfo is deprecated because its fields are int; it is still an entry point. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define ERRNO_BEFORE 1234
#define TEXT_MAX (1 << 16)

static void *(*volatile fn_malloc)(size_t) = malloc;
static void (*volatile fn_free)(void *) = free;
static size_t (*volatile fn_usable_size)(void *) = malloc_usable_size;
static int (*volatile fn_trim)(size_t) = malloc_trim;
static int (*volatile fn_mallopt)(int, int) = mallopt;
static struct mallinfo (*volatile fn_mallinfo)(void) = mallinfo;
static struct mallinfo2 (*volatile fn_mallinfo2)(void) = mallinfo2;
static int (*volatile fn_info)(int, FILE *) = malloc_info;
static void (*volatile fn_stats)(void) = malloc_stats;

static long unless_errno_changed(long answer)
{
	return errno == ERRNO_BEFORE ? answer : ERRNO_CHANGED;
}

long ask_mallopt(long param, long value)
{
	errno = ERRNO_BEFORE;
	return unless_errno_changed(fn_mallopt((int)param, (int)value));
}

/* Is a block filled as the manual says, or was the parameter refused? */
long ask_perturb_is_kept(long value, long size)
{
	int taken = fn_mallopt(M_PERTURB, (int)value);
	unsigned char *p;
	long kept = 1;

	p = fn_malloc((size_t)size);
	memset(p, 0x77, (size_t)size);
	fn_free(p);
	p = fn_malloc((size_t)size);
	for (long i = 0; taken && i < size; i++)
		kept &= p[i] == (~value & 0xff);
	fn_mallopt(M_PERTURB, 0);
	fn_free(p);
	return kept;
}

long ask_usable_size_of_null(long unused, long unused2)
{
	(void)unused, (void)unused2;
	errno = ERRNO_BEFORE;
	return unless_errno_changed((long)fn_usable_size(NULL));
}

long ask_free_of_null(long unused, long unused2)
{
	(void)unused, (void)unused2;
	errno = ERRNO_BEFORE;
	fn_free(NULL);
	return unless_errno_changed(0);
}

long ask_free_sized_of_null(long size, long unused)
{
	void (*fn)(void *, size_t);
	void *found = dlsym(RTLD_DEFAULT, "free_sized");

	(void)unused;
	memcpy((void *)&fn, &found, sizeof(found));
	errno = ERRNO_BEFORE;
	fn(NULL, (size_t)size);
	return unless_errno_changed(0);
}

long ask_free_aligned_sized_of_null(long alignment, long size)
{
	void (*fn)(void *, size_t, size_t);
	void *found = dlsym(RTLD_DEFAULT, "free_aligned_sized");

	memcpy((void *)&fn, &found, sizeof(found));
	errno = ERRNO_BEFORE;
	fn(NULL, (size_t)alignment, (size_t)size);
	return unless_errno_changed(0);
}

/* ---- malloc_trim ------------------------------------------------------------------------- */

long ask_malloc_trim(long pad, long unused)
{
	(void)unused;
	errno = ERRNO_BEFORE;
	return unless_errno_changed(fn_trim((size_t)pad));
}

/* A list, so that the heap holds nothing but what is measured. */
struct link {
	struct link *next;
};

static struct link *make_blocks(long blocks, long size)
{
	struct link *head = NULL, *p;

	for (long i = 0; i < blocks; i++) {
		p = fn_malloc((size_t)size);
		if (!p)
			break;
		memset(p, 0x77, size > 4096 ? 4096 : (size_t)size);
		p->next = head;
		head = p;
	}
	return head;
}

static void free_blocks(struct link *head)
{
	while (head) {
		struct link *next = head->next;

		fn_free(head);
		head = next;
	}
}

long ask_trim_gives_back(long bytes, long unused)
{
	size_t before, after;

	(void)unused;
	fn_trim(0);
	before = resident_bytes();
	free_blocks(make_blocks(bytes / 1024, 1000));
	fn_trim(0);
	after = resident_bytes();
	return after > before ? (long)(after - before) : 0;
}

/* ---- mallinfo ---------------------------------------------------------------------------- */

static bool field_is_sane(size_t bytes)
{
	return bytes < (size_t)1 << 47;
}

long ask_mallinfo2_adds_up(long unused, long unused2)
{
	struct link *held = make_blocks(1000, 64);
	struct mallinfo2 m;

	(void)unused, (void)unused2;
	errno = ERRNO_BEFORE;
	m = fn_mallinfo2();
	if (errno != ERRNO_BEFORE)
		return ERRNO_CHANGED;
	free_blocks(held);
	return m.uordblks + m.fordblks == m.arena && m.uordblks + m.hblkhd >= 64000 &&
	       field_is_sane(m.arena) && field_is_sane(m.hblkhd) && field_is_sane(m.fsmblks) &&
	       m.keepcost <= m.arena && (m.hblks > 0) == (m.hblkhd > 0);
}

static size_t bytes_in_use(void)
{
	struct mallinfo2 m = fn_mallinfo2();

	return m.uordblks + m.hblkhd;
}

long ask_mallinfo2_sees(long blocks, long size)
{
	size_t before = bytes_in_use(), during, after;
	struct link *held = make_blocks(blocks, size);

	during = bytes_in_use();
	free_blocks(held);
	after = bytes_in_use();
	/* What was let go must be seen as well; a cache of the last few blocks may count as use. */
	if (during <= before || after > before + (during - before) / 2)
		return -1;
	return (long)(during - before);
}

/* Where int is too small glibc wraps; the largest int is as good an answer. */
static bool same_int(int field, size_t field2)
{
	return (unsigned int)field == (unsigned int)field2 ||
	       (field == INT_MAX && field2 > INT_MAX);
}

long ask_mallinfo_is_mallinfo2(long unused, long unused2)
{
	struct mallinfo m;
	struct mallinfo2 m2;

	(void)unused, (void)unused2;
	/* A library may give memory back from a thread of its own between the two calls. */
	for (int tries = 0; tries < 100; tries++) {
		errno = ERRNO_BEFORE;
		m = fn_mallinfo();
		if (errno != ERRNO_BEFORE)
			return ERRNO_CHANGED;
		m2 = fn_mallinfo2();
		if (same_int(m.arena, m2.arena) && same_int(m.uordblks, m2.uordblks) &&
		    same_int(m.fordblks, m2.fordblks) && same_int(m.hblks, m2.hblks) &&
		    same_int(m.hblkhd, m2.hblkhd))
			return 1;
	}
	return 0;
}

/* ---- text for people and programs -------------------------------------------------------- */

static char written[TEXT_MAX];

/* Calls malloc_info with a stream on written[].  Return: what it returned. */
static int info_to_text(int options, size_t *ret_len)
{
	FILE *f = fmemopen(written, sizeof(written), "w");
	int code;
	long at;

	if (!f)
		return -2;
	/* The stream's own buffer belongs to the allocator that is asked: leave it out. */
	setvbuf(f, NULL, _IONBF, 0);
	memset(written, 0, sizeof(written));
	code = fn_info(options, f);
	at = ftell(f);
	*ret_len = at > 0 ? (size_t)at : 0;
	fclose(f);
	return code;
}

long ask_malloc_info(long options, long unused)
{
	size_t len;
	int code = info_to_text((int)options, &len);

	(void)unused;
	if (code == 0)
		return 0;
	/* The manual page says -1 and errno, the implementation has always returned EINVAL. */
	return code == -1 || code == EINVAL ? len == 0 : 2;
}

#define MAX_DEPTH 32

/*
 * Tags nest and close, attributes are quoted, one element outside: what a program that parses
 * the text relies on.
 */
static bool xml_is_well_formed(const char *s)
{
	char names[MAX_DEPTH][32];
	int depth = 0, roots = 0;

	for (; *s; s++) {
		const char *end;
		size_t name;
		int quotes = 0;

		if (*s != '<') {
			if (depth == 0 && *s != '\n' && *s != ' ')
				return false;
			continue;
		}
		end = strchr(s, '>');
		name = strcspn(s + 1 + (s[1] == '/'), " />");
		if (!end || !name || name >= sizeof(names[0]))
			return false;
		for (const char *q = s; q < end; q++)
			quotes += *q == '"';
		if (quotes % 2)
			return false;
		if (s[1] == '/') {
			if (!depth || strncmp(names[depth - 1], s + 2, name) != 0 ||
			    names[depth - 1][name])
				return false;
			depth--;
		} else {
			roots += depth == 0;
			if (end[-1] != '/') {
				if (depth == MAX_DEPTH)
					return false;
				memcpy(names[depth], s + 1, name);
				names[depth++][name] = '\0';
			}
		}
		s = end;
	}
	return depth == 0 && roots == 1;
}

long ask_malloc_info_is_xml(long unused, long unused2)
{
	static const char first[] = "<malloc version=\"1\">";
	size_t len;

	(void)unused, (void)unused2;
	if (info_to_text(0, &len) != 0 || len == 0 || len >= sizeof(written) - 1)
		return 0;
	return strncmp(written, first, sizeof(first) - 1) == 0 && xml_is_well_formed(written);
}

long ask_malloc_info_has_totals(long unused, long unused2)
{
	static const char *const totals[] = {
		"<total type=\"fast\" count=\"",     "<total type=\"rest\" count=\"",
		"<total type=\"mmap\" count=\"",     "<system type=\"current\" size=\"",
		"<system type=\"max\" size=\"",	     "<aspace type=\"total\" size=\"",
		"<aspace type=\"mprotect\" size=\"",
	};
	const char *behind_heaps = written, *next;
	size_t len;

	(void)unused, (void)unused2;
	if (info_to_text(0, &len) != 0)
		return 0;
	while ((next = strstr(behind_heaps, "</heap>")) != NULL)
		behind_heaps = next + 1;
	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++)
		if (!strstr(behind_heaps, totals[i]))
			return 0;
	return 1;
}

/* Puts a file of no name in the place of @fd.  Return: what was there, or -1. */
static int divert(int fd, int *ret_file)
{
	int old = dup(fd);

	*ret_file = memfd_create("contract", MFD_CLOEXEC);
	if (old >= 0 && *ret_file >= 0)
		dup2(*ret_file, fd);
	return old;
}

static ssize_t restore(int fd, int old, int file, char *text, size_t size)
{
	ssize_t n = pread(file, text, size, 0);

	dup2(old, fd);
	close(old);
	close(file);
	return n;
}

long ask_malloc_stats(long unused, long unused2)
{
	static char out[TEXT_MAX];
	int out_file, err_file, old_out, old_err;
	ssize_t out_len, err_len;

	(void)unused, (void)unused2;
	fflush(stdout);
	old_out = divert(STDOUT_FILENO, &out_file);
	old_err = divert(STDERR_FILENO, &err_file);
	fn_stats();
	fflush(stdout);
	err_len = restore(STDERR_FILENO, old_err, err_file, written, sizeof(written));
	out_len = restore(STDOUT_FILENO, old_out, out_file, out, sizeof(out));
	return err_len > 0 && written[err_len - 1] == '\n' && out_len == 0;
}
