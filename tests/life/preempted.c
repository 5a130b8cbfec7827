/*
 * preempted.c - a thread loses its CPU at any instruction of libbuddy, and another one goes on
 *
 *   preempted [FIRST|all [SECOND|all [SEED]]]
 *
 * Both threads live in a child.  One is stopped in the middle of a piece of work.  Meanwhile the
 * second one does all of its own work, or as much as it can without a lock that the first one has.
 * Then the first one goes on, and the child checks its heap: contents, structures and sums.
 *
 * Each piece is first single-stepped, to find the instructions of libbuddy that it executes.  The
 * pieces, the instructions to stop at and the work of the second thread are drawn at random; with
 * BUDDY_SOAK=1 all pieces are taken, with many more instructions (an hour).
 */
#include "inside.h"
#include "life.h"
#include "trace.h"

#include <buddy/buddy.h>
#include <buddy/page_alloc.h>
#include <buddy/slab.h>

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PIECES = 5,
	SAMPLES = 20, /* of each piece */
	SOAK_SAMPLES = 3000,
	MAX_BLOCKS = 1000,
	STEPS_WALKED = 3,
	STAMP = 200,  /* bytes at each end of a block that are filled */
	HELD_MS = 50, /* at most; the second thread may wait for the first */
	HANG_SECONDS = 60,
	KEPT_BY_LIBC = 4096, /* bytes */
	SPAN = 1 << 20,	     /* bytes of libbuddy's file, at most */
	LIVES_WITH = 200000, /* bytes that live_shortly() and its thread have, at most */
	HEAP_MIB = 72,	     /* with which a background thread is wanted */
};

/* ---- blocks of a thread ---- */

struct block {
	char *mem;
	size_t size;
	struct kmem_cache *cache; /* NULL: of malloc */
	unsigned int key;
};

/*
 * What one of the two threads has.  A child that the other one forks finds the blocks that are
 * listed; besides, up to @in_hand bytes may be lost there.
 */
struct side {
	const struct work *work;
	struct block blocks[MAX_BLOCKS]; /* mem: NULL while it is allocated or freed */
	unsigned int first, nr, key;	 /* it has blocks[first] to blocks[nr - 1] */
	struct kmem_cache *cache;	 /* to be destroyed, or NULL */
	size_t in_hand;			 /* bytes being allocated or freed, at most */
};

static struct side sides[2];
static struct kmem_cache *shared_cache;

static void stamp(const struct block *b)
{
	if (b->size <= 2 * STAMP) {
		fill(b->mem, b->size, b->key);
		return;
	}
	fill(b->mem, STAMP, b->key);
	fill(b->mem + b->size - STAMP, STAMP, b->key);
}

static bool stamped(const struct block *b)
{
	if (b->size <= 2 * STAMP)
		return filled(b->mem, b->size, b->key);
	return filled(b->mem, STAMP, b->key) && filled(b->mem + b->size - STAMP, STAMP, b->key);
}

/* Keeps the order of stores for those who look while this thread is stopped. */
static void compiler_barrier(void)
{
	__asm__ volatile("" ::: "memory");
}

static void has_in_hand(struct side *s, size_t bytes)
{
	compiler_barrier();
	s->in_hand = bytes;
	compiler_barrier();
}

static void fill_block(struct block *b, char *mem, size_t size, struct kmem_cache *cache,
		       unsigned int key)
{
	struct block filled_in = {mem, size, cache, key};

	stamp(&filled_in);
	b->size = size;
	b->cache = cache;
	b->key = key;
	compiler_barrier();
	b->mem = mem;
	compiler_barrier();
}

static void keep_block(struct side *s, void *mem, size_t size, struct kmem_cache *cache)
{
	CHECK(mem, "no memory for %zu bytes", size);
	CHECK(s->nr + 1 < MAX_BLOCKS, "too many blocks");
	fill_block(&s->blocks[s->nr], mem, size, cache, s->key++);
	s->nr++;
	has_in_hand(s, 0);
}

static void take(struct side *s, size_t size, unsigned int count)
{
	while (count--) {
		has_in_hand(s, size);
		keep_block(s, malloc(size), size, NULL);
	}
}

