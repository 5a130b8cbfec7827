/* SPDX-License-Identifier: MIT */
/*
 * mallinfo.c - glibc's views of the heap: mallinfo(), malloc_stats(), malloc_info()
 */
#include "base/fmt.h"
#include "buddy/buddy.h"
#include "malloc/internal.h"
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

/*
 * In glibc's terms: arena is what was taken from the system and has not gone back, uordblks the
 * part of it that the program holds, fordblks the rest, and keepcost the free pages in that rest.
 * malloc_trim() may give back less, since some of these were perhaps never touched, or more, which
 * it finds in slabs and with threads.
 */
BUDDY_API struct mallinfo2 mallinfo2(void)
{
	struct buddy_stats st;
	struct buddy_zone_stats z;
	struct mallinfo2 m = {0};

	buddy_stats(&st);
	m.uordblks = st.objects + st.large + st.pages;
	/* Racy: other threads may have given back more than was present when that was read. */
	m.arena = MAX(st.present - MIN(st.zero, st.present), m.uordblks);
	m.fordblks = m.arena - m.uordblks;
	m.keepcost = st.free - MIN(st.zero, st.free);
	m.hblks = st.direct_count;
	m.hblkhd = st.direct;
	for (int i = 0; buddy_zone_stats(i, &z) == 0; i++) {
		if (!strncmp(z.name, meta_zone.name, sizeof(z.name)))
			continue; /* not in arena either */
		for (int o = 0; o < NR_PAGE_ORDERS; o++)
			m.ordblks += z.free_blocks[o];
	}
	return m;
}

static int clamped(size_t v)
{
	return v > INT32_MAX ? INT32_MAX : (int)v;
}

BUDDY_API struct mallinfo mallinfo(void)
{
	struct mallinfo2 m = mallinfo2();

	return (struct mallinfo){.arena = clamped(m.arena),
				 .ordblks = clamped(m.ordblks),
				 .hblks = clamped(m.hblks),
				 .hblkhd = clamped(m.hblkhd),
				 .uordblks = clamped(m.uordblks),
				 .fordblks = clamped(m.fordblks),
				 .keepcost = clamped(m.keepcost)};
}

BUDDY_API void malloc_stats(void)
{
	buddy_show(2);
}

/* The program chooses the names of its caches. */
static void print_quoted(struct fmt_buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c > '~')
			c = '?';
		if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
			fmt_print(b, "&#%u;", c);
		else
			fmt_print(b, "%c", c);
	}
}

static void print_cache(struct fmt_buf *b, const struct buddy_cache_stats *c)
{
	fmt_print(b, "<cache name=\"");
	print_quoted(b, c->name);
	fmt_print(b,
		  "\" size=\"%u\" active=\"%lu\" objects=\"%lu\" cached=\"%lu\" "
		  "slabs=\"%lu\"/>\n",
		  c->size, c->active, c->objects, c->cached, c->slabs);
}

static void print_zone(struct fmt_buf *b, const struct buddy_zone_stats *z)
{
	fmt_print(b, "<zone node=\"%d\" name=\"%s\" present=\"%lu\" free=\"%lu\" zero=\"%lu\">\n",
		  z->node, z->name, z->present, z->free, z->zero);
	for (int o = 0; o < NR_PAGE_ORDERS; o++)
		fmt_print(b, "<free order=\"%d\" count=\"%lu\"/>\n", o, z->free_blocks[o]);
	fmt_print(b, "</zone>\n");
}

/* There are no fast chunks here. */
static void print_free(struct fmt_buf *b, const struct mallinfo2 *m)
{
	fmt_print(b, "<total type=\"fast\" count=\"0\" size=\"0\"/>\n");
	fmt_print(b, "<total type=\"rest\" count=\"%lu\" size=\"%lu\"/>\n", m->ordblks,
		  m->fordblks);
}

/* @most: all that was ever taken into use, which counts as the peak. */
static void print_system(struct fmt_buf *b, const struct mallinfo2 *m, size_t most)
{
	fmt_print(b, "<system type=\"current\" size=\"%lu\"/>\n", m->arena);
	fmt_print(b, "<system type=\"max\" size=\"%lu\"/>\n", most);
	fmt_print(b, "<aspace type=\"total\" size=\"%lu\"/>\n", most);
	fmt_print(b, "<aspace type=\"mprotect\" size=\"%lu\"/>\n", most);
}

static void to_stream(struct fmt_buf *b)
{
	(void)fwrite(b->buf, 1, b->len, b->arg);
}

/* The elements that programs which read glibc's format look at, and our own. */
BUDDY_API int malloc_info(int flags, FILE *f)
{
	char text[512];
	struct fmt_buf b = {.buf = text, .size = sizeof(text), .flush = to_stream, .arg = f};
	struct mallinfo2 m;
	struct buddy_stats st;
	struct buddy_cache_stats c;
	struct buddy_zone_stats z;
	size_t most;

	if (flags)
		return EINVAL;
	m = mallinfo2();
	buddy_stats(&st);
	most = MAX(st.present, m.arena);
	fmt_print(&b, "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n</sizes>\n");
	print_free(&b, &m);
	print_system(&b, &m, most);
	for (int i = 0; buddy_zone_stats(i, &z) == 0; i++)
		print_zone(&b, &z);
	for (int i = 0; buddy_cache_stats(i, &c) == 0; i++)
		if (c.slabs)
			print_cache(&b, &c);
	/* Sums over all heaps, and direct mappings, which belong to none. */
	fmt_print(&b, "</heap>\n");
	print_free(&b, &m);
	fmt_print(&b, "<total type=\"mmap\" count=\"%lu\" size=\"%lu\"/>\n", m.hblks, m.hblkhd);
	print_system(&b, &m, most);
	fmt_print(&b, "</malloc>\n");
	to_stream(&b);
	return 0;
}
