/* SPDX-License-Identifier: MIT */
/* double_free_in_child.c - freed before the fork, and again in the child */
#include "crime.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	char *p = crime_block(SMALL_SIZE);
	pid_t child;
	int status;

	expect_report("free", p);
	crime_free(p);
	child = fork();
	if (child < 0)
		skip("no child to be had");
	if (child == 0) {
		crime_free(p);
		exit(live_on());
	}
	if (waitpid(child, &status, 0) != child)
		return 1;
	/* The driver sees this process only: end as the child did. */
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	return WEXITSTATUS(status);
}
