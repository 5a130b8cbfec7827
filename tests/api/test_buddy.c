/*
 * test_buddy.c - what <buddy/buddy.h> promises, call by call
 */
#include "child.h"

#include <buddy/buddy.h>
#include <buddy/page_alloc.h>
#include <buddy/slab.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB ((size_t)1 << 20)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void version_agrees_with_the_header(void **state)
{
	char text[32];

	(void)state;
	snprintf(text, sizeof(text), "%d.%d", BUDDY_VERSION_MAJOR, BUDDY_VERSION_MINOR);
	assert_string_equal(buddy_version(), text);
}

/* ---- options ---- */

static void every_option_has_a_name_a_line_and_a_value(void **state)
{
	const char *help, *name;
	size_t n = 0;

	(void)state;
	for (; (help = buddy_option_help(n, &name)) != NULL; n++) {
		char value[64], again[64];
		int len;

		assert_true(*help && *name && !strchr(help, '\n'));
		assert_ptr_equal(buddy_option_help(n, NULL), help);
		len = buddy_option_get(name, value, sizeof(value));
		assert_int_equal(len, strlen(value));
		assert_true(len > 0);
		/* What was read can be set. */
		assert_int_equal(buddy_option_set(name, value), 0);
		buddy_option_get(name, again, sizeof(again));
		assert_string_equal(again, value);
	}
	assert_true(n > 0);
	assert_null(buddy_option_help(n, NULL));
	assert_null(buddy_option_help(SIZE_MAX, NULL));
}

static void set_and_get(const char *name, const char *value, const char *expected)
{
	char text[64];

	child_check(buddy_option_set(name, value) == 0);
	child_check(buddy_option_get(name, text, sizeof(text)) > 0);
	child_check(!strcmp(text, expected));
}

static void set_all_kinds(void)
{
	set_and_get("abort_on_error", "0", "off");
	set_and_get("abort_on_error", "true", "on");
	set_and_get("abort_on_error", "false", "off");
	set_and_get("abort_on_error", "yes", "on");
	set_and_get("background_threads", "no", "off");
	set_and_get("background_threads", "1", "on");
	set_and_get("stats_at_exit", "off", "off");
	set_and_get("hugepages", "always", "always");
	set_and_get("hugepages", "never", "never");
	set_and_get("hugepage_threshold", "64M", "67108864");
	set_and_get("hugepage_threshold", "3k", "3072");
	set_and_get("hugepage_threshold", "90K", "92160");
	set_and_get("hugepage_threshold", "7m", "7340032");
	set_and_get("hugepage_threshold", "1G", "1073741824");
	set_and_get("hugepage_threshold", "5g", "5368709120");
	set_and_get("reporting_delay_ms", "0", "0");
	set_and_get("reporting_delay_ms", "3600000", "3600000");
	set_and_get("slab_debug", "F", "F");
	set_and_get("slab_debug", "-", "-");
}

static void options_are_set_by_name(void **state)
{
	(void)state;
	assert_silent(set_all_kinds);
}

static const struct {
	const char *name, *value;
} bad_values[] = {
	{"abort_on_error", "maybe"},	    {"abort_on_error", ""},
	{"hugepages", "sometimes"},	    {"hugepage_threshold", "lots"},
	{"hugepage_threshold", "1X"},	    {"hugepage_threshold", "M"},
	{"hugepage_threshold", "-1"},	    {"hugepage_threshold", "99999999999999999999"},
	{"hugepage_threshold", "99999999G"}, {"hugepage_threshold", "17179869184G"},
	{"reporting_delay_ms", "3600001"},
	{"reporting_delay_ms", "1s"},	    {"reporting_delay_ms", "4294967296"},
	{"reporting_delay_ms", "1K"},
	{"slab_debug", "Q"},
};
static size_t bad; /* which of them the child tries */

static void set_a_bad_value(void)
{
	char before[64], after[64];

	/* Not the default, so that a fall back to it would be noticed. */
	if (!strcmp(bad_values[bad].name, "slab_debug"))
		child_check(buddy_option_set("slab_debug", "F") == 0);
	buddy_option_get(bad_values[bad].name, before, sizeof(before));
	child_check(buddy_option_set(bad_values[bad].name, bad_values[bad].value) == -EINVAL);
	buddy_option_get(bad_values[bad].name, after, sizeof(after));
	child_check(!strcmp(before, after));
}

static void bad_values_are_reported_and_change_nothing(void **state)
{
	(void)state;
	for (bad = 0; bad < ARRAY_SIZE(bad_values); bad++)
		assert_warning(set_a_bad_value, bad_values[bad].name);
}

static void set_an_unknown_option(void)
{
	child_check(buddy_option_set("no_such_option", "1") == -ENOENT);
}

static void set_nothing(void)
{
	child_check(buddy_option_set(NULL, "1") == -EINVAL);
}

static void set_to_nothing(void)
{
	child_check(buddy_option_set("hugepages", NULL) == -EINVAL);
}

static void set_an_option_that_is_no_line(void)
{
	char name[1000];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	name[1] = '\n';
	child_check(buddy_option_set(name, name) == -ENOENT);
}

