/*
 * overcommit.c - a program on a machine in overcommit mode 2
 *
 * There every private writable mapping counts against the commit limit, MAP_NORESERVE or not, so a
 * reservation must not be writable before it is used.  The mode is that of the whole machine.  It
 * is changed only by root, only if so little is committed that nobody notices, and only for the
 * second that the test takes.  A process that outlives the test and ignores signals restores it.
 * BUDDY_TEST_SYSCTL=0 keeps the test from touching it.
 */
#include "life.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MODE_FILE "/proc/sys/vm/overcommit_memory"

enum { TEST_SECONDS = 20 };

static char read_mode(void)
{
	int fd = open(MODE_FILE, O_RDONLY | O_CLOEXEC);
	char mode = 0;

	if (fd < 0 || read(fd, &mode, 1) != 1)
		skip("cannot read %s", MODE_FILE);
	close(fd);
	return mode;
}

static bool write_mode(char mode)
{
	int fd = open(MODE_FILE, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, &mode, 1) == 1;

	if (fd >= 0)
		close(fd);
	return written;
}

static unsigned long meminfo_kib(const char *name)
{
	char line[200];
	unsigned long kib = 0;
	FILE *file = fopen("/proc/meminfo", "r");

	if (!file)
		skip("cannot read /proc/meminfo");
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtoul(line + strlen(name), NULL, 10);
	fclose(file);
	return kib;
}

static int inside(void)
{
	char *large;

	require_libbuddy();
	ordinary_use(64 << 20);
	/* More than the limit cannot be had, and must be refused as usual. */
	errno = 0;
	large = keep(malloc((size_t)meminfo_kib("CommitLimit:") * 1024 + (1 << 30)));
	CHECK(!large && errno == ENOMEM, "more than the commit limit was promised");
	ordinary_use(64 << 20);
	return 0;
}

static void ignore_signals(void)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE};

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_IGN);
	setsid();
}

/* Set the mode, run the program anew, and restore the mode whatever becomes of it. */
static int change_and_run(char **argv, char mode)
{
	pid_t child;
	int status;

	ignore_signals();
	if (!write_mode('2'))
		skip("cannot write %s", MODE_FILE);
	child = fork();
	if (child == 0) {
		alarm(TEST_SECONDS);
		run_again(argv[0], "inside", NULL);
	}
	status = child > 0 ? wait_for(child) : EXIT_FAILURE;
	CHECK(write_mode(mode), "cannot put back overcommit mode %c", mode);
	CHECK(status == 0, "in mode 2 the program ended with status %#x", (unsigned int)status);
	return 0;
}

int main(int argc, char **argv)
{
	const char *allowed = getenv("BUDDY_TEST_SYSCTL");
	char mode = read_mode();
	pid_t child;

	if (argc > 1)
		return inside();
	if (mode == '2') {
		run_again(argv[0], "inside", NULL);
	}
	if (allowed && strcmp(allowed, "0") == 0)
		skip("BUDDY_TEST_SYSCTL=0");
	if (geteuid() != 0)
		skip("the overcommit mode is root's to change");
	if (meminfo_kib("Committed_AS:") > meminfo_kib("CommitLimit:") / 4)
		skip("too much memory is committed to change the overcommit mode");
	child = fork();
	if (child == 0)
		_exit(change_and_run(argv, mode));
	expect_success(child, "the program in overcommit mode 2");
	return 0;
}
