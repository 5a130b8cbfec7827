/* SPDX-License-Identifier: MIT */
/*
 * double_free_reused_at_once.c - the first object of its size twice in a row, then two of that size
 *
 * The thread has been given as many as it can have at hand, so there is no room for the second.
 */
#include "crime.h"

static char *get(void)
{
	return crime_block(SMALL_SIZE);
}

int main(void)
{
	return reuse_after_double_free(get, /* others= */ 0);
}
