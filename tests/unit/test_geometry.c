/* SPDX-License-Identifier: MIT */
/*
 * test_geometry.c - classes, slabs and sheaves by the numbers: src/slab/geometry.c
 */
#include "unit.h"

SIM_TEST(every_class_is_16_byte_aligned_and_at_most_a_quarter_above_the_one_below)
{
	EXPECT_EQ(kmalloc_class_size(0), 16);
	for (unsigned int c = 1; c < NR_KMALLOC_CLASSES; c++) {
		u32 size = kmalloc_class_size(c), below = kmalloc_class_size(c - 1);

		EXPECT_EQ(size % 16, 0);
		EXPECT(size > below);
		/* Below 64 bytes steps of 16 are more than a quarter; the last step is a third. */
		EXPECT(size - below <= MAX(below / (c == NR_KMALLOC_CLASSES - 1 ? 3 : 4), 16u));
	}
	EXPECT_EQ(kmalloc_class_size(NR_KMALLOC_CLASSES - 1), KMALLOC_MAX_SIZE);
}

SIM_TEST(the_class_of_every_size_is_what_a_linear_search_finds)
{
	unsigned int c = 0;

	for (size_t size = 1; size <= KMALLOC_MAX_SIZE; size++) {
		while (kmalloc_class_size(c) < size)
			c++;
		EXPECT_EQ(kmalloc_class(size), c);
	}
	EXPECT_EQ(kmalloc_class(0), 0);
}

static struct kmem_cache geometry(u32 size)
{
	struct kmem_cache s = {.size = size, .object_size = size};

	cache_geometry(&s);
	return s;
}

static u32 waste(const struct kmem_cache *s)
{
	return (u32)(PAGE_SIZE << s->order) - s->objects * s->size;
}

SIM_TEST(a_slab_of_any_class_wastes_at_most_an_eighth)
{
	for (unsigned int cpus = 1; cpus <= 1024; cpus *= 2) {
		sim.nr_cpus = cpus;
		for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++) {
			struct kmem_cache s = geometry(kmalloc_class_size(c));

			EXPECT(waste(&s) <= (PAGE_SIZE << s.order) / 8);
			EXPECT(s.order <= (s.size > 8192 ? 5 : 3));
			EXPECT(s.objects >= 1);
		}
	}
}

/* A slab counts its pages that went back, which a slab of one object has none of, in a byte. */
SIM_TEST(the_pages_of_a_slab_of_several_objects_can_be_counted)
{
	for (unsigned int cpus = 1; cpus <= 4096; cpus *= 64) {
		sim.nr_cpus = cpus;
		for (u32 size = 16; size <= MiB; size += size < 16 * KiB ? 8 : 512) {
			struct kmem_cache s = geometry(size);

			EXPECT(s.objects == 1 || 1u << s.order <= PAGE_PUNCHED_MAX);
		}
	}
}

/* A program's cache may have any size. */
SIM_TEST(a_slab_of_any_size_holds_an_object_and_its_bitmap)
{
	for (unsigned int cpus = 1; cpus <= 4096; cpus *= 64) {
		sim.nr_cpus = cpus;
		for (u32 size = 16; size <= 32768; size += 8) {
			struct kmem_cache s = geometry(size);

			EXPECT(s.objects >= 1 && (size_t)s.objects * size <= PAGE_SIZE << s.order);
			EXPECT(s.objects <= 8 * sizeof(((struct page *)0)->bits));
			/* What the bitmap has no room for is not lost. */
			EXPECT(s.objects == (PAGE_SIZE << s.order) / size);
			EXPECT(s.capacity >= 2);
			EXPECT(s.capacity <= 252);
			EXPECT(s.capacity <= 12 || (size_t)s.capacity * size <= 32 * KiB);
			EXPECT(s.capacity == 2 || (size_t)s.capacity * size <= 128 * KiB);
			EXPECT(s.max_full >= 1);
		}
	}
}

