/* SPDX-License-Identifier: MIT */
/*
 * test_watermark.c - the marks of a zone by the kernel's formula: src/mm/watermark.c
 */
#include "unit.h"

static struct zone marks_of(u64 bytes)
{
	struct zone zone = {.managed_pages = bytes / PAGE_SIZE};

	setup_zone_wmarks(&zone);
	return zone;
}

/* min_free_kbytes = sqrt(16 * kB): 16384 for 16 GiB; all by hand. */
SIM_TEST(the_lowest_mark_is_the_kernels_min_free_kbytes)
{
	EXPECT_EQ(marks_of(16 * (u64)GiB)._watermark[WMARK_MIN], 16384 / 4);
	EXPECT_EQ(marks_of(1 * (u64)GiB)._watermark[WMARK_MIN], 4096 / 4);
	EXPECT_EQ(marks_of(64 * (u64)GiB)._watermark[WMARK_MIN], 32768 / 4);
	/* Clamped to 256 MiB above ... */
	EXPECT_EQ(marks_of(16384 * (u64)GiB)._watermark[WMARK_MIN], 262144 / 4);
	/* ... and to a twentieth of a small budget below. */
	EXPECT_EQ(marks_of(2 * MiB)._watermark[WMARK_MIN], 2048 / 20 / 4);
}

SIM_TEST(the_marks_rise_by_a_quarter_of_the_lowest_or_a_thousandth_of_the_budget)
{
	for (u64 bytes = 8 * MiB; bytes <= 1024 * (u64)GiB; bytes = bytes * 7 / 5) {
		struct zone z = marks_of(ALIGN_DOWN(bytes, PAGE_SIZE));
		u64 gap = MAX(z._watermark[WMARK_MIN] / 4, z.managed_pages * 10 / 10000);

		EXPECT_EQ(z._watermark[WMARK_LOW] - z._watermark[WMARK_MIN], gap);
		EXPECT_EQ(z._watermark[WMARK_HIGH] - z._watermark[WMARK_LOW], gap);
		EXPECT_EQ(z._watermark[WMARK_PROMO] - z._watermark[WMARK_HIGH], gap);
		EXPECT(z._watermark[WMARK_MIN] <= z.managed_pages / 20);
	}
}

SIM_TEST(the_budget_is_the_memory_of_the_node)
{
	sim_one_node(3 * GiB);
	EXPECT(sim_start());
	EXPECT_EQ(zone_of(0)->managed_pages, 3 * GiB / PAGE_SIZE);
	EXPECT_EQ(zone_of(0)->_watermark[WMARK_MIN], int_sqrt(3 * MiB * 16) / 4);
}

SIM_TEST(int_sqrt_rounds_down)
{
	u64 state = 3;

	for (u64 r = 0; r < 2000; r++) {
		EXPECT_EQ(int_sqrt(r * r), r);
		EXPECT_EQ(int_sqrt(r * r + 2 * r), r);
	}
	for (int i = 0; i < 2000; i++) {
		u64 x = sim_random(&state) >> (i % 60), r = int_sqrt(x);

		EXPECT(r * r <= x);
		EXPECT(r + 1 > 0xffffffff || (r + 1) * (r + 1) > x);
	}
}

RUN_TESTS(T(the_lowest_mark_is_the_kernels_min_free_kbytes),
	  T(the_marks_rise_by_a_quarter_of_the_lowest_or_a_thousandth_of_the_budget),
	  T(the_budget_is_the_memory_of_the_node), T(int_sqrt_rounds_down))
