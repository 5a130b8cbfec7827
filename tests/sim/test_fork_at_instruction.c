/* SPDX-License-Identifier: MIT */
/*
 * test_fork_at_instruction.c - a fork while another thread is inside, at every instruction
 *
 * States of pages and places of sheaves are written in an order that leaves them valid at every
 * instruction, so that a forked child can make all lists anew.  Here one thread executes an
 * operation step by step, and there is a fork before each instruction:
 *
 *   another    by a thread that was idle: in the child it repairs, frees what lies around, and
 *              goes on
 *   a handler  two threads are inside, and a handler in one of them forks: in the child it
 *              returns, with or without having used the heap; the operation ends, and the thread
 *              repairs and goes on.  Both operations, and the instructions at which the threads
 *              are, are drawn at random.
 *
 * Tests are skipped where stepping is not available.
 */
#include "mm/internal.h"
#include "pages.h"
#include "slab/internal.h"
#include "step.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a heap with holes, and operations on it ---- */

#define NR_RUNS 24
#define NR_BLOCKS 48
#define NR_OBJECTS 600
#define CLASS 9
#define NR_MIXED 80

/* What one thread works on.  Blocks that are not NULL belong to the program. */
struct work {
	struct page *run[NR_RUNS], *block[NR_BLOCKS];
	void *obj[NR_OBJECTS];
	int nr_obj;
	void *obj_of_slab, *built_obj, *adopted_obj, *left[8];
	void *mixed[NR_MIXED]; /* half of them of the other's home */
	int nr_mixed;
	struct kmem_cache *cache;
};
static struct work works[2];
static __thread struct work *work; /* of this thread */
static struct sim_thread other;

static unsigned int order_of(int i)
{
	return (unsigned int)i % 4;
}

static void get_objects(int n)
{
	for (int i = 0; i < n; i++)
		work->obj[work->nr_obj++] = slab_alloc(&kmalloc_caches[CLASS], 0, NUMA_NO_NODE);
}

static void put_objects(int n)
{
	for (int i = 0; i < n && work->nr_obj; i++)
		slab_free(&kmalloc_caches[CLASS], work->obj[--work->nr_obj]);
}

/* Empty slabs, for end_slabs(). */
#define EMPTY_CLASS 14

static void leave_empty_slabs(void)
{
	void *obj[100];
	struct slow slow;

	slow_enter_anyway(&slow);
	EXPECT_EQ(slab_take(&kmalloc_caches[EMPTY_CLASS], 0, obj, 100, true, 0, &slow), 100);
	slab_give(&kmalloc_caches[EMPTY_CLASS], obj, 100);
	slow_leave(&slow);
}

/* Slabs of each thread, of a class of its own, that the other one can adopt: for adopt_slab(). */
#define ADOPTED_CLASS 15

static void leave_slabs_to_adopt(void)
{
	struct kmem_cache *s = &kmalloc_caches[ADOPTED_CLASS + (work == &works[0])];
	unsigned int nr = (few_slabs(s) + 1) * s->objects, nr_back = 0;
	void *obj[200], *back[200];
	struct slow slow;

	EXPECT(nr <= ARRAY_SIZE(obj) && few_slabs(s) < ARRAY_SIZE(work->left));
	slow_enter_anyway(&slow);
	EXPECT_EQ(slab_take(s, 0, obj, nr, true, 0, &slow), nr);
	for (unsigned int i = 0; i < nr; i++) {
		if (i % s->objects)
			back[nr_back++] = obj[i];
		else
			work->left[i / s->objects] = obj[i];
	}
	slab_give(s, back, nr_back);
	slow_leave(&slow);
}

/* For leave_strange(): each thread has objects half of which are from slabs of the other. */
#define MIXED_CLASS 18

static struct slab_home *home_of_work(unsigned int class, bool others)
{
	return cache_node(&kmalloc_caches[class], 0, false)->home[(work != &works[0]) ^ others];
}

static void take_mixed(void)
{
	struct work *theirs = work == &works[0] ? &works[1] : &works[0];

	for (int i = 0; i < NR_MIXED; i++)
		(i % 2 ? work : theirs)->mixed[i] =
			slab_alloc(&kmalloc_caches[MIXED_CLASS], 0, NUMA_NO_NODE);
	work->nr_mixed = NR_MIXED;
}

