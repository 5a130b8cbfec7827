/* SPDX-License-Identifier: MIT */
/*
 * task.c - a thread as the allocator sees it: birth and death
 *
 * Every thread starts on boot_hit, whose cursors are all disabled, so its first allocation takes
 * the slow path, which gives it a task block.  Blocks are never freed: a thread that has ended
 * leaves its block to a later one once the system says that it is gone, since its last destructors
 * may still allocate.
 *
 * A few of those that ended last are left warm, with what is in their sheaves.  A thread that gets
 * such a block begins with what it needs, if the program starts one like the last: threads of 400
 * blocks each, one after the other, take 0.8 of the time.
 *
 * Locks:  tasks_lock: births and deaths.  task.lock: the sheaves of one task.  Slow paths only try
 *         it; a birth or death waits for it, and so does what drains a task, for as long as it must
 *         (drain.c).
 */
#include "platform/os.h"
#include "slab/internal.h"
#include "slab/pcs.h"
#include <string.h>

/*
 * The first cursor of boot_hit points behind this: it is empty and full.  The size tables are
 * zeros, so malloc uses no other cursor.  free may use any, and one that is all zeros is full.
 */
static void *boot_null[3] touched_first;

struct hit_area boot_hit = {
	.rseq_slot = &boot_hit.no_rseq,
	.cursor = {[0] = {.cur = (void **)&boot_null[2], .end = (void **)&boot_null[2]}},
};
static_assert(offsetof(struct hit_area, free_cs) == 32, "hit_free_tls points at free_cs");

__thread struct hit_area *hit_malloc_tls __attribute__((tls_model("initial-exec"))) = &boot_hit;
__thread char *hit_free_tls __attribute__((tls_model("initial-exec"))) = (char *)&boot_hit.free_cs;

struct spinlock tasks_lock = SPINLOCK_INIT(RANK_TASK_LIST);
struct task *all_tasks;
static struct task *dead_first, *dead_last; /* tasks_lock; oldest first */
static struct task *warm;		    /* likewise; latest first */
static u32 nr_warm; /* those, and threads that are about to add theirs; atomic */
u32 nr_tasks;
static u32 nr_blocks;	 /* tasks_lock, racy readers */
static bool ends_unseen; /* const after start */

u8 slab_unchecked_last = MAP_CLASS_LAST;
const u64 (*slab_hit_sequences)[3];

static struct kmem_cache task_cache;
static struct kmem_cache_node task_node;
static struct kmem_cache chunk_cache;
static struct kmem_cache_node chunk_node;

static void thread_exit(void *value);

void task_caches_init(void)
{
	init_boot_cache(&task_cache, &task_node, "task", sizeof(struct task));
	init_boot_cache(&chunk_cache, &chunk_node, "task_pcs", sizeof(struct pcs_chunk));
	slab_fork_watch();
	ends_unseen = os_thread_exit_key(thread_exit) != 0;
}

/* No sheaves, and every cursor disabled. */
set_apart void pcs_chunk_reset(struct pcs_chunk *chunk)
{
	memset(chunk, 0, sizeof(*chunk));
	for (int i = 0; i < PCS_CHUNK; i++)
		chunk->cursor[i].cur = cursor_disabled_at();
}

/* Without memory there is none. */
set_apart void task_add_pcs_chunk(struct task *task, unsigned int chunk)
{
	struct slow slow = {.task = task};
	void *obj;

	if (!slab_take(&chunk_cache, 0, &obj, 1, /* exact= */ true, 0, &slow))
		return;
	pcs_chunk_reset(obj);
	/* Those who look without the lock, and the thread's own handlers, find it whole. */
	store_release(&task->ext[chunk], (struct pcs_chunk *)obj);
}

/* ---- birth ---- */

/* To the end of the list of the dead.  Under tasks_lock. */
static void add_dead(struct task *task)
{
	task->next_dead = NULL;
	if (dead_last)
		dead_last->next_dead = task;
	else
		dead_first = task;
	dead_last = task;
}

/* The oldest.  Under tasks_lock. */
static struct task *pop_dead(void)
{
	struct task *task = dead_first;

	if (task) {
		dead_first = task->next_dead;
		if (!dead_first)
			dead_last = NULL;
	}
	return task;
}

/* The first of them.  Under tasks_lock; in a child that is forked in between it is still a list. */
static void add_warm(struct task *task)
{
	task->next_dead = warm;
	barrier();
	warm = task;
}

/*
 * In a forked child, where nobody else is: a lost thread may have had a block in hand that was on
 * no list, or may have been putting one on one of these lists.
 */
