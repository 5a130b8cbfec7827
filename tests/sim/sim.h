/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_SIM_H
#define BUDDY_TESTS_SIM_H
/*
 * sim.h - a simulated machine, on which mm and slab run as they are
 *
 * A second implementation of the contracts of src/platform.  The test says how many nodes there
 * are, how far apart and how large, which CPU runs the caller, what time it is, and which system
 * call fails.  Memory is real, so that it can be written; what is mapped, bound and discarded is
 * recorded in a book that tests read.
 *
 * All of it is one set of globals, as is the library's: every test runs in a child of its own
 * (SIM_TEST below).
 */
#include "platform/os.h"
#include "platform/topology.h"
#include "slab/slab.h"

/* ---- the machine ---- */

enum sim_op {
	SIM_MAP,
	SIM_MAP_AT,
	SIM_VIEW,
	SIM_WRITABLE,
	SIM_DISCARD,
	SIM_DISCARD_TAILS, /* descriptors */
	SIM_RESIZE,
	SIM_LAST_FALLIBLE = SIM_RESIZE, /* up to here a call may fail */
	SIM_UNMAP,
	SIM_HUGE,
	SIM_NO_HUGE,
	SIM_BIND,
	SIM_NO_DUMP,
};

struct sim_event {
	enum sim_op op;
	uintptr_t addr;
	size_t len;
	int node;   /* of SIM_BIND */
	int error;  /* 0 or -errno */
	u32 strict; /* of SIM_BIND: the nodes that it must not leave */
};

struct sim_machine {
	struct topology nodes;
	bool blind_probe; /* system calls tell neither distances nor sizes; the module does */
	bool no_module;	  /* the module does not tell them either */
	enum { HIGH_VIEWS, LOW_UNLESS_ASKED, LOW_ALWAYS } low_views; /* vm_map_zero_view() */
	bool small_steps; /* the first 4 MiB of a zone are accepted in parts, not by sim_start() */
	size_t page_bytes;
	unsigned int nr_cpus;
	int cpu_hint;	  /* os_cpu_hint(); -1: unknown */
	u32 process_id;	  /* os_process_id(); 0: no thread has this number */
	u32 parent_id;	  /* os_parent_id() */
	bool thread_is_borrowed, memory_is_copied;
	const struct sim_thread *first_thread; /* os_to_first_thread(); NULL: it cannot be told */
	u64 first_thread_asks; /* calls of os_to_first_thread() */
	bool all_seem_gone; /* os_thread_gone() is true of all, as in a child of vfork() */
	u64 memory_limit; /* of the control group; 0: none */
	u64 (*memory_room)(void);
	int (*node_of)(const void *addr); /* vm_node_of(); NULL: the node that it was bound to */
	int memory_error;   /* what os_memory_room() returns */
	u64 memory_looks;   /* calls of it */
	u64 resident_pages; /* os_resident_pages(); 0: unknown */
	u64 touch_ns;	    /* how long vm_touch() says that it took */
	u64 table_ns;	    /* and how much longer for the first page of 2 MiB */
	u64 touches;	    /* calls of it */
	u64 splits;	    /* calls of vm_split_huge() */
	u64 random;	    /* what os_random() returns: decides where the range lies */
	struct os_limits limits;
	u64 clock_ms;

	/* Faults.  Calls that may fail are counted from 1. */
	u64 fallible_calls;
	u64 fail_at;	     /* the call to fail; 0: none */
	bool fail_onward;    /* that call and all after it */
	enum sim_op fail_op; /* with fail_op_always: every call of this kind */
	bool fail_op_always;
	u64 mapped_max; /* SIM_MAP_AT fails where mapped_bytes would exceed it; 0: no limit */
	int fail_error; /* -ENOMEM unless the test says otherwise */
	u64 faults;	/* calls that were made to fail */

	/* Called before every call into the system, with its number, counted from 1. */
	void (*before_call)(enum sim_op op, u64 number);
	u64 calls;

	u64 mapped_bytes;
	bool loose_unmap;      /* what is mapped only in part, after a fork, may be unmapped */
	bool in_handler;       /* os_in_handler() */
	bool began_locked_in;  /* os_began_locked_in() */
	bool locked_in;	       /* os_is_locked_in() */
	u64 blocked;	       /* by os_block_signals(); 0: none */
	const u64 (*sequences)[3]; /* restartable ones; NULL: this machine has none */
	bool several_threads;  /* !os_single_threaded() */
	int fence_asks;	       /* calls of os_rseq_fence_register(), which refuses */
	int (*on_fence)(void); /* os_rseq_fence(): may do what a hit under way does; its result */
	u64 threads_refused;   /* calls of os_thread_start() that failed */
	bool threads_start;    /* none fails; sets @thread, for the test to run */
	u64 interruptible;     /* calls of it without signals blocked */
	void *(*thread)(void *);
	u64 fork_handlers; /* calls of os_at_fork_child() */
	void (*fork_handler)(void); /* what it was given */
	bool no_fork_cookie;	    /* the system wipes no page in a child */
	bool no_exit_key;	    /* os_thread_exit_key() fails */
	u64 futex_waits, sleeps;
	void (*on_sleep)(void);	     /* what others do meanwhile; called once */
	void (*on_futex_wait)(void); /* called by a thread that is about to wait */
};
extern struct sim_machine sim;

