/* SPDX-License-Identifier: MIT */
/* double_free_reused_by_new.c - an object twice in a row, then two from operator new */
#include "crime.h"

#define OTHERS 4

void *_Znwm(size_t size) __attribute__((weak)); /* the library's: there is no C++ here */

int main(void)
{
	char *others[OTHERS], *p, *first, *second;

	if (!_Znwm)
		skip("no operator new");
	for (int i = 0; i < OTHERS; i++)
		others[i] = crime_block(SMALL_SIZE);
	p = crime_block(SMALL_SIZE);
	expect_report("free", p);
	crime_free(p);
	crime_free(p);
	first = _Znwm(SMALL_SIZE);
	second = _Znwm(SMALL_SIZE);
	if (first == second)
		return 1;
	crime_free(first);
	crime_free(second);
	for (int i = 0; i < OTHERS; i++)
		crime_free(others[i]);
	return live_on();
}
