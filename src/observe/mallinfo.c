/* SPDX-License-Identifier: MIT */
/*
 * mallinfo.c - glibc's views of the heap: mallinfo(), malloc_stats(), malloc_info()
 */
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
		if (!strcmp(z.name, meta_zone.name))
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
static void print_quoted(FILE *f, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c > '~')
			fputc('?', f);
		else if (strchr("<>&\"'", c))
			fprintf(f, "&#%u;", c);
		else
			fputc(c, f);
	}
}

static void print_cache(FILE *f, const struct buddy_cache_stats *c)
{
	fputs("<cache name=\"", f);
	print_quoted(f, c->name);
	fprintf(f,
		"\" size=\"%u\" active=\"%llu\" objects=\"%llu\" cached=\"%llu\" "
		"slabs=\"%llu\"/>\n",
		c->size, (unsigned long long)c->active, (unsigned long long)c->objects,
		(unsigned long long)c->cached, (unsigned long long)c->slabs);
}

static void print_zone(FILE *f, const struct buddy_zone_stats *z)
{
	fprintf(f, "<zone node=\"%d\" name=\"%s\" present=\"%llu\" free=\"%llu\" zero=\"%llu\">\n",
		z->node, z->name, (unsigned long long)z->present, (unsigned long long)z->free,
		(unsigned long long)z->zero);
	for (int o = 0; o < NR_PAGE_ORDERS; o++)
		fprintf(f, "<free order=\"%d\" count=\"%llu\"/>\n", o,
			(unsigned long long)z->free_blocks[o]);
	fprintf(f, "</zone>\n");
}

/* There are no fast chunks here. */
static void print_free(FILE *f, const struct mallinfo2 *m)
{
	fprintf(f, "<total type=\"fast\" count=\"0\" size=\"0\"/>\n");
	fprintf(f, "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n", m->ordblks, m->fordblks);
}

/* @most: all that was ever taken into use, which counts as the peak. */
static void print_system(FILE *f, const struct mallinfo2 *m, size_t most)
{
	fprintf(f, "<system type=\"current\" size=\"%zu\"/>\n", m->arena);
	fprintf(f, "<system type=\"max\" size=\"%zu\"/>\n", most);
	fprintf(f, "<aspace type=\"total\" size=\"%zu\"/>\n", most);
	fprintf(f, "<aspace type=\"mprotect\" size=\"%zu\"/>\n", most);
}

/* The elements that programs which read glibc's format look at, and our own. */
BUDDY_API int malloc_info(int flags, FILE *f)
{
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
	fprintf(f, "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n</sizes>\n");
	print_free(f, &m);
	print_system(f, &m, most);
	for (int i = 0; buddy_zone_stats(i, &z) == 0; i++)
		print_zone(f, &z);
	for (int i = 0; buddy_cache_stats(i, &c) == 0; i++)
		if (c.slabs)
			print_cache(f, &c);
	/* Sums over all heaps, and direct mappings, which belong to none. */
	fprintf(f, "</heap>\n");
	print_free(f, &m);
	fprintf(f, "<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n", m.hblks, m.hblkhd);
	print_system(f, &m, most);
	fprintf(f, "</malloc>\n");
	return 0;
}
