/* SPDX-License-Identifier: MIT */
/*
 * exit_early.c parent|child - a program ends while the background thread is in slow_module.c
 *
 * parent: it ends while the load is under way, which is let go on a little later.  The module
 * ends the program with a signal if its destructor runs meanwhile.
 * child: a forked child, in which nobody loads, ends without waiting for anybody; the load is let
 * go on after that, and the module ends the program with a signal if that was too late.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"
#include "report.h"
#include "slow_module.h"

#define BLOCKS 1200
#define BLOCK_SIZE 100000 /* 114 MiB, from which on there is a background thread */

static void wait_for_load(void)
{
	for (int step = 0; access(LOADING, F_OK); step++) {
		if (step == 1000)
			die("nobody has loaded the module in 10 s");
		usleep(10 * 1000);
	}
}

static pid_t fork_child(void)
{
	pid_t child = fork();

	if (child < 0)
		die("cannot fork");
	return child;
}

static void release(void)
{
	close(open(RELEASE, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

int main(int argc, char **argv)
{
	static void *blocks[BLOCKS];
	bool parent = argc == 2 && !strcmp(argv[1], "parent");
	int status = -1;
	pid_t child;

	if (argc != 2)
		die("usage: exit_early parent|child");
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = malloc(BLOCK_SIZE);
	wait_for_load();
	child = fork_child();
	if (parent) {
		if (child == 0) {
			usleep(300 * 1000);
			release();
			_exit(0);
		}
		check(true, "the program ends while the load is under way");
		return verdict();
	}
	if (child == 0) {
		free(blocks[0]);
		exit(0);
	}
	waitpid(child, &status, 0);
	release();
	check(status == 0, "a child ends while its parent's load is under way (status %d)", status);
	return verdict();
}
