/* SPDX-License-Identifier: MIT */
/*
 * huge_pages.c heap|block none|some - how much of the process lies on huge pages
 *
 * heap:  12 MiB of small blocks are taken; block: a single one of 64 MiB.  The system's setting
 * is `always` (the scenario sees to it), so a library that says nothing gets huge pages for
 * both, and its small heap costs 2 MiB for each stretch that is touched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "report.h"

#define MIB (1024ul * 1024)
#define THP_FOLDER "/sys/kernel/mm/transparent_hugepage/"

/* The sum of AnonHugePages over all mappings of this process. */
static long huge_kib(void)
{
	static char line[512];
	FILE *smaps = fopen("/proc/self/smaps", "r");
	long sum = 0;

	if (!smaps)
		die("no /proc/self/smaps");
	while (fgets(line, sizeof(line), smaps))
		if (!strncmp(line, "AnonHugePages:", strlen("AnonHugePages:")))
			sum += strtol(line + strlen("AnonHugePages:"), NULL, 10);
	fclose(smaps);
	return sum;
}

static long read_number(const char *path)
{
	FILE *file = fopen(path, "r");
	long number;

	if (!file || fscanf(file, "%ld", &number) != 1)
		die("cannot read %s", path);
	fclose(file);
	return number;
}

/*
 * The kernel's daemon makes huge pages out of small ones behind our back.  Waits until it has
 * been through all processes twice, so that it has seen every page of this one.  It does not run
 * at all where no process has memory that may become huge, which is what is hoped for here.
 */
static void wait_for_khugepaged(void)
{
	long start = read_number(THP_FOLDER "khugepaged/full_scans");

	for (int i = 0; i < 1000; i++) {
		if (read_number(THP_FOLDER "khugepaged/full_scans") >= start + 2)
			return;
		usleep(10 * 1000);
	}
}

static void take_heap(void)
{
	static const size_t sizes[] = {40, 200, 1000, 3000, 20000};
	size_t taken = 0;

	/* Each block is kept: the program's end gives them back. */
	for (size_t i = 0; taken < 12 * MIB; i++) {
		size_t size = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];
		char *block = malloc(size);

		if (!block)
			die("malloc(%zu) is NULL", size);
		write_all(block, size, 1);
		taken += size;
	}
}

static void take_block(void)
{
	char *block = malloc(64 * MIB);

	if (!block)
		die("malloc of 64 MiB is NULL");
	write_all(block, 64 * MIB, 1);
}

int main(int argc, char **argv)
{
	bool heap = argc == 3 && !strcmp(argv[1], "heap");
	bool none = argc == 3 && !strcmp(argv[2], "none");
	long huge;

	if (argc != 3)
		die("usage: huge_pages heap|block none|some");
	if (heap)
		take_heap();
	else
		take_block();
	if (none)
		wait_for_khugepaged();
	huge = huge_kib();
	if (none)
		check(huge == 0, "%s is on small pages (%ld KiB on huge ones)",
		      heap ? "a heap of 12 MiB" : "a block of 64 MiB", huge);
	else
		check(huge >= 32l * 1024, "%s is on huge pages (%ld KiB)",
		      heap ? "a heap of 12 MiB" : "a block of 64 MiB", huge);
	return verdict();
}
