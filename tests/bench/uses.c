/* SPDX-License-Identifier: MIT */
/*
 * uses.c - use known amounts of memory, page faults and processor time
 *
 *	uses [MIB [CHILD_MIB [USER_MS [SYSTEM_MS]]]]
 *
 * A child that is waited for uses CHILD_MIB, after the program itself has given its own back.
 * The time is counted by the system, not by a clock, so that a busy machine changes nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

static void use_memory(long mib)
{
	size_t bytes = (size_t)mib * MIB;

	if (!bytes)
		return;
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	madvise(p, bytes, MADV_NOHUGEPAGE); /* a fault for each page */
	memset(p, 1, bytes);
	munmap(p, bytes);
}

static void use_child(long mib)
{
	pid_t child = mib ? fork() : -1;

	if (child == 0) {
		use_memory(mib);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static long milliseconds(struct timeval t)
{
	return t.tv_sec * 1000 + t.tv_usec / 1000;
}

static void use_time(long user, long system)
{
	struct rusage use;

	do {
		getrusage(RUSAGE_SELF, &use);
		for (long i = 0; i < 100000 && milliseconds(use.ru_utime) < user; i++)
			__asm__ volatile("" : : "r"(i)); /* it spins */
		for (long i = 0; i < 100 && milliseconds(use.ru_stime) < system; i++)
			use_memory(1);
	} while (milliseconds(use.ru_utime) < user || milliseconds(use.ru_stime) < system);
}

int main(int argc, char **argv)
{
	long amounts[4] = {0};

	for (int i = 0; i < 4 && i + 1 < argc; i++)
		amounts[i] = strtol(argv[i + 1], NULL, 10);
	use_memory(amounts[0]);
	use_child(amounts[1]);
	use_time(amounts[2], amounts[3]);
}