/* For build_slab(): a cache with a constructor. */
#define BUILT_SIZE 20000
static struct kmem_cache *built;
static bool report_first;

static void build(void *obj)
{
	*(u64 *)obj = 1;
}

/* The blocks of both threads lie among each other, each run and block with room beside it. */
static void begin(void)
{
	struct page *gap[2 * (NR_RUNS + NR_BLOCKS)];
	int nr_gaps = 0;
	bool zero;

	/* The fork may come in the middle of a call that maps memory. */
	sim.loose_unmap = true;
	sim_thread_new(&other, 0);
	/* Each thread gets a task by its first operation. */
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));

	for (int i = 0; i < NR_BLOCKS; i++) {
		for (int w = 0; w < 2; w++) {
			works[w].block[i] = buddy_get(0, 0, order_of(i));
			gap[nr_gaps++] = buddy_get(0, 0, 0);
		}
	}
	for (int i = 0; i < nr_gaps; i++)
		buddy_put(gap[i], 0);
	nr_gaps = 0;
	for (int i = 0; i < NR_RUNS; i++) {
		for (int w = 0; w < 2; w++) {
			works[w].run[i] = run_get(0, (u64)(9 + 7 * i), 1, &zero);
			gap[nr_gaps++] = run_get(0, (u64)(5 + 3 * i), 1, &zero);
		}
	}
	for (int i = 0; i < nr_gaps; i++)
		large_free(gap[i], NULL, false);
	leave_empty_slabs();
	built = cache_create("built", BUILT_SIZE, PAGE_SIZE, build);
	EXPECT(built);
	if (report_first)
		page_reporting_pass(0, built->order, REPORT_ALL);
	work = &works[1];
	sim_switch_to(&other);
	leave_slabs_to_adopt();
	take_mixed();
	get_objects(150);
	put_objects(40);
	work = &works[0];
	sim_switch_to(&sim_main_thread);
	leave_slabs_to_adopt();
	take_mixed();
	get_objects(150);
	put_objects(40);
}

static void grow_run(void)
{
	int grown = 0;

	for (int i = NR_RUNS - 1; i >= 0 && grown < 2; i--)
		grown += large_resize(work->run[i], work->run[i]->nr_pages + 2 + (u64)i % 8);
	EXPECT_EQ(grown, 2);
}

static void shrink_run(void)
{
	EXPECT(large_resize(work->run[4], 6));
	EXPECT(large_resize(work->run[11], 1));
}

static void free_run(void)
{
	large_free(work->run[5], NULL, false);
	work->run[5] = NULL;
	large_free(work->run[14], NULL, false);
	work->run[14] = NULL;
}

static void get_run(void)
{
	bool zero;

	work->run[0] = run_get(0, 6, 1, &zero);
	work->run[1] = run_get(0, 21, 1, &zero);
	work->run[2] = run_get(0, 130, 1, &zero);
}

static void get_long_run(void)
{
	bool zero;

	work->run[2] = run_get(0, 1100, 1, &zero);
}

/* The first run goes back to the system when outgrown, and so does what is free at the third. */
static void outgrow_runs(void)
{
	bool zero;

	work->run[3] = run_get(0, 600, 1, &zero);
	work->run[2] = run_get(0, 1200, 1, &zero);
	large_free(work->run[3], NULL, false);
	work->run[3] = NULL;
	work->run[2] = run_get(0, 2400, 1, &zero);
	EXPECT(page_zone(work->run[2])->stat.reported >= 600);
}

static void put_blocks(void)
{
	for (int i = 0; i < 4; i++) {
		buddy_put(work->block[i], order_of(i));
		work->block[i] = NULL;
	}
}

static void get_blocks(void)
{
	for (int i = 0; i < 4; i++)
		work->block[i] = buddy_get(0, 0, order_of(i));
}

static void pages_by_the_set(void)
{
	struct page *page = pages_get(0, 1);

	EXPECT(page);
	pages_put(page, 1);
}

/* Runs go into the set, out of it, and from it to the zone. */
static void runs_by_the_set(void)
{
	struct page *run[3];
	struct slow slow;

	for (int i = 0; i < 3; i++)
		run[i] = set_run_get(40);
	current_task()->mm.pcp.exact_on = true;
	for (int i = 0; i < 3; i++)
		set_run_put(run[i]);
	run[0] = set_run_get(37);
	set_run_put(run[0]);
	slow_enter_anyway(&slow);
	pcp_drain(&slow.task->mm, /* all= */ true);
	slow_leave(&slow);
}

