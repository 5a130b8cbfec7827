/* SPDX-License-Identifier: MIT */
/*
 * test_fork.c - how the child of a fork puts the heap in order: src/slab/fork.c, src/mm/fork.c
 *
 * Forks at every step are in tests/sim/test_fork_anywhere.c and test_fork_at_instruction.c.
 */
#include "unit.h"

static struct sim_thread threads[5];

/* The child of the main thread, which uses the heap in it. */
static void go_on_in_child(void)
{
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&sim_main_thread));
}

/* No object of @s is lost: none is out once the sheaves are empty. */
static void expect_none_in_use(struct kmem_cache *s)
{
	(void)slab_reclaim(/* all= */ true);
	EXPECT_EQ(cache_inuse(s), 0);
	EXPECT_SOUND();
}

/* It was outside, and nobody was inside: what it had is in order, and is taken over as it is. */
SIM_TEST(pages_that_a_lost_thread_kept_are_free_in_the_child)
{
	const struct zone *zone = zone_of(0);
	u64 before, kept;

	start_with(threads, 1);
	sim_switch_to(&threads[0]);
	pages_put(pages_get(0, 0), 0);
	sim_switch_to(&sim_main_thread);
	kept = (u64)task_of(&threads[0])->mm.pcp.count;
	before = zone->nr_free_pages;
	EXPECT(kept > 0);
	go_on_in_child();
	EXPECT(zone->nr_free_pages >= before + kept);
	EXPECT_SOUND();
}

/*
 * It was lost while it took the last page out of a list: from one side the list does not lead to
 * the page any more, from the other it still does.
 */
SIM_TEST(a_page_set_that_a_lost_thread_was_emptying_is_found_anew)
{
	const struct zone *zone = zone_of(0);
	struct per_task_pages *pcp;
	struct list_head *list = NULL;
	u64 before;

	start_with(threads, 1);
	pages_put(pages_get(0, 3), 3);
	pcp = &current_task()->mm.pcp;
	for (int i = 0; i < NR_PCP_LISTS; i++)
		if (!list_empty(&pcp->lists[i]))
			list = &pcp->lists[i];
	EXPECT(list);
	before = zone->nr_free_pages + (u64)(pcp->count + task_of(&threads[0])->mm.pcp.count);
	list->prev = list;
	pcp->lock.word = task_of(&threads[0])->mm.id | spin_generation;
	task_of(&threads[0])->mm.depth = 1;
	go_on_in_child();
	EXPECT_EQ(zone->nr_free_pages + (u64)pcp->count, before);
	EXPECT_SOUND();
}

/* The system promised the fence to the parent only. */
SIM_TEST(a_child_does_not_count_on_the_fence_of_its_parent)
{
	start_with(threads, 1);
	hit_fence_ready = true;
	go_on_in_child();
	EXPECT(!hit_fence_ready);
}

/* What a thread took by hits is known from the cursor alone. */
static void expect_hits_to_be_known_in_a_child(bool was_inside)
{
	struct kmem_cache *s;
	struct task *lost;
	struct cursor *c;

	start_with(threads, 1);
	s = cache_create("own", 64, 8, NULL);
	sim_switch_to(&threads[0]);
	slab_free(s, slab_alloc(s, 0, NUMA_NO_NODE));
	lost = current_task();
	lost->cursors_on = true;
	hit_fence_ready = true;
	pcs_attach(lost, s, task_pcs(lost, s));
	c = task_cursor(lost, s);
	EXPECT(c->cur > task_pcs(lost, s)->main->objects + 2);
	c->cur -= 2; /* two hits */
	lost->mm.depth = was_inside;
	sim_switch_to(&sim_main_thread);
	go_on_in_child();
	EXPECT(!task_pcs(lost, s)->main && c->cur == cursor_disabled_at());
	EXPECT_EQ(cache_shrink(s), 2);
	EXPECT_SOUND();
}

SIM_TEST(what_an_idle_thread_took_from_a_cache_of_the_program_is_out_in_the_child)
{
	expect_hits_to_be_known_in_a_child(false);
}

SIM_TEST(what_a_thread_inside_took_from_a_cache_of_the_program_is_out_in_the_child)
{
	expect_hits_to_be_known_in_a_child(true);
}

/* Linking them anew would write to each, and copy a page for each. */
SIM_TEST(blocks_that_are_left_stay_on_their_list_in_a_child)
{
	struct task *oldest;

	start_with(threads, 4);
	oldest = task_of(&threads[0]);
	sim_thread_exit(&threads[3]);
	for (int i = 0; i < 2; i++) {
		task_exit(task_of(&threads[i]), threads[i].tid);
		sim_thread_exit(&threads[i]);
	}
	task_of(&threads[2])->mm.depth = 1;
	go_on_in_child();
	for (int i = 3; i < 5; i++)
		start_thread(&threads[i]);
	EXPECT(task_of(&threads[4]) == oldest);
	EXPECT_SOUND();
}

