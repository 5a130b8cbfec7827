/* SPDX-License-Identifier: MIT */
/*
 * test_direct.c - blocks that are mappings of their own: src/mm/direct.c
 */
#include "unit.h"

static void expect_totals(unsigned long count, size_t bytes)
{
	unsigned long n;
	size_t b;

	direct_totals(&n, &b);
	EXPECT_EQ(n, count);
	EXPECT_EQ(b, bytes);
}

SIM_TEST(a_block_is_mapped_zero_and_known_by_its_address_alone)
{
	char *p;

	EXPECT(sim_start());
	p = direct_alloc(5 * OS_PAGE - 100, 16, false);
	EXPECT(sim_is_mapped(p, 5 * OS_PAGE));
	for (size_t i = 0; i < 5 * OS_PAGE; i++)
		EXPECT_EQ(p[i], 0);
	EXPECT_EQ(direct_size(p), 5 * OS_PAGE);
	EXPECT_EQ(direct_size(p + 16), 0);
	EXPECT_EQ(direct_size(p + OS_PAGE), 0);
	EXPECT_EQ(direct_size(&p), 0);
	EXPECT(!direct_free(p + OS_PAGE, false));
	expect_totals(1, 5 * OS_PAGE);
	EXPECT(direct_free(p, false));
	EXPECT(!sim_is_mapped(p, 1));
	EXPECT(!direct_free(p, false));
	EXPECT_EQ(direct_size(p), 0);
	expect_totals(0, 0);
}

/*
 *     raw        addr               raw + extra + len
 *      |  cut    |      block      |  cut  |
 */
SIM_TEST(what_alignment_needs_in_excess_is_unmapped_again)
{
	u64 before;

	EXPECT(sim_start());
	EXPECT(direct_free(direct_alloc(OS_PAGE, 16, false), false)); /* makes the table */
	before = sim.mapped_bytes;
	for (size_t align = OS_PAGE; align <= 256 * MiB; align *= 2) {
		void *p = direct_alloc(3 * OS_PAGE, align, false);

		EXPECT_EQ((uintptr_t)p % align, 0);
		EXPECT_EQ(sim.mapped_bytes, before + 3 * OS_PAGE);
		EXPECT(direct_free(p, false));
	}
	EXPECT_EQ(sim.mapped_bytes, before);
}

SIM_TEST(sizes_that_wrap_are_refused)
{
	EXPECT(sim_start());
	EXPECT(!direct_alloc(SIZE_MAX, 16, false));
	EXPECT(!direct_alloc(SIZE_MAX - 4095, (size_t)1 << 40, false));
	EXPECT(!direct_alloc(SIZE_MAX / 2, (size_t)1 << 63, false));
	expect_totals(0, 0);
}

SIM_TEST(thousands_of_blocks_are_each_found)
{
	static void *blocks[2500];
	u64 state = 5;

	EXPECT(sim_start());
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 2500; i++)
			if (!blocks[i])
				blocks[i] = direct_alloc((1 + (size_t)i % 7) * OS_PAGE, 16, false);
		for (int i = 0; i < 2500; i++)
			EXPECT_EQ(direct_size(blocks[i]), (1 + (size_t)i % 7) * OS_PAGE);
		for (int i = 0; i < 2000; i++) {
			void **b = &blocks[sim_random(&state) % 2500];

			EXPECT(!*b || direct_free(*b, false));
			*b = NULL;
		}
	}
	for (int i = 0; i < 2500; i++)
		EXPECT(!blocks[i] || direct_free(blocks[i], false));
	expect_totals(0, 0);
}

