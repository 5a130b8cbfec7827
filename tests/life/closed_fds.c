/*
 * closed_fds.c - a program started with file descriptors 0, 1 and 2 closed
 *
 * The files that it opens then become 0, 1 and 2.  A report of libbuddy must not end up in such a
 * file, which may be a database.  With an ordinary stderr the same report must be seen.
 */
#include "life.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char not_from_malloc[64];
static const char own_words[] = "written by the program\n";

static void crime(void)
{
	free(keep(not_from_malloc + 16));
}

/* Started with 0 to 2 closed: opens files in their place, uses malloc, errs. */
static int inside(const char *first, const char *second, bool commits_crime)
{
	if (open("/dev/null", O_RDONLY) != 0 || open(first, O_RDWR) != 1 ||
	    open(second, O_RDWR) != 2)
		return EXIT_FAILURE;
	if (write(1, own_words, strlen(own_words)) < 0 ||
	    write(2, own_words, strlen(own_words)) < 0)
		return EXIT_FAILURE;
	require_libbuddy();
	ordinary_use(16 << 20);
	if (commits_crime)
		crime();
	return 0;
}

static void temporary(char *path, size_t size)
{
	const char *directory = getenv("TMPDIR");
	int fd;

	snprintf(path, size, "%s/buddy-closed-fds-XXXXXX", directory ? directory : "/tmp");
	fd = mkstemp(path);
	CHECK(fd >= 0, "cannot make %s", path);
	close(fd);
}

static void read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t length = read(fd, text, size - 1);

	text[length > 0 ? length : 0] = '\0';
	close(fd);
}

static int run_closed(const char *program, const char *how, const char *first, const char *second)
{
	pid_t child = fork();

	if (child == 0) {
		char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)how,
				(char *)(uintptr_t)first, (char *)(uintptr_t)second, NULL};

		/* Two more reasons to report: while no descriptor is open, and at the end. */
		setenv("BUDDY_OPTIONS", "no_such_option=1,stats_at_exit=on", 1);
		close(0);
		close(1);
		close(2);
		execv(program, argv);
		_exit(EXIT_FAILURE);
	}
	return wait_for(child);
}

static void test_closed(const char *program, bool commits_crime)
{
	char first[256], second[256], text[1000];
	int status;

	temporary(first, sizeof(first));
	temporary(second, sizeof(second));
	status = run_closed(program, commits_crime ? "crime" : "honest", first, second);
	read_file(second, text, sizeof(text));
	CHECK(strcmp(text, own_words) == 0, "written to the program's fd 2: \"%s\"", text);
	read_file(first, text, sizeof(text));
	CHECK(strcmp(text, own_words) == 0, "written to the program's fd 1: \"%s\"", text);
	unlink(first);
	unlink(second);
	if (commits_crime)
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
		      "a foreign free ended with status %#x", (unsigned int)status);
	else
		CHECK(status == 0, "the program ended with status %#x", (unsigned int)status);
}

static void commit_crime(const void *unused)
{
	(void)unused;
	crime();
}

/* With a stderr the crime must be reported there, or the tests above prove nothing. */
static void test_open(void)
{
	char text[1000];

	hear(commit_crime, NULL, text, sizeof(text));
	CHECK(text[0], "a foreign free was not reported on stderr");
}

int main(int argc, char **argv)
{
	if (argc == 4)
		return inside(argv[2], argv[3], strcmp(argv[1], "crime") == 0);
	require_libbuddy();
	test_open();
	test_closed(argv[0], /* commits_crime= */ false);
	test_closed(argv[0], /* commits_crime= */ true);
	return 0;
}