/* Thread 0 has ended, and its block is warm; @nr others have not. */
static struct task *leave_warm(size_t nr)
{
	struct task *left;

	start_with(threads, 1 + nr);
	left = task_of(&threads[0]);
	sim_thread_exit(&threads[0]);
	EXPECT_EQ(left->state, TASK_WARM);
	EXPECT(left->pcs[0].main);
	return left;
}

/* To take it away would copy its pages in each child. */
SIM_TEST(what_a_thread_left_warm_stays_so_in_a_child)
{
	struct task *left = leave_warm(1);
	struct slab_sheaf *main = left->pcs[0].main;

	go_on_in_child();
	EXPECT_EQ(left->state, TASK_WARM);
	EXPECT_EQ(task_of(&threads[1])->state, TASK_DYING);
	start_thread(&threads[2]);
	EXPECT(task_of(&threads[2]) == left && left->pcs[0].main == main);
	EXPECT_SOUND();
}

/* Every block but the main thread's serves one of @nr threads, again and again. */
static void expect_all_blocks_to_serve(size_t nr)
{
	size_t blocks = 0, are_warm = 0;

	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < nr; i++)
			start_thread(&threads[i]);
		for (size_t i = 0; i < nr; i++)
			sim_thread_exit(&threads[i]);
	}
	for (struct task *t = all_tasks; t; t = t->next, blocks++)
		are_warm += t->state == TASK_WARM;
	EXPECT_EQ(blocks, nr + 1);
	EXPECT_EQ(are_warm, nr_barns);
}

/* It would take them for its own. */
SIM_TEST(a_thread_with_the_block_of_a_lost_one_takes_locks_from_that)
{
	static struct spinlock left_behind = SPINLOCK_INIT(RANK_RECLAIM);
	struct task *lost;

	start_with(threads, 1);
	lost = task_of(&threads[0]);
	left_behind.word = lost->mm.id | spin_generation;
	go_on_in_child();
	start_thread(&threads[1]);
	EXPECT(task_of(&threads[1]) == lost);
	sim_switch_to(&threads[1]);
	EXPECT_EQ(spin_trylock(&left_behind), LOCK_STALE);
}

/* A lost thread had taken a block off the list, so all are made anew. */
SIM_TEST(each_block_is_on_one_list_in_a_child)
{
	struct task *in_hand;

	(void)leave_warm(3);
	in_hand = task_of(&threads[1]);
	in_hand->state = TASK_DYING;
	in_hand->mm.depth = 1;
	go_on_in_child();
	expect_all_blocks_to_serve(4);
	EXPECT_SOUND();
}

/* A thread leaves its block to others, and is gone. */
static struct task *leave_dead(struct sim_thread *t)
{
	struct task *left = task_of(t);

	task_exit(left, t->tid);
	sim_thread_exit(t);
	EXPECT_EQ(left->state, TASK_DYING);
	return left;
}

/* It was putting the first of them to the end of the list. */
SIM_TEST(a_list_that_a_lost_thread_has_left_in_a_circle_is_made_anew)
{
	struct task *left[2];

	start_with(threads, 2);
	for (int i = 0; i < 2; i++)
		left[i] = leave_dead(&threads[i]);
	left[1]->next_dead = left[0];
	tasks_lock.word = TASK_ID_BARE | 4711 | spin_generation;
	go_on_in_child();
	EXPECT(!left[0]->next_dead || !left[1]->next_dead);
	expect_all_blocks_to_serve(2);
}

/* All sheaves are emptied where a thread was lost at work, so these are nobody's. */
SIM_TEST(what_a_thread_left_warm_is_emptied_in_a_child_where_another_was_inside)
{
	struct task *left = leave_warm(3);

	task_exit(task_of(&threads[1]), threads[1].tid);
	sim_thread_exit(&threads[1]);
	task_of(&threads[2])->mm.depth = 1;
	go_on_in_child();
	EXPECT_EQ(left->state, TASK_DYING);
	EXPECT(!left->pcs[0].main);
	EXPECT_SOUND();
	expect_all_blocks_to_serve(4);
	EXPECT_SOUND();
}

/* A reclaimer that is lost was taking what is there. */
SIM_TEST(what_a_lost_thread_was_taking_from_a_warm_block_is_out_in_the_child)
{
	struct task *left = leave_warm(1);
	struct kmem_cache *s = &kmalloc_caches[0];

	left->lock.word = task_of(&threads[1])->mm.id | spin_generation;
	left->inflight = left->pcs[0].main;
	task_of(&threads[1])->mm.depth = 1;
	go_on_in_child();
	EXPECT(!left->pcs[0].main && !left->lock.word && !left->inflight);
	expect_none_in_use(s);
}

/*
 * The thread that forked may be one that has ended but for its last destructors: its block must
 * not be another's before it is known which it is.
 */
