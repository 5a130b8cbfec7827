/*
 * test_large.c - where blocks above the size classes begin in their first page
 */
#include <buddy/buddy.h>
#include <buddy/slab.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGE = 4096, LINE = 64, BLOCKS = 200 };

static size_t place(const void *p)
{
	return (uintptr_t)p % PAGE;
}

/* Allocate blocks of @size; places[i]: how many of them begin at line i of a page. */
static void take_blocks(size_t size, void **p, unsigned int *places)
{
	memset(places, 0, PAGE / LINE * sizeof(*places));
	for (int i = 0; i < BLOCKS; i++) {
		p[i] = malloc(size);
		assert_non_null(p[i]);
		memset(p[i], i, malloc_usable_size(p[i]));
		assert_int_equal(place(p[i]) % LINE, 0);
		places[place(p[i]) / LINE]++;
	}
}

static void give_blocks(void **p)
{
	for (int i = 0; i < BLOCKS; i++)
		free(p[i]);
	assert_int_equal(buddy_verify(), 0);
}

/* Blocks of @size begin at @least places or more, and no more than @share at any of them. */
static void expect_spread(size_t size, unsigned int least, unsigned int share)
{
	unsigned int places[PAGE / LINE], used = 0, most = 0;
	void *p[BLOCKS];

	take_blocks(size, p, places);
	for (int i = 0; i < PAGE / LINE; i++) {
		used += places[i] != 0;
		most = places[i] > most ? places[i] : most;
	}
	assert_true(used >= least);
	assert_true(most <= share);
	for (int i = 0; i < BLOCKS; i++)
		assert_int_equal((place(p[i]) + malloc_usable_size(p[i])) % PAGE, 0);
	give_blocks(p);
}

/* They leave 47 lines of their eleven pages over. */
static void blocks_begin_at_different_places_of_a_page(void **state)
{
	(void)state;
	expect_spread(42000, 30, BLOCKS / 8);
}

/* Their pages would leave 56 bytes over, less than a line. */
static void blocks_that_nearly_fill_their_pages_have_places_to_choose_from_too(void **state)
{
	(void)state;
	expect_spread(45000, 8, BLOCKS / 4);
}

/* Some have up to a third more than was asked for, since such a block was at hand. */
static void a_block_of_whole_pages_takes_none_for_where_it_begins(void **state)
{
	unsigned int places[PAGE / LINE];
	struct buddy_stats before, after;
	void *p[BLOCKS];

	(void)state;
	buddy_stats(&before);
	take_blocks(16 * PAGE, p, places);
	buddy_stats(&after);
	for (int i = 0; i < BLOCKS; i++)
		assert_true(!place(p[i]) || malloc_usable_size(p[i]) > 16 * PAGE);
	assert_true(places[0] > 0);
	assert_true(after.large - before.large <= BLOCKS * 18 * PAGE);
	give_blocks(p);
}

static void what_is_aligned_or_from_kmalloc_begins_with_a_page(void **state)
{
	(void)state;
	for (size_t size = 33000; size < 300000; size += 7777) {
		void *p[] = {aligned_alloc(64, size), memalign(PAGE, size), valloc(size),
			     buddy_kmalloc(size, GFP_KERNEL)};

		for (size_t i = 0; i < sizeof(p) / sizeof(*p); i++) {
			assert_non_null(p[i]);
			assert_int_equal(place(p[i]) % (i ? PAGE : 64), 0);
			free(p[i]);
		}
	}
}

/* Up and down, within its pages and beyond. */
static void a_block_that_is_resized_keeps_what_is_in_it(void **state)
{
	static const size_t sizes[] = {42000, 45056, 90000, 89000, 49152, 33000, 200000, 40000};
	unsigned char *p = NULL;
	size_t old = 0;

	(void)state;
	for (int round = 0; round < 40; round++) {
		size_t size = sizes[round % (sizeof(sizes) / sizeof(*sizes))] + (size_t)round * 8;

		p = realloc(p, size);
		assert_non_null(p);
		assert_true(malloc_usable_size(p) >= size);
		for (size_t i = 0; i < old && i < size; i++)
			assert_int_equal(p[i], (unsigned char)(i * 7));
		for (size_t i = 0; i < size; i++)
			p[i] = (unsigned char)(i * 7);
		old = size;
	}
	free(p);
	assert_int_equal(buddy_verify(), 0);
}