slowpath void tasks_find_dead(void)
{
	u32 dead = 0, listed = 0, are_warm = 0;
	struct task *t, *last = NULL;

	for (t = all_tasks; t; t = t->next)
		dead += t->state != TASK_LIVE;
	for (t = dead_first; t && listed <= dead; t = t->next_dead, listed++)
		last = t;
	for (t = warm; t && listed <= dead; t = t->next_dead, listed++)
		are_warm++;
	nr_warm = are_warm;
	/* Writing to every block would copy a page for each thread that ever was. */
	if (listed == dead && last == dead_last)
		return;
	warm = dead_first = dead_last = NULL;
	nr_warm = 0;
	for (t = all_tasks; t; t = t->next)
		if (t->state != TASK_LIVE)
			add_dead(t);
}

static set_apart bool is_gone(const struct task *task)
{
	if (!task->mm.tid)
		return true;
	if (!os_thread_gone(task->mm.tid))
		return false;
	/* Sees all that the thread did: pairs with slow_leave_last(). */
	(void)load_acquire(&task->mm.depth);
	return true;
}

/* The block of the last of those threads that is gone, with what it left, or NULL. */
static set_apart struct task *reuse_warm(void)
{
	struct task *task;

	for (struct task **at = &warm; (task = *at) != NULL; at = &task->next_dead) {
		if (is_gone(task)) {
			*at = task->next_dead;
			atomic_sub(&nr_warm, 1);
			return task;
		}
	}
	return NULL;
}

#define DEAD_LOOKS 4

/*
 * The block of a thread that is gone, or NULL.  A thread that is still there may stay for long, as
 * the first one does after pthread_exit(), so its block goes to the end.  Under tasks_lock.
 */
static set_apart struct task *reuse_dead(void)
{
	for (int i = 0; i < DEAD_LOOKS; i++) {
		struct task *task = pop_dead();

		if (!task || is_gone(task))
			return task;
		add_dead(task);
	}
	return NULL;
}

static struct task *new_task(struct slow *slow)
{
	struct task *task;
	void *obj;

	/* Nested or not, there is no task yet to be nested in. */
	if (!slab_take(&task_cache, 0, &obj, 1, /* exact= */ true, 0, slow))
		return NULL;
	task = obj;
	memset(task, 0, sizeof(*task));
	/* Only once: reclaimers may look at the locks of a block while it is being reused. */
	task->lock = (struct spinlock)SPINLOCK_INIT(RANK_TASK);
	task->mm.pcp.lock = (struct spinlock)SPINLOCK_INIT(RANK_PCP);
	return task;
}

static void init_sequences(struct hit_area *hit)
{
	struct hit_rseq_cs *cs[2] = {&hit->malloc_cs, &hit->free_cs};

	for (int i = 0; i < 2 && slab_hit_sequences; i++) {
		cs[i]->start_ip = slab_hit_sequences[i][0];
		cs[i]->post_commit_offset = slab_hit_sequences[i][1];
		cs[i]->abort_ip = slab_hit_sequences[i][2];
	}
}

/* A run of sizes at a time: by single bytes it took a fifth of the instructions of a birth. */
static noinline void fill_tables(struct task *task)
{
	struct hit_area *hit = &task->hit;
	size_t size = 0, step = HIT_MAX_SIZE / HIT_STEP; /* first of the class */

	for (unsigned int class = 0; class < NR_KMALLOC_CLASSES; class ++) {
		size_t last = kmalloc_class_size(class);
		u8 value = kmalloc_map_value(class, task->mm.node);

		if (size <= HIT_MAX_SIZE)
			memset(&hit->size_to_map[size], value, MIN(last, HIT_MAX_SIZE) + 1 - size);
		size = last + 1;
		/* Every class from HIT_MAX_SIZE on is a whole number of steps. */
		if (last < HIT_MAX_SIZE)
			continue;
		memset(&hit->steps_to_map[step], value, last / HIT_STEP + 1 - step);
		step = last / HIT_STEP + 1;
	}
}

/*
 * The tables that the block's last thread left will do if it was on the same node.  tables_node
 * tells, also in a forked child, which may find them half filled.
 */
static void init_size_tables(struct task *task)
{
	struct hit_area *hit = &task->hit;
	u8 node = (u8)(task->mm.node + 1);

	if (hit->tables_node == node)
		return;
	hit->tables_node = 0;
	barrier();
	fill_tables(task);
	barrier();
	hit->tables_node = node;
}

