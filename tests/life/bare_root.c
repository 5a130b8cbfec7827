/*
 * bare_root.c - a program that sees neither /proc nor /sys
 *
 * In a mount namespace of its own, empty file systems cover both.
 */
#include "life.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static void expect_empty(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	CHECK(directory, "cannot open %s", path);
	while ((entry = readdir(directory)) != NULL)
		CHECK(entry->d_name[0] == '.', "%s has %s", path, entry->d_name);
	closedir(directory);
}

static void cover(const char *path)
{
	if (mount("none", path, "tmpfs", 0, NULL) != 0)
		skip("cannot mount over %s: errno %d", path, errno);
}

int main(int argc, char **argv)
{
	pid_t child;

	require_libbuddy();
	if (argc == 1) {
		int flags = CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER);

		if (unshare(flags) != 0)
			skip("no mount namespace: errno %d", errno);
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
			skip("cannot make the mounts private: errno %d", errno);
		cover("/proc");
		cover("/sys");
		run_again(argv[0], "inside", NULL);
	}
	expect_empty("/proc");
	expect_empty("/sys");
	ordinary_use(128 << 20);
	child = fork();
	if (child == 0) {
		ordinary_use(16 << 20);
		_exit(0);
	}
	expect_success(child, "a child without /proc");
	return 0;
}