enum { GROWERS = 8, GROWN = 512 << 10 };

/* They lie in each other's way, so none can grow far where it is. */
static void blocks_that_grow_by_little_are_seldom_copied(void **state)
{
	char *p[GROWERS] = {NULL};
	int moves = 0;

	(void)state;
	for (size_t size = 64 << 10; size <= GROWN; size += 1 << 10)
		for (int i = 0; i < GROWERS; i++) {
			char *before = p[i];

			p[i] = realloc(p[i], size);
			assert_non_null(p[i]);
			if (before)
				assert_int_equal(p[i][size - (1 << 10) - 1], i);
			p[i][size - 1] = (char)i;
			moves += p[i] != before;
		}
	/* An eighth more each time: 18 steps to eight times the size. */
	assert_true(moves <= GROWERS * (1 + 20));
	for (int i = 0; i < GROWERS; i++) {
		assert_true(malloc_usable_size(p[i]) < GROWN + GROWN / 4);
		free(p[i]);
	}
	assert_int_equal(buddy_verify(), 0);
}

/* Like a string, it passes over every other of the classes that it grows through. */
static void an_object_that_grows_by_little_is_seldom_copied(void **state)
{
	char *p = malloc(200);
	int moves = 0;

	(void)state;
	for (size_t size = 201; size <= 16000; size++) {
		char *before = p;

		p = realloc(p, size);
		assert_non_null(p);
		moves += p != before;
	}
	free(p);
	assert_in_range(moves, 1, 26);
}

static void a_large_block_gives_back_what_is_more_than_an_eighth(void **state)
{
	size_t size = 1 << 20;
	char *p = malloc(size), *q;

	(void)state;
	size = malloc_usable_size(p);
	q = realloc(p, size - size / 8 + 1);
	assert_ptr_equal(p, q);
	assert_int_equal(malloc_usable_size(p), size);
	q = realloc(p, size / 2);
	assert_ptr_equal(p, q);
	assert_true(malloc_usable_size(p) < size / 2 + 4096);
	free(p);
	/* An eighth of a very large one would be too much to keep. */
	size = 12 << 20;
	p = malloc(size);
	q = realloc(p, size - (1 << 20));
	assert_ptr_equal(p, q);
	assert_true(malloc_usable_size(p) < size - (1 << 20) + 4096);
	free(p);
}

static void zeroed_blocks_are_zero_wherever_they_begin(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		size_t size = 33000 + (size_t)round * 1111;
		unsigned char *p = calloc(1, size);

		assert_non_null(p);
		for (size_t i = 0; i < malloc_usable_size(p); i++)
			assert_int_equal(i < size ? p[i] : 0, 0);
		memset(p, 0xff, malloc_usable_size(p));
		free(p);
	}
}

static size_t resident_pages(void *p, size_t size)
{
	static unsigned char resident[(512u << 20) / 4096];
	size_t nr = 0;

	assert_true(size / 4096 <= sizeof(resident));
	p = (char *)p - (uintptr_t)p % 4096;
	assert_int_equal(mincore(p, size, resident), 0);
	for (size_t i = 0; i < size / 4096; i++)
		nr += resident[i] & 1;
	return nr;
}

/* Also if it begins in memory that was used before. */
static void a_large_zeroed_table_is_resident_where_it_is_used(void **state)
{
	const size_t size = (size_t)512 << 20;
	unsigned char *p;

	(void)state;
	p = malloc(6 << 20);
	memset(p, 1, 6 << 20);
	free(p);
	p = calloc(1, size);
	assert_non_null(p);
	assert_in_range(resident_pages(p, size), 0, size / 4096 / 16);
	for (size_t i = 0; i < size; i += 1 << 20)
		assert_int_equal(p[i], 0);
	free(p);
}

enum { WALL = 1 << 20, WALLS = 256 };