SIM_TEST(a_warm_block_is_nobody_elses_before_it_is_known_who_forked)
{
	struct task *left[2];

	start_with(threads, 2);
	for (int i = 0; i < 2; i++) {
		left[i] = task_of(&threads[i]);
		sim_thread_exit(&threads[i]);
		EXPECT_EQ(left[i]->state, TASK_WARM);
	}
	threads[0].tid += 1000;
	sim.process_id = threads[0].tid;
	sim_wipe_fork_cookie();
	for (int i = 2; i < 4; i++) {
		start_thread(&threads[i]);
		EXPECT(task_of(&threads[i]) != left[0] && task_of(&threads[i]) != left[1]);
	}
	EXPECT_EQ(sim_fork_cookie(), FORK_UNDECIDED);
	EXPECT(use_heap(&threads[0]));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	/* The other's is free from here on. */
	start_thread(&threads[1]);
	EXPECT(task_of(&threads[1]) == left[1] && left[1]->state == TASK_LIVE);
	EXPECT(left[1]->pcs[0].main);
	EXPECT_SOUND();
}

/* In a child, where a thread came in first that was started there: it is known who forked. */
static struct task *leave_warm_without_number(void)
{
	struct task *left;

	start_with(threads, 2);
	left = task_of(&threads[1]);
	for (int i = 0; i < 2; i++)
		sim_thread_exit(&threads[i]);
	threads[0].tid += 1000;
	sim.process_id = threads[0].tid;
	sim_wipe_fork_cookie();
	start_thread(&threads[2]);
	EXPECT(use_heap(&threads[0]));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(left->state, TASK_WARM);
	EXPECT(!left->mm.tid && left->pcs[0].main);
	return left;
}

/* All sheaves are collected, so that these were free, and the next thread's all the same. */
SIM_TEST(what_a_thread_without_a_number_left_warm_is_emptied_in_a_child_of_the_child)
{
	struct task *left = leave_warm_without_number();

	task_of(&threads[2])->mm.depth = 1;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&threads[0]));
	EXPECT_EQ(left->state, TASK_DYING);
	EXPECT(!left->pcs[0].main);
	EXPECT_SOUND();
}

/* Its new thread is lost at the start, and is seen by the lock alone. */
SIM_TEST(a_thread_that_was_taking_a_warm_block_without_a_number_is_lost_inside)
{
	struct task *left = leave_warm_without_number();

	left->lock.word = left->mm.id | spin_generation;
	sim_wipe_fork_cookie();
	EXPECT(use_heap(&threads[0]));
	EXPECT_EQ(left->state, TASK_DYING);
	EXPECT(!left->pcs[0].main && !left->lock.word);
	EXPECT_SOUND();
}

static struct sim_thread *losing; /* the one that is stepped through, and lost in each child */

static size_t nr_blocks(void)
{
	size_t nr = 0;

	for (const struct task *t = all_tasks; t; t = t->next)
		nr++;
	return nr;
}

/*
 * In a new thread of the child, which is not stepped through: the main thread, which forked.  With
 * two others it needs three blocks, and there are no more: that of the lost thread serves again.
 */
static void *survive(void *unused)
{
	losing->exit_value = NULL;
	sim_thread_exit(losing);
	sim_wipe_fork_cookie();
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
	EXPECT_SOUND();
	for (int i = 2; i < 4; i++)
		start_thread(&threads[i]);
	EXPECT(task_of(&threads[2]) != task_of(&threads[3]));
	EXPECT_EQ(nr_blocks(), 3);
	EXPECT_SOUND();
	(void)slab_reclaim(/* all= */ true);
	EXPECT(cache_inuse(&kmalloc_caches[0]) <= 1); /* the lost thread may have had one */
	EXPECT_SOUND();
	return unused;
}

static void (*in_child)(void);

static void fork_here(u64 number)
{
	if (in_child_from_here(number)) {
		in_child();
		_exit(0);
	}
}

/* Instructions from one fork to the next: before each of them takes a minute, and finds no more. */
#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 61 }; /* a fork takes several times as long */
#else
enum { STRIDE = 5 };
#endif

static void survive_in_new_thread(void)
{
	sim_in_thread(survive);
}

static void fork_now_and_then(u64 number)
{
	if (number % STRIDE == 0)
		fork_here(number);
}

static void end_first(void)
{
	sim_run_exit(losing);
}

SIM_TEST(a_thread_may_be_lost_at_any_instruction_of_its_end)
{
	start_with(threads, 2);
	sim_thread_exit(&threads[1]);
	losing = &threads[0];
	sim_switch_to(losing);
	in_child = survive_in_new_thread;
	step_through(end_first, fork_now_and_then);
	EXPECT_EQ(current_task()->state, TASK_WARM);
}

static void use_object(void)
{
	slab_free(&kmalloc_caches[0], slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE));
}

static void lose_at_begin(void)
{
	losing = &threads[1];
	sim_thread_new(losing, 0);
	sim_switch_to(losing);
	in_child = survive_in_new_thread;
	step_through(use_object, fork_now_and_then);
}