static void unknown_options_are_reported(void **state)
{
	char text[8];

	(void)state;
	assert_warning(set_an_unknown_option, "no_such_option");
	assert_warning(set_an_option_that_is_no_line, "): no such option");
	assert_warning(set_nothing, "buddy_option_set(): name is NULL");
	assert_warning(set_to_nothing, "buddy_option_set(): value is NULL");
	assert_int_equal(buddy_option_get("no_such_option", text, sizeof(text)), -ENOENT);
	assert_int_equal(buddy_option_get(NULL, text, sizeof(text)), -ENOENT);
	assert_int_equal(buddy_option_get("hugepages", NULL, 8), -EINVAL);
	assert_int_equal(buddy_option_get("hugepage_threshold", text, 4), strlen("33554432"));
	assert_string_equal(text, "335");
	assert_int_equal(buddy_option_get("hugepages", text, 0), -EINVAL);
}

static void text_that_does_not_fit_is_cut_and_terminated(void **state)
{
	(void)state;
	for (size_t size = 1; size <= 5; size++) {
		char text[8];

		memset(text, '#', sizeof(text));
		assert_true(buddy_option_get("hugepages", text, size) >= 0);
		assert_int_equal(text[strnlen(text, size)], '\0');
		assert_true(strnlen(text, size) < size);
		assert_memory_equal(text, "auto", strlen(text));
		assert_int_equal(text[size], '#');
	}
}

static void assert_succeeds_quietly(const char *argument, const char *options)
{
	struct outcome o;

	in_program(&o, argument, options);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.text, "");
}

static void the_environment_may_be_wrong(void **state)
{
	static const char *const wrong[] = {"no_such_option=1", "hugepages=sometimes", "hugepages",
					    "reporting_delay_ms=99999999999", "=", "=1"};
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		in_program(&o, "run-on", wrong[i]);
		assert_int_equal(o.status, 0);
		assert_memory_equal(o.text, "libbuddy: option", 16);
		assert_ptr_equal(strchr(o.text, '\n'), o.text + strlen(o.text) - 1);
		assert_non_null(strstr(o.text, wrong[i]));
	}
	assert_succeeds_quietly("run-on", ",, hugepages=never,, reporting_delay_ms=5, ");
}

/* Before the start of the library, which reads the environment. */
static int set_before_the_start(void)
{
	char text[8];

	buddy_option_set("hugepages", "always");
	free(malloc(100));
	buddy_option_get("hugepages", text, sizeof(text));
	return strcmp(text, "always");
}

static void what_the_program_says_counts_more_than_the_environment(void **state)
{
	(void)state;
	assert_succeeds_quietly("set-first", "hugepages=never");
}

static int get_before_the_start(void)
{
	char text[8];

	buddy_option_get("hugepages", text, sizeof(text));
	return strcmp(text, "never");
}

static void the_environment_counts_before_the_start(void **state)
{
	(void)state;
	assert_succeeds_quietly("get-first", "hugepages=never");
}

/* ---- statistics ---- */

/* No other thread, and no background thread, may be at work. */
static void assert_sum(void)
{
	struct buddy_stats st;

	buddy_stats(&st);
	assert_int_equal(st.present, st.free + st.cached + st.slabs + st.large + st.pages);
	assert_true(st.zero <= st.free);
	assert_true(st.objects <= st.slabs);
	assert_true(st.metadata_free <= st.metadata);
}

static void totals_add_up_whatever_is_allocated(void **state)
{
	struct buddy_stats before, after;
	void *p[6];

	(void)state;
	assert_sum();
	buddy_stats(&before);
	p[0] = malloc(100);
	p[1] = malloc(5 * MIB);
	p[2] = buddy_get_free_pages(GFP_KERNEL, 4);
	p[3] = buddy_alloc_pages_exact(3 * MIB, GFP_KERNEL);
	p[4] = buddy_kmalloc(20000, GFP_KERNEL);
	p[5] = malloc(100000);
	assert_sum();
	buddy_stats(&after);
	assert_int_equal(after.large - before.large, 5 * MIB + 102400);
	assert_int_equal(after.pages - before.pages, (4096 << 4) + 3 * MIB);
	assert_true(after.objects - before.objects >= 100 + 20000);
	buddy_free_pages_addr(p[2], 4);
	buddy_free_pages_exact(p[3], 3 * MIB);
	free(p[0]);
	free(p[1]);
	free(p[4]);
	free(p[5]);
	assert_sum();
	buddy_stats(&after);
	assert_int_equal(after.large, before.large);
	assert_int_equal(after.pages, before.pages);
	assert_int_equal(after.objects, before.objects);
}

enum { FREED = 100, FREED_SIZE = 512 };

static void *take_and_free(void *unused)
{
	void *blocks[FREED];

	for (int i = 0; i < FREED; i++)
		assert_non_null(blocks[i] = malloc(FREED_SIZE));
	for (int i = 0; i < FREED; i++)
		free(blocks[i]);
	return unused;
}

