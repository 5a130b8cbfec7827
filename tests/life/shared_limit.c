/*
 * shared_limit.c PROCESSES PEAK - forked children that have PEAK MiB each for a moment, in turns
 *
 * What one has freed and keeps, the next cannot have.  In a control group with a limit that one is
 * killed then, since each can give back only its own memory.
 */
#include "life.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROCESSES_MAX = 64, ROUNDS = 2, SIZE_MIN = 200, SIZES = 800, SIZE_MEAN = 600 };

static void use_and_free(size_t bytes)
{
	size_t nr = bytes / SIZE_MEAN;
	unsigned char **block = malloc(nr * sizeof(*block));

	CHECK(block, "no memory for a table");
	for (size_t i = 0; i < nr; i++) {
		size_t size = SIZE_MIN + i * 37 % SIZES;

		block[i] = malloc(size);
		CHECK(block[i], "no memory for %zu bytes", size);
		memset(block[i], (int)i, size);
	}
	for (size_t i = 0; i < nr; i++)
		free(block[i]);
	free(block);
}

/* Uses memory each time it is told to, and stays, with what it keeps, until all have had turns. */
static _Noreturn void be_child(int parent, size_t peak)
{
	char byte;

	while (read(parent, &byte, 1) == 1) {
		use_and_free(peak);
		CHECK(write(parent, "", 1) == 1, "cannot write to the parent");
	}
	_exit(0);
}

/* Return: the parent's end of the connection. */
static int start_child(size_t peak, pid_t *ret_child)
{
	int end;

	*ret_child = fork_connected(&end);
	if (*ret_child == 0)
		be_child(end, peak);
	return end;
}

int main(int argc, char **argv)
{
	int nr = argc > 1 ? atoi(argv[1]) : 8, child_end[PROCESSES_MAX];
	size_t peak = (argc > 2 ? strtoul(argv[2], NULL, 10) : 12) << 20;
	pid_t child[PROCESSES_MAX];
	char byte;

	CHECK(nr > 0 && nr <= PROCESSES_MAX, "usage: shared_limit PROCESSES PEAK");
	for (int i = 0; i < nr; i++)
		child_end[i] = start_child(peak, &child[i]);
	for (int i = 0; i < ROUNDS * nr; i++) {
		int end = child_end[i % nr];

		CHECK(send(end, "", 1, MSG_NOSIGNAL) == 1 && read(end, &byte, 1) == 1,
		      "child %d of %d is gone in round %d", i % nr, nr, i / nr);
	}
	for (int i = 0; i < nr; i++)
		close(child_end[i]);
	for (int i = nr; i-- > 0;)
		expect_success(child[i], "a child of many");
	return 0;
}
