/* SPDX-License-Identifier: MIT */
/*
 * section.c - what is known of pages apart from their descriptors: which are free, and the
 * migratetypes of pageblocks
 *
 * A bit for each page says whether it lies in a free block.  The bits of a pageblock fill one cache
 * line, its descriptors 512.  So how many pages are free around a place is counted without reading
 * a descriptor for each block there.  That took 28 % of the allocator's time where buffers of 4 to
 * 64 KiB are freed by another thread (node), and takes 14 % with the map.
 *
 * The sections of a zone are mapped read-only, as zeros, and made writable as the zone grows, like
 * the page map.  A heap of up to 124 MiB touches one page of them.
 *
 * Linux:  mm/sparse.c: struct mem_section, whose usage holds the flags of pageblocks.  No map of
 *         free pages there.
 * Locks:  zone->lock; to make sections writable zone->accept_lock.
 *
 * INVARIANT mapped: while zone->lock is free, a page's bit is set if and only if it lies in a
 * free block.
 *   made by     sections_map(): zeros, for nothing is accepted yet
 *   kept by     count_freed() and hand_over() set bits; page_del_and_expand(), take_behind()
 *               and isolate() clear them.  What only changes lists or merges leaves them
 *   relied on   large.c for fits; fallback.c for what a claim may take
 *   checked by  mm_verify()
 */
#include "base/check.h"
#include "mm/internal.h"
#include "platform/vm.h"

static size_t sections_bytes(u64 nr_pages)
{
	return ALIGN_UP(DIV_ROUND_UP(nr_pages, PAGES_PER_SECTION) * sizeof(struct mem_section),
			OS_PAGE);
}

/* Return: sections for @nr_pages, all zero, not writable yet; NULL without memory. */
struct mem_section *sections_map(u64 nr_pages)
{
	return vm_map_zero_view(NULL, sections_bytes(nr_pages));
}

slowpath void sections_unmap(struct mem_section *sections, u64 nr_pages)
{
	vm_unmap(sections, sections_bytes(nr_pages));
}

/* [pfn, pfn + nr) is being mapped: what describes it will be written.  Return: 0 or -errno. */
int sections_make_writable(const struct zone *zone, u64 pfn, u64 nr)
{
	uintptr_t first = (uintptr_t)section_of(zone, pfn);
	uintptr_t end = (uintptr_t)(section_of(zone, pfn + nr - 1) + 1);

	first = ALIGN_DOWN(first, OS_PAGE);
	return vm_make_writable((void *)first, ALIGN_UP(end, OS_PAGE) - first);
}

/* Part of the bits of a section: @nr of them, from bit @at of @words on. */
struct bits {
	unsigned long *words;
	u64 at, nr;
};

/* The bits of those of [pfn, pfn + nr) that lie in the section of @pfn. */
static struct bits bits_from(const struct zone *zone, u64 pfn, u64 nr)
{
	u64 at = (pfn - zone->start_pfn) % PAGES_PER_SECTION;

	return (struct bits){section_of(zone, pfn)->free_pages, at,
			     MIN(nr, PAGES_PER_SECTION - at)};
}

/* Take the bits in the first word of @b off it: *ret_mask.  Return: the word. */
static inline unsigned long *next_word(struct bits *b, unsigned long *ret_mask)
{
	unsigned long *word = &b->words[b->at / 64];
	u64 nr = MIN(b->nr, 64 - b->at % 64);

	*ret_mask = ~0ul >> (64 - nr) << (b->at % 64);
	b->at += nr;
	b->nr -= nr;
	return word;
}

static inline void turn_word(unsigned long *word, unsigned long mask, bool free)
{
	VM_BUG_ON((*word & mask) != (free ? mask : 0));
	*word ^= mask;
}

/* Turn the bits of [pfn, pfn + nr), which all say @free until now.  Most are in one word. */
static noinline void turn(struct zone *zone, u64 pfn, u64 nr, bool free)
{
	u64 at = (pfn - zone->start_pfn) % PAGES_PER_SECTION;

	if (likely(at % 64 + nr <= 64 && nr)) {
		turn_word(&section_of(zone, pfn)->free_pages[at / 64],
			  ~0ul >> (64 - nr) << (at % 64), free);
		return;
	}
	while (nr) {
		struct bits b = bits_from(zone, pfn, nr);

		pfn += b.nr;
		nr -= b.nr;
		while (b.nr) {
			unsigned long mask, *word = next_word(&b, &mask);

			turn_word(word, mask, free);
		}
	}
}