static void refill_objects(void)
{
	get_objects(120);
}

static void flush_objects(void)
{
	put_objects(150);
}

/* Up and down across the border of the two sheaves: they swap, share and grow. */
static void between_sheaves(void)
{
	for (int round = 0; round < 5; round++) {
		get_objects(40);
		put_objects(40);
	}
}

/* Makes a slab; go_on() uses all that there is of its class. */
#define SLAB_CLASS 12

static void *obj_of_new_slab(struct kmem_cache *s)
{
	struct slow slow;
	void *obj;

	slow_enter_anyway(&slow);
	EXPECT_EQ(slab_take(s, 0, &obj, 1, true, 0, &slow), 1);
	slow_leave(&slow);
	return obj;
}

static void make_slab(void)
{
	work->obj_of_slab = obj_of_new_slab(&kmalloc_caches[SLAB_CLASS]);
}

/* Makes a slab of constructed objects, which do not read as zero. */
static void build_slab(void)
{
	work->built_obj = obj_of_new_slab(built);
}

static void end_slabs(void)
{
	struct slow slow;

	slow_enter_anyway(&slow);
	shrink_slab(zone_of(0), /* barns= */ true);
	slow_leave(&slow);
}

static void adopt_slab(void)
{
	struct kmem_cache *s = &kmalloc_caches[ADOPTED_CLASS + (work != &works[0])];
	struct slow slow;

	slow_enter_anyway(&slow);
	EXPECT_EQ(slab_take(s, 0, &work->adopted_obj, 1, true, 0, &slow), 1);
	EXPECT_EQ(home_of_work(ADOPTED_CLASS + (work != &works[0]), false)->nr_slabs, 1);
	slow_leave(&slow);
}

/* Fills sheaves with objects half of which are of the other's home, and go back to it. */
static void leave_strange(void)
{
	const struct slab_home *theirs = home_of_work(MIXED_CLASS, true);
	unsigned long out = theirs->inuse;

	while (work->nr_mixed)
		slab_free(&kmalloc_caches[MIXED_CLASS], work->mixed[--work->nr_mixed]);
	EXPECT(theirs->inuse < out);
}

/* In a child that is forked meanwhile the cache may stay. */
static void make_and_end_cache(void)
{
	work->cache = cache_create("made", 64, 8, NULL);
	EXPECT(work->cache);
	if (!cache_destroy("test", work->cache))
		work->cache = NULL;
}

/* Drains the other thread, as the background thread does. */
static void drain(void)
{
	struct slow slow;

	slow_enter_anyway(&slow);
	for (struct task *t = all_tasks; t; t = t->next)
		if (t != slow.task)
			task_drain(t, /* only_idle= */ false, &slow);
	slow_leave(&slow);
}

static void report(void)
{
	page_reporting_pass(0, 7, REPORT_ALL);
}

/* The second part merges with what there is. */
static void accept_parts(void)
{
	EXPECT(accept_memory(&meta_zone, 1));
	EXPECT(accept_memory(&meta_zone, 1));
}

struct operation {
	void (*fn)(void);
	const char *name;
	/* A fork before one instruction in so many, from a random one on; BUDDY_SOAK: all. */
	int stride;
	bool pages; /* an operation of mm, which is called only inside a slow path */
};

static const struct operation operations[] = {
	{grow_run, "grow_run", 1, true},
	{shrink_run, "shrink_run", 5, true},
	{free_run, "free_run", 5, true},
	{get_run, "get_run", 53, true},
	{get_long_run, "get_long_run", 11, true},
	{outgrow_runs, "outgrow_runs", 53, true},
	{put_blocks, "put_blocks", 1, true},
	{get_blocks, "get_blocks", 2, true},
	{pages_by_the_set, "pages_by_the_set", 17, false},
	{runs_by_the_set, "runs_by_the_set", 37, false},
	{refill_objects, "refill_objects", 211, false},
	{flush_objects, "flush_objects", 211, false},
	{between_sheaves, "between_sheaves", 211, false},
	{make_slab, "make_slab", 1, false},
	{build_slab, "build_slab", 17, false},
	{end_slabs, "end_slabs", 7, false},
	{adopt_slab, "adopt_slab", 1, false},
	{leave_strange, "leave_strange", 11, false},
	{make_and_end_cache, "make_and_end_cache", 1, false},
	{drain, "drain", 211, false},
	{report, "report", 211, true},
	{accept_parts, "accept_parts", 3, true},
};
static const struct operation *operation; /* the one that is stepped through */
static const struct operation *second;	  /* the one that the other thread is in */

