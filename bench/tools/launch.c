/* SPDX-License-Identifier: MIT */
/*
 * launch.c - run one program under one allocator and write down what it used
 *
 *	launch RESULT PRELOAD PROGRAM [ARGUMENT...]
 *
 * PRELOAD is the library to preload, or an empty word.  RESULT gets `name value` lines: exit
 * status or signal, wall, user and system time, peak resident memory and page faults of the
 * program and of the children it waited for.
 *
 * Why not from the runner itself: on Linux the peak of a new process starts at that of the
 * process that made it, so a big runner would hide every small program.  This one is linked
 * statically and stays below the smallest of them.
 *
 * It ends with the runner, and the program with it, however the runner ends: one that is killed, or
 * interrupted between the start of this program and knowing its number, cannot see to that itself.
 */
#include <errno.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_NOT_LAUNCHED = 125, EXIT_NOT_FOUND = 127 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

_Noreturn static void become(const char *preload, char **program)
{
	const struct rlimit no_core = {0, 0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	if (*preload)
		setenv("LD_PRELOAD", preload, /*overwrite=*/1);
	else
		unsetenv("LD_PRELOAD");
	execvp(program[0], program);
	fprintf(stderr, "launch: %s: %s\n", program[0], strerror(errno));
	_exit(EXIT_NOT_FOUND);
}

static int write_result(const char *path, double wall, int status, const struct rusage *use)
{
	FILE *out = fopen(path, "we");

	if (!out) {
		fprintf(stderr, "launch: %s: %s\n", path, strerror(errno));
		return EXIT_NOT_LAUNCHED;
	}
	fprintf(out, "exit %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	fprintf(out, "signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	fprintf(out, "wall %.6f\n", wall);
	fprintf(out, "user %.6f\n", seconds(use->ru_utime));
	fprintf(out, "sys %.6f\n", seconds(use->ru_stime));
	fprintf(out, "peak_kib %ld\n", use->ru_maxrss);
	fprintf(out, "minor_faults %ld\n", use->ru_minflt);
	fprintf(out, "major_faults %ld\n", use->ru_majflt);
	return fclose(out) == 0 ? 0 : EXIT_NOT_LAUNCHED;
}

int main(int argc, char **argv)
{
	struct rusage use;
	int status;

	if (argc < 4) {
		fprintf(stderr, "usage: launch RESULT PRELOAD PROGRAM [ARGUMENT...]\n");
		return EXIT_NOT_LAUNCHED;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	double began = now();
	pid_t child = fork();

	if (child == 0)
		become(argv[2], argv + 3);
	if (child < 0) {
		fprintf(stderr, "launch: fork: %s\n", strerror(errno));
		return EXIT_NOT_LAUNCHED;
	}
	while (wait4(child, &status, 0, &use) < 0) {
		if (errno != EINTR)
			return EXIT_NOT_LAUNCHED;
	}
	return write_result(argv[1], now() - began, status, &use);
}