static void take_objects(struct side *s, struct kmem_cache *cache, unsigned int count)
{
	size_t size = buddy_kmem_cache_size(cache);

	while (count--) {
		has_in_hand(s, size);
		keep_block(s, buddy_kmem_cache_alloc(cache, GFP_KERNEL), size, cache);
	}
}

static void drop_one(struct side *s, struct block *b)
{
	char *mem = b->mem;

	if (!mem)
		return;
	CHECK(stamped(b), "a block of %zu bytes is not what it was", b->size);
	has_in_hand(s, b->size);
	b->mem = NULL;
	compiler_barrier();
	if (b->cache)
		buddy_kmem_cache_free(b->cache, mem);
	else
		free(mem);
	has_in_hand(s, 0);
}

/* Free the latest blocks; drop_first() frees the earliest, which lie in other slabs. */
static void drop(struct side *s, unsigned int count)
{
	for (; count && s->nr > s->first; count--) {
		drop_one(s, &s->blocks[s->nr - 1]);
		s->nr--;
	}
}

static void drop_first(struct side *s, unsigned int count)
{
	for (; count && s->first < s->nr; count--) {
		drop_one(s, &s->blocks[s->first]);
		s->first++;
	}
}

/* Free all but one in @one_in. */
static void thin_out(struct side *s, unsigned int one_in)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < s->nr; i++) {
		if (i % one_in)
			drop_one(s, &s->blocks[i]);
		else
			s->blocks[left++] = s->blocks[i];
	}
	s->nr = left;
}

static void use_objects(struct kmem_cache *cache)
{
	void *objects[60];
	for (int i = 0; i < 60; i++)
		objects[i] = keep(buddy_kmem_cache_alloc(cache, GFP_KERNEL));
	for (int i = 0; i < 60; i++)
		buddy_kmem_cache_free(cache, objects[i]);
}

static void use_cache(struct side *s, struct kmem_cache *cache)
{
	has_in_hand(s, 60 * buddy_kmem_cache_size(cache));
	use_objects(cache);
	has_in_hand(s, 0);
}

/* ---- what the threads do ---- */

/* What the parent has drawn. */
static struct {
	const struct work *work[2];
	unsigned int first_step; /* where the marks begin */
	bool checked;		 /* under slab_debug=F: nothing goes through sheaves */
	enum { KEPT, REFUSED, BROKEN } fence;
	unsigned int child;	 /* bits: what children do */
	unsigned int seconds;	 /* after which the child hangs; 0: never */
} drawn;

/*
 * The work of a thread is done in steps.  Before it, the thread itself or the other one prepares
 * something.
 */
struct work {
	const char *name;
	void (*prepare)(struct side *s);
	void (*prepare_by_other)(struct side *s);
	void (*step)(struct side *s);
	unsigned int steps;
	size_t size;
};

static void nothing(struct side *s)
{
	(void)s;
}

static void have_some(struct side *s)
{
	take(s, s->work->size, s->work->size < 10000 ? 90 : 12);
	thin_out(s, 2);
}

static void have_many(struct side *s)
{
	take(s, s->work->size, s->work->size < 10000 ? 240 : 40);
}

static void have_few_left(struct side *s)
{
	have_many(s);
	thin_out(s, 9);
}

static void churn(struct side *s)
{
	unsigned int count = s->work->size < 10000 ? 12 : 3;

	take(s, s->work->size, count);
	drop(s, count - 1);
}

static void take_more(struct side *s)
{
	take(s, s->work->size, s->work->size < 10000 ? 30 : 4);
}

static void give_back(struct side *s)
{
	drop_first(s, s->work->size < 10000 ? 24 : 4);
}

static void give_back_each(struct side *s)
{
	drop_first(s, 1);
}

/* A block that grows, in place and by moving, and shrinks. */
static void resize(struct side *s)
{
	static const size_t factors[] = {2, 2, 3, 3, 4, 4, 6, 30, 31, 9, 8, 1};
	size_t size = s->work->size * factors[s->key % 12];
	struct block *b;
	char *mem;

	if (s->nr == s->first)
		take(s, s->work->size, 1);
	b = &s->blocks[s->nr - 1];
	mem = b->mem;
	CHECK(filled(mem, STAMP, b->key), "a block that grows is not what it was");
	has_in_hand(s, b->size + size);
	b->mem = NULL;
	compiler_barrier();
	mem = realloc(mem, size);
	CHECK(mem && filled(mem, STAMP, b->key), "a block that grew is not what it was");
	fill_block(b, mem, size, NULL, s->key++);
	has_in_hand(s, 0);
}