/* It may have left them where a thread that follows finds them. */
static void what_a_thread_freed_before_it_ended_is_not_the_programs(void **state)
{
	struct buddy_stats before, after;
	pthread_t thread;

	(void)state;
	buddy_stats(&before);
	assert_int_equal(pthread_create(&thread, NULL, take_and_free, NULL), 0);
	pthread_join(thread, NULL);
	buddy_stats(&after);
	/* The C library keeps what it had for the thread. */
	assert_true(after.objects < before.objects + 4 * FREED_SIZE);
}

static void totals_add_up_when_a_block_is_resized_where_it_is(void **state)
{
	struct buddy_stats before, after;
	char *p = malloc(5 * MIB), *q;

	(void)state;
	buddy_stats(&before);
	q = realloc(p, 2 * MIB);
	assert_ptr_equal(q, p);
	assert_sum();
	buddy_stats(&after);
	assert_int_equal(before.large - after.large, 3 * MIB);
	q = realloc(p, 3 * MIB);
	assert_ptr_equal(q, p);
	assert_sum();
	buddy_stats(&after);
	assert_int_equal(before.large - after.large, 2 * MIB);
	free(p);
	assert_sum();
}

/* In both sheaves, in barns, or in page sets. */
static void what_is_freed_is_in_use_no_more_wherever_it_is_kept(void **state)
{
	static void *p[2000], *large[100];
	struct buddy_stats before, after;

	(void)state;
	buddy_stats(&before);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(p); i++)
			p[i] = malloc(768);
		for (size_t i = 0; i < ARRAY_SIZE(large); i++)
			large[i] = malloc(40000 + 1000 * i);
		for (size_t i = 0; i < ARRAY_SIZE(large); i++)
			free(large[i]);
		for (size_t i = ARRAY_SIZE(p); i-- > 0;) {
			free(p[i]);
			if (i % 30)
				continue;
			assert_sum();
			buddy_stats(&after);
			assert_int_equal(after.objects, before.objects + i * 768);
			assert_int_equal(after.large, before.large);
		}
	}
}

/* One block of each kind that has a sum of its own in the statistics. */
struct kinds {
	void *large, *mapping;
	struct page *pages;
};

static struct kinds take_each_kind(void)
{
	return (struct kinds){
		.large = malloc(MIB),
		.mapping = realloc(malloc(MIB), 20 * MIB),
		.pages = buddy_alloc_pages(GFP_KERNEL, 3),
	};
}

static void free_each_kind(const struct kinds *kinds)
{
	free(kinds->large);
	free(kinds->mapping);
	buddy_free_pages(kinds->pages, 3);
}

static void mallinfo2_says_of_the_totals_what_glibc_has_words_for(void **state)
{
	struct kinds kinds = take_each_kind();
	struct buddy_stats st;
	struct mallinfo2 m;
	void *p = malloc(1 * MIB);

	(void)state;
	memset(p, 1, 1 * MIB);
	free(p);
	free(malloc(8 * MIB)); /* never touched */
	buddy_stats(&st);
	assert_true(st.large > 0 && st.pages > 0 && st.direct_count == 1);
	m = mallinfo2();
	assert_true(st.zero > 0 && st.zero < st.free);
	assert_int_equal(m.arena, st.present - st.zero);
	assert_int_equal(m.uordblks, st.objects + st.large + st.pages);
	assert_int_equal(m.fordblks, m.arena - m.uordblks);
	assert_int_equal(m.keepcost, st.free - st.zero);
	assert_int_equal(m.hblkhd, st.direct);
	assert_int_equal(m.hblks, st.direct_count);
	free_each_kind(&kinds);
}

static void calls_that_are_no_hits_are_counted(void **state)
{
	static void *small[1000];
	struct buddy_stats before, after;
	void *p;

	(void)state;
	buddy_stats(&before);
	p = malloc(MIB);
	free(p);
	buddy_stats(&after);
	/* Of large blocks only allocations are counted. */
	assert_int_equal(after.slow_allocs, before.slow_allocs + 1);
	assert_int_equal(after.slow_frees, before.slow_frees);
	for (size_t i = 0; i < ARRAY_SIZE(small); i++)
		small[i] = malloc(3000);
	for (size_t i = 0; i < ARRAY_SIZE(small); i++)
		free(small[i]);
	buddy_stats(&after);
	assert_in_range(after.slow_allocs, before.slow_allocs + 2, before.slow_allocs + 1000);
	assert_in_range(after.slow_frees, before.slow_frees + 1, before.slow_frees + 999);
}

/* Its numbers are ints: INT_MAX is better than a negative one. */
static void mallinfo_stops_counting_where_its_numbers_end(void **state)
{
	char *p = malloc((size_t)3 << 30);

	(void)state;
	if (!p)
		skip();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	assert_true(mallinfo().uordblks == INT_MAX || mallinfo().hblkhd == INT_MAX);
	assert_true(mallinfo().uordblks >= 0 && mallinfo().hblkhd >= 0);
#pragma GCC diagnostic pop
	free(p);
}

/* The numbers of the cache of this name, which must exist. */
static struct buddy_cache_stats cache_named(const char *name)
{
	struct buddy_cache_stats c;

	for (int i = 0; buddy_cache_stats(i, &c) == 0; i++)
		if (!strcmp(c.name, name))
			return c;
	fail();
	return (struct buddy_cache_stats){0};
}

