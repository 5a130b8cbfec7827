/*
 * seat.h - one place at the table: the blocks, the mailbox and the generator of a worker
 *
 * A seat outlives the threads that sit on it: a worker dies after some thousand steps, with or
 * without freeing what it holds, and its successor goes on with the blocks.  Blocks travel to
 * other seats through mailboxes and are freed there.
 */
#ifndef BUDDY_TESTS_STRESS_SEAT_H
#define BUDDY_TESTS_STRESS_SEAT_H

#include "block.h"
#include "rng.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { MAILBOX_BLOCKS = 64 };

struct mailbox {
	pthread_mutex_t lock;
	unsigned int used;
	struct block blocks[MAILBOX_BLOCKS];
};

struct seat {
	struct mailbox mailbox;
	struct block *slots; /* from here on: the seated thread only */
	unsigned int slot_count;
	struct rng rng;
	unsigned int number;
	unsigned int phase_steps; /* left of the present phase */
	bool draining;		  /* the phase frees more than it allocates */
	size_t favourite;	  /* a size this phase prefers, 0 = none */
	uint64_t next_fork;	  /* milliseconds of the monotonic clock */
	unsigned long forks;
	pthread_t thread; /* main thread only */
	atomic_bool seated;
};

/* What all seats share. */
struct table {
	struct seat *seats;
	unsigned int seat_count;
	uint64_t seed;
	size_t limit; /* of bytes asked for and live */
	bool forks;
	_Atomic size_t live;
	atomic_bool stop;
};

extern struct table table;

/* Maps the seats and their slots outside the tested heap. */
void table_init(unsigned int seats, unsigned int slots);

/* One step of a worker: allocate, free, realloc, check, send a block or fetch the mail. */
void seat_step(struct seat *seat);

/* Frees everything the seat holds, its mail included. */
void seat_clear(struct seat *seat);

/* Forks a child that lives a short life on the inherited blocks (seat_fork.c). */
void seat_fork(struct seat *seat);

#endif
