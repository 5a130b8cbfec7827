/* SPDX-License-Identifier: MIT */
/* free_sized_foreign.c - free_sized of a static variable */
#include "crime.h"
#include <dlfcn.h>
#include <string.h>

static _Alignas(16) char variable[64];

int main(void)
{
	void (*volatile free_sized)(void *, size_t);
	void *found = dlsym(RTLD_DEFAULT, "free_sized");

	if (!found)
		skip("there is no free_sized");
	memcpy((void *)&free_sized, &found, sizeof(found));
	expect_report("free_sized|free", variable);
	free_sized(variable, sizeof(variable));
	return live_on();
}