static void init_hit_area(struct task *task)
{
	struct hit_area *hit = &task->hit;
	struct rseq_cs **slot = slab_hit_sequences ? os_rseq_slot() : NULL;

	for (int i = 0; i < MAP_CURSORS; i++)
		hit->cursor[i].cur = cursor_disabled_at();
	init_sequences(hit);
	hit->rseq_slot = slot ? slot : &hit->no_rseq;
	WRITE_ONCE(task->cursors_on, slot && !slab_consistency_checks());
	init_size_tables(task);
}

/*
 * The next number.  Only once there is a block to give it to, since a thread for which there is no
 * memory tries again and again.  Under tasks_lock.
 */
static u32 take_number(void)
{
	WRITE_ONCE(nr_tasks, nr_tasks + 1);
	return nr_tasks;
}

#define BLOCKS_TO_LOOK 64

/*
 * The program has used up all thread keys, so threads end unseen: 8000 of them, one after the
 * other, left 128 MiB behind.  They are looked for each time the number of blocks has doubled and
 * none is free.
 */
racy_on_purpose static slowpath void end_left_behind(void)
{
	u32 nr = READ_ONCE(nr_blocks);

	if (READ_ONCE(dead_first) || nr < BLOCKS_TO_LOOK || !is_power_of_2(nr))
		return;
	for (struct task *t = load_acquire(&all_tasks); t; t = t->next)
		task_end_left_behind(t, NULL);
}

/*
 * The block of a thread that is gone, with its number, or NULL.  A thread lost in a fork keeps its
 * number, which may still stand in locks it held; that of a warm task stands in its sheaves.  Under
 * tasks_lock.
 */
static set_apart struct task *reuse_block(u32 *ret_id)
{
	struct task *task = reuse_warm();

	if (!task)
		task = reuse_dead();
	if (!task)
		return NULL;
	task->mm.depth = 1;
	*ret_id = task->mm.tid || READ_ONCE(task->state) == TASK_WARM ? task->mm.id : take_number();
	return task;
}

/*
 * A block, on the list of all, with its number; NULL: there is no memory.  From here on its depth
 * says that a thread is inside: in a child that has lost that one it is on no list.
 */
static struct task *get_block(struct slow *slow, u32 *ret_id)
{
	struct task *task = NULL;

	if (unlikely(ends_unseen))
		end_left_behind();
	spin_lock(&tasks_lock);
	if (warm || dead_first) /* the code lies apart */
		task = reuse_block(ret_id);
	spin_unlock(&tasks_lock);
	if (task)
		return task;
	task = new_task(slow);
	if (!task)
		return NULL;
	spin_lock(&tasks_lock);
	WRITE_ONCE(nr_blocks, nr_blocks + 1);
	*ret_id = take_number();
	task->mm.depth = 1;
	task->next = all_tasks;
	store_release(&all_tasks, task); /* pairs with every walk over the tasks */
	spin_unlock(&tasks_lock);
	return task;
}

/* ---- the caches of a task ---- */

static void empty_one(struct task *task, struct kmem_cache *s, struct pcs *p)
{
	if (!p->main)
		return;
	pcs_detach(task, s, p);
	pcs_empty(task, s, p);
}

/* Only of a live one: the thread of a warm one is not to use the sheaves any more. */
bool task_trylock(struct task *task)
{
	return load_acquire(&task->state) == TASK_LIVE && spin_trylock(&task->lock) != LOCK_BUSY;
}

/* Everything this thread has in its sheaves and page set goes to where others find it. */
static set_apart void task_empty(struct task *task)
{
	for_each_row (task, row)
		for (unsigned int i = 0; i < row.nr; i++)
			empty_one(task, row_cache(&row, i), &row.pcs[i]);
	pcp_drain(&task->mm, /* all= */ true);
}

/*
 * Its thread runs on another node: leave behind what is cached, so that what comes next is local.
 */
static slowpath void task_move(struct task *task, int node)
{
	task_empty(task);
	task->mm.pcp.ready = false;
	task->mm.node = node;
}

/* ---- birth, with the caches ---- */

static void begin(struct task *task, u32 id)
{
	int node;

	mm_task_init(&task->mm, id);
	node = mm_local_node(&task->mm);
	if (unlikely(node != task->mm.node))
		task_move(task, node);
	init_hit_area(task);
	/* Pairs with load_acquire() in task_has_sheaves() and task_trylock(): they see it whole. */
	store_release(&task->state, TASK_LIVE);
}