SIM_TEST(a_sheaf_is_not_twice_as_long_for_its_last_few_slots)
{
	static const unsigned int fits[] = {12, 28, 60, 124};
	unsigned int nearly = 0;

	for (u32 size = 16; size <= 32768; size += 8) {
		unsigned int capacity = geometry(size).capacity;

		for (unsigned int i = 0; i < ARRAY_SIZE(fits); i++) {
			EXPECT(capacity <= fits[i] || fits[i] < capacity * 7 / 8);
			nearly += capacity == fits[i];
		}
	}
	EXPECT(nearly > 0);
	EXPECT_EQ(geometry(256).capacity, 124);
	EXPECT_EQ(geometry(512).capacity, 60);
}

/* size_of_class() in src/malloc relies on it. */
SIM_TEST(a_size_rounded_up_to_an_alignment_has_a_class_aligned_to_it)
{
	EXPECT(sim_start());
	for (size_t align = 16; align <= 4 * PAGE_SIZE; align *= 2)
		for (size_t size = 1; size <= KMALLOC_MAX_SIZE; size++) {
			size_t rounded = ALIGN_UP(size, align);
			const struct kmem_cache *s;

			/* A slab of other sizes may begin its objects at any line. */
			if (align > CACHE_LINE)
				rounded = roundup_pow_of_two(rounded);
			s = &kmalloc_caches[kmalloc_class(MIN(rounded, KMALLOC_MAX_SIZE))];
			EXPECT_EQ(s->size % align, 0);
			EXPECT_EQ((PAGE_SIZE << s->order) % align, 0);
			EXPECT(align <= CACHE_LINE || !s->colour_mask);
		}
}

/* Of objects above the bound few begin at the same place in a page, except powers of two. */
SIM_TEST(objects_of_large_classes_begin_at_different_places_of_a_page)
{
	unsigned int spread = 0;

	EXPECT(sim_start());
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++) {
		const struct kmem_cache *s = &kmalloc_caches[c];

		EXPECT(s->objects * (u64)s->size <= PAGE_SIZE << s->order);
		EXPECT_EQ(s->objects, geometry(s->object_size).objects);
		EXPECT_EQ(s->reciprocal, DIV_ROUND_UP((u64)1 << 32, s->size));
		if (s->size == s->object_size)
			continue;
		EXPECT_EQ(s->size, s->object_size + CACHE_LINE);
		EXPECT(s->object_size > 2048 && !is_power_of_2(s->object_size));
		spread++;
	}
	EXPECT(spread >= 8);
}

/* At how many different lines of a page the objects of the first @slabs slabs begin. */
static int beginnings(const struct kmem_cache *s, u64 slabs)
{
	u64 seen = 0, pages = 1ull << s->order;

	for (u64 slab = 0; slab < slabs; slab++)
		for (unsigned int i = 0; i < s->objects; i++) {
			uintptr_t obj = (uintptr_t)slab_object(s, at(slab * pages), i);

			seen |= 1ull << obj % PAGE_SIZE / CACHE_LINE;
		}
	return __builtin_popcountl(seen);
}

SIM_TEST(slabs_beside_each_other_have_their_objects_begin_at_other_lines)
{
	int all_lines = 0;

	EXPECT(sim_start());
	for (unsigned int c = kmalloc_class(192); c < NR_KMALLOC_CLASSES; c++) {
		const struct kmem_cache *s = &kmalloc_caches[c];
		int one = beginnings(s, 1), many = beginnings(s, 64);

		if (is_power_of_2(s->size))
			EXPECT_EQ(many, one);
		else
			EXPECT(many * 2 >= one * 3);
		all_lines += one <= 32 && many == 64;
	}
	EXPECT(all_lines >= 8);
}

