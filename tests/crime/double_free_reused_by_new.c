/* SPDX-License-Identifier: MIT */
/* double_free_reused_by_new.c - an object of operator new twice in a row, then two more */
#include "crime.h"

void *_Znwm(size_t size) __attribute__((weak)); /* the library's: there is no C++ here */

static char *get(void)
{
	return _Znwm(SMALL_SIZE);
}

int main(void)
{
	if (!_Znwm)
		skip("no operator new");
	return reuse_after_double_free(get, /* others= */ 4);
}