SIM_TEST(a_thread_may_be_lost_at_any_instruction_of_a_warm_begin)
{
	struct task *left = leave_warm(0);

	lose_at_begin();
	EXPECT(current_task() == left);
}

SIM_TEST(a_thread_may_be_lost_at_any_instruction_of_its_begin_with_a_block_of_another)
{
	struct task *left;

	start_with(threads, 1);
	left = task_of(&threads[0]);
	task_exit(left, threads[0].tid);
	sim_thread_exit(&threads[0]);
	lose_at_begin();
	EXPECT(current_task() == left);
}

SIM_TEST(a_thread_may_be_lost_at_any_instruction_of_its_begin_with_a_new_block)
{
	start_with(threads, 0);
	lose_at_begin();
	EXPECT_EQ(nr_blocks(), 2);
}

static void find_all_blocks(void)
{
	go_on_in_child();
	expect_all_blocks_to_serve(3);
	EXPECT_SOUND();
}

static void bury(void)
{
	task_bury(current_task());
}

SIM_TEST(a_thread_may_be_lost_at_any_instruction_while_it_leaves_its_block)
{
	start_with(threads, 3);
	(void)leave_dead(&threads[0]);
	sim_switch_to(&threads[1]);
	current_task()->mm.depth = 1;
	current_task()->state = TASK_DYING;
	in_child = find_all_blocks;
	step_through(bury, fork_here);
}

static void handler_uses_object(u64 number)
{
	void *obj;

	if (number > 400 || sim.blocked || !in_child_from_here(number))
		return;
	obj = slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE);
	if (mm_has_page(obj)) /* else a mapping: nested, it finds the lost thread's lock held */
		slab_free(&kmalloc_caches[0], obj);
}

/* Before signals are blocked a handler may be the first to come in. */
SIM_TEST(a_thread_that_is_about_to_repair_may_be_interrupted)
{
	start_with(threads, 1);
	kmalloc_caches[0].node[0]->home[0]->list_lock.word =
		task_of(&threads[0])->mm.id | spin_generation;
	task_of(&threads[0])->mm.depth = 1;
	sim_wipe_fork_cookie();
	step_through(use_object, handler_uses_object);
	step_stop();
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(current_task()->mm.depth, 0);
	expect_none_in_use(&kmalloc_caches[0]);
}

/* A lost thread was filling or emptying the main sheaf of @task: it has not said how long it is. */
static unsigned int leave_in_flight(struct task *task)
{
	struct slab_sheaf *main = task->pcs[0].main;
	unsigned int n = main->size;
	struct slow slow;
	void *free, *in_slab;

	slow_enter_anyway(&slow);
	EXPECT_EQ(slab_take(&kmalloc_caches[0], 0, &free, 1, true, 0, &slow), 1);
	in_slab = free;
	slab_give(&kmalloc_caches[0], &free, 1);
	slow_leave(&slow);
	EXPECT(n && n + 3 < main->capacity);
	memset(main->objects + n, 0, (main->capacity - n) * sizeof(void *));
	/* One was being moved down, and one is in its slab already. */
	main->objects[n + 1] = main->objects[0];
	main->objects[n + 2] = in_slab;
	main->size = 0;
	task->inflight = main;
	return n;
}

/* The thread @t takes some that lie in its sheaf, so that there is room. */
static void make_room_in_sheaf(struct sim_thread *t, void **objs, int nr)
{
	sim_switch_to(t);
	for (int i = 0; i < nr; i++)
		objs[i] = slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE);
	sim_switch_to(&sim_main_thread);
}

#define OBJS 5

/* Of the smallest class just these are out. */
static void expect_to_be_all(void **objs)
{
	for (int i = 0; i < OBJS; i++)
		slab_free(&kmalloc_caches[0], objs[i]);
	expect_none_in_use(&kmalloc_caches[0]);
}

/* What the slots name and the bitmap confirms was in it; each object once. */
SIM_TEST(what_a_lost_thread_had_in_flight_is_in_its_slab_in_the_child)
{
	unsigned long sheaves;
	void *objs[OBJS];
	struct task *lost;
	struct slab_sheaf *main;

	start_with(threads, 1);
	make_room_in_sheaf(&threads[0], objs, OBJS);
	lost = task_of(&threads[0]);
	main = lost->pcs[0].main;
	sheaves = cache_inuse(sheaf_cache(sheaf_kind(main)));
	(void)leave_in_flight(lost);
	lost->pcs[0].main = NULL;
	sheaf_set_place(main, SHEAF_TRANSIT, lost->mm.id);
	lost->mm.depth = 1;
	go_on_in_child();
	EXPECT_EQ(cache_inuse(sheaf_cache(sheaf_kind(main))), sheaves - 1);
	EXPECT_EQ(main->size, 0);
	EXPECT_SOUND();
	expect_to_be_all(objs);
}

#define NOT_REACHED 10

static u64 interrupted_at;
static bool interrupted, handler_forks, forked_inside;
static void *taken;

