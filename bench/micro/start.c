/* SPDX-License-Identifier: MIT */
/*
 * start.c - start a program that does nothing, again and again
 *
 * Imitates shell scripts and builds.  The program is /bin/true; it inherits the preload, so all
 * that differs is loading the library, setting it up, and the page faults of that.
 *
 *	faults_per_start   page faults of one run of /bin/true
 */
#include "bench.h"

#include <spawn.h>
#include <sys/wait.h>

enum { BASE_STARTS = 400 };

extern char **environ;

static void start_once(void)
{
	char name[] = "/bin/true";
	char *const argv[] = {name, NULL};
	pid_t child;
	int status;

	if (posix_spawn(&child, name, NULL, NULL, argv, environ) != 0) {
		fprintf(stderr, "start: cannot run %s\n", name);
		exit(1);
	}
	if (waitpid(child, &status, 0) != child || status != 0) {
		fprintf(stderr, "start: %s ended with status %#x\n", name, (unsigned int)status);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	uint64_t work = 100;
	struct rusage use;
	const struct bench_arg args[] = {
		{.key = "work", .number = &work},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	uint64_t starts = bench_scaled(BASE_STARTS, work);
	double cpu = bench_cpu_seconds(), began = bench_now();

	for (uint64_t i = 0; i < starts; i++)
		start_once();
	struct bench_span span = {bench_now() - began, bench_cpu_seconds() - cpu};

	getrusage(RUSAGE_CHILDREN, &use);
	bench_print_span(span, starts, 1);
	printf("faults_per_start %.1f\n", (double)(use.ru_minflt + use.ru_majflt) / (double)starts);
}