/** sim_one_node - a machine of one node of @bytes and two CPUs; the state every test starts in */
void sim_one_node(u64 bytes);
/** sim_add_node - add a node, without memory if @bytes is 0.  Return: its number. */
int sim_add_node(u64 bytes, bool has_cpu);
void sim_no_nodes(void);
void sim_distance(int a, int b, int distance); /* both ways */

/** sim_start - what the first slow path of a process does, without options */
bool sim_start(void);

/* ---- the book ---- */

extern struct sim_event sim_events[];
extern unsigned int sim_nr_events;
bool sim_is_mapped(const void *addr, size_t len);
/* The node that the last vm_bind() over @addr named, or NUMA_NO_NODE. */
int sim_bound_node(const void *addr);
/* The last advice on huge pages at @addr, or NULL. */
const struct sim_event *sim_last_advice(const void *addr);
unsigned int sim_count(enum sim_op op);
/* Was every byte of it discarded since the book was begun? */
bool sim_was_discarded(const void *addr, size_t len);
bool sim_tails_were_discarded(const void *addr, size_t len);

/* Map something at @addr that is not the library's, as a program does. */
void sim_occupy(void *addr, size_t len);

/* ---- threads: one runs at a time, the test says which ---- */

struct sim_thread {
	struct hit_area *malloc_tls;
	char *free_tls;
	u32 task_id;
	u32 tid;
	int node;
	void *exit_value;
	bool gone;
};
extern struct sim_thread sim_main_thread;
void sim_thread_new(struct sim_thread *t, int node);
void sim_switch_to(struct sim_thread *t);
/* The calling real thread acts as @t from now on. */
void sim_impersonate(const struct sim_thread *t);
/* Run @fn to its end in a new real thread, whose thread-local variables are fresh. */
void sim_in_thread(void *(*fn)(void *));
/* Run the destructor of @t, which stays: others may follow. */
void sim_run_exit(struct sim_thread *t);
/* Run the destructor of @t; afterwards the system says that it is gone. */
void sim_thread_exit(struct sim_thread *t);

/* Wipe the page that the system wipes in a forked child, as if this were one. */
void sim_wipe_fork_cookie(void);
u32 sim_fork_cookie(void);

/* What the library reported on stderr since the last sim_clear_reports(). */
const char *sim_reports(void);
void sim_clear_reports(void);

/* ---- tests ---- */

void sim_fail(const char *file, int line, const char *what) noreturn_fn;
void sim_fail_eq(const char *file, int line, const char *what, long long a,
		 long long b) noreturn_fn;

#define EXPECT(cond)                                                                               \
	do {                                                                                       \
		if (!(cond))                                                                       \
			sim_fail(__FILE__, __LINE__, #cond);                                       \
	} while (0)

#define EXPECT_EQ(a, b)                                                                            \
	do {                                                                                       \
		long long a_ = (long long)(a), b_ = (long long)(b);                                \
		if (a_ != b_)                                                                      \
			sim_fail_eq(__FILE__, __LINE__, #a " == " #b, a_, b_);                     \
	} while (0)

/* How many sheaves are nowhere, if no thread is in a slow path. */
int sim_lost_sheaves(void);

/* Expect that both verifiers find nothing. */
#define EXPECT_VERIFIED()                                                                          \
	do {                                                                                       \
		EXPECT_EQ(mm_verify(), 0);                                                         \
		EXPECT_EQ(slab_verify(), 0);                                                       \
	} while (0)

/* And that no sheaf is lost: not for tests that have some in their own hands. */
#define EXPECT_SOUND()                                                                             \
	do {                                                                                       \
		EXPECT_VERIFIED();                                                                 \
		EXPECT_EQ(sim_lost_sheaves(), 0);                                                  \
	} while (0)

/** sim_run - run @body in a child on a machine of one node; if it fails, so does the cmocka test */
void sim_run(void (*body)(void));
/* The same, but return its exit status, or -signal if one ended it. */
int sim_run_status(void (*body)(void));

#define SIM_TEST(name)                                                                             \
	static void name##_body(void);                                                             \
	static void name(void **state)                                                             \
	{                                                                                          \
		(void)state;                                                                       \
		sim_run(name##_body);                                                              \
	}                                                                                          \
	static void name##_body(void)

/* A small generator of our own, so that a seed determines the whole run. */
static inline u64 sim_random(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
