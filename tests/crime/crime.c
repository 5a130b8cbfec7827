/* SPDX-License-Identifier: MIT */
/*
 * crime.c - the parts of a crime that are no crime
 */
#include "crime.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *(*volatile crime_malloc)(size_t) = malloc;
void *(*volatile crime_realloc)(void *, size_t) = realloc;
void *(*volatile crime_reallocarray)(void *, size_t, size_t) = reallocarray;
size_t (*volatile crime_usable_size)(void *) = malloc_usable_size;
void (*volatile crime_free)(void *) = free;

#define BLOCK_BYTE 0x5c
/* Bytes at both ends of a block; the middle of a huge one stays untouched. */
#define CHECKED ((size_t)4096)

/* Not by stdio, which would allocate between the crime and its discovery. */
static void say(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		_exit(2);
}

static void give_up(const char *why)
{
	say(why);
	say("\n");
	_exit(1);
}

void skip(const char *why)
{
	say(why);
	say("\n");
	_exit(77);
}

static size_t checked_part(size_t size)
{
	return size < CHECKED ? size : CHECKED;
}

static void set_bytes(char *block, size_t size, int byte)
{
	size_t n = checked_part(size);

	memset(block, byte, n);
	memset(block + size - n, byte, n);
}

static int bytes_are(const char *block, size_t size, int byte)
{
	size_t n = checked_part(size);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)block[i] != byte || (unsigned char)block[size - n + i] != byte)
			return 0;
	return 1;
}

char *crime_block(size_t size)
{
	char *p = crime_malloc(size);

	if (!p)
		give_up("no memory to begin with");
	set_bytes(p, size, BLOCK_BYTE);
	return p;
}

void crime_blocks(char **ret_blocks, int nr)
{
	for (int i = 0; i < nr; i++)
		ret_blocks[i] = crime_block(SMALL_SIZE);
}

char *crime_aligned(size_t align, size_t size)
{
	void *(*volatile get)(size_t, size_t) = aligned_alloc;
	char *p = get(align, size);

	if (!p)
		skip("no aligned memory to be had");
	return p;
}

void live_on_without(void)
{
	say("lived on\n");
	_exit(0);
}

void expect_unharmed(const char *block, size_t size)
{
	if (!bytes_are(block, size, BLOCK_BYTE))
		give_up("a block that is alive lost its contents");
}

void expect_report(const char *calls, const void *at)
{
	char line[200];

	snprintf(line, sizeof(line), "expect %s %p\n", calls, at);
	say(line);
}

int live_on(void)
{
	static const size_t sizes[] = {200, 500, 1000, 3000, 9000, 20000, 100000, 300000, 3000000};
	enum { NR_SIZES = sizeof(sizes) / sizeof(sizes[0]), ROUNDS = 40 };
	static char *blocks[ROUNDS][NR_SIZES];

	for (int r = 0; r < ROUNDS; r++) {
		for (int s = 0; s < NR_SIZES; s++) {
			blocks[r][s] = crime_malloc(sizes[s]);
			if (!blocks[r][s])
				give_up("no memory after the crime");
			set_bytes(blocks[r][s], sizes[s], r + 1);
		}
	}
	for (int r = 0; r < ROUNDS; r++) {
		for (int s = 0; s < NR_SIZES; s++) {
			if (!bytes_are(blocks[r][s], sizes[s], r + 1))
				give_up("blocks overlap after the crime");
			crime_free(blocks[r][s]);
		}
	}
	say("lived on\n");
	return 0;
}

int reuse_after_double_free(char *(*get)(void), int others)
{
	enum { MOST = 16 };
	char *alive[MOST], *p, *first, *second;

	for (int i = 0; i < others && i < MOST; i++)
		alive[i] = get();
	p = get();
	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	first = get();
	second = get();
	if (first == second)
		give_up("handed out twice");
	crime_free(first);
	crime_free(second);
	for (int i = 0; i < others && i < MOST; i++)
		crime_free(alive[i]);
	return live_on();
}
