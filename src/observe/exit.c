/* SPDX-License-Identifier: MIT */
/*
 * exit.c - the end of the program: nothing is torn down, but errors are looked for and reported
 */
#include "buddy/buddy.h"
#include "malloc/internal.h"
#include "platform/os.h"
#include "platform/topology.h"

__attribute__((destructor)) static void library_destructor(void)
{
	if (!boot_done())
		return;
	/* With one node, nobody loads the module. */
	if (topology.nr_nodes > 1)
		topology_close();
	slab_check_at_exit();
	if (option_stats_at_exit && os_stderr_is_ours())
		buddy_show(2);
}
