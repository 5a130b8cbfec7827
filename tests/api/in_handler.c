/*
 * in_handler.c - a signal handler allocates and frees, whichever call of ours it interrupts
 *
 *	in_handler CALL
 *
 * The headers promise that a handler may allocate without __GFP_DIRECT_RECLAIM, free, and call
 * buddy_show().  A thread makes CALL over and over, a timer interrupts it, and the run ends after a
 * number of interruptions, however long that takes.
 */
#include <buddy/buddy.h>
#include <buddy/page_alloc.h>
#include <buddy/slab.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { INTERRUPTIONS = 4000, PERIOD_US = 150, KEPT = 64 };

#define MAGIC UINT64_C(0x600dc0de600dc0de)

static volatile sig_atomic_t interruptions;
static struct kmem_cache *cache;
static struct kmem_cache *handlers_cache;
static struct kmem_cache *made; /* with a constructor; used on both sides */
static int null_fd;

/* Owned by the handler: what it allocated and has not freed yet. */
static struct {
	void *small, *large, *object, *pages;
} kept[KEPT];

static void fail(const char *what)
{
	dprintf(STDERR_FILENO, "in_handler: %s\n", what);
	_exit(1);
}

static void replace(void **slot, void *fresh, size_t size)
{
	if (fresh)
		memset(fresh, 0x5c, size);
	*slot = fresh; /* may be NULL, since a handler may not wait */
}

static void allocate_and_free(int signo)
{
	unsigned int i = (unsigned int)interruptions % KEPT;
	size_t size = 16u << (interruptions % 9);

	(void)signo;
	buddy_kfree(kept[i].small);
	replace(&kept[i].small, buddy_kmalloc(size, GFP_ATOMIC), size);
	buddy_kfree(kept[i].large);
	replace(&kept[i].large, buddy_kmalloc(100000, GFP_NOWAIT), 4096);
	buddy_kmem_cache_free(handlers_cache, kept[i].object);
	replace(&kept[i].object, buddy_kmem_cache_alloc(handlers_cache, GFP_ATOMIC), 200);
	buddy_free_pages_addr(kept[i].pages, i % 4);
	replace(&kept[i].pages, buddy_get_free_pages(GFP_ATOMIC, i % 4), 4096);
	free(malloc(size));
	interruptions++;
}

static void make(void *object)
{
	*(uint64_t *)object = MAGIC;
}

static void *get_made(gfp_t gfp)
{
	uint64_t *object = buddy_kmem_cache_alloc(made, gfp);

	if (object && *object != MAGIC)
		fail("an object is not as constructed");
	return object;
}

static void replace_made(int signo)
{
	unsigned int i = (unsigned int)interruptions % KEPT;

	(void)signo;
	buddy_kmem_cache_free(made, kept[i].object);
	kept[i].object = get_made(GFP_ATOMIC);
	interruptions++;
}

/* The handler and the code that it interrupts have a reference each. */
static struct page *shared;
static int handlers_reference; /* atomic */

static void drop_handlers_reference(void)
{
	if (__atomic_exchange_n(&handlers_reference, 0, __ATOMIC_SEQ_CST))
		buddy_free_pages(shared, BUDDY_MAX_PAGE_ORDER);
}

static void drop_reference(int signo)
{
	(void)signo;
	drop_handlers_reference();
	interruptions++;
}

static void show(int signo)
{
	(void)signo;
	buddy_show(null_fd);
	interruptions++;
}

/* ---- what is interrupted ---- */

static void churn(void)
{
	static void *p[200];

	for (int i = 0; i < 200; i++)
		p[i] = buddy_kmalloc(500 + 20 * (size_t)i, GFP_KERNEL);
	for (int i = 0; i < 200; i++)
		buddy_kfree(p[i]);
}

static void churn_cache(void)
{
	static void *objs[400];

	if (buddy_kmem_cache_alloc_bulk(cache, GFP_KERNEL, 400, objs) != 400)
		fail("no objects");
	buddy_kmem_cache_free_bulk(cache, 400, objs);
}