#define COUNTED 20000

/* Each number counts what has happened, and is 0 before. */
static void a_cache_says_what_has_happened_to_it(void **state)
{
	static void *objs[COUNTED];
	struct kmem_cache *cache = buddy_kmem_cache_create("counted", 1000, 0, 0, NULL);
	struct buddy_cache_stats before, c = cache_named("counted");
	cpu_set_t all, one;

	(void)state;
	/* Stay on one CPU, since each has a barn. */
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(c.object_size, 1000);
	assert_true(c.size >= 1000 && c.pages_per_slab && c.sheaf_capacity);
	assert_true(c.objects_per_slab && !c.active && !c.slabs && !c.refills && !c.homes);

	for (int i = 0; i < COUNTED; i++)
		objs[i] = buddy_kmem_cache_alloc(cache, GFP_KERNEL);
	c = cache_named("counted");
	assert_int_equal(c.active - c.cached, COUNTED);
	assert_int_equal(c.objects, c.slabs * c.objects_per_slab);
	assert_true(c.objects >= c.active);
	assert_int_equal(c.homes, 1);
	assert_int_equal(c.refilled, c.active);
	assert_true(c.refills > 0 && c.refills < c.refilled);
	assert_true(c.barn_miss > 0 && !c.barn_get && !c.barn_put && !c.barn_over);
	assert_true(!c.flushes && !c.flushed && !c.full_sheaves && !c.punched);

	/* Free every other object of each slab. */
	for (int i = 0; i < COUNTED; i += 2)
		buddy_kmem_cache_free(cache, objs[i]);
	c = cache_named("counted");
	assert_int_equal(c.active - c.cached, COUNTED / 2);
	assert_true(c.partial_slabs > c.slabs / 2);
	assert_true(c.full_sheaves > 0 && c.full_sheaves * c.sheaf_capacity <= c.cached);
	assert_true(c.barn_put >= c.full_sheaves && c.barn_over > 0);
	assert_true(c.flushes > 0 && c.flushes < c.flushed);
	assert_int_equal(c.refilled - c.flushed, c.active);

	before = c;
	for (int i = 0; i < COUNTED; i += 2)
		objs[i] = buddy_kmem_cache_alloc(cache, GFP_KERNEL);
	c = cache_named("counted");
	assert_true(c.barn_get >= before.full_sheaves);
	assert_true(c.empty_sheaves > 0);
	assert_true(c.partial_slabs < before.partial_slabs);

	/* Leave nothing in most pages. */
	for (int i = 0; i < COUNTED; i++)
		if (i % 16)
			buddy_kmem_cache_free(cache, objs[i]);
	(void)buddy_reclaim();
	assert_true(cache_named("counted").punched > 0);
	for (int i = 0; i < COUNTED; i += 16)
		buddy_kmem_cache_free(cache, objs[i]);
	assert_true(cache_named("counted").empty_slabs > 0);
	assert_int_equal(buddy_kmem_cache_shrink(cache), 0);
	c = cache_named("counted");
	assert_true(!c.active && !c.slabs && !c.partial_slabs && !c.empty_slabs);
	assert_true(!c.full_sheaves && !c.empty_sheaves && !c.cached);
	buddy_kmem_cache_destroy(cache);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

/* The largest zone of this name. */
static struct buddy_zone_stats zone_named(const char *name)
{
	struct buddy_zone_stats z, found = {.present = 0};

	for (int i = 0; buddy_zone_stats(i, &z) == 0; i++)
		if (!strcmp(z.name, name) && z.present >= found.present)
			found = z;
	return found;
}

static void a_zone_says_what_has_happened_to_it(void **state)
{
	static struct page *pages[4000];
	struct buddy_zone_stats before = zone_named("Normal"), z;
	void *large = malloc(64 << 20);

	(void)state;
	assert_non_null(large);
	z = zone_named("Normal");
	assert_true(z.runs > before.runs && z.pgalloc >= before.pgalloc + ((64 << 20) >> 12));
	assert_true(z.accepted >= z.present && z.present > 0);
	before = z;
	memset(large, 1, 64 << 20);
	free(large);
	z = zone_named("Normal");
	assert_int_equal(z.pgfree - before.pgfree, z.free - before.free);
	before = z;
	(void)buddy_reclaim();
	z = zone_named("Normal");
	assert_true(z.reported - before.reported >= (64 << 20) >> 12);
	assert_true(z.zero - before.zero >= (64 << 20) >> 12);

	for (int i = 0; i < 4000; i++)
		pages[i] = buddy_alloc_pages(GFP_KERNEL, 0);
	z = zone_named("Normal");
	assert_true(z.refills > before.refills && z.claims > 0);
	for (int i = 0; i < 4000; i++)
		buddy_free_pages(pages[i], 0);
	assert_true(zone_named("Normal").flushes > z.flushes);
}

/* A block that grows to 16 MiB or more by realloc(), and has to move, gets a mapping of its own. */
static void totals_count_mappings_and_our_own_structures(void **state)
{
	struct buddy_stats before, st;
	void *p = malloc(100);

	(void)state;
	buddy_stats(&before);
	assert_true(before.metadata_free > 0 && before.metadata_free < before.metadata);
	p = realloc(p, 64 << 20);
	assert_non_null(p);
	buddy_stats(&st);
	assert_int_equal(st.direct_count - before.direct_count, 1);
	assert_int_equal(st.direct - before.direct, 64 << 20);
	free(p);
	buddy_stats(&st);
	assert_int_equal(st.direct_count, before.direct_count);
	assert_int_equal(st.direct, before.direct);
}

static void zones_add_up_to_the_totals(void **state)
{
	struct buddy_zone_stats z;
	struct buddy_stats st;
	uint64_t present = 0, nr_free = 0, zero = 0;
	int i;

	(void)state;
	buddy_stats(&st);
	for (i = 0; buddy_zone_stats(i, &z) == 0; i++) {
		uint64_t blocks = 0;

		for (size_t o = 0; o < ARRAY_SIZE(z.free_blocks); o++)
			blocks += z.free_blocks[o] << o;
		assert_int_equal(blocks, z.free);
		assert_true(z.present <= z.managed || !strcmp(z.name, "Normal"));
		assert_true(z.wmark_min <= z.wmark_low && z.wmark_low <= z.wmark_high &&
			    z.wmark_high <= z.wmark_promo);
		assert_in_range(z.node, 0, buddy_nr_nodes() - 1);
		if (!strcmp(z.name, "Meta"))
			continue;
		present += z.present;
		nr_free += z.free;
		zero += z.zero;
	}
	assert_true(i > 0);
	assert_int_equal(buddy_zone_stats(i, &z), -ENOENT);
	assert_int_equal(buddy_zone_stats(-1, &z), -ENOENT);
	assert_int_equal(present * 4096, st.present);
	assert_int_equal(nr_free * 4096, st.free);
	assert_int_equal(zero * 4096, st.zero);
}

static void caches_are_listed_with_those_of_malloc_first(void **state)
{
	struct kmem_cache *s = buddy_kmem_cache_create("listed", 72, 0, 0, NULL);
	void *objs[100];
	struct buddy_cache_stats c;
	bool found = false;
	int i;

	(void)state;
	buddy_kmem_cache_alloc_bulk(s, GFP_KERNEL, 100, objs);
	for (i = 0; buddy_cache_stats(i, &c) == 0; i++) {
		assert_true(c.active >= c.cached);
		assert_true(c.active <= c.objects);
		assert_int_equal(c.objects, c.slabs * c.objects_per_slab);
		assert_true(c.objects_per_slab * (uint64_t)c.size <=
			    c.pages_per_slab * UINT64_C(4096));
		assert_true(c.partial_slabs + c.empty_slabs <= c.slabs);
		if (i == 0)
			assert_string_equal(c.name, "malloc-16");
		if (strcmp(c.name, "listed"))
			continue;
		found = true;
		assert_int_equal(c.object_size, 72);
		assert_int_equal(c.active - c.cached, 100);
	}
	assert_true(found);
	assert_int_equal(buddy_cache_stats(i, &c), -ENOENT);
	assert_int_equal(buddy_cache_stats(-1, &c), -ENOENT);
	buddy_kmem_cache_free_bulk(s, 100, objs);
	buddy_kmem_cache_destroy(s);
}

static void mallinfo2_counts_the_free_blocks_of_what_it_calls_arena(void **state)
{
	struct buddy_zone_stats z;
	size_t blocks = 0;

	(void)state;
	free(malloc(100000));
	for (int i = 0; buddy_zone_stats(i, &z) == 0; i++)
		for (int o = 0; o <= 10 && strcmp(z.name, "Meta"); o++)
			blocks += z.free_blocks[o];
	assert_int_equal(mallinfo2().ordblks, blocks);
}

static void mallinfo2_counts_nothing_that_went_back(void **state)
{
	const size_t big = (size_t)1 << 30;
	struct mallinfo2 before, after;
	char *p;

	(void)state;
	malloc_trim(0);
	before = mallinfo2();
	p = malloc(big);
	assert_non_null(p);
	memset(p, 1, 1 << 20);
	free(p);
	malloc_trim(0);
	after = mallinfo2();
	assert_int_equal(after.arena, after.uordblks + after.fordblks);
	assert_in_range(after.arena, 0, before.arena + (64 << 20));
	assert_in_range(after.fordblks, 0, before.fordblks + (64 << 20));
}

/* What buddy_show() writes; good until the next call. */
static const char *shown(void)
{
	static char text[1 << 16];
	int fd = memfd_create("show", 0);

	memset(text, 0, sizeof(text));
	assert_true(fd >= 0);
	buddy_show(fd);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	close(fd);
	return text;
}

static void show_writes_zones_and_slabs(void **state)
{
	const char *text;
	void *p = malloc(1000);
	struct kmem_cache *s = buddy_kmem_cache_create("two\nwords here\177now", 64, 0, 0, NULL);

	(void)state;
	buddy_kmem_cache_free(s, buddy_kmem_cache_alloc(s, GFP_KERNEL));
	text = shown();
	assert_non_null(strstr(text, buddy_version()));
	assert_non_null(strstr(text, "Node 0, zone"));
	assert_non_null(strstr(text, "malloc-1024"));
	assert_non_null(strstr(text, "\ntwo_words_here_now "));
	assert_true(text[strlen(text) - 1] == '\n');
	free(p);
	buddy_kmem_cache_destroy(s);
	buddy_show(-1); /* does no harm */
	assert_true(buddy_lock_contended() < UINT64_MAX);
}

static void assert_numbers(const char *text, const uint64_t *wanted, size_t nr)
{
	static const char digits[] = "0123456789";
	char *end;

	for (size_t i = 0; i < nr; i++) {
		text += strcspn(text, digits);
		assert_int_equal(strtoull(text, &end, 10), wanted[i]);
		text = end;
	}
}
#define ASSERT_NUMBERS(text, ...)                                                                  \
	do {                                                                                       \
		const uint64_t wanted[] = {__VA_ARGS__};                                           \
                                                                                                   \
		assert_non_null(text);                                                             \
		assert_numbers(text, wanted, ARRAY_SIZE(wanted));                                  \
	} while (0)

/* What follows @name at the start of a line; NULL if no line starts with it. */
static const char *line_of(const char *text, const char *name)
{
	char start[80];
	const char *line;

	snprintf(start, sizeof(start), "\n%s", name);
	line = strstr(text, start);
	return line ? line + strlen(start) : NULL;
}

/* A wait for the pipe is a switch to another thread that the system counts. */
static void show_waits_only_once_for_a_pipe_that_nobody_empties(void **state)
{
	struct kmem_cache *caches[40];
	void *objects[ARRAY_SIZE(caches)];
	struct rusage before, after;
	char junk[4096] = {0};
	int fds[2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(caches); i++) {
		caches[i] = buddy_kmem_cache_create("shown", 100, 0, 0, NULL);
		assert_non_null(caches[i]);
		objects[i] = buddy_kmem_cache_alloc(caches[i], GFP_KERNEL);
		assert_non_null(objects[i]);
	}
	assert_true(strlen(shown()) > 8000); /* many pieces */
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	while (write(fds[1], junk, sizeof(junk)) > 0)
		;
	getrusage(RUSAGE_THREAD, &before);
	buddy_show(fds[1]);
	getrusage(RUSAGE_THREAD, &after);
	assert_in_range(after.ru_nvcsw - before.ru_nvcsw, 1, 3);
	close(fds[0]);
	close(fds[1]);
	for (size_t i = 0; i < ARRAY_SIZE(caches); i++) {
		buddy_kmem_cache_free(caches[i], objects[i]);
		buddy_kmem_cache_destroy(caches[i]);
	}
}

static void assert_totals_shown(const char *text)
{
	struct buddy_stats st;

	buddy_stats(&st);
	ASSERT_NUMBERS(strstr(text, "present"), st.present / 1024, st.free / 1024, st.zero / 1024,
		       st.cached / 1024, st.slabs / 1024, st.large / 1024, st.pages / 1024,
		       st.objects / 1024, st.direct / 1024, (st.metadata - st.metadata_free) / 1024,
		       st.slow_allocs, st.slow_frees, buddy_lock_contended());
}

static void assert_zone_shown(const char *text, const struct buddy_zone_stats *z)
{
	const uint64_t *f = z->free_blocks;
	char name[64];

	snprintf(name, sizeof(name), "Node %d, zone %8s ", z->node, z->name);
	ASSERT_NUMBERS(line_of(text, name), f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8],
		       f[9], f[10]);
	name[strlen(name) - 1] = '\n';
	ASSERT_NUMBERS(line_of(text, name), z->free, z->wmark_min, z->wmark_low, z->wmark_high,
		       z->present, z->managed, z->zero, z->reported, z->pgalloc, z->pgfree,
		       z->refills, z->flushes, z->claims, z->steals, z->runs, z->accepted);
}

