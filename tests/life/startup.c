/*
 * startup.c - what libbuddy costs a program that hardly needs it
 *
 * startup LIBBUDDY ONE_OBJECT SMALL_HEAP CODE FAULTS, not preloaded itself.  Counts, no times: page
 * faults of /bin/true, libraries that it loads, threads, and resident memory of a program with one
 * object.  Of libbuddy's own file, at most CODE KiB may be resident when that program and one with
 * a small heap end: a function of theirs that lay among the rare ones would bring in 64 KiB more.
 * The program with one object may have FAULTS page faults more: what was never written and is read
 * before it is written is faulted in twice.
 */
#include "life.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNS = 60, MORE_FAULTS_MAX = 40, MORE_RESIDENT_KIB_MAX = 512 };

/* The environment variable that preloads libbuddy; empty for a run without. */
static char preload[4096];

/* Start a program with no environment but the preload and one more variable. */
static pid_t start(const char *program, bool with_libbuddy, const char *variable, int out)
{
	char *argv[] = {(char *)(uintptr_t)program, NULL};
	char *environment[3] = {NULL};
	int used = 0;
	pid_t child;

	if (with_libbuddy)
		environment[used++] = preload;
	if (variable)
		environment[used++] = (char *)(uintptr_t)variable;
	child = fork();
	if (child == 0) {
		if (out >= 0)
			dup2(out, STDOUT_FILENO);
		execve(program, argv, environment);
		_exit(127);
	}
	return child;
}

static long faults_of_true(bool with_libbuddy)
{
	long least = 0;

	for (int i = 0; i < RUNS; i++) {
		pid_t child = start("/bin/true", with_libbuddy, NULL, -1);
		struct rusage usage;
		int status;

		CHECK(wait4(child, &status, 0, &usage) == child && status == 0, "/bin/true");
		if (i == 0 || usage.ru_minflt < least)
			least = usage.ru_minflt;
	}
	return least;
}

static void test_page_faults(void)
{
	long without = faults_of_true(false), with = faults_of_true(true);

	printf("page faults of /bin/true: %ld without, %ld with libbuddy\n", without, with);
	CHECK(with - without <= MORE_FAULTS_MAX, "%ld more page faults", with - without);
}

/* Let a child that stopped itself go on until it is about to exit. */
static void go_to_end(pid_t child)
{
	int status;

	CHECK(ptrace(PTRACE_SEIZE, child, NULL, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL) == 0,
	      "cannot trace a child");
	kill(child, SIGCONT);
	do {
		ptrace(PTRACE_CONT, child, NULL, NULL);
		CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status),
		      "a child did not stop at its end: status %#x", (unsigned int)status);
	} while (status >> 8 != (SIGTRAP | PTRACE_EVENT_EXIT << 8));
}

/* How many KiB of libbuddy's code and constants such a child has resident at its end. */
static size_t code_kib_of(pid_t child)
{
	char path[64], line[1024];
	bool ours = false;
	size_t kib = 0, more;
	FILE *smaps;

	go_to_end(child);
	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)child);
	smaps = fopen(path, "r");
	CHECK(smaps, "cannot read the mappings of a child");
	while (fgets(line, sizeof(line), smaps)) {
		if (strchr(line, '-') && strchr(line, '/'))
			ours = strstr(line, "/libbuddy.so") && strstr(line, " r-xp ");
		else if (ours && sscanf(line, "Rss: %zu kB", &more) == 1)
			kib += more;
	}
	fclose(smaps);
	ptrace(PTRACE_DETACH, child, NULL, NULL);
	return kib;
}

static size_t look_at_stopped(const char *program, bool with_libbuddy, size_t (*look)(pid_t child))
{
	size_t least = 0;

	for (int i = 0; i < RUNS; i++) {
		pid_t child = start(program, with_libbuddy, NULL, -1);
		size_t kib;
		int status;

		CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status),
		      "%s did not stop: status %#x", program, (unsigned int)status);
		kib = look(child);
		kill(child, SIGKILL);
		wait_for(child);
		CHECK(kib, "cannot read the resident memory of a child");
		if (i == 0 || kib < least)
			least = kib;
	}
	return least;
}