static void take_in_handler(u64 number)
{
	(void)number;
	if (!signal_comes_at(interrupted_at))
		return;
	interrupted = true;
	if (handler_forks)
		sim_wipe_fork_cookie();
	taken = slab_alloc(&kmalloc_caches[0], 0, NUMA_NO_NODE);
}

static void take_while_settled(void)
{
	struct slow outer;
	void *objs[OBJS];

	sim.nr_cpus = 1; /* so that both threads take from the same slabs */
	start_with(threads, 1);
	make_room_in_sheaf(&threads[0], objs, OBJS);
	(void)leave_in_flight(task_of(&threads[0]));
	task_of(&threads[0])->mm.depth = 1;
	if (forked_inside)
		slow_enter_anyway(&outer);
	sim_wipe_fork_cookie();
	step_through(enter_and_leave, take_in_handler);
	step_stop();
	if (forked_inside)
		slow_leave(&outer);
	if (!interrupted)
		_exit(NOT_REACHED);
	go_on_in_child();
	slab_free(&kmalloc_caches[0], taken);
	expect_to_be_all(objs);
}

/* It would get one that is there, but was looked at just then. */
static void a_handler_gets_nothing_that_is_in_flight_where_its_thread_settles_that(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		int status = 0;

		handler_forks = i & 1;
		forked_inside = i & 2;
		for (interrupted_at = 1; !status; interrupted_at += 3 * STRIDE)
			status = sim_run_status(take_while_settled);
		assert_int_equal(status, NOT_REACHED);
	}
}

SIM_TEST(what_a_lost_thread_was_taking_from_this_one_is_settled_before_its_lock_is_free)
{
	void *objs[OBJS];
	struct task *me;
	struct slab_sheaf *main;
	unsigned int n;

	start_with(threads, 1);
	make_room_in_sheaf(&sim_main_thread, objs, OBJS);
	me = current_task();
	main = me->pcs[0].main;
	n = leave_in_flight(me);
	me->lock.word = task_of(&threads[0])->mm.id | spin_generation;
	task_of(&threads[0])->mm.depth = 1;
	go_on_in_child();
	EXPECT(me->pcs[0].main == main && !me->inflight && !me->lock.word);
	EXPECT_EQ(main->size, n);
	EXPECT_SOUND();
	expect_to_be_all(objs);
}

/* A handler forks in a slow path: that goes on with what it has in hand. */
SIM_TEST(what_this_thread_has_in_flight_itself_is_left_alone)
{
	struct slow outer, inner;
	struct task *me;
	void *objs[OBJS];
	int count;

	start_with(threads, 1);
	make_room_in_sheaf(&sim_main_thread, objs, OBJS);
	pages_put(pages_get(0, 0), 0);
	me = current_task();
	count = me->mm.pcp.count;
	EXPECT(count);
	slow_enter_anyway(&outer);
	me->lock.word = me->mm.pcp.lock.word = me->mm.id | spin_generation;
	me->inflight = me->pcs[0].main;
	me->inflight->size = 0;
	sim_wipe_fork_cookie();
	slow_enter_anyway(&inner);
	EXPECT_EQ(sim_fork_cookie(), FORK_NOTICED);
	slow_leave(&inner);
	EXPECT(me->inflight && !me->inflight->size);
	EXPECT(me->lock.word && me->mm.pcp.lock.word);
	EXPECT_EQ(me->mm.pcp.count, count);
}

/* That slow path goes on before anything is made anew, and may want pages. */
SIM_TEST(a_page_set_that_a_lost_thread_was_emptying_is_not_used_by_a_call_that_goes_on)
{
	struct slow outer, inner;
	struct task *me;

	start_with(threads, 1);
	pages_put(pages_get(0, 0), 0);
	me = current_task();
	slow_enter_anyway(&outer);
	me->mm.pcp.lock.word = task_of(&threads[0])->mm.id | spin_generation;
	sim_wipe_fork_cookie();
	slow_enter_anyway(&inner);
	slow_leave(&inner);
	EXPECT(!me->mm.pcp.lock.word && !me->mm.pcp.ready && !me->mm.pcp.count);
	slow_leave(&outer);
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_SOUND();
}

/* A slot is cleared before the bit; one whose bit is cleared already is not given back twice. */
SIM_TEST(what_is_back_already_of_a_sheaf_that_was_being_emptied_is_not_given_back)
{
	struct kmem_cache *s = &kmalloc_caches[0];
	struct slab_sheaf *main;
	void *back[2];
	struct slow slow;

	start_with(threads, 1);
	main = task_of(&threads[0])->pcs[0].main;
	EXPECT(main->size > 2);
	memcpy(back, main->objects, sizeof(back));
	slow_enter_anyway(&slow);
	slab_give(s, back, 2);
	slow_leave(&slow);
	main->objects[0] = NULL;
	task_of(&threads[0])->mm.depth = 1;
	go_on_in_child();
	EXPECT_SOUND();
	expect_none_in_use(s);
}