static void assert_cache_shown(const char *text, const struct buddy_cache_stats *c)
{
	char name[64];

	snprintf(name, sizeof(name), "%-17s ", c->name);
	if (!c->slabs && !c->refills) {
		assert_null(line_of(text, name));
		return;
	}
	ASSERT_NUMBERS(line_of(text, name), c->active, c->objects, c->size, c->objects_per_slab,
		       c->pages_per_slab, c->sheaf_capacity, c->cached, c->full_sheaves,
		       c->empty_sheaves, c->slabs, c->partial_slabs, c->empty_slabs, c->refills,
		       c->refilled, c->flushes, c->flushed, c->barn_get, c->barn_put, c->barn_miss,
		       c->barn_over, c->homes, c->adopted, c->strange, c->punched);
}

static void show_says_what_the_calls_say(void **state)
{
	struct kmem_cache *unused = buddy_kmem_cache_create("unused", 64, 0, 0, NULL);
	struct kmem_cache *emptied = buddy_kmem_cache_create("emptied", 64, 0, 0, NULL);
	struct kinds kinds = take_each_kind();
	const char *text;
	struct buddy_cache_stats c;
	struct buddy_zone_stats z;

	(void)state;
	buddy_kmem_cache_free(emptied, buddy_kmem_cache_alloc(emptied, GFP_KERNEL));
	buddy_reclaim();
	text = shown();
	assert_totals_shown(text);
	for (int i = 0; buddy_zone_stats(i, &z) == 0; i++)
		assert_zone_shown(text, &z);
	for (int i = 0; buddy_cache_stats(i, &c) == 0; i++)
		assert_cache_shown(text, &c);
	assert_non_null(line_of(text, "# name "));
	assert_non_null(line_of(text, "emptied "));
	free_each_kind(&kinds);
	buddy_kmem_cache_destroy(unused);
	buddy_kmem_cache_destroy(emptied);
}

