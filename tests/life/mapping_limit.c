/*
 * mapping_limit.c SIZE WAY - a buffer that realloc() makes large, in a mapping of its own, while as
 * much is free in blocks of SIZE bytes, and a neighbour has the rest of a memory limit
 *
 * The neighbour took its part when a buffer before was unmapped ("again"), or before this one was
 * made larger ("grow").
 */
#include "life.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
	MIB = 1 << 20,
	FREE = 20 * MIB, /* in small blocks */
	BUFFER = 20 * MIB,
	NEIGHBOUR = 24 * MIB,
	SMALL_BUFFER = 17 * MIB,
	GROWN_BUFFER = 34 * MIB,
	SMALL_NEIGHBOUR = 12 * MIB,
};

/* Uses memory of the system's when it is told to, and stays. */
static _Noreturn void be_neighbour(int program, size_t bytes)
{
	char byte;
	void *mem;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(program, &byte, 1) != 1)
		_exit(1);
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		_exit(1);
	memset(mem, 1, bytes);
	if (write(program, "", 1) != 1)
		_exit(1);
	_exit(read(program, &byte, 1) != 0);
}

/* Return: the program's end of the connection. */
static int start_neighbour(size_t bytes, pid_t *ret_child)
{
	int end;

	*ret_child = fork_connected(&end);
	if (*ret_child == 0)
		be_neighbour(end, bytes);
	return end;
}

static void let_it_come(int neighbour)
{
	char byte;

	CHECK(write(neighbour, "", 1) == 1 && read(neighbour, &byte, 1) == 1,
	      "the neighbour is gone");
}

static char *fill_buffer(char *buffer, size_t from, size_t size)
{
	buffer = realloc(buffer, size);
	CHECK(buffer, "no memory for %zu bytes", size);
	memset(buffer + from, 1, size - from);
	return buffer;
}

static void use_and_free(size_t size)
{
	size_t nr = FREE / size;
	char **block = malloc(nr * sizeof(*block));

	CHECK(block, "no memory for a table");
	for (size_t i = 0; i < nr; i++) {
		block[i] = malloc(size);
		CHECK(block[i], "no memory for %zu bytes", size);
		memset(block[i], 1, size);
	}
	for (size_t i = 0; i < nr; i++)
		free(block[i]);
	free(block);
}

int main(int argc, char **argv)
{
	bool grow = argc > 2 && !strcmp(argv[2], "grow");
	char *buffer = malloc(1000);
	pid_t child;
	int neighbour;

	CHECK(argc > 2 && atoi(argv[1]) > 0, "usage: mapping_limit SIZE again|grow");
	neighbour = start_neighbour(grow ? SMALL_NEIGHBOUR : NEIGHBOUR, &child);
	if (grow)
		use_and_free(strtoul(argv[1], NULL, 10));
	buffer = fill_buffer(buffer, 0, grow ? SMALL_BUFFER : BUFFER);
	if (!grow) {
		use_and_free(strtoul(argv[1], NULL, 10));
		free(buffer);
		buffer = malloc(1000);
	}
	let_it_come(neighbour);
	if (grow)
		buffer = fill_buffer(buffer, SMALL_BUFFER, GROWN_BUFFER);
	else
		buffer = fill_buffer(buffer, 0, BUFFER);
	free(buffer);
	close(neighbour);
	expect_success(child, "the neighbour");
	return 0;
}