/*
 * Blocks that keep another one from growing where it is.  The first of them may fill holes
 * elsewhere, so there are as many as it takes until one lies right behind the other.  If none ever
 * does, there is no room for it there, nor for the other to grow by as much.
 */
struct wall {
	void *block[WALLS];
	int nr;
};

static void build_wall(struct wall *wall, void *p)
{
	uintptr_t end = ((uintptr_t)p + malloc_usable_size(p) + PAGE - 1) / PAGE;

	wall->nr = 0;
	do {
		wall->block[wall->nr] = malloc(WALL);
		assert_non_null(wall->block[wall->nr]);
	} while ((uintptr_t)wall->block[wall->nr++] / PAGE != end && wall->nr < WALLS);
}

static void remove_wall(struct wall *wall)
{
	while (wall->nr)
		free(wall->block[--wall->nr]);
}

/* Pages that were never touched are still not resident afterwards, since nothing is copied. */
static void a_very_large_block_grows_by_its_page_tables(void **state)
{
	struct buddy_stats before, after;
	struct wall wall;
	char *p;

	(void)state;
	p = malloc(4 << 20);
	build_wall(&wall, p);
	memset(p, 7, 4 << 20);
	buddy_stats(&before);
	p = realloc(p, 64 << 20);
	assert_non_null(p);
	buddy_stats(&after);
	assert_int_equal(after.direct_count, before.direct_count + 1);
	p = realloc(p, 256 << 20);
	assert_non_null(p);
	assert_in_range(resident_pages(p, 256 << 20), 1, (16 << 20) / 4096);
	assert_int_equal(p[(4 << 20) - 1], 7);
	free(p);
	remove_wall(&wall);
}

/* A block that grows by a small part of its size will be moved often. */
static void a_block_that_grows_by_steps_gets_a_mapping_from_4_mib_on(void **state)
{
	struct buddy_stats before, after;
	struct wall wall;
	char *p;

	(void)state;
	p = malloc(6 << 20);
	build_wall(&wall, p);
	buddy_stats(&before);
	p = realloc(p, 7 << 20);
	assert_non_null(p);
	buddy_stats(&after);
	assert_int_equal(after.direct_count, before.direct_count + 1);
	free(p);
	remove_wall(&wall);
}

static void an_object_that_shrinks_to_less_than_half_is_given_a_smaller_place(void **state)
{
	char *p = malloc(30000);

	(void)state;
	memset(p, 7, 30000);
	p = realloc(p, 12000);
	assert_non_null(p);
	assert_true(malloc_usable_size(p) < 15000);
	for (int i = 0; i < 12000; i++)
		assert_int_equal(p[i], 7);
	free(p);
}

#define TABLE ((size_t)64 << 20)

/* It is copied once, to a mapping whose page tables can be moved from then on. */
static void a_large_table_that_grows_is_resident_where_it_is_used(void **state)
{
	/* The second is not a whole number of pages, so it may begin anywhere in its first one. */
	static const size_t sizes[] = {TABLE, TABLE + 1000};

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		volatile size_t size = sizes[k];
		char *p = calloc(1, size);
		struct wall wall;

		assert_non_null(p);
		build_wall(&wall, p);
		for (size_t i = 0; i < size; i += 1 << 20)
			p[i] = (char)(i >> 20 | 1);
		p[size - 1] = 77;
		p = realloc(p, size + size / 4);
		assert_non_null(p);
		assert_in_range(resident_pages(p, size + size / 4), 1, size / 4096 / 16);
		for (size_t i = 0; i < size; i += 4096)
			assert_int_equal(p[i], i % (1 << 20) ? 0 : (char)(i >> 20 | 1));
		assert_int_equal(p[size - 1], 77);
		free(p);
		remove_wall(&wall);
	}
}

