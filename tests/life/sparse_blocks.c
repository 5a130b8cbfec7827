/*
 * sparse_blocks.c - large blocks of which little is used cost little, in a program whose other
 * memory is used
 *
 * A database allocates 16 MiB for each search and uses some pages of it.  With huge pages, each of
 * these would take 2 MiB.
 */
#include "life.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define FILE_BYTES (100 * MIB)
#define DENSE (20 * MIB)
#define DENSE_BLOCK ((size_t)64 * 1024)
#define SPARSE ((size_t)16 * MIB)
#define NR_SPARSE 40
#define STEP (2 * MIB) /* one page in each is used */

/* What is resident of this process without files, in KiB. */
static size_t anonymous_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	size_t kib = 0;
	char line[200];

	if (!f)
		skip("no /proc");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %zu", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* Resident, but no part of the heap. */
static void read_a_file(void)
{
	int fd = memfd_create("read", 0);
	char *p;
	size_t sum = 0;

	CHECK(fd >= 0 && !ftruncate(fd, (off_t)FILE_BYTES), "no file");
	p = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED, "the file is not mapped");
	memset(p, 1, FILE_BYTES);
	for (size_t at = 0; at < FILE_BYTES; at += 4096)
		sum += (size_t)p[at];
	CHECK(sum == FILE_BYTES / 4096, "the file is not what it was");
}

static void use_some_pages(void)
{
	for (int i = 0; i < NR_SPARSE; i++) {
		char *p = keep(malloc(SPARSE));

		CHECK(p, "no memory");
		for (size_t at = 0; at < SPARSE; at += STEP)
			p[at] = 1;
	}
}

int main(int argc, char **argv)
{
	size_t before, now, used = NR_SPARSE * (SPARSE / STEP) * 4096 / 1024;

	require_libbuddy();
	if (argc > 1 && strcmp(argv[1], "file") == 0) {
		read_a_file();
	} else {
		for (size_t n = 0; n < DENSE / DENSE_BLOCK; n++)
			fill(keep(malloc(DENSE_BLOCK)), DENSE_BLOCK, 1);
	}
	before = anonymous_kib();
	use_some_pages();
	now = anonymous_kib();
	/* 12 MiB more: what was huge already when the first block came, and descriptors. */
	CHECK(now < before + used + 12 * 1024, "%zu KiB for %zu in use", now - before, used);
	return 0;
}
