/* SPDX-License-Identifier: MIT */
/*
 * show.c - zones and slabs as text, in the manner of /proc/buddyinfo and /proc/slabinfo
 */
#include "base/fmt.h"
#include "buddy/buddy.h"
#include "malloc/internal.h"
#include "platform/os.h"

struct out {
	int fd;
	bool lost; /* a piece: those behind it are not tried, since each might take a second */
};

static void flush(struct fmt_buf *b)
{
	struct out *out = b->arg;

	if (!out->lost)
		out->lost = !os_write_fd(out->fd, b->buf, b->len);
}

static void show_buddyinfo(struct fmt_buf *b)
{
	struct buddy_zone_stats z;

	for (int i = 0; buddy_zone_stats(i, &z) == 0; i++) {
		fmt_print(b, "Node %d, zone %8s ", z.node, z.name);
		for (int o = 0; o < NR_PAGE_ORDERS; o++)
			fmt_print(b, "%6lu ", (unsigned long)z.free_blocks[o]);
		fmt_print(b, "\n");
	}
}

static void show_zoneinfo(struct fmt_buf *b)
{
	struct buddy_zone_stats z;

	for (int i = 0; buddy_zone_stats(i, &z) == 0; i++) {
		fmt_print(b, "Node %d, zone %8s\n", z.node, z.name);
		fmt_print(b, "  pages free     %lu\n", (unsigned long)z.free);
		fmt_print(b, "        min      %lu\n", (unsigned long)z.wmark_min);
		fmt_print(b, "        low      %lu\n", (unsigned long)z.wmark_low);
		fmt_print(b, "        high     %lu\n", (unsigned long)z.wmark_high);
		fmt_print(b, "        present  %lu\n", (unsigned long)z.present);
		fmt_print(b, "        managed  %lu\n", (unsigned long)z.managed);
		fmt_print(b, "        reported %lu now, %lu ever\n", (unsigned long)z.zero,
			  (unsigned long)z.reported);
		fmt_print(b, "        pgalloc  %lu  pgfree %lu  refills %lu  flushes %lu\n",
			  (unsigned long)z.pgalloc, (unsigned long)z.pgfree,
			  (unsigned long)z.refills, (unsigned long)z.flushes);
		fmt_print(b, "        claims   %lu  steals %lu  runs %lu  accepted %lu\n",
			  (unsigned long)z.claims, (unsigned long)z.steals, (unsigned long)z.runs,
			  (unsigned long)z.accepted);
	}
}

/* The program chooses the names of its caches; each is one word in this table. */
static void make_word(char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name <= ' ' || *name == '\177')
			*name = '_';
}

static void show_slabinfo(struct fmt_buf *b)
{
	struct buddy_cache_stats c;

	fmt_print(b,
		  "# name            <active_objs> <num_objs> <objsize> <objperslab> "
		  "<pagesperslab> : sheaves <capacity> <cached> <full> <empty> : slabdata "
		  "<slabs> <partial> <empty> : refill <batches> <objs> flush <batches> <objs> "
		  "barn <get> <put> <miss> <over> homes <number> <adopted> <strange> <punched>\n");
	for (int i = 0; buddy_cache_stats(i, &c) == 0; i++) {
		if (!c.slabs && !c.refills)
			continue;
		make_word(c.name);
		fmt_print(b, "%-17s %6lu %6lu %6u %4u %4u : sheaves %4u %6lu %4lu %4lu : ", c.name,
			  (unsigned long)c.active, (unsigned long)c.objects, c.size,
			  c.objects_per_slab, c.pages_per_slab, c.sheaf_capacity,
			  (unsigned long)c.cached, (unsigned long)c.full_sheaves,
			  (unsigned long)c.empty_sheaves);
		fmt_print(b, "slabdata %6lu %6lu %6lu : refill %lu %lu flush %lu %lu ",
			  (unsigned long)c.slabs, (unsigned long)c.partial_slabs,
			  (unsigned long)c.empty_slabs, (unsigned long)c.refills,
			  (unsigned long)c.refilled, (unsigned long)c.flushes,
			  (unsigned long)c.flushed);
		fmt_print(b, "barn %lu %lu %lu %lu homes %lu %lu %lu %lu\n",
			  (unsigned long)c.barn_get, (unsigned long)c.barn_put,
			  (unsigned long)c.barn_miss, (unsigned long)c.barn_over,
			  (unsigned long)c.homes, (unsigned long)c.adopted,
			  (unsigned long)c.strange, (unsigned long)c.punched);
	}
}

static void show_totals(struct fmt_buf *b)
{
	struct buddy_stats st;

	buddy_stats(&st);
	fmt_print(b,
		  "libbuddy %s: present %lu KiB = free %lu (%lu not resident) + cached %lu + slabs "
		  "%lu + large %lu + pages %lu; objects %lu; direct %lu; metadata %lu; calls that "
		  "were no hits %lu + %lu; locks contended %lu\n",
		  buddy_version(), (unsigned long)(st.present / KiB),
		  (unsigned long)(st.free / KiB), (unsigned long)(st.zero / KiB),
		  (unsigned long)(st.cached / KiB), (unsigned long)(st.slabs / KiB),
		  (unsigned long)(st.large / KiB), (unsigned long)(st.pages / KiB),
		  (unsigned long)(st.objects / KiB), (unsigned long)(st.direct / KiB),
		  (unsigned long)((st.metadata - st.metadata_free) / KiB),
		  (unsigned long)st.slow_allocs, (unsigned long)st.slow_frees,
		  (unsigned long)buddy_lock_contended());
}

BUDDY_API void buddy_show(int fd)
{
	char text[1024];
	struct out out = {.fd = fd};
	struct fmt_buf b = {.buf = text, .size = sizeof(text), .flush = flush, .arg = &out};

	show_totals(&b);
	show_buddyinfo(&b);
	show_zoneinfo(&b);
	show_slabinfo(&b);
	flush(&b);
}
