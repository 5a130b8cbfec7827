/*
 * stacks.c - what the processes of a hung run are doing
 */
#include "stacks.h"

#include "clock.h"
#include "report.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { GDB_SECONDS = 30, PROCESSES_SHOWN = 6 };

/* gdb must not run on the heap that just hung: its environment goes without the preload. */
static char **environment_without_preload(void)
{
	static char *plain[512];
	size_t used = 0;

	for (char **entry = environ; *entry && used < 511; entry++)
		if (strncmp(*entry, "LD_PRELOAD=", 11) != 0)
			plain[used++] = *entry;
	plain[used] = NULL;
	return plain;
}

static int wait_some_seconds(pid_t pid, int seconds)
{
	int status;

	for (int i = 0; i < seconds * 10; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		sleep_ms(100);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

static int stacks_by_gdb(pid_t pid)
{
	char number[16];
	char *argv[] = {"gdb",
			"-batch",
			"-nx",
			"-p",
			number,
			"-ex",
			"set pagination off",
			"-ex",
			"thread apply all bt 30",
			NULL};
	pid_t gdb;

	snprintf(number, sizeof(number), "%d", (int)pid);
	if (posix_spawnp(&gdb, "gdb", NULL, NULL, argv, environment_without_preload()) != 0)
		return -1;
	return wait_some_seconds(gdb, GDB_SECONDS);
}

static void print_file(const char *path)
{
	char text[4096];
	ssize_t length;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return;
	text[length] = '\0';
	say("  %s: %s", path, text);
}

/*
 * Where gdb fails: what the kernel tells of every thread.  One that gdb cannot stop is likely
 * inside the kernel: its stack there (for root) and its times in stat say where.
 */
static void stacks_by_proc(pid_t pid)
{
	char path[320];
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		return;
	while ((entry = readdir(tasks)) != NULL) {
		static const char *const files[] = {"comm", "wchan", "syscall", "stat", "stack"};
		bool is_task = isdigit((unsigned char)entry->d_name[0]);

		for (size_t i = 0; is_task && i < sizeof(files) / sizeof(*files); i++) {
			snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", (int)pid, entry->d_name,
				 files[i]);
			print_file(path);
		}
	}
	closedir(tasks);
}

void stacks_of_group(pid_t group)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	int shown = 0;

	if (!processes)
		return;
	while ((entry = readdir(processes)) != NULL && shown < PROCESSES_SHOWN) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid <= 0 || getpgid(pid) != group)
			continue;
		say("---- process %d", (int)pid);
		if (stacks_by_gdb(pid) != 0)
			stacks_by_proc(pid);
		shown++;
	}
	closedir(processes);
}