/* How often the text that @format makes occurs in @text. */
static int count(const char *text, const char *format, ...)
{
	char words[200];
	va_list args;
	int n = 0;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	for (; (text = strstr(text, words)) != NULL; text++)
		n++;
	return n;
}

/* The sums are printed for the one heap, and again for all heaps. */
static void malloc_info_says_what_the_calls_say(void **state)
{
	static char text[1 << 16], buffer[1 << 16];
	struct kinds kinds = take_each_kind();
	FILE *f = fmemopen(text, sizeof(text), "w");
	struct buddy_zone_stats z;
	struct buddy_stats st;
	struct mallinfo2 m;
	size_t most;
	int n;

	(void)state;
	setvbuf(f, buffer, _IOFBF, sizeof(buffer));
	assert_int_equal(malloc_info(0, f), 0);
	fflush(f);
	m = mallinfo2();
	buddy_stats(&st);
	most = st.present > m.arena ? st.present : m.arena;
	assert_int_equal(count(text, "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>", m.ordblks,
			       m.fordblks),
			 2);
	assert_int_equal(count(text, "<system type=\"current\" size=\"%zu\"/>", m.arena), 2);
	assert_int_equal(count(text, "<system type=\"max\" size=\"%zu\"/>", most), 2);
	assert_int_equal(count(text, "<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>", m.hblks,
			       m.hblkhd),
			 1);
	for (int i = 0; buddy_zone_stats(i, &z) == 0; i++) {
		n = count(text, "name=\"%s\" present=\"%lu\" free=\"%lu\" zero=\"%lu\"", z.name,
			  z.present, z.free, z.zero);
		assert_int_equal(n, 1);
		n = count(text, "<free order=\"10\" count=\"%lu\"/>", z.free_blocks[10]);
		assert_true(n > 0);
	}
	fclose(f);
	free_each_kind(&kinds);
}

