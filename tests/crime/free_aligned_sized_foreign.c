/* SPDX-License-Identifier: MIT */
/* free_aligned_sized_foreign.c - free_aligned_sized of a static variable */
#include "crime.h"
#include <dlfcn.h>
#include <string.h>

static _Alignas(64) char variable[64];

int main(void)
{
	void (*volatile free_aligned_sized)(void *, size_t, size_t);
	void *found = dlsym(RTLD_DEFAULT, "free_aligned_sized");

	if (!found)
		skip("there is no free_aligned_sized");
	memcpy((void *)&free_aligned_sized, &found, sizeof(found));
	expect_report("free_aligned_sized|free", variable);
	free_aligned_sized(variable, 64, sizeof(variable));
	return live_on();
}
