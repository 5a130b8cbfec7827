/*
 * grow_with_little_memory.c - realloc() grows a block if there is room for the size asked for
 *
 * A block that grows by little is given an eighth more, for which there is no room here.
 */
#include "life.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { KIB = 1 << 10, FROM = 3500 * KIB, TO = 3600 * KIB, LEFT = 3800 * KIB };

static size_t mapped_bytes(void)
{
	char text[100] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	CHECK(read(fd, text, sizeof(text) - 1) > 0, "/proc/self/statm cannot be read");
	close(fd);
	return strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void leave(size_t bytes)
{
	struct rlimit limit = {.rlim_cur = mapped_bytes() + bytes, .rlim_max = RLIM_INFINITY};

	CHECK(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit: errno %d", errno);
}

int main(void)
{
	char *p = malloc(FROM), *grown;

	require_libbuddy();
	CHECK(p, "no memory to begin with");
	fill(p, FROM, 1);
	leave(0);
	for (size_t size = 8 << 20; size >= 64; size /= 2)
		while (keep(malloc(size)))
			continue;
	leave(LEFT);
	grown = realloc(p, TO);
	CHECK(grown, "from %d bytes to %d with room for %d: errno %d", FROM, TO, LEFT, errno);
	CHECK(grown != p, "it grew where it was, which says nothing");
	CHECK(filled(grown, FROM, 1), "a block that grew changed");
	free(grown);
	verify("after a block grew with little memory");
	return 0;
}
