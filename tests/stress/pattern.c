/*
 * pattern.c - the bytes a live block is filled with
 *
 * The byte at an offset depends on the seed and the offset alone, so any part of a block can
 * be checked by itself.
 */
#include "pattern.h"

#include <stdbool.h>
#include <string.h>

enum {
	WHOLE = 64 << 10,  /* blocks up to this are written whole */
	EDGE = 4 << 10,	   /* written at both ends of larger ones */
	STRIDE = 64 << 10, /* one sample in each */
	SAMPLE = 64,
	OS_PAGE = 4 << 10,
};

/* What to do with one written part; returns the offset of a wrong byte or SIZE_MAX. */
typedef size_t part_fn(unsigned char *mem, size_t from, size_t to, uint64_t seed);

static uint64_t word_at(uint64_t seed, size_t index)
{
	return seed + (uint64_t)index * UINT64_C(0x9e3779b97f4a7c15);
}

static unsigned char byte_at(uint64_t seed, size_t offset)
{
	return (unsigned char)(word_at(seed, offset / 8) >> (offset % 8 * 8));
}

static size_t fill_part(unsigned char *mem, size_t from, size_t to, uint64_t seed)
{
	for (; from < to && from % 8; from++)
		mem[from] = byte_at(seed, from);
	for (; from + 8 <= to; from += 8) {
		uint64_t word = word_at(seed, from / 8);

		memcpy(mem + from, &word, 8);
	}
	for (; from < to; from++)
		mem[from] = byte_at(seed, from);
	return SIZE_MAX;
}

static size_t check_bytes(const unsigned char *mem, size_t from, size_t to, uint64_t seed)
{
	for (; from < to; from++)
		if (mem[from] != byte_at(seed, from))
			return from;
	return SIZE_MAX;
}

static size_t check_part(unsigned char *mem, size_t from, size_t to, uint64_t seed)
{
	size_t words_from = (from + 7) / 8 * 8;
	uint64_t difference = 0;

	/* One pass that only collects is vectorised; the exact place is looked for after. */
	for (size_t at = words_from; at + 8 <= to; at += 8) {
		uint64_t word;

		memcpy(&word, mem + at, 8);
		difference |= word ^ word_at(seed, at / 8);
	}
	if (difference || words_from > to)
		return check_bytes(mem, from, to, seed);
	if (check_bytes(mem, from, words_from, seed) != SIZE_MAX)
		return check_bytes(mem, from, words_from, seed);
	return check_bytes(mem, words_from + (to - words_from) / 8 * 8, to, seed);
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Calls @part for every written part of a block of @size as far as it lies below @limit. */
static size_t for_each_part(unsigned char *mem, size_t size, size_t limit, uint64_t seed,
			    part_fn *part)
{
	size_t tail = size - EDGE;
	size_t wrong;

	limit = min_size(limit, size);
	if (size <= WHOLE)
		return part(mem, 0, limit, seed);
	wrong = part(mem, 0, min_size(EDGE, limit), seed);
	for (size_t at = STRIDE; at + SAMPLE <= min_size(tail, limit); at += STRIDE) {
		if (wrong != SIZE_MAX)
			return wrong;
		wrong = part(mem, at, at + SAMPLE, seed);
	}
	if (wrong != SIZE_MAX || limit <= tail)
		return wrong;
	return part(mem, tail, limit, seed);
}

void pattern_fill(unsigned char *mem, size_t size, uint64_t seed)
{
	for_each_part(mem, size, size, seed, fill_part);
}

size_t pattern_check(const unsigned char *mem, size_t size, size_t limit, uint64_t seed)
{
	/* check_part only reads; the cast lets it share the walk with fill_part. */
	return for_each_part((unsigned char *)(uintptr_t)mem, size, limit, seed, check_part);
}

static size_t zero_range(const unsigned char *mem, size_t from, size_t to)
{
	for (; from < to; from++)
		if (mem[from])
			return from;
	return SIZE_MAX;
}

size_t pattern_zero_check(const unsigned char *mem, size_t size)
{
	size_t wrong;

	if (size <= WHOLE)
		return zero_range(mem, 0, size);
	wrong = zero_range(mem, 0, EDGE);
	for (size_t at = OS_PAGE - (uintptr_t)mem % OS_PAGE; at + 2 * SAMPLE <= size;
	     at += OS_PAGE) {
		if (wrong != SIZE_MAX)
			return wrong;
		wrong = zero_range(mem, at, at + 2 * SAMPLE);
	}
	return wrong != SIZE_MAX ? wrong : zero_range(mem, size - EDGE, size);
}
