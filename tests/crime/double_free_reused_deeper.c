/* SPDX-License-Identifier: MIT */
/*
 * double_free_reused_deeper.c - a small object twice in a row among others of its size, which are
 * then all allocated anew: it is not handed out twice
 *
 * When a program has gone to and fro between the two sheaves of a thread, a part of one is moved to
 * the other.  The border must not come between the two entries of the object.
 */
#include "crime.h"

/* Found by trying: with these the border lay between them. */
enum { LIVE = 30, ROUNDS = 3, DEPTH = 17, FREED = 16, ANEW = 40 };

#define SIZE ((size_t)224)

static char *blocks[LIVE], *anew[ANEW];

static void go_to_and_fro(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < DEPTH; i++)
			crime_free(blocks[i]);
		for (int i = 0; i < DEPTH; i++)
			blocks[i] = crime_block(SIZE);
	}
}

int main(void)
{
	char *p;

	for (int i = 0; i < LIVE; i++)
		blocks[i] = crime_block(SIZE);
	go_to_and_fro();
	p = blocks[LIVE - 1];
	expect_report("free", p);
	for (int i = 0; i < FREED / 2; i++)
		crime_free(blocks[i]);
	crime_free(p);
	crime_free(p);
	for (int i = FREED / 2; i < FREED; i++)
		crime_free(blocks[i]);
	for (int i = 0; i < ANEW; i++) {
		anew[i] = crime_block(SIZE);
		for (int k = 0; k < i; k++)
			if (anew[k] == anew[i])
				return 1;
	}
	for (int i = 0; i < ANEW; i++)
		crime_free(anew[i]);
	return live_on();
}