/*
 * The fence was refused, or a fork came before it: a hit has moved the disabled cursor by @stray.
 * That is counted once, whichever thread's it is.
 */
static void expect_stray_to_count(struct sim_thread *t, ptrdiff_t stray, bool inside)
{
	struct slab_sheaf *main;
	struct task *task;
	void *objs[OBJS];
	struct cursor *c;

	start_with(threads, 2);
	make_room_in_sheaf(t, objs, OBJS);
	task = task_of(t);
	task->cursors_on = true;
	main = task->pcs[0].main;
	c = class_cursor(task, 0);
	c->cur = cursor_disabled_at() + stray;
	if (stray > 0)
		main->objects[main->size] = objs[OBJS - 1];
	task_of(&threads[1])->mm.depth = inside;
	if (t == &sim_main_thread)
		task->lock.word = task_of(&threads[1])->mm.id | spin_generation;
	go_on_in_child();
	if (t == &sim_main_thread)
		(void)pcs_detach(task, &kmalloc_caches[0], &task->pcs[0]);
	(void)slab_reclaim(/* all= */ true);
	EXPECT_EQ(cache_inuse(&kmalloc_caches[0]), OBJS - stray);
	EXPECT_SOUND();
}

SIM_TEST(an_object_that_a_hit_took_from_under_a_disabled_cursor_is_out_in_the_child)
{
	expect_stray_to_count(&threads[0], -1, /* inside= */ false);
}

SIM_TEST(an_object_that_a_hit_put_under_a_disabled_cursor_is_in_its_slab_in_the_child)
{
	expect_stray_to_count(&threads[0], 1, /* inside= */ true);
}

SIM_TEST(what_a_hit_did_while_this_thread_was_drained_counts_once_in_the_child)
{
	expect_stray_to_count(&sim_main_thread, -1, /* inside= */ true);
}

/* Of a thread without a block only the locks say that it was inside: here it was draining. */
SIM_TEST(the_sheaves_that_a_lost_thread_without_a_block_had_in_hand_are_found)
{
	struct task *drained;

	start_with(threads, 1);
	drained = task_of(&threads[0]);
	drained->pcs[0].main = NULL;
	drained->lock.word = TASK_ID_BARE | 4711 | spin_generation;
	go_on_in_child();
	expect_none_in_use(&kmalloc_caches[0]);
}

SIM_TEST(the_pages_that_a_lost_thread_without_a_block_had_in_hand_are_found)
{
	const struct zone *zone = zone_of(0);
	struct per_task_pages *pcp;
	u64 before;

	start_with(threads, 1);
	sim_switch_to(&threads[0]);
	pages_put(pages_get(0, 3), 3);
	pcp = &current_task()->mm.pcp;
	sim_switch_to(&sim_main_thread);
	before = zone->nr_free_pages + (u64)(pcp->count + current_task()->mm.pcp.count);
	for (int i = 0; i < NR_PCP_LISTS; i++)
		list_init(&pcp->lists[i]);
	pcp->lock.word = TASK_ID_BARE | 4711 | spin_generation;
	go_on_in_child();
	EXPECT_EQ(zone->nr_free_pages + (u64)current_task()->mm.pcp.count, before);
	EXPECT_SOUND();
}

/* The main thread has two sheaves of the smallest class, with objects in each. */
static struct pcs *fill_two_sheaves(void)
{
	void *objs[20];
	struct pcs *p;

	make_room_in_sheaf(&sim_main_thread, objs, ARRAY_SIZE(objs));
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		slab_free(&kmalloc_caches[0], objs[i]);
	p = &current_task()->pcs[0];
	EXPECT(p->main && p->main->size && p->spare && p->spare->size);
	return p;
}

SIM_TEST(the_spare_of_a_lost_thread_is_taken_over)
{
	struct task *lost;

	start_with(threads, 1);
	lost = current_task();
	(void)fill_two_sheaves();
	sim_switch_to(&threads[0]);
	sim_wipe_fork_cookie();
	enter_and_leave();
	EXPECT(!lost->pcs[0].main && !lost->pcs[0].spare);
	expect_none_in_use(&kmalloc_caches[0]);
}

SIM_TEST(this_thread_keeps_its_spare_where_another_was_inside)
{
	struct slab_sheaf *spare;
	struct pcs *p;

	start_with(threads, 1);
	p = fill_two_sheaves();
	spare = p->spare;
	task_of(&threads[0])->mm.depth = 1;
	sim_wipe_fork_cookie();
	drain_this_task(/* only_idle= */ true);
	EXPECT(p->spare == spare && spare->size);
	EXPECT_SOUND();
}

static struct task *emptied;

static void empty_sheaves(void)
{
	pcs_empty(emptied, &kmalloc_caches[0], &emptied->pcs[0]);
}

static void go_on_with_what_is_left(void)
{
	sim_switch_to(&sim_main_thread);
	sim_wipe_fork_cookie();
	enter_and_leave();
	EXPECT_SOUND();
	expect_none_in_use(&kmalloc_caches[0]);
}