static void run(const struct operation *o)
{
	struct slow slow;

	if (o->pages)
		EXPECT(slow_enter(&slow));
	o->fn();
	if (o->pages)
		slow_leave(&slow);
}

static void run_operation(void)
{
	run(operation);
}

static void run_second(void)
{
	run(second);
}

/* ---- afterwards ---- */

static void free_all(struct work *w)
{
	for (int i = 0; i < NR_BLOCKS; i++)
		if (w->block[i])
			buddy_put(w->block[i], order_of(i));
	for (int i = 0; i < NR_RUNS; i++)
		if (w->run[i])
			large_free(w->run[i], NULL, false);
	for (int i = 0; i < w->nr_obj; i++)
		slab_free(&kmalloc_caches[CLASS], w->obj[i]);
	if (w->obj_of_slab)
		slab_free(&kmalloc_caches[SLAB_CLASS], w->obj_of_slab);
	if (w->built_obj)
		slab_free(built, w->built_obj);
	for (int i = 0; i < w->nr_mixed; i++)
		slab_free(&kmalloc_caches[MIXED_CLASS], w->mixed[i]);
	if (w->adopted_obj)
		slab_free(find_slab(w->adopted_obj)->cache, w->adopted_obj);
	for (size_t i = 0; i < ARRAY_SIZE(w->left) && w->left[i]; i++)
		slab_free(find_slab(w->left[i])->cache, w->left[i]);
	if (w->cache)
		EXPECT_EQ(cache_destroy("test", w->cache), 0);
}

/* As every operation begins after a fork. */
static void enter_and_leave(void)
{
	const struct list_head *pos = &slab_caches;
	struct slow slow;

	slow_enter_anyway(&slow);
	slow_leave(&slow);
	/* Unlike the lists of slabs and of sheaves it is not made anew. */
	do {
		EXPECT(pos->next->prev == pos);
		pos = pos->next;
	} while (pos != &slab_caches);
}

static void expect_zero_blocks_read_as_zero(void)
{
	struct zone *zone = zone_of(0);

	for (u64 pfn = zone->start_pfn; pfn < zone->accept_pfn;) {
		struct page *page = pfn_to_page(pfn);
		u64 end = pfn + page_block_pages(page);

		for (; pfn < end; pfn++)
			if (page_type(page) == PAGE_FREE && page_is_zero(page))
				EXPECT_EQ(*(u64 *)pfn_to_addr(pfn), 0);
	}
}

static void go_on(void)
{
	void *objs[NR_KMALLOC_CLASSES];
	bool zero;

	enter_and_leave();
	EXPECT_SOUND();
	if (report_first)
		expect_zero_blocks_read_as_zero();
	for (int i = 0; i < 3; i++) {
		struct page *run = run_get(0, 3u << (3 * i), 1, &zero);

		EXPECT(run);
		large_free(run, NULL, false);
	}
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c += 6) {
		objs[c] = slab_alloc(&kmalloc_caches[c], 0, NUMA_NO_NODE);
		EXPECT(objs[c]);
		memset(objs[c], 7, kmalloc_caches[c].size);
	}
	for (unsigned int c = 0; c < NR_KMALLOC_CLASSES; c += 6)
		slab_free(&kmalloc_caches[c], objs[c]);
	EXPECT_SOUND();
}

static void be_the_other_thread(void)
{
	sim_impersonate(&other);
	work = &works[1];
}

/* Return: the exit status of a child that runs @fn in a new thread. */
static int in_child(void *(*fn)(void *))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		sim_in_thread(fn);
		fflush(NULL);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static u64 forks, nr_bad;

static void note(int status, u64 number)
{
	forks++;
	nr_bad += status != 0;
	if (status)
		fprintf(stderr, "%s: a fork before instruction %llu: status %d\n", operation->name,
			(unsigned long long)number, status);
}