SIM_TEST(a_resized_block_keeps_its_contents_and_is_found_at_its_new_place)
{
	char *p, *q;

	EXPECT(sim_start());
	p = direct_alloc(2 * OS_PAGE, 16, false);
	memset(p, 9, 2 * OS_PAGE);
	q = direct_resize(p, 300 * OS_PAGE, false);
	EXPECT(q);
	EXPECT_EQ(direct_size(q), 300 * OS_PAGE);
	EXPECT_EQ(q[2 * OS_PAGE - 1], 9);
	EXPECT_EQ(q[2 * OS_PAGE], 0);
	if (q != p)
		EXPECT_EQ(direct_size(p), 0);
	p = direct_resize(q, OS_PAGE, false);
	EXPECT_EQ(direct_size(p), OS_PAGE);
	EXPECT_EQ(p[0], 9);
	expect_totals(1, OS_PAGE);
	EXPECT(direct_free(p, false));
	expect_totals(0, 0);
}

/* Deleted entries are used again, so the table does not grow with the number of moves. */
SIM_TEST(blocks_that_move_often_fill_no_table)
{
	char *p[4];
	unsigned int maps;

	EXPECT(sim_start());
	for (int i = 0; i < 4; i++)
		p[i] = direct_alloc(OS_PAGE, 16, false);
	maps = sim_count(SIM_MAP);
	for (int i = 0; i < 2000; i++) {
		char **block = &p[i % 4];

		*block = direct_resize(*block, (size_t)(i % 7 + 1) * 16 * OS_PAGE, false);
		EXPECT(*block);
	}
	EXPECT_EQ(sim_count(SIM_MAP), maps);
	for (int i = 0; i < 4; i++)
		EXPECT(direct_free(p[i], false));
	expect_totals(0, 0);
}

/* Each has another address; an entry deleted at the end of a run counts as never used. */
SIM_TEST(blocks_that_come_and_go_fill_no_table)
{
	u64 before;

	EXPECT(sim_start());
	EXPECT(direct_free(direct_alloc(OS_PAGE, 16, false), false)); /* makes the table */
	before = sim.mapped_bytes;
	for (int i = 0; i < 2000; i++)
		EXPECT(direct_free(direct_alloc(OS_PAGE, 16, false), false));
	EXPECT_EQ(sim.mapped_bytes, before);
}

/* Entries deleted in front of others fill it all the same.  Each table is larger than the last. */
SIM_TEST(blocks_that_come_and_go_beside_others_leave_few_tables_behind)
{
	void *block[48] = {NULL}; /* the first 40 stay */
	u64 before, state = 5;
	size_t blocks = 0;

	EXPECT(sim_start());
	for (size_t i = 0; i < 40; i++)
		block[i] = direct_alloc((1 + sim_random(&state) % 64) * OS_PAGE, 16, false);
	before = sim.mapped_bytes;
	for (int i = 0; i < 30000; i++) {
		void **b = &block[40 + sim_random(&state) % 8];

		EXPECT(!*b || direct_free(*b, false));
		*b = direct_alloc((1 + sim_random(&state) % 64) * OS_PAGE, 16, false);
	}
	for (size_t i = 40; i < ARRAY_SIZE(block); i++)
		blocks += direct_size(block[i]);
	EXPECT(sim.mapped_bytes - before - blocks <= 128 * KiB);
}

SIM_TEST(a_resize_that_the_system_refuses_changes_nothing)
{
	char *p;

	EXPECT(sim_start());
	p = direct_alloc(2 * OS_PAGE, 16, false);
	sim.fail_op = SIM_RESIZE;
	sim.fail_op_always = true;
	EXPECT(!direct_resize(p, 9 * OS_PAGE, false));
	EXPECT_EQ(direct_size(p), 2 * OS_PAGE);
	expect_totals(1, 2 * OS_PAGE);
	EXPECT(direct_free(p, false));
}

static char *moving;
static unsigned int moves;

/* A child that is forked in the middle of the call has the table as it is now. */
static void look_while_it_moves(enum sim_op op, u64 number)
{
	(void)number;
	if (op != SIM_RESIZE)
		return;
	moves++;
	EXPECT_EQ(direct_size(moving), 0);
	EXPECT(!direct_free(moving, /* nowait= */ true));
}