static void test_one_object(const char *program)
{
	size_t without = look_at_stopped(program, false, resident_kib_of);
	size_t with = look_at_stopped(program, true, resident_kib_of);

	printf("resident with one object: %zu KiB without, %zu KiB with libbuddy\n", without, with);
	CHECK(with <= without + MORE_RESIDENT_KIB_MAX, "%zu KiB more resident", with - without);
}

static size_t faults_of(pid_t child)
{
	char path[64], line[1024] = "";
	unsigned long faults = 0;
	const char *after_name;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
	stat = fopen(path, "r");
	CHECK(stat && fgets(line, sizeof(line), stat), "cannot read %s", path);
	fclose(stat);
	after_name = strrchr(line, ')');
	CHECK(after_name && sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %*u %lu", &faults) == 1,
	      "%s has no page faults: %s", path, line);
	return faults;
}

static void test_page_faults_of_one_object(const char *program, size_t max)
{
	size_t without = look_at_stopped(program, false, faults_of);
	size_t with = look_at_stopped(program, true, faults_of);

	printf("page faults with one object: %zu without, %zu with libbuddy\n", without, with);
	CHECK(with <= without + max, "%zu more page faults than %zu, more than %zu", with - without,
	      without, max);
}

static void test_code(const char *program, size_t max)
{
	size_t kib = look_at_stopped(program, true, code_kib_of);

	printf("of libbuddy's file resident in %s: %zu KiB\n", program, kib);
	CHECK(kib <= max, "%zu KiB of libbuddy's file resident, more than %zu", kib, max);
}

/* The names of the libraries that the loader would map, one per line. */
static int count_libraries(bool with_libbuddy, char *text, size_t size)
{
	size_t length = 0;
	int lines = 0, ends[2];
	ssize_t got;
	pid_t child;

	CHECK(pipe(ends) == 0, "no pipe");
	child = start("/bin/true", with_libbuddy, "LD_TRACE_LOADED_OBJECTS=1", ends[1]);
	close(ends[1]);
	while ((got = read(ends[0], text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	close(ends[0]);
	expect_success(child, "the loader's list of libraries");
	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	return lines;
}

static void test_libraries(void)
{
	char text[8192];
	int without = count_libraries(false, text, sizeof(text));
	int with = count_libraries(true, text, sizeof(text));

	CHECK(with == without + 1, "libbuddy brings other libraries:\n%s", text);
}

static bool may_be_mapped(const char *path)
{
	static const char *const allowed[] = {"/libc.so.6", "/libc-",	    "/ld-linux",
					      "/ld-2",	    "/libbuddy.so", "/life_startup"};

	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		if (strstr(path, allowed[i]))
			return true;
	return false;
}

/* What a started program sees of itself, including libraries that came by dlopen(). */
static int inside(void)
{
	char line[1024];
	FILE *maps;

	require_libbuddy();
	for (size_t i = 0; i < 100; i++)
		free(keep(malloc(i * 100)));
	CHECK(count_threads() == 1, "%u threads in a program that started none", count_threads());
	maps = fopen("/proc/self/maps", "r");
	CHECK(maps, "cannot read /proc/self/maps");
	while (fgets(line, sizeof(line), maps)) {
		char *path = strchr(line, '/');

		CHECK(!path || may_be_mapped(path), "mapped: %s", line);
	}
	fclose(maps);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t child;

	if (argc == 1)
		return inside();
	CHECK(argc == 6, "usage: startup LIBBUDDY ONE_OBJECT SMALL_HEAP CODE FAULTS");
	CHECK(!libbuddy_loaded(), "libbuddy is loaded already");
	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", argv[1]);
	child = start(argv[0], true, NULL, -1);
	expect_success(child, "a look at oneself");
	test_libraries();
	test_page_faults();
	fflush(stdout);
	test_one_object(argv[2]);
	test_page_faults_of_one_object(argv[2], strtoul(argv[5], NULL, 10));
	test_code(argv[2], strtoul(argv[4], NULL, 10));
	test_code(argv[3], strtoul(argv[4], NULL, 10));
	return 0;
}
