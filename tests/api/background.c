/*
 * background.c - buddy_ calls start the background thread if they may wait, and only then
 *
 * The argument says which calls.  They take so much memory that the thread is wanted, first with
 * flags that do not allow waiting, then with flags that do.  Nothing here calls malloc(), which
 * would start the thread too.
 */
#include <buddy/page_alloc.h>
#include <buddy/slab.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAP (80ul << 20) /* bytes; the thread starts at 64 MiB */
#define SMALL 1024ul
#define LARGE (96ul << 10)
#define BULK 64

static struct kmem_cache *cache;

/* Each of these allocates some memory, and returns its bytes, or 0 if there is none. */
static size_t by_kmalloc(gfp_t gfp)
{
	return buddy_kmalloc(SMALL, gfp) ? SMALL : 0;
}

static size_t by_kmalloc_large(gfp_t gfp)
{
	return buddy_kmalloc(LARGE, gfp) ? LARGE : 0;
}

static size_t by_cache(gfp_t gfp)
{
	return buddy_kmem_cache_alloc(cache, gfp) ? SMALL : 0;
}

static size_t by_bulk(gfp_t gfp)
{
	void *objs[BULK];

	return buddy_kmem_cache_alloc_bulk(cache, gfp, BULK, objs) * SMALL;
}

static size_t by_pages(gfp_t gfp)
{
	return buddy_alloc_pages(gfp, 0) ? BUDDY_PAGE_SIZE : 0;
}

static size_t by_exact(gfp_t gfp)
{
	return buddy_alloc_pages_exact(LARGE, gfp) ? LARGE : 0;
}

static const struct {
	const char *name;
	size_t (*take)(gfp_t gfp);
} calls[] = {
	{"kmalloc", by_kmalloc}, {"kmalloc_large", by_kmalloc_large},
	{"cache", by_cache},	 {"bulk", by_bulk},
	{"pages", by_pages},	 {"exact", by_exact},
};

static void say(const char *text)
{
	(void)!write(1, text, strlen(text));
}

/* num_threads is the 20th field of the line; the second one, the name, has no blanks here. */
static int nr_threads(void)
{
	char text[512], *at = text;
	int fd = open("/proc/self/stat", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	close(fd);
	text[n] = 0;
	for (int field = 1; field < 20 && at; field++)
		at = strchr(at + 1, ' ');
	return at ? atoi(at) : 0;
}

static bool take_heap(size_t (*take)(gfp_t gfp), gfp_t gfp)
{
	for (size_t bytes = 0, got; bytes < HEAP; bytes += got) {
		got = take(gfp);
		if (!got)
			return false;
	}
	return true;
}

static int check(size_t (*take)(gfp_t gfp))
{
	if (nr_threads() != 1) {
		say("skipped: /proc does not tell how many threads there are\n");
		return 77;
	}
	if (!take_heap(take, GFP_NOWAIT) || nr_threads() != 1) {
		say("calls that may not wait found no memory, or started a thread\n");
		return 1;
	}
	if (!take_heap(take, GFP_KERNEL) || nr_threads() != 2) {
		say("calls that may wait found no memory, or have not started the thread\n");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	cache = buddy_kmem_cache_create("background", SMALL, 0, 0, NULL);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (argc == 2 && !strcmp(argv[1], calls[i].name))
			return check(calls[i].take);
	return 2;
}