/* It is a reclaimer, and may have taken one of two sheaves: then not main. */
SIM_TEST(a_thread_may_be_lost_at_any_instruction_while_it_empties_sheaves_of_this_one)
{
	struct slow slow;

	start_with(threads, 1);
	(void)fill_two_sheaves();
	emptied = current_task();
	sim_switch_to(&threads[0]);
	slow_enter_anyway(&slow);
	spin_lock(&emptied->lock);
	in_child = go_on_with_what_is_left;
	step_through(empty_sheaves, fork_here);
	step_stop();
	spin_unlock(&emptied->lock);
	slow_leave(&slow);
	EXPECT_SOUND();
}

static void expect_free(struct spinlock *lock)
{
	EXPECT_EQ(spin_trylock(lock), LOCK_TAKEN);
	spin_unlock(lock);
}

/*
 * A number comes again, and a lock that was left under it would pass for held.  Nobody tells by a
 * depth that a thread without a block had these.
 */
SIM_TEST(no_lock_is_left_behind_once_numbers_of_generations_begin_anew)
{
	u32 left = TASK_ID_BARE | 4711 | spin_generation;
	struct slab_home *home;
	struct task *me;

	start_with(threads, 1);
	me = current_task();
	home = kmalloc_caches[0].node[0]->home[0];
	slab_mutex.word = me->lock.word = home->list_lock.word = left;
	for (int forks = 0; forks < 300; forks++) {
		u32 before = spin_generation;
		struct slow slow;

		sim_wipe_fork_cookie();
		slow_enter_anyway(&slow);
		slow_leave(&slow);
		/* Nor one that is left under the last number. */
		if (spin_generation == SPIN_GEN_MASK)
			slab_mutex.word = TASK_ID_BARE | 4711 | SPIN_GEN_MASK;
		if (spin_generation < before) {
			expect_free(&home->list_lock);
			EXPECT_EQ(slab_mutex.word, 0);
			expect_free(&me->lock);
			return;
		}
	}
	EXPECT(false);
}

/* A handler forks in a slow path of the child that is to let go of all locks, so nobody does. */
SIM_TEST(numbers_of_generations_begin_anew_even_if_the_last_is_not_put_in_order)
{
	struct slow outer, inner;

	start_with(threads, 1);
	spin_generation = SPIN_GEN_MASK - (1u << SPIN_GEN_SHIFT);
	slow_enter_anyway(&outer);
	for (int forks = 0; forks < 2; forks++) {
		sim_wipe_fork_cookie();
		slow_enter_anyway(&inner);
		slow_leave(&inner);
	}
	EXPECT_EQ(spin_generation, 1u << SPIN_GEN_SHIFT);
	slow_leave(&outer);
	slab_mutex.word = TASK_ID_BARE | 4711 | 9u << SPIN_GEN_SHIFT;
	EXPECT(use_heap(&sim_main_thread));
	EXPECT_EQ(sim_fork_cookie(), FORK_REPAIRED);
	EXPECT_EQ(slab_mutex.word, 0);
	EXPECT_SOUND();
}

/*
 * What the program has is counted by pages, in large blocks also by the task of who took or freed
 * them.  A lost thread may have counted what it had not taken yet.
 */
SIM_TEST(what_the_program_has_is_counted_once_in_the_child)
{
	unsigned long sum = 0;
	struct page *run;
	bool zero;

	start_with(threads, 1);
	run = run_get(0, 40, 1, &zero);
	WRITE_ONCE(run->state, run->state | PG_LARGE);
	EXPECT(run_get(0, 9, 1, &zero) && buddy_get(0, 0, 2));
	large_pages = api_pages = 1000;
	task_of(&threads[0])->large_pages = 17;
	current_task()->large_pages = 23;
	task_of(&threads[0])->mm.depth = 1;
	go_on_in_child();
	for (struct task *t = all_tasks; t; t = t->next)
		sum += t->large_pages;
	EXPECT_EQ(large_pages + sum, 40);
	EXPECT_EQ(api_pages, 9 + 4);
}

/* One that it was about to free, and one whose free it had deferred. */
SIM_TEST(blocks_that_a_lost_thread_had_in_hand_are_free_in_the_child)
{
	const struct zone *zone = zone_of(0);
	struct page *run[2];
	u64 before;
	bool zero;

	start_with(threads, 1);
	for (int i = 0; i < 2; i++) {
		run[i] = run_get(0, 40, 1, &zero);
		WRITE_ONCE(run[i]->state, page_state(PAGE_EXACT, 0, PG_TRANSIT));
	}
	before = zone->nr_free_pages + (u64)current_task()->mm.pcp.count;
	before += (u64)task_of(&threads[0])->mm.pcp.count;
	run[1]->lru.next = NULL;
	deferred_blocks = &run[1]->lru;
	task_of(&threads[0])->mm.depth = 1;
	go_on_in_child();
	EXPECT(!deferred_blocks);
	EXPECT_EQ(zone->nr_free_pages + (u64)current_task()->mm.pcp.count, before + 80);
	EXPECT_SOUND();
}