/* ---- giving back ---- */

static void trim_says_whether_memory_went_back(void **state)
{
	char *p = malloc(20 * MIB);

	(void)state;
	memset(p, 1, 20 * MIB);
	malloc_trim(0);
	free(p);
	assert_int_equal(malloc_trim(0), 1);
	assert_int_equal(malloc_trim(0), 0);
}

static void reclaim_empties_the_caches_of_the_caller(void **state)
{
	static void *p[2000];
	struct buddy_cache_stats c;

	(void)state;
	for (int i = 0; buddy_cache_stats(i, &c) == 0 && strcmp(c.name, "malloc-768"); i++)
		;
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = malloc(768);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		free(p[i]);
	buddy_reclaim();
	for (int i = 0; buddy_cache_stats(i, &c) == 0 && strcmp(c.name, "malloc-768"); i++)
		;
	assert_string_equal(c.name, "malloc-768");
	assert_int_equal(c.cached, 0);
	assert_int_equal(c.empty_slabs, 0);
	assert_int_equal(buddy_verify(), 0);
}

static void reclaim_gives_free_blocks_to_the_system(void **state)
{
	struct buddy_stats st;
	size_t size = 64 * MIB;
	unsigned char *p = malloc(size);

	(void)state;
	memset(p, 1, size);
	free(p);
	buddy_stats(&st);
	assert_true(st.free - st.zero >= size);
	assert_true(buddy_reclaim() >= size);
	buddy_stats(&st);
	assert_true(st.free - st.zero < MIB);
	assert_sum();
	/* The block's memory can be had again, and reads as zero. */
	p = calloc(1, size);
	for (size_t i = 0; i < size; i += 4096)
		assert_int_equal(p[i], 0);
	free(p);
	assert_int_equal(buddy_verify(), 0);
}

/* ---- nodes ---- */

static void nodes_are_what_the_system_says(void **state)
{
	int n = buddy_nr_nodes(), on_stack;
	void *p = malloc(100), *large = malloc(MIB);
	struct kmem_cache *meta = buddy_kmem_cache_create("nodes", 64, 0, 0, NULL);
	cpu_set_t all, one;

	(void)state;
	assert_true(n >= 1);
	for (int a = 0; a < n; a++)
		assert_int_equal(buddy_node_distance(a, a), 10);
	assert_int_equal(buddy_node_distance(-1, 0), -EINVAL);
	assert_int_equal(buddy_node_distance(0, n), -EINVAL);
	assert_int_equal(buddy_node_distance(0, -1), -EINVAL);
	assert_in_range(buddy_node_of_cpu(sched_getcpu()), 0, n - 1);
	/* A thread that is bound to one CPU may ask about the others. */
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all))
			assert_in_range(buddy_node_of_cpu(cpu), 0, n - 1);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	assert_in_range(buddy_node_of(p), 0, n - 1);
	assert_in_range(buddy_node_of(large), 0, n - 1);
	assert_int_equal(buddy_node_of(&on_stack), -EINVAL);
	assert_int_equal(buddy_node_of(NULL), -EINVAL);
	/* Our own structures are not the program's memory. */
	assert_int_equal(buddy_node_of(meta), -EINVAL);
	buddy_kmem_cache_destroy(meta);
	free(p);
	free(large);
}