static void take_zeroed(struct side *s)
{
	char *mem;

	has_in_hand(s, s->work->size);
	mem = keep(calloc(1, s->work->size));
	CHECK(mem, "no memory");
	for (size_t i = 0; i < s->work->size; i += 500)
		CHECK(!mem[i], "calloc is not zero at %zu of %zu", i, s->work->size);
	memset(mem, 1, s->work->size);
	free(mem);
	has_in_hand(s, 0);
}

static void take_aligned(struct side *s)
{
	has_in_hand(s, 5000);
	keep_block(s, aligned_alloc(1ul << (6 + s->key % 15), 5000), 5000, NULL);
	if (s->nr > s->first + 4)
		drop_first(s, 2);
}

static void take_pages(struct side *s)
{
	unsigned int order = s->key++ % 4;
	struct page *pages[6];

	has_in_hand(s, 6 * (BUDDY_PAGE_SIZE << order));
	for (int i = 0; i < 6; i++) {
		pages[i] = buddy_alloc_pages(GFP_KERNEL, order);
		CHECK(pages[i], "no pages");
		buddy_get_page(pages[i]);
		buddy_free_pages(pages[i], order);
	}
	for (int i = 0; i < 6; i++)
		buddy_free_pages(pages[i], order);
	has_in_hand(s, 0);
}

static void have_objects(struct side *s)
{
	take_objects(s, shared_cache, 100);
	thin_out(s, 2);
}

static void churn_objects(struct side *s)
{
	take_objects(s, shared_cache, 30);
	drop_first(s, 28);
}

static void shrink_cache(struct side *s)
{
	(void)s;
	buddy_kmem_cache_shrink(shared_cache);
}

/* A cache that both threads have used, and neither uses any more. */
static void make_cache(struct side *s)
{
	s->cache = buddy_kmem_cache_create("ends", 300, 0, 0, NULL);
	CHECK(s->cache, "no cache");
	use_cache(s, s->cache);
}

static void use_made_cache(struct side *s)
{
	use_cache(s, s->cache);
}

static void end_cache(struct side *s)
{
	CHECK(!buddy_kmem_cache_shrink(s->cache), "objects that nobody has are in use");
	buddy_kmem_cache_destroy(s->cache);
	s->cache = NULL;
}

static void have_idle_memory(struct side *s)
{
	take(s, 1500, 60);
	take(s, 100, 100);
	take(s, 60000, 6);
	take_objects(s, shared_cache, 40);
	thin_out(s, 3);
}

static void trim(struct side *s)
{
	(void)s;
	malloc_trim(0);
}

/* A heap with something for each step of a pass. */
static void have_idle_heap(struct side *s)
{
	take(s, 3000000, 3);
	take(s, 1500, 300);
	take(s, 3000, 200);
	thin_out(s, 7);
	take(s, 60000, 12);
	take(s, 100, 100);
	take_objects(s, shared_cache, 40);
	drop(s, 150);
}

/* What the background thread does. */
static void pass(struct side *s)
{
	take(s, 1500, 3);
	inside_pass();
	drop(s, 3);
}

static void rest(struct side *s)
{
	(void)s;
	inside_rest();
}

static void *live_shortly(void *arg)
{
	struct side *s = arg;
	char *small, *large;

	has_in_hand(s, LIVES_WITH);
	small = keep(malloc(100));
	large = keep(malloc(100000));
	use_objects(shared_cache);
	free(small);
	free(large);
	return NULL;
}

static void have_thread_of(struct side *s, void *(*fn)(void *))
{
	pthread_t thread;

	has_in_hand(s, LIVES_WITH);
	CHECK(!pthread_create(&thread, NULL, fn, s), "no thread");
	pthread_join(thread, NULL);
	has_in_hand(s, 0);
}

static void have_thread(struct side *s)
{
	have_thread_of(s, live_shortly);
}

/* In its destructors, before libbuddy's and after it, a thread allocates and starts another. */
static pthread_key_t keys[2];