/* What the last thread left in the sheaves is this one's, unless it is of another node. */
static set_apart void begin_warm(struct task *task, u32 id)
{
	/* Waits for a reclaimer that takes it just then. */
	(void)spin_lock(&task->lock);
	begin(task, id);
	for_each_row (task, row)
		for (unsigned int i = 0; i < row.nr; i++)
			if (row.pcs[i].main)
				pcs_attach(task, row_cache(&row, i), &row.pcs[i]);
	spin_unlock(&task->lock);
}

/*
 * Give this thread a task block, unless a handler has done so just before.  Return: the task; NULL
 * without memory, and in a child of vfork().
 */
noinline struct task *task_create(struct slow *slow)
{
	struct task *task = current_task();
	u32 id;

	if (task)
		return task;
	if (slab_fork_is_borrowed())
		return NULL;
	task = get_block(slow, &id);
	if (!task)
		return NULL;
	task_id_tls = id;
	if (READ_ONCE(task->state) == TASK_WARM)
		begin_warm(task, id);
	else
		begin(task, id);
	/* A handler in between finds either boot_hit or a whole task. */
	barrier();
	hit_malloc_tls = &task->hit;
	hit_free_tls = (char *)&task->hit.free_cs;
	return task;
}

/* The thread has moved to a CPU of another node. */
slowpath void task_rehome(struct task *task, int node)
{
	if (!task_trylock(task))
		return;
	task_move(task, node);
	init_size_tables(task);
	spin_unlock(&task->lock);
}

/* Leave the block to a later thread. */
set_apart void task_bury(struct task *task)
{
	spin_lock(&tasks_lock);
	if (READ_ONCE(task->state) == TASK_WARM)
		add_warm(task);
	else
		add_dead(task);
	spin_unlock(&tasks_lock);
}

/*
 * Is the block of the thread @tid, which ends, to be left warm?  As many as threads run at a time
 * are enough for a program whose threads follow each other.  Each that is counts at once, since any
 * number may end at the same time.  Not the first thread's, which may be there for as long as the
 * process.
 */
static set_apart bool is_left_warm(u32 tid)
{
	u32 nr = READ_ONCE(nr_warm);

	if (tid == READ_ONCE(slab_process_id))
		return false;
	while (nr < nr_barns)
		if (atomic_cmpxchg(&nr_warm, &nr, nr + 1))
			return true;
	return false;
}

/* No hit of this thread reaches into its sheaves from now on, and its page set is empty. */
static set_apart void detach_all(struct task *task)
{
	for_each_row (task, row)
		for (unsigned int i = 0; i < row.nr; i++) {
			struct pcs *p = &row.pcs[i];

			if (p->main)
				pcs_detach(task, row_cache(&row, i), p);
			else
				pcs_forget(p);
		}
	pcp_drain(&task->mm, /* all= */ true);
}

/*
 * The thread @tid has done, unless @task is another's by now.  In a forked child task->mm.tid says
 * who has it only once the heap is in order.
 * @next: may what it cached stay with its block, for the next thread?  Else it goes to the barns
 */
static set_apart void leave_task(struct task *task, u32 tid, bool next)
{
	struct slow slow;
	bool is_its;

	slow_enter_anyway(&slow);
	/* Waits, as a drain does; a slow path that finds it held goes to the slabs. */
	(void)spin_lock(&task->lock);
	is_its = READ_ONCE(task->state) == TASK_LIVE && task->mm.tid == tid;
	if (is_its) {
		next = next && is_left_warm(tid);
		if (next)
			detach_all(task);
		else
			task_empty(task);
		task->mm.leaving = true;
		/* Pairs with task_has_sheaves(): if nothing is left, one sees where it went. */
		store_release(&task->state, (u8)(next ? TASK_WARM : TASK_DYING));
	}
	spin_unlock(&task->lock);
	if (is_its)
		task_bury(task);
	slow_leave_last(&slow);
}

set_apart void task_exit(struct task *task, u32 tid)
{
	leave_task(task, tid, /* next= */ false);
}

/*
 * A thread has its block until it is gone: destructors that come after this one may allocate, and
 * then work on slabs.
 *
 * @value may be the task of another copy of this library, under dlmopen(): its C library is another
 * one too, and numbers its keys as ours does, in the one table of each thread.  Either copy may
 * have set the value, and set it again after the thread left.
 */
static set_apart void thread_exit(void *value)
{
	struct task *task = current_task();
	u32 tid;

	if (!task)
		return;
	/* Before kswapd_thread_left(), whose note it would wipe. */
	slab_fork_settle_lone();
	tid = os_thread_id();
	leave_task(task, tid, /* next= */ true);
	kswapd_thread_left(tid);
}