SIM_TEST(a_block_that_moves_is_not_known_by_its_old_address_meanwhile)
{
	char *p;

	EXPECT(sim_start());
	p = moving = direct_alloc(2 * OS_PAGE, 16, false);
	sim.before_call = look_while_it_moves;
	p = direct_resize(p, 300 * OS_PAGE, false);
	EXPECT_EQ(moves, 1);
	EXPECT_EQ(direct_size(p), 300 * OS_PAGE);
	/* A block that could not move is known again. */
	sim.fail_op = SIM_RESIZE;
	sim.fail_op_always = true;
	moving = p;
	EXPECT(!direct_resize(p, 900 * OS_PAGE, false));
	EXPECT_EQ(moves, 2);
	EXPECT_EQ(direct_size(p), 300 * OS_PAGE);
	EXPECT(direct_free(p, false));
	expect_totals(0, 0);
}

/* The block is mapped first, then the table.  Without a table there are a few spare entries. */
SIM_TEST(no_room_in_the_table_is_no_memory_and_nothing_stays_mapped)
{
	void *blocks[1000];
	u64 before;
	int nr = 0;

	EXPECT(sim_start());
	before = sim.mapped_bytes;
	for (;;) {
		EXPECT(nr < 1000);
		sim.fail_at = sim.fallible_calls + 2;
		blocks[nr] = direct_alloc(OS_PAGE, 16, false);
		if (!blocks[nr])
			break;
		EXPECT_EQ(direct_size(blocks[nr++]), OS_PAGE);
	}
	EXPECT(nr > 0);
	EXPECT_EQ(sim.mapped_bytes, before + (u64)nr * OS_PAGE);
	expect_totals((unsigned long)nr, (size_t)nr * OS_PAGE);
	sim.fail_at = 0;
	while (nr)
		EXPECT(direct_free(blocks[--nr], false));
	EXPECT_EQ(sim.mapped_bytes, before);
	expect_totals(0, 0);
}

static jmp_buf in_child;

static void be_lost(enum sim_op op, u64 number)
{
	(void)number;
	if (op == SIM_RESIZE)
		longjmp(in_child, 1);
}

/* Nobody knows where it is.  The count once stayed too high, by one for each such fork. */
SIM_TEST(a_block_that_a_lost_thread_moved_is_not_counted_in_a_child)
{
	char *p;

	EXPECT(sim_start());
	p = direct_alloc(2 * OS_PAGE, 16, false);
	sim.before_call = be_lost;
	if (!setjmp(in_child)) {
		(void)direct_resize(p, 300 * OS_PAGE, false);
		EXPECT(false);
	}
	sim.before_call = NULL;
	spin_generation += 1u << SPIN_GEN_SHIFT;
	task_id_tls++;
	direct_settle();
	expect_totals(0, 0);
	p = direct_alloc(OS_PAGE, 16, false);
	expect_totals(1, OS_PAGE);
	EXPECT(direct_free(p, false));
}

static void *mapped_in_handler;

static void map_in_handler(enum sim_op op, u64 number)
{
	(void)number;
	if (op != SIM_UNMAP)
		return;
	sim.before_call = NULL;
	mapped_in_handler = direct_alloc(OS_PAGE, 16, /* nowait= */ true);
	EXPECT(mapped_in_handler);
}

/* There are 64 spare entries for handlers, and each can be used again when its block is freed. */
SIM_TEST(what_handlers_map_is_known_however_often_they_do)
{
	EXPECT(sim_start());
	for (int i = 0; i < 200; i++) {
		void *p = direct_alloc(OS_PAGE, 16, false);

		sim.before_call = map_in_handler;
		EXPECT(direct_free(p, false));
		EXPECT_EQ(direct_size(mapped_in_handler), OS_PAGE);
		EXPECT(direct_free(mapped_in_handler, false));
	}
	expect_totals(0, 0);
}

#define SPARE 64 /* entries for those who may not wait */

static void *in_spare;

static void map_without_waiting(void)
{
	in_spare = direct_alloc(OS_PAGE, 16, /* nowait= */ true);
}