static void at_end(void *arg)
{
	pthread_t thread;

	live_shortly(arg);
	CHECK(!pthread_create(&thread, NULL, live_shortly, arg), "no thread");
	pthread_join(thread, NULL);
}

static void *have_destructors(void *arg)
{
	free(keep(malloc(100)));
	pthread_setspecific(keys[0], arg);
	pthread_setspecific(keys[1], arg);
	pthread_exit(NULL);
}

static void have_ending_thread(struct side *s)
{
	have_thread_of(s, have_destructors);
}

/* Uses the heap with a cancellation pending, then is cancelled at a cancellation point. */
static void *be_cancelled(void *arg)
{
	pthread_cancel(pthread_self());
	live_shortly(arg);
	pthread_testcancel();
	return NULL;
}

static void have_cancelled_thread(struct side *s)
{
	have_thread_of(s, be_cancelled);
}

/* A child of vfork() uses its parent's memory. */
static void have_vfork(struct side *s)
{
	pid_t child;

	has_in_hand(s, LIVES_WITH);
	child = vfork();
	if (child == 0) {
		free(keep(malloc(100)));
		free(keep(malloc(5000)));
		free(keep(malloc(100000)));
		use_objects(shared_cache);
		_exit(0);
	}
	expect_success(child, "a child of vfork");
	live_shortly(s);
	has_in_hand(s, 0);
}

static void check_sums(const char *where)
{
	struct buddy_stats now;

	buddy_stats(&now);
	CHECK(now.present == now.free + now.cached + now.slabs + now.large + now.pages,
	      "what there is is not what it is used for %s: %ld bytes", where,
	      (long)(now.present - now.free - now.cached - now.slabs - now.large - now.pages));
}

static struct buddy_stats before; /* before the threads start */

static void check_count(const char *what, uint64_t now, uint64_t was, uint64_t lost)
{
	CHECK(now >= was && now <= was + lost, "of %s a child has %ld bytes more, of at most %ld",
	      what, (long)(now - was), (long)lost);
}

/*
 * What the other thread had in hand may be in the sums of a child or not, or be in them twice, and
 * may have been rounded up.
 */
static void check_books_of_child(size_t in_hand)
{
	size_t lost = in_hand ? 2 * in_hand + LIVES_WITH : 0;
	struct buddy_stats now;

	check_sums("in a child");
	buddy_stats(&now);
	check_count("large", now.large, before.large, lost);
	check_count("pages", now.pages, before.pages, lost);
	check_count("direct", now.direct, before.direct, lost);
	CHECK(now.direct_count >= before.direct_count &&
		      now.direct_count <= before.direct_count + !!lost,
	      "a child has %ld direct mappings more",
	      (long)(now.direct_count - before.direct_count));
	check_count("objects", now.objects, before.objects, lost + KEPT_BY_LIBC);
}

static void start_background_thread(void)
{
	char *blocks[HEAP_MIB];

	buddy_option_set("background_threads", "on");
	for (int i = 0; i < HEAP_MIB; i++)
		blocks[i] = keep(malloc(1 << 20));
	for (int i = 0; i < HEAP_MIB; i++)
		free(blocks[i]);
	for (int i = 0; i < 100; i++)
		free(keep(malloc(40000)));
}

static void use_as_child(struct side *s, size_t in_hand, bool threads)
{
	alarm(HANG_SECONDS);
	/* The first call puts the heap in order: an allocation, or a free. */
	if (drawn.child & 1)
		live_shortly(s);
	for (int i = 0; i < 2; i++)
		drop(&sides[i], sides[i].nr);
	check_books_of_child(in_hand);
	live_shortly(s);
	malloc_trim(0);
	if (threads)
		have_thread(s);
	verify("in a child");
	check_books_of_child(in_hand);
	if (threads && (drawn.child & 6) == 6)
		start_background_thread();
	verify("in a child, in the end");
}

/* Use the heap, and have a child of its own do so too. */
static void be_child(struct side *s, bool threads)
{
	size_t in_hand = sides[0].in_hand;
	pid_t child;

	use_as_child(s, in_hand, threads);
	if (drawn.child & 8) {
		child = threads ? fork() : _Fork();
		if (child == 0)
			use_as_child(s, in_hand, threads);
		else
			expect_success(child, "a grandchild");
	}
	_exit(0);
}