/* It had taken a block off its list, and the block does not say so yet. */
SIM_TEST(free_lists_that_a_lost_thread_was_changing_are_made_anew)
{
	struct zone *zone = zone_of(0);
	struct list_head *list = NULL;
	struct page *page;

	start_with(threads, 1);
	page = buddy_get(0, 0, 0);
	EXPECT(buddy_get(0, 0, 0));
	buddy_put(page, 0);
	/* So that nobody wants the lock before. */
	pcp_drain(&current_task()->mm, /* all= */ true);
	for (int t = 0; t < MIGRATE_TYPES && !list; t++)
		if (!list_empty(&zone->free_area[0].free_list[t]))
			list = &zone->free_area[0].free_list[t];
	EXPECT(list);
	list_init(list);
	zone->lock.word = zone->accept_lock.word = task_of(&threads[0])->mm.id | spin_generation;
	zone->reporting = 1;
	task_of(&threads[0])->mm.depth = 1;
	go_on_in_child();
	EXPECT(!zone->lock.word && !zone->accept_lock.word && !zone->reporting);
	EXPECT_SOUND();
}

RUN_TESTS(T(pages_that_a_lost_thread_kept_are_free_in_the_child),
	  T(a_page_set_that_a_lost_thread_was_emptying_is_found_anew),
	  T(a_child_does_not_count_on_the_fence_of_its_parent),
	  T(what_an_idle_thread_took_from_a_cache_of_the_program_is_out_in_the_child),
	  T(what_a_thread_inside_took_from_a_cache_of_the_program_is_out_in_the_child),
	  T(blocks_that_are_left_stay_on_their_list_in_a_child),
	  T(what_a_thread_left_warm_stays_so_in_a_child),
	  T(each_block_is_on_one_list_in_a_child),
	  T(a_thread_that_is_about_to_repair_may_be_interrupted),
	  T(a_thread_with_the_block_of_a_lost_one_takes_locks_from_that),
	  T(a_list_that_a_lost_thread_has_left_in_a_circle_is_made_anew),
	  T(a_thread_may_be_lost_at_any_instruction_while_it_leaves_its_block),
	  T(what_a_thread_left_warm_is_emptied_in_a_child_where_another_was_inside),
	  T(what_a_lost_thread_was_taking_from_a_warm_block_is_out_in_the_child),
	  T(a_warm_block_is_nobody_elses_before_it_is_known_who_forked),
	  T(what_a_thread_without_a_number_left_warm_is_emptied_in_a_child_of_the_child),
	  T(a_thread_that_was_taking_a_warm_block_without_a_number_is_lost_inside),
	  T(a_thread_may_be_lost_at_any_instruction_of_its_end),
	  T(a_thread_may_be_lost_at_any_instruction_of_a_warm_begin),
	  T(a_thread_may_be_lost_at_any_instruction_of_its_begin_with_a_block_of_another),
	  T(a_thread_may_be_lost_at_any_instruction_of_its_begin_with_a_new_block),
	  T(what_a_lost_thread_had_in_flight_is_in_its_slab_in_the_child),
	  T(a_handler_gets_nothing_that_is_in_flight_where_its_thread_settles_that),
	  T(what_a_lost_thread_was_taking_from_this_one_is_settled_before_its_lock_is_free),
	  T(what_this_thread_has_in_flight_itself_is_left_alone),
	  T(a_page_set_that_a_lost_thread_was_emptying_is_not_used_by_a_call_that_goes_on),
	  T(what_is_back_already_of_a_sheaf_that_was_being_emptied_is_not_given_back),
	  T(an_object_that_a_hit_took_from_under_a_disabled_cursor_is_out_in_the_child),
	  T(an_object_that_a_hit_put_under_a_disabled_cursor_is_in_its_slab_in_the_child),
	  T(what_a_hit_did_while_this_thread_was_drained_counts_once_in_the_child),
	  T(the_sheaves_that_a_lost_thread_without_a_block_had_in_hand_are_found),
	  T(the_pages_that_a_lost_thread_without_a_block_had_in_hand_are_found),
	  T(the_spare_of_a_lost_thread_is_taken_over),
	  T(this_thread_keeps_its_spare_where_another_was_inside),
	  T(a_thread_may_be_lost_at_any_instruction_while_it_empties_sheaves_of_this_one),
	  T(numbers_of_generations_begin_anew_even_if_the_last_is_not_put_in_order),
	  T(no_lock_is_left_behind_once_numbers_of_generations_begin_anew),
	  T(what_the_program_has_is_counted_once_in_the_child),
	  T(blocks_that_a_lost_thread_had_in_hand_are_free_in_the_child),
	  T(free_lists_that_a_lost_thread_was_changing_are_made_anew))