/* [pfn, pfn + nr) became part of free blocks; no part of it was. */
void section_set_free(struct zone *zone, u64 pfn, u64 nr)
{
	turn(zone, pfn, nr, false);
}

/* [pfn, pfn + nr), all free until now, is no more. */
void section_set_taken(struct zone *zone, u64 pfn, u64 nr)
{
	turn(zone, pfn, nr, true);
}

/*
 * Before the lists are made anew: nothing is free until it is found to be.  Words that describe
 * only holes may not be writable; they are zero.
 */
slowpath void sections_forget_free(struct zone *zone)
{
	for (u64 pfn = zone->start_pfn; pfn < zone->accept_pfn; pfn += 64) {
		struct bits b = bits_from(zone, pfn, 64);

		if (b.words[b.at / 64])
			b.words[b.at / 64] = 0;
	}
}

/* How many of [pfn, pfn + nr) are free. */
u64 section_count_free(const struct zone *zone, u64 pfn, u64 nr)
{
	u64 count = 0;

	while (nr) {
		struct bits b = bits_from(zone, pfn, nr);

		pfn += b.nr;
		nr -= b.nr;
		while (b.nr) {
			unsigned long mask, *word = next_word(&b, &mask);

			count += hweight64(*word & mask);
		}
	}
	return count;
}

/* How many bits are set in one stretch from the first of @b on. */
static u64 run_up(struct bits b)
{
	u64 i = b.at / 64, end = b.at + b.nr;
	unsigned long taken = ~b.words[i] & (~0ul << (b.at % 64));

	while (!taken) {
		if (++i * 64 >= end)
			return b.nr;
		taken = ~b.words[i];
	}
	return MIN(i * 64 + (u64)__builtin_ctzl(taken) - b.at, b.nr);
}

/* The same from the last of @b down. */
static u64 run_down(struct bits b)
{
	u64 end = b.at + b.nr, i = (end - 1) / 64;
	unsigned long taken = ~b.words[i] & (~0ul >> (63 - (end - 1) % 64));

	while (!taken) {
		if (i * 64 <= b.at)
			return b.nr;
		taken = ~b.words[--i];
	}
	return MIN(end - (i * 64 + 64 - (u64)__builtin_clzl(taken)), b.nr);
}

/*
 * How many pages are free from @pfn on in one stretch, counted up to @max.  Most stretches that are
 * looked at for a fit end in the word in which they are looked for.
 */
set_apart u64 section_free_behind(const struct zone *zone, u64 pfn, u64 max)
{
	u64 count = 0;

	max = MIN(max, zone->accept_pfn - pfn);
	if (likely(max)) {
		struct bits b = bits_from(zone, pfn, 1);
		unsigned long taken = ~b.words[b.at / 64] >> (b.at % 64);

		if (likely(taken))
			return MIN((u64)__builtin_ctzl(taken), max);
	}
	while (count < max) {
		struct bits b = bits_from(zone, pfn + count, max - count);
		u64 run = run_up(b);

		count += run;
		if (run < b.nr)
			break;
	}
	return count;
}

/* How many pages are free in one stretch that ends at @pfn, counted up to @max.  As above. */
set_apart u64 section_free_before(const struct zone *zone, u64 pfn, u64 max)
{
	u64 count = 0;

	max = MIN(max, pfn - zone->start_pfn);
	if (likely(max)) {
		struct bits b = bits_from(zone, pfn - 1, 1);
		unsigned long taken = ~b.words[b.at / 64] << (63 - b.at % 64);

		if (likely(taken))
			return MIN((u64)__builtin_clzl(taken), max);
	}
	while (count < max) {
		u64 end = pfn - count;
		u64 nr = MIN(max - count, (end - zone->start_pfn - 1) % PAGES_PER_SECTION + 1);
		struct bits b = bits_from(zone, end - nr, nr);
		u64 run = run_down(b);

		count += run;
		if (run < b.nr)
			break;
	}
	return count;
}
