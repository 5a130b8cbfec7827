/* SPDX-License-Identifier: MIT */
/* double_free_reused.c - a small object twice in a row, then two of its size: not the same twice */
#include "crime.h"

static char *get(void)
{
	return crime_block(SMALL_SIZE);
}

int main(void)
{
	return reuse_after_double_free(get, /* others= */ 4);
}