SIM_TEST(colours_keep_objects_in_their_slab_and_as_aligned_as_they_were)
{
	EXPECT(sim_start());
	for (u32 size = 16; size <= 32768; size += 8) {
		struct kmem_cache s = geometry(size);
		u64 pages = 1ull << s.order;

		for (u64 slab = 0; slab < 64; slab++) {
			char *base = page_address(at(slab * pages));
			char *obj = slab_object(&s, at(slab * pages), 0);
			char *last = slab_object(&s, at(slab * pages), s.objects - 1u);

			EXPECT(last + s.size <= base + (PAGE_SIZE << s.order));
			EXPECT_EQ((obj - base) % CACHE_LINE, 0);
			EXPECT_EQ(obj_to_index(&s, at(slab * pages), last), s.objects - 1u);
		}
	}
}

SIM_TEST(objects_that_are_aligned_to_more_than_a_line_have_no_colour)
{
	struct kmem_cache *s;

	EXPECT(sim_start());
	s = cache_create("aligned", 384, 128, NULL);
	EXPECT(s);
	EXPECT_EQ(s->colour_mask, 0);
	s = cache_create("to a line", 384, 64, NULL);
	EXPECT(s);
	EXPECT(s->colour_mask > 0);
}

SIM_TEST(powers_of_two_are_naturally_aligned)
{
	EXPECT(sim_start());
	for (size_t size = 16; size <= KMALLOC_MAX_SIZE; size *= 2)
		for (int i = 0; i < 40; i++)
			EXPECT_EQ((uintptr_t)slab_alloc(&kmalloc_caches[kmalloc_class(size)], 0,
							NUMA_NO_NODE) %
					  size,
				  0);
}

/* A multiplication takes the place of a division; it is exact for every address in a slab. */
SIM_TEST(the_index_of_every_address_in_a_slab_is_its_quotient)
{
	EXPECT(sim_start());
	for (u32 size = 16; size <= 32768; size = size < 600 ? size + 8 : size + 1000 + size % 48) {
		struct kmem_cache s = geometry(ALIGN_UP(size, 8));
		char *base = page_address(at(0));

		for (size_t offset = 0; offset < PAGE_SIZE << s.order; offset += 1 + offset % 3)
			EXPECT_EQ(obj_to_index(&s, at(0), base + offset), offset / s.size);
	}
}

SIM_TEST(page_map_values_of_classes_are_even_and_distinct_for_three_nodes)
{
	bool seen[256] = {false};

	/* A node's group follows from how many nodes with memory come before it. */
	for (int node = 0; node < MAX_NUMNODES; node++)
		topology.rank[node] = (u8)node;
	for (int node = 0; node < NODE_GROUPS; node++) {
		for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c++) {
			u8 v = kmalloc_map_value(c, node);

			EXPECT(v && v % 2 == 0 && v <= MAP_CLASS_LAST);
			EXPECT(!seen[v]);
			seen[v] = true;
			EXPECT_EQ(kmalloc_map_value(c, node + NODE_GROUPS), v);
		}
	}
}

RUN_TESTS(T(every_class_is_16_byte_aligned_and_at_most_a_quarter_above_the_one_below),
	  T(the_class_of_every_size_is_what_a_linear_search_finds),
	  T(a_slab_of_any_class_wastes_at_most_an_eighth),
	  T(the_pages_of_a_slab_of_several_objects_can_be_counted),
	  T(a_slab_of_any_size_holds_an_object_and_its_bitmap),
	  T(a_sheaf_is_not_twice_as_long_for_its_last_few_slots),
	  T(a_size_rounded_up_to_an_alignment_has_a_class_aligned_to_it),
	  T(objects_of_large_classes_begin_at_different_places_of_a_page),
	  T(slabs_beside_each_other_have_their_objects_begin_at_other_lines),
	  T(colours_keep_objects_in_their_slab_and_as_aligned_as_they_were),
	  T(objects_that_are_aligned_to_more_than_a_line_have_no_colour),
	  T(powers_of_two_are_naturally_aligned),
	  T(the_index_of_every_address_in_a_slab_is_its_quotient),
	  T(page_map_values_of_classes_are_even_and_distinct_for_three_nodes))
