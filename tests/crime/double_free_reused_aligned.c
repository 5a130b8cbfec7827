/* SPDX-License-Identifier: MIT */
/* double_free_reused_aligned.c - an aligned object twice in a row, then two aligned ones */
#include "crime.h"
#include <stdlib.h>

#define ALIGN ((size_t)64)

static char *get(void)
{
	void *p;

	if (posix_memalign(&p, ALIGN, SMALL_SIZE))
		skip("no memory to begin with");
	return p;
}

int main(void)
{
	return reuse_after_double_free(get, /* others= */ 4);
}
