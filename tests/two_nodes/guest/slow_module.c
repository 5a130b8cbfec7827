/* SPDX-License-Identifier: MIT */
/*
 * slow_module.c - stands in for libbuddy-topology.so: a load that takes as long as the test wants
 *
 * It says that it has begun by making LOADING and ends once RELEASE is there.  As with libnuma,
 * whose destructor frees what its functions use, nobody may be inside when the destructor runs.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "slow_module.h"

struct topology;
__attribute__((visibility("default"))) int buddy_topology_load(struct topology *t);

#define STEPS 150 /* of 10 ms; less than a program's end waits */

static volatile pid_t inside;

int buddy_topology_load(struct topology *t)
{
	int step = 0;

	(void)t;
	inside = getpid();
	close(open(LOADING, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	while (access(RELEASE, F_OK) && step++ < STEPS)
		usleep(10 * 1000);
	inside = 0;
	if (step > STEPS)
		abort(); /* who should have made the file was waiting for us */
	return -1;
}

__attribute__((destructor)) static void end(void)
{
	if (inside == getpid())
		abort();
}
