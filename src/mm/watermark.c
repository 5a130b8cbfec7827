/* SPDX-License-Identifier: MIT */
/*
 * watermark.c - the marks of a zone
 *
 * Linux:  __setup_per_zone_wmarks().  The budget of the zone stands for lowmem.
 *
 *   min_free_kbytes = clamp(int_sqrt(kB * 16), 128, 262144), at most 5 % of the budget
 *   gap = max(min / 4, managed * watermark_scale_factor / 10000)
 *   low = min + gap, high = low + gap, promo = high + gap
 *
 * Nothing waits for them yet: the page sets take their height from the low mark, as the kernel's
 * do, and zoneinfo shows them.
 */
#include "mm/internal.h"
#include "mm/mm.h"

#define WATERMARK_SCALE_FACTOR 10

void setup_zone_wmarks(struct zone *zone)
{
	u64 kb = zone->managed_pages * (PAGE_SIZE / KiB);
	u64 min_kb = CLAMP(int_sqrt(kb * 16), 128, 262144);
	u64 min, gap;

	min_kb = MIN(min_kb, kb / 20);
	min = min_kb / (PAGE_SIZE / KiB);
	gap = MAX(min / 4, zone->managed_pages * WATERMARK_SCALE_FACTOR / 10000);
	zone->_watermark[WMARK_MIN] = min;
	zone->_watermark[WMARK_LOW] = min + gap;
	zone->_watermark[WMARK_HIGH] = min + 2 * gap;
	zone->_watermark[WMARK_PROMO] = min + 3 * gap;
	zone_set_pcp_limits(zone);
}