/* ---- another thread forks ---- */

static unsigned long held(const struct slab_sheaf *sheaf)
{
	return sheaf ? sheaf->size : 0;
}

/* All that the lost thread's sheaves held is back, but perhaps for one that it had in hand. */
static void expect_no_object_lost(void)
{
	const struct kmem_cache *s = &kmalloc_caches[CLASS];
	const struct pcs *p = &current_task()->pcs[CLASS];
	unsigned long out = cache_inuse(s) - held(p->main) - held(p->spare);
	struct list_head *pos;

	for_each_barn (s->node[0], barn)
		list_for_each (pos, &barn->full)
			out -= held(list_entry(pos, struct slab_sheaf, barn_list));
	EXPECT(out + 1 >= (unsigned int)works[0].nr_obj);
	EXPECT(out <= (unsigned int)works[0].nr_obj + 1);
}

static void *bystander(void *arg)
{
	be_the_other_thread();
	sim_wipe_fork_cookie();
	enter_and_leave();
	free_all(&works[1]);
	expect_no_object_lost();
	go_on();
	return arg;
}

static u64 stride, phase, samples; /* of the operation that is stepped through */

static void fork_here(u64 number)
{
	if (number % stride == phase && nr_bad < 10)
		note(in_child(bystander), number);
}

static void walk_through(void)
{
	begin();
	step_through(run_operation, fork_here);
	printf("%s: %llu forks\n", operation->name, (unsigned long long)forks);
	EXPECT_EQ(nr_bad, 0);
	free_all(&works[0]);
	free_all(&works[1]);
	EXPECT_SOUND();
}

/* ---- two threads are inside, and a handler forks in one ---- */

#define NR_OPERATIONS (sizeof(operations) / sizeof(operations[0]))
/* With the address sanitizer a fork takes several times as long. */
#ifdef __SANITIZE_ADDRESS__
#define SPARSER 12
#define SAMPLES 4
#else
#define SPARSER 1
#define SAMPLES 12 /* forks for each operation and order; a hundred times as many with BUDDY_SOAK */
#endif

static u64 *lengths; /* in instructions; shared with the children */
static u64 random_state;
static u64 second_at;
static bool handler_allocates, in_handler_child;
static volatile bool frozen;

static void count_instructions(u64 number)
{
	lengths[operation - operations] = number;
}

static void measure(void)
{
	begin();
	step_through(run_operation, count_instructions);
}

/* Returns only in the child, into the operation that was interrupted. */
static void fork_in_handler(void)
{
	int status;
	pid_t pid = fork();

	if (pid) {
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
			fprintf(stderr, "the child ended with %x\n", (unsigned int)status);
			_exit(2);
		}
		_exit(WEXITSTATUS(status));
	}
	alarm(20);
	in_handler_child = true;
	sim.on_futex_wait = NULL;
	sim_wipe_fork_cookie();
	if (handler_allocates) {
		void *obj = slab_alloc(&kmalloc_caches[3], 0, NUMA_NO_NODE);

		/* Even if the interrupted operation has all locks: then by a direct mapping. */
		EXPECT(obj);
		if (!direct_free(obj, /* nowait= */ true))
			slab_free(&kmalloc_caches[3], obj);
	}
}

static void finish_child(struct work *w)
{
	enter_and_leave();
	free_all(w);
	go_on();
	_exit(0);
}

static bool draw(void)
{
	if (sim_random(&random_state) % lengths[operation - operations] >= samples || nr_bad >= 10)
		return false;
	second = &operations[sim_random(&random_state) % NR_OPERATIONS];
	second_at = 1 + sim_random(&random_state) % lengths[second - operations];
	handler_allocates = sim_random(&random_state) & 1;
	return true;
}

static void note_pair(int status, u64 number)
{
	note(status, number);
	if (status)
		fprintf(stderr, "  with %s before %llu%s\n", second->name,
			(unsigned long long)second_at,
			handler_allocates ? ", the handler allocates" : "");
}

/* ---- the first of the two threads is lost ---- */

static void fork_second(u64 number)
{
	if (number != second_at && !in_handler_child)
		return;
	step_stop();
	if (!in_handler_child)
		fork_in_handler();
}

