/* SPDX-License-Identifier: MIT */
/* double_free_ended_thread.c - a thread frees twice, with others in between, and then ends */
#include "crime.h"
#include <stdlib.h>

enum { BLOCKS = 10 };

int main(void)
{
	char *blocks[BLOCKS];

	if (live_on())
		return 1;
	crime_blocks(blocks, BLOCKS);
	expect_report("free", blocks[BLOCKS - 2]);
	accomplice_start();
	for (int i = 0; i < BLOCKS; i++)
		accomplice_free(blocks[i]);
	accomplice_free(blocks[BLOCKS - 2]);
	accomplice_end();
	exit(0);
}