static void cpus_that_do_not_exist_have_no_node(void **state)
{
	(void)state;
	assert_int_equal(buddy_node_of_cpu(-1), -EINVAL);
	assert_int_equal(buddy_node_of_cpu(1 << 20), -EINVAL);
}

static void no_call_touches_errno(void **state)
{
	struct buddy_stats st;
	struct buddy_zone_stats z;
	struct buddy_cache_stats c;
	char text[8];

	(void)state;
	errno = 1234;
	(void)buddy_version();
	buddy_option_get("hugepages", text, sizeof(text));
	buddy_option_get("no_such_option", text, sizeof(text));
	buddy_stats(&st);
	buddy_zone_stats(99, &z);
	buddy_cache_stats(99999, &c);
	buddy_show(-1);
	buddy_verify();
	buddy_reclaim();
	buddy_node_distance(0, 0);
	buddy_node_of_cpu(0);
	buddy_node_of(NULL);
	assert_int_equal(errno, 1234);
}

/* The program chooses the names of caches, which may be any text. */
static void malloc_info_quotes_names(void **state)
{
	struct kmem_cache *s = buddy_kmem_cache_create("a<\"&'>\n", 64, 0, 0, NULL);
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	buddy_kmem_cache_free(s, buddy_kmem_cache_alloc(s, GFP_KERNEL));
	assert_int_equal(malloc_info(0, f), 0);
	fclose(f);
	assert_non_null(strstr(text, "name=\"a&#60;&#34;&#38;&#39;&#62;?\""));
	free(text);
	buddy_kmem_cache_destroy(s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malloc_info_quotes_names),
		cmocka_unit_test(version_agrees_with_the_header),
		cmocka_unit_test(every_option_has_a_name_a_line_and_a_value),
		cmocka_unit_test(options_are_set_by_name),
		cmocka_unit_test(bad_values_are_reported_and_change_nothing),
		cmocka_unit_test(unknown_options_are_reported),
		cmocka_unit_test(text_that_does_not_fit_is_cut_and_terminated),
		cmocka_unit_test(the_environment_may_be_wrong),
		cmocka_unit_test(what_the_program_says_counts_more_than_the_environment),
		cmocka_unit_test(the_environment_counts_before_the_start),
		cmocka_unit_test(totals_add_up_whatever_is_allocated),
		cmocka_unit_test(what_a_thread_freed_before_it_ended_is_not_the_programs),
		cmocka_unit_test(totals_add_up_when_a_block_is_resized_where_it_is),
		cmocka_unit_test(what_is_freed_is_in_use_no_more_wherever_it_is_kept),
		cmocka_unit_test(mallinfo2_says_of_the_totals_what_glibc_has_words_for),
		cmocka_unit_test(calls_that_are_no_hits_are_counted),
		cmocka_unit_test(mallinfo_stops_counting_where_its_numbers_end),
		cmocka_unit_test(a_cache_says_what_has_happened_to_it),
		cmocka_unit_test(a_zone_says_what_has_happened_to_it),
		cmocka_unit_test(totals_count_mappings_and_our_own_structures),
		cmocka_unit_test(zones_add_up_to_the_totals),
		cmocka_unit_test(caches_are_listed_with_those_of_malloc_first),
		cmocka_unit_test(mallinfo2_counts_the_free_blocks_of_what_it_calls_arena),
		cmocka_unit_test(mallinfo2_counts_nothing_that_went_back),
		cmocka_unit_test(show_writes_zones_and_slabs),
		cmocka_unit_test(show_waits_only_once_for_a_pipe_that_nobody_empties),
		cmocka_unit_test(show_says_what_the_calls_say),
		cmocka_unit_test(malloc_info_says_what_the_calls_say),
		cmocka_unit_test(trim_says_whether_memory_went_back),
		cmocka_unit_test(reclaim_empties_the_caches_of_the_caller),
		cmocka_unit_test(reclaim_gives_free_blocks_to_the_system),
		cmocka_unit_test(nodes_are_what_the_system_says),
		cmocka_unit_test(cpus_that_do_not_exist_have_no_node),
		cmocka_unit_test(no_call_touches_errno),
	};

	/* A program that was given wrong options runs on. */
	if (argc > 1 && !strcmp(argv[1], "run-on")) {
		free(malloc(100));
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "set-first"))
		return set_before_the_start();
	if (argc > 1 && !strcmp(argv[1], "get-first"))
		return get_before_the_start();
	/* The totals are exact while nothing else is at work. */
	buddy_option_set("background_threads", "off");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