/* It waits for a lock of the thread that stands still, so the signal comes now. */
static void fork_waiting(void)
{
	if (in_handler_child)
		return;
	step_stop();
	fork_in_handler();
}

static void *interrupted(void *arg)
{
	alarm(20);
	be_the_other_thread();
	sim.on_futex_wait = fork_waiting;
	step_through(run_second, fork_second);
	if (in_handler_child)
		finish_child(&works[1]);
	return arg; /* took fewer instructions than alone, so it was not interrupted */
}

static void fork_in_second(u64 number)
{
	if (draw())
		note_pair(in_child(interrupted), number);
}

static void first_is_lost(void)
{
	begin();
	step_through(run_operation, fork_in_second);
	printf("%s: %llu forks\n", operation->name, (unsigned long long)forks);
	EXPECT_EQ(nr_bad, 0);
}

/* ---- the second of the two threads is lost ---- */

static void freeze(void)
{
	frozen = true;
	for (;;)
		pause();
}

static void freeze_second(u64 number)
{
	if (number == second_at)
		freeze();
}

static void *doomed(void *arg)
{
	be_the_other_thread();
	sim.on_futex_wait = freeze;
	step_through(run_second, freeze_second);
	freeze();
	return arg;
}

/* In a process of its own: let the other thread go on as far as it is to, then fork. */
static void run_doomed(void)
{
	pthread_t thread;

	alarm(20);
	step_stop();
	frozen = false;
	EXPECT(!pthread_create(&thread, NULL, doomed, NULL));
	while (!frozen)
		usleep(100);
	fork_in_handler();
}

static void fork_in_first(u64 number)
{
	int status;
	pid_t pid;

	if (!draw())
		return;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		run_doomed();
		return;
	}
	if (waitpid(pid, &status, 0) != pid)
		status = -1;
	note_pair(status, number);
}

static void second_is_lost(void)
{
	begin();
	step_through(run_operation, fork_in_first);
	if (in_handler_child)
		finish_child(&works[0]);
	printf("%s: %llu forks\n", operation->name, (unsigned long long)forks);
	EXPECT_EQ(nr_bad, 0);
}

/* ---- tests ---- */

static void for_each_operation(void (*body)(void))
{
	const char *soak = getenv("BUDDY_SOAK");
	int bad = 0;

	samples = soak ? 100 * SAMPLES : SAMPLES;

	if (!lengths[0])
		skip();
	for (size_t i = 0; i < NR_OPERATIONS; i++) {
		operation = &operations[i];
		report_first = operation->fn == build_slab;
		stride = soak ? 1 : (u64)operation->stride * SPARSER;
		phase = sim_random(&random_state) % stride;
		bad += sim_run_status(body) != 0;
	}
	assert_int_equal(bad, 0);
}

static int measure_all(void **state)
{
	const char *seed = getenv("BUDDY_SEED");

	(void)state;
	random_state = seed ? strtoull(seed, NULL, 0) : (u64)time(NULL) * 2 + 1;
	printf("BUDDY_SEED=%llu\n", (unsigned long long)random_state);
	lengths = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (lengths == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < NR_OPERATIONS; i++) {
		operation = &operations[i];
		report_first = operation->fn == build_slab;
		if (sim_run_status(measure))
			return -1;
	}
	return 0;
}

static void a_child_forked_by_another_at_any_instruction_is_sound(void **state)
{
	(void)state;
	for_each_operation(walk_through);
}

static void a_child_that_returns_from_a_handler_is_sound_if_the_first_inside_is_lost(void **state)
{
	(void)state;
	for_each_operation(first_is_lost);
}

static void a_child_that_returns_from_a_handler_is_sound_if_the_second_inside_is_lost(void **state)
{
	(void)state;
	for_each_operation(second_is_lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_forked_by_another_at_any_instruction_is_sound),
		cmocka_unit_test(
			a_child_that_returns_from_a_handler_is_sound_if_the_first_inside_is_lost),
		cmocka_unit_test(
			a_child_that_returns_from_a_handler_is_sound_if_the_second_inside_is_lost),
	};

#ifdef __SANITIZE_THREAD__
	puts("skipped: this sanitizer holds signals back, traps too");
	return 77;
#endif
	return cmocka_run_group_tests(tests, measure_all, NULL);
}
