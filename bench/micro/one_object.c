/* SPDX-License-Identifier: MIT */
/*
 * one_object.c - the resident memory of a program that holds one object
 *
 * The least that an allocator costs every process.
 */
#include "bench.h"

int main(int argc, char **argv)
{
	uint64_t work = 100, size = 64;
	const struct bench_arg args[] = {
		{.key = "work", .number = &work},
		{.key = "size", .number = &size},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	void *object = bench_malloc(size);
	uint64_t rss = bench_rss_kib();

	bench_free(object, size);
	printf("rss_kib %" PRIu64 "\n", rss);
}