static void fill_spare(enum sim_op op, u64 number)
{
	unsigned long known;
	size_t bytes;

	(void)number;
	if (op != SIM_UNMAP)
		return;
	sim.before_call = NULL;
	for (direct_totals(&known, &bytes); known < SPARE; known++)
		EXPECT(direct_alloc(OS_PAGE, 16, /* nowait= */ true));
	expect_totals(SPARE, SPARE * OS_PAGE);
}

/* The block that the lost thread mapped is known in the child, or its entry is free. */
static void be_lost_while_it_maps(u64 number)
{
	void *p;

	if (!in_child_from_here(number))
		return;
	sim.loose_unmap = true;
	spin_generation += 1u << SPIN_GEN_SHIFT;
	task_id_tls++;
	direct_settle();
	p = direct_alloc(OS_PAGE, 16, false);
	sim.before_call = fill_spare;
	EXPECT(direct_free(p, false));
	_exit(0);
}

static void map_step_by_step(enum sim_op op, u64 number)
{
	(void)number;
	if (op != SIM_UNMAP)
		return;
	sim.before_call = NULL;
	step_through(map_without_waiting, be_lost_while_it_maps);
	step_stop();
}

/* A spare entry is taken before it says what for. */
SIM_TEST(a_thread_may_be_lost_at_any_instruction_while_it_takes_a_spare_entry)
{
	void *p;

	EXPECT(sim_start());
	p = direct_alloc(OS_PAGE, 16, false);
	sim.before_call = map_step_by_step;
	EXPECT(direct_free(p, false));
	EXPECT(direct_free(in_spare, false));
	expect_totals(0, 0);
}

#define FREED_IN_HANDLER 1500 /* addresses, more than fit in two pages */
static void *freed_in_handler[FREED_IN_HANDLER];

static void free_in_handler(enum sim_op op, u64 number)
{
	(void)number;
	if (op != SIM_UNMAP)
		return;
	sim.before_call = NULL;
	for (int i = 0; i < FREED_IN_HANDLER; i++)
		EXPECT(direct_free(freed_in_handler[i], /* nowait= */ true));
	expect_totals(FREED_IN_HANDLER, FREED_IN_HANDLER * OS_PAGE);
}

/* The handler has interrupted an unmap, during which its thread holds the lock. */
SIM_TEST(all_that_a_handler_frees_goes_back_when_the_lock_is_taken_next)
{
	void *p;

	EXPECT(sim_start());
	p = direct_alloc(OS_PAGE, 16, false);
	for (int i = 0; i < FREED_IN_HANDLER; i++)
		freed_in_handler[i] = direct_alloc(OS_PAGE, 16, false);
	sim.before_call = free_in_handler;
	EXPECT(direct_free(p, false));
	p = direct_alloc(OS_PAGE, 16, false);
	expect_totals(1, OS_PAGE);
	for (int i = 0; i < FREED_IN_HANDLER; i++)
		EXPECT(!sim_is_mapped(freed_in_handler[i], OS_PAGE));
	EXPECT(direct_free(p, false));
}

RUN_TESTS(T(what_handlers_map_is_known_however_often_they_do),
	  T(all_that_a_handler_frees_goes_back_when_the_lock_is_taken_next),
	  T(a_block_that_a_lost_thread_moved_is_not_counted_in_a_child),
	  T(a_thread_may_be_lost_at_any_instruction_while_it_takes_a_spare_entry),
	  T(a_block_that_moves_is_not_known_by_its_old_address_meanwhile),
	  T(blocks_that_move_often_fill_no_table), T(blocks_that_come_and_go_fill_no_table),
	  T(blocks_that_come_and_go_beside_others_leave_few_tables_behind),
	  T(a_block_is_mapped_zero_and_known_by_its_address_alone),
	  T(what_alignment_needs_in_excess_is_unmapped_again), T(sizes_that_wrap_are_refused),
	  T(thousands_of_blocks_are_each_found),
	  T(a_resized_block_keeps_its_contents_and_is_found_at_its_new_place),
	  T(a_resize_that_the_system_refuses_changes_nothing),
	  T(no_room_in_the_table_is_no_memory_and_nothing_stays_mapped))