static void have_child(struct side *s)
{
	pid_t child = fork();

	if (child == 0)
		be_child(s, /* threads= */ true);
	expect_success(child, "a child");
}

/*
 * No handler runs, so the child's heap is put in order at its first slow path.  It starts no
 * threads, since the C library's locks may be held by the other thread, which may be starting one.
 */
static void have_bare_child(struct side *s)
{
	pid_t child = _Fork();

	if (child == 0)
		be_child(s, /* threads= */ false);
	expect_success(child, "a child of _Fork");
}

static void look(struct side *s)
{
	struct buddy_cache_stats cache;

	(void)s;
	verify("meanwhile");
	for (int i = 0; buddy_cache_stats(i, &cache) == 0; i++)
		CHECK(cache.name[0], "a cache without a name");
	(void)mallinfo2();
}

static const struct work works[] = {
	{"lines", have_some, NULL, churn, 12, 40},
	{"objects", have_some, NULL, churn, 12, 1000},
	{"large_objects", have_some, NULL, churn, 12, 20000},
	{"blocks", have_some, NULL, churn, 12, 70000},
	{"runs", have_some, NULL, churn, 6, 3000000},
	{"taken", nothing, NULL, take_more, 8, 1000},
	{"taken_pages", nothing, NULL, take_more, 8, 4000},
	{"given", have_many, NULL, give_back, 10, 1000},
	{"given_large", have_many, NULL, give_back, 10, 60000},
	{"foreign", nothing, have_many, give_back, 10, 200},
	{"foreign_large", nothing, have_many, give_back, 10, 40000},
	{"few_left", have_few_left, NULL, give_back_each, 27, 1000},
	{"strings", nothing, NULL, resize, 12, 300},
	{"buffers", nothing, NULL, resize, 12, 40000},
	{"mappings", nothing, NULL, resize, 12, 1000000},
	{"zeroed", nothing, NULL, take_zeroed, 4, 1000000},
	{"aligned", nothing, NULL, take_aligned, 15, 0},
	{"pages", nothing, NULL, take_pages, 8, 0},
	{"caches", have_objects, NULL, churn_objects, 6, 0},
	{"shrunk", have_objects, NULL, shrink_cache, 1, 0},
	{"ended", make_cache, use_made_cache, end_cache, 1, 0},
	{"trimmed", have_idle_memory, NULL, trim, 1, 0},
	{"passes", have_idle_heap, NULL, pass, 3, 0},
	{"rests", have_idle_heap, NULL, rest, 1, 0},
	{"threads", have_idle_memory, NULL, have_thread, 1, 0},
	{"destructors", have_idle_memory, NULL, have_ending_thread, 1, 0},
	{"cancelled", have_idle_memory, NULL, have_cancelled_thread, 1, 0},
	{"children", have_idle_memory, NULL, have_child, 1, 0},
	{"bare_children", have_idle_memory, NULL, have_bare_child, 1, 0},
	{"vforks", have_idle_memory, NULL, have_vfork, 1, 0},
	{"looks", nothing, NULL, look, 1, 0},
};

#define NR_WORKS (sizeof(works) / sizeof(*works))

/* ---- a child with two threads ---- */

/* Shared by a child and its tracer; atomic. */
static struct {
	bool go, done; /* the second thread */
} * shared;

static pthread_barrier_t barrier;

static void prepare(struct side *s, struct side *other)
{
	s->work->prepare(s);
	pthread_barrier_wait(&barrier);
	if (other->work->prepare_by_other)
		other->work->prepare_by_other(other);
	pthread_barrier_wait(&barrier);
}

static void *first_thread(void *arg)
{
	struct side *s = &sides[0];

	prepare(s, &sides[1]);
	for (unsigned int i = 0; i < s->work->steps; i++) {
		if (i == drawn.first_step)
			trace_mark();
		s->work->step(s);
		if (i == drawn.first_step + STEPS_WALKED - 1)
			trace_mark();
	}
	/* It may not have come to the instruction where it was to be stopped. */
	__atomic_store_n(&shared->go, true, __ATOMIC_RELEASE);
	return arg;
}

