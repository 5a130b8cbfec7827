/*
 * workload.c - ordinary use of malloc, for surroundings that are made by the environment
 */
#include "life.h"

#include <unistd.h>

int main(void)
{
	pid_t child;

	require_libbuddy();
	ordinary_use(64 << 20);
	child = fork();
	if (child == 0) {
		ordinary_use(16 << 20);
		_exit(0);
	}
	expect_success(child, "a forked child");
	ordinary_use(64 << 20);
	return 0;
}