/* All that is in use is copied, wherever the runs of used pages begin and end. */
static void a_large_table_that_grows_keeps_what_is_in_it(void **state)
{
	unsigned int random = 1;
	char *p = calloc(1, TABLE), *was = calloc(1, TABLE);

	(void)state;
	assert_true(p && was);
	for (int i = 0; i < 2000; i++) {
		size_t at = (random = random * 1103515245 + 12345) % (TABLE - 20000);
		size_t len = 1 + random / 7 % 20000;

		memset(p + at, (int)(random >> 24) | 1, len);
		memset(was + at, (int)(random >> 24) | 1, len);
	}
	p = realloc(p, TABLE + TABLE / 3);
	assert_non_null(p);
	assert_memory_equal(p, was, TABLE);
	p = realloc(p, TABLE / 2 + 1);
	assert_non_null(p);
	assert_memory_equal(p, was, TABLE / 2 + 1);
	free(p);
	free(was);
}

static bool overcommits_everything(void)
{
	int fd = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);
	char mode = 0;

	if (fd < 0)
		return false;
	(void)!read(fd, &mode, 1);
	close(fd);
	return mode == '1';
}

/* As with the C library: a program that asks for more than there can be must see NULL. */
static void what_the_machine_cannot_have_is_refused(void **state)
{
	struct sysinfo info;
	size_t all;

	(void)state;
	assert_int_equal(sysinfo(&info), 0);
	if (overcommits_everything())
		skip();
	all = (info.totalram + info.totalswap) * (size_t)info.mem_unit;
	for (int i = 1; i < 10; i++) {
		errno = 0;
		assert_null(malloc(all + ((size_t)1 << (30 + i))));
		assert_int_equal(errno, ENOMEM);
	}
	assert_null(calloc(4, all));
	assert_null(aligned_alloc(2 << 20, 4 * all / (2 << 20) * (2 << 20)));
	free(malloc(all / 4));
	assert_int_equal(buddy_verify(), 0);
}

/* No place of such an alignment is looked for in the heap. */
static void a_small_block_of_huge_alignment_costs_little(void **state)
{
	volatile size_t align = (size_t)1 << 34; /* compilers assume 4 GiB at most */
	struct buddy_stats before, after;
	struct sysinfo info;
	void *p[3];

	(void)state;
	/* More than the machine's memory: addresses skipped for the alignment must not count. */
	assert_int_equal(sysinfo(&info), 0);
	while (align < (info.totalram + info.totalswap) * (size_t)info.mem_unit)
		align *= 2;
	buddy_stats(&before);
	for (int i = 0; i < 3; i++) {
		p[i] = aligned_alloc(align, 40000);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % align, 0);
		memset(p[i], 1, 40000);
	}
	buddy_stats(&after);
	assert_true(after.present - before.present < (size_t)16 << 20);
	for (int i = 0; i < 3; i++)
		free(p[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_begin_at_different_places_of_a_page),
		cmocka_unit_test(
			blocks_that_nearly_fill_their_pages_have_places_to_choose_from_too),
		cmocka_unit_test(a_block_of_whole_pages_takes_none_for_where_it_begins),
		cmocka_unit_test(what_is_aligned_or_from_kmalloc_begins_with_a_page),
		cmocka_unit_test(a_block_that_is_resized_keeps_what_is_in_it),
		cmocka_unit_test(blocks_that_grow_by_little_are_seldom_copied),
		cmocka_unit_test(an_object_that_grows_by_little_is_seldom_copied),
		cmocka_unit_test(a_large_block_gives_back_what_is_more_than_an_eighth),
		cmocka_unit_test(zeroed_blocks_are_zero_wherever_they_begin),
		cmocka_unit_test(a_large_zeroed_table_is_resident_where_it_is_used),
		cmocka_unit_test(a_very_large_block_grows_by_its_page_tables),
		cmocka_unit_test(a_block_that_grows_by_steps_gets_a_mapping_from_4_mib_on),
		cmocka_unit_test(an_object_that_shrinks_to_less_than_half_is_given_a_smaller_place),
		cmocka_unit_test(a_large_table_that_grows_is_resident_where_it_is_used),
		cmocka_unit_test(a_large_table_that_grows_keeps_what_is_in_it),
		cmocka_unit_test(what_the_machine_cannot_have_is_refused),
		cmocka_unit_test(a_small_block_of_huge_alignment_costs_little),
	};

	/* If the system made huge pages of everything, all pages would be resident. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
