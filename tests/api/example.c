/*
 * example.c - libbuddy from C: a cache of sessions, buffers of any size, and pages
 *
 *	cc example.c $(pkg-config --cflags --libs libbuddy) -o example
 *
 * example_kernel.c is the same program with the kernel's names.
 */
#include <buddy/buddy.h>
#include <buddy/page_alloc.h>
#include <buddy/slab.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS 1000
#define RING_ORDER 2 /* 4 pages: 16 KiB, aligned to 16 KiB */

struct session {
	unsigned int id;
	unsigned int uses; /* 0 while nobody has the session: the constructed state */
	char *name;
};

static unsigned int constructed;

/* Runs once for each object when its slab is made, not at every allocation. */
static void session_init(void *object)
{
	struct session *s = object;

	memset(s, 0, sizeof(*s));
	constructed++;
}

static void die(const char *what)
{
	fprintf(stderr, "example: no memory for %s\n", what);
	exit(1);
}

static struct session *session_open(struct kmem_cache *cache, unsigned int id)
{
	struct session *s = buddy_kmem_cache_alloc(cache, GFP_KERNEL);

	if (!s)
		die("a session");
	if (s->uses) {
		fprintf(stderr, "example: session %u is not as constructed\n", s->id);
		exit(1);
	}
	s->id = id;
	s->uses = 1;
	s->name = buddy_kmalloc(32, GFP_KERNEL);
	if (!s->name)
		die("a name");
	snprintf(s->name, buddy_ksize(s->name), "session %u", id);
	return s;
}

/* An object goes back in the state that its constructor left. */
static void session_close(struct kmem_cache *cache, struct session *s)
{
	buddy_kfree(s->name);
	s->name = NULL;
	s->uses = 0;
	buddy_kmem_cache_free(cache, s);
}

static void use_cache(void)
{
	static struct session *open[SESSIONS];
	struct kmem_cache *cache = buddy_kmem_cache_create("session", sizeof(struct session), 0,
							   SLAB_HWCACHE_ALIGN, session_init);

	if (!cache)
		die("the cache");
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < SESSIONS; i++)
			open[i] = session_open(cache, i);
		for (unsigned int i = 0; i < SESSIONS; i++)
			session_close(cache, open[i]);
	}
	printf("%d sessions opened, constructed less often: %s\n", 3 * SESSIONS,
	       constructed < 3 * SESSIONS ? "yes" : "no");
	buddy_kmem_cache_destroy(cache);
}

static void use_kmalloc(void)
{
	int *numbers = buddy_kcalloc(100, sizeof(*numbers), GFP_KERNEL);
	int sum = 0;

	if (!numbers)
		die("numbers");
	for (int i = 0; i < 100; i++)
		numbers[i] += i;
	numbers = buddy_krealloc(numbers, 1000 * sizeof(*numbers), GFP_KERNEL | __GFP_ZERO);
	if (!numbers)
		die("more numbers");
	for (int i = 0; i < 1000; i++)
		sum += numbers[i];
	printf("sum %d\n", sum);
	buddy_kfree(numbers);
}

static void use_pages(void)
{
	struct page *ring = buddy_alloc_pages(GFP_KERNEL | __GFP_ZERO, RING_ORDER);
	char *mem, *exact;

	if (!ring)
		die("the ring");
	mem = buddy_page_address(ring);
	printf("ring aligned: %s, zeroed: %s\n",
	       (size_t)mem % (BUDDY_PAGE_SIZE << RING_ORDER) ? "no" : "yes",
	       mem[0] || mem[(BUDDY_PAGE_SIZE << RING_ORDER) - 1] ? "no" : "yes");
	buddy_free_pages(ring, RING_ORDER);
	exact = buddy_alloc_pages_exact(5 * BUDDY_PAGE_SIZE, GFP_KERNEL);
	if (!exact)
		die("five pages");
	memset(exact, 1, 5 * BUDDY_PAGE_SIZE);
	buddy_free_pages_exact(exact, 5 * BUDDY_PAGE_SIZE);
}

int main(void)
{
	use_cache();
	use_kmalloc();
	use_pages();
	printf("violations: %d\n", buddy_verify());
	return 0;
}