static void *second_thread(void *arg)
{
	struct side *s = &sides[1];

	prepare(s, &sides[0]);
	while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
		usleep(50);
	for (unsigned int i = 0; i < s->work->steps; i++)
		s->work->step(s);
	__atomic_store_n(&shared->done, true, __ATOMIC_RELEASE);
	return arg;
}

static void run_threads(void)
{
	void *(*const fns[2])(void *) = {first_thread, second_thread};
	pthread_t threads[2];

	pthread_barrier_init(&barrier, NULL, 2);
	for (int i = 0; i < 2; i++) {
		sides[i].work = drawn.work[i];
		sides[i].key = 1000u * (unsigned int)i;
		CHECK(!pthread_create(&threads[i], NULL, fns[i], NULL), "no thread");
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* Nothing is left of what the two threads had, except what the C library keeps for threads. */
static void check_heap(void)
{
	struct buddy_stats now;

	verify("in the end");
	check_sums("in the end");
	for (int i = 0; i < 2; i++)
		drop(&sides[i], sides[i].nr);
	buddy_kmem_cache_destroy(shared_cache);
	malloc_trim(0);
	verify("when all is freed");
	check_sums("when all is freed");
	buddy_stats(&now);
	CHECK(now.large == before.large && now.pages == before.pages &&
		      now.direct == before.direct,
	      "blocks are lost");
	CHECK(now.objects <= before.objects + KEPT_BY_LIBC, "objects are lost: %ld bytes",
	      (long)(now.objects - before.objects));
}

/*
 * Have the system refuse the fence: before it is registered (REFUSED), so that the sheaves of other
 * threads stay with them, or after it was promised (BROKEN).
 */
static void refuse_fence(void)
{
	static const int call = SYS_membarrier;

	(void)try_to_refuse_calls(&call, 1, EPERM);
}

static void body(void)
{
	alarm(drawn.seconds);
	buddy_option_set("background_threads", "off");
	buddy_option_set("reporting_delay_ms", "0");
	for (int i = 0; i < 2; i++)
		pthread_key_create(&keys[i], at_end);
	if (drawn.fence == BROKEN)
		malloc_trim(0);
	if (drawn.fence != KEPT)
		refuse_fence();
	if (drawn.checked)
		buddy_option_set("slab_debug", "F");
	shared_cache = buddy_kmem_cache_create("shared", 112, 0, 0, NULL);
	CHECK(shared_cache, "no cache");
	buddy_stats(&before);
	run_threads();
	check_heap();
	exit(0); /* looks at what the sheaves hold */
}

/* ---- where the first one is stopped ---- */

static uintptr_t base; /* of libbuddy */
static bool visited[SPAN];
static unsigned int reached_sum, whole_sum; /* stops; those in which the second thread finished */
static unsigned int held_ms10;

static void visit(uintptr_t address)
{
	if (address - base < SPAN)
		visited[address - base] = true;
}

/* Called ten times a millisecond.  Return: whether the first thread may go on. */
static bool meanwhile(void)
{
	bool done = __atomic_load_n(&shared->done, __ATOMIC_ACQUIRE);

	__atomic_store_n(&shared->go, true, __ATOMIC_RELEASE);
	if (!done && held_ms10++ < 10 * HELD_MS)
		return false;
	whole_sum += done;
	return true;
}

/* Other libraries may lie close behind libbuddy. */
static bool is_in_libbuddy(size_t offset)
{
	Dl_info info;

	return dladdr((void *)(base + offset), &info) && (uintptr_t)info.dli_fbase == base;
}

static unsigned int walk(void)
{
	unsigned int count = 0;
	int status;

	memset(visited, 0, sizeof(visited));
	drawn.seconds = 0;
	memset(shared, 0, sizeof(*shared));
	status = trace_walk(body, visit);
	CHECK(status == 0, "%s goes wrong, not interrupted, beside %s: status %#x",
	      drawn.work[0]->name, drawn.work[1]->name, (unsigned int)status);
	for (size_t i = 0; i < SPAN; i++) {
		visited[i] = visited[i] && is_in_libbuddy(i);
		count += visited[i];
	}
	return count;
}

/* Does the instruction have a lock prefix, or is it an exchange, which needs none? */
static bool is_atomic(size_t offset)
{
	const unsigned char *code = (const unsigned char *)(base + offset);

	if ((*code & 0xf0) == 0x40)
		code++;
	return *code == 0xf0 || *code == 0x86 || *code == 0x87;
}

static size_t draw_any(unsigned int count)
{
	unsigned int left = (unsigned int)rand() % count;
	size_t i = 0;

	while (!visited[i] || left--)
		i++;
	return i;
}

/*
 * Half of the time an instruction that takes or releases a lock.  Others see what is done under a
 * lock as a whole, so it makes no difference for most of the rest which one is taken.
 */
static size_t draw_address(unsigned int count)
{
	size_t drawn_one = draw_any(count);

	if (rand() % 2)
		for (int tries = 0; tries < 1000 && !is_atomic(drawn_one); tries++)
			drawn_one = draw_any(count);
	return drawn_one;
}

static const char *const fences[] = {
	[KEPT] = "",
	[REFUSED] = ", without a fence",
	[BROKEN] = ", with a broken fence",
};

static void stop_at(size_t offset)
{
	bool reached;
	int status;

	drawn.seconds = HANG_SECONDS;
	held_ms10 = 0;
	memset(shared, 0, sizeof(*shared));
	status = trace_stop(body, base + offset, meanwhile, &reached);
	CHECK(status == 0,
	      "%s, stopped in step %u%s%s at %#zx of libbuddy, beside %s: %s, status %#x",
	      drawn.work[0]->name, drawn.first_step, drawn.checked ? ", checked" : "",
	      fences[drawn.fence], offset,
	      drawn.work[1]->name,
	      WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "hangs" : "fails",
	      (unsigned int)status);
	reached_sum += reached;
}

static const struct work *draw_work(const char *name)
{
	for (size_t i = 0; name && i < NR_WORKS; i++)
		if (!strcmp(name, works[i].name))
			return &works[i];
	CHECK(!name, "usage: preempted [FIRST|all [SECOND|all [SEED]]]");
	return &works[(unsigned int)rand() % NR_WORKS];
}

/* A fork may execute nothing of libbuddy, which hears of it in the child: then @count is 0. */
static void try_piece(const struct work *first, const char *second, unsigned int samples)
{
	unsigned int count;

	drawn.work[0] = first;
	drawn.work[1] = draw_work(second);
	drawn.first_step = (unsigned int)rand() % first->steps;
	drawn.checked = rand() % 3 == 0;
	drawn.fence = rand() % 2 ? KEPT : rand() % 2 ? REFUSED : BROKEN;
	count = walk();
	for (unsigned int i = 0; count && i < samples; i++) {
		drawn.work[1] = draw_work(second);
		drawn.child = (unsigned int)rand();
		stop_at(draw_address(count));
	}
}

static const char *name_in(int argc, char **argv, int i)
{
	return argc > i && strcmp(argv[i], "all") ? argv[i] : NULL;
}

int main(int argc, char **argv)
{
	const char *first = name_in(argc, argv, 1), *second = name_in(argc, argv, 2);
	unsigned int seed = argc > 3 ? (unsigned int)atoi(argv[3]) : (unsigned int)time(NULL);
	bool soak = getenv("BUDDY_SOAK") != NULL;
	unsigned int pieces = soak ? NR_WORKS : PIECES;
	Dl_info info;

	require_libbuddy();
	/* Start libbuddy, which counts the CPUs, before trace_required() leaves one. */
	free(keep(malloc(1)));
	trace_required();
	CHECK(dladdr((void *)(uintptr_t)malloc, &info), "who has malloc?");
	base = (uintptr_t)info.dli_fbase;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	CHECK(shared != MAP_FAILED, "no memory");
	setvbuf(stdout, NULL, _IONBF, 0); /* children would write what the buffer holds as well */
	malloc_trim(0);			  /* registers the fence, so that no child has to */
	srand(seed);
	printf("seed %u\n", seed);
	for (unsigned int i = 0; i < pieces; i++)
		try_piece(soak && !first ? &works[i] : draw_work(first), second,
			  soak ? SOAK_SAMPLES : SAMPLES);
	printf("%u stops, %u of them for the whole of what the other thread did\n", reached_sum,
	       whole_sum);
	CHECK(whole_sum, "nothing was done while a thread was stopped");
	return 0;
}