static void churn_pages(void)
{
	for (unsigned int order = 0; order <= BUDDY_MAX_PAGE_ORDER; order++)
		buddy_free_pages(buddy_alloc_pages(GFP_KERNEL, order), order);
	buddy_free_pages_exact(buddy_alloc_pages_exact(5 << 20, GFP_KERNEL), 5 << 20);
}

static void reclaim(void)
{
	churn();
	buddy_reclaim();
}

static void trim(void)
{
	churn();
	malloc_trim(0);
}

static void shrink(void)
{
	churn_cache();
	buddy_kmem_cache_shrink(cache);
}

static void churn_made(void)
{
	static void *objs[20000]; /* more than the barn keeps: most go back to slabs */

	for (int i = 0; i < 20000; i++)
		objs[i] = get_made(GFP_KERNEL);
	buddy_kmem_cache_free_bulk(made, 20000, objs);
}

static void churn_references(void)
{
	shared = buddy_alloc_pages(GFP_KERNEL, BUDDY_MAX_PAGE_ORDER);
	if (!shared)
		fail("no pages");
	buddy_get_page(shared);
	__atomic_store_n(&handlers_reference, 1, __ATOMIC_SEQ_CST);
	buddy_free_pages(shared, BUDDY_MAX_PAGE_ORDER);
	drop_handlers_reference();
}

static void create(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("brief", 300, 0, 0, NULL);
	void *obj = buddy_kmem_cache_alloc(s, GFP_KERNEL);

	buddy_kmem_cache_free(s, obj);
	buddy_kmem_cache_destroy(s);
}

static void stats(void)
{
	struct buddy_stats st;
	struct buddy_zone_stats z;
	struct buddy_cache_stats c;

	buddy_stats(&st);
	buddy_zone_stats(0, &z);
	for (int i = 0; buddy_cache_stats(i, &c) == 0; i++)
		;
}

static void verify(void)
{
	if (buddy_verify())
		fail("buddy_verify() found something");
}

static const struct {
	const char *name;
	void (*call)(void);
	void (*handler)(int signo);
} calls[] = {
	{"kmalloc", churn, allocate_and_free},	  {"cache", churn_cache, allocate_and_free},
	{"pages", churn_pages, allocate_and_free}, {"reclaim", reclaim, allocate_and_free},
	{"trim", trim, allocate_and_free},	  {"shrink", shrink, allocate_and_free},
	{"create", create, allocate_and_free},	  {"stats", stats, allocate_and_free},
	{"verify", verify, allocate_and_free},	  {"show", create, show},
	{"constructed", churn_made, replace_made}, {"references", churn_references, drop_reference},
};

static void tick(long us)
{
	struct itimerval t = {{0, us}, {0, us}};

	setitimer(ITIMER_REAL, &t, NULL);
}

static void run(void (*call)(void), void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

	sigaction(SIGALRM, &action, NULL);
	tick(PERIOD_US);
	while (interruptions < INTERRUPTIONS)
		call();
	tick(0);
}

static void free_kept(struct kmem_cache *of)
{
	for (unsigned int i = 0; i < KEPT; i++) {
		buddy_kfree(kept[i].small);
		buddy_kfree(kept[i].large);
		buddy_kmem_cache_free(of, kept[i].object);
		buddy_free_pages_addr(kept[i].pages, i % 4);
	}
}

int main(int argc, char **argv)
{
	null_fd = open("/dev/null", O_WRONLY);
	cache = buddy_kmem_cache_create("interrupted", 120, 0, 0, NULL);
	handlers_cache = buddy_kmem_cache_create("in_handler", 200, 0, 0, NULL);
	made = buddy_kmem_cache_create("made", 64, 0, 0, make);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (argc != 2 || strcmp(argv[1], calls[i].name))
			continue;
		run(calls[i].call, calls[i].handler);
		free_kept(calls[i].handler == replace_made ? made : handlers_cache);
		buddy_kmem_cache_destroy(cache);
		buddy_kmem_cache_destroy(handlers_cache);
		buddy_kmem_cache_destroy(made);
		if (buddy_verify())
			fail("buddy_verify() found something");
		return 0;
	}
	fprintf(stderr, "usage: in_handler CALL\n");
	return 2;
}
