/*
 * seat.c - the steps of a worker
 */
#include "seat.h"

#include "clock.h"
#include "heap.h"
#include "report.h"

#include <sys/mman.h>

enum {
	SMALL = 512, /* the largest request once the limit of live bytes is reached */
	PHASE_STEPS = 6000,
	COURIER_BLOCKS = 16,
};

struct table table;

static void *map_table(size_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		fail("cannot map %zu bytes for the tables", bytes);
	return mem;
}

void table_init(unsigned int seats, unsigned int slots)
{
	table.seats = map_table(seats * sizeof(*table.seats));
	table.seat_count = seats;
	for (unsigned int i = 0; i < seats; i++) {
		struct seat *seat = &table.seats[i];

		pthread_mutex_init(&seat->mailbox.lock, NULL);
		seat->slots = map_table(slots * sizeof(*seat->slots));
		seat->slot_count = slots;
		seat->rng = rng_stream(table.seed, i + 1);
		seat->number = i;
		seat->next_fork = now_ms() + 100;
	}
}

static void account(size_t before, size_t after)
{
	atomic_fetch_add_explicit(&table.live, after - before, memory_order_relaxed);
}

/* A size for the phase; small when the live bytes have reached the limit. */
static size_t choose_size(struct seat *seat)
{
	size_t size = block_random_size(&seat->rng);

	if (seat->favourite && rng_one_in(&seat->rng, 2))
		size = seat->favourite;
	if (atomic_load_explicit(&table.live, memory_order_relaxed) + size > table.limit)
		size %= SMALL;
	return size;
}

static void slot_alloc(struct seat *seat, struct block *slot)
{
	block_alloc(slot, choose_size(seat), &seat->rng);
	account(0, slot->size);
}

static void slot_free(struct seat *seat, struct block *slot)
{
	account(slot->size, 0);
	block_free(slot, &seat->rng);
}

/* Mostly a change by a little, as growing strings and arrays do, else any other size. */
static void slot_realloc(struct seat *seat, struct block *slot)
{
	size_t before = slot->size, size = choose_size(seat);

	if (slot->origin == BLOCK_NEW || slot->origin == BLOCK_NEW_ALIGNED) {
		slot_free(seat, slot);
		return;
	}
	if (!rng_one_in(&seat->rng, 3) && before < table.limit / 16)
		size = before / 2 + rng_below(&seat->rng, (uint32_t)(before + before / 2 + 2));
	if (size == 0)
		size = 1;
	if (atomic_load_explicit(&table.live, memory_order_relaxed) + size > table.limit)
		size = size % SMALL + 1;
	block_realloc(slot, size, &seat->rng);
	account(before, slot->size);
}

static void slot_send(struct seat *seat, struct block *slot)
{
	struct seat *to = &table.seats[rng_below(&seat->rng, table.seat_count)];

	pthread_mutex_lock(&to->mailbox.lock);
	if (to->mailbox.used < MAILBOX_BLOCKS) {
		to->mailbox.blocks[to->mailbox.used++] = *slot;
		slot->mem = NULL;
	}
	pthread_mutex_unlock(&to->mailbox.lock);
}

static void fetch_mail(struct seat *seat)
{
	struct block mail[MAILBOX_BLOCKS];
	unsigned int used;

	pthread_mutex_lock(&seat->mailbox.lock);
	used = seat->mailbox.used;
	seat->mailbox.used = 0;
	for (unsigned int i = 0; i < used; i++)
		mail[i] = seat->mailbox.blocks[i];
	pthread_mutex_unlock(&seat->mailbox.lock);
	for (unsigned int i = 0; i < used; i++)
		slot_free(seat, &mail[i]);
}

struct courier {
	struct block blocks[COURIER_BLOCKS];
	struct rng rng;
};

/* A thread that does nothing but free another's blocks, allocate a few and die. */
static void *courier_main(void *argument)
{
	struct courier *courier = argument;

	for (unsigned int i = 0; i < COURIER_BLOCKS; i++) {
		if (!courier->blocks[i].mem)
			continue;
		account(courier->blocks[i].size, 0);
		block_free(&courier->blocks[i], &courier->rng);
		if (rng_one_in(&courier->rng, 2)) {
			block_malloc(&courier->blocks[i], i * 40u, &courier->rng);
			account(0, courier->blocks[i].size);
		}
	}
	return NULL;
}

static void send_courier(struct seat *seat)
{
	struct courier courier = {.rng = rng_stream(rng_next(&seat->rng), 1)};
	unsigned int from = rng_below(&seat->rng, seat->slot_count - COURIER_BLOCKS);
	pthread_t thread;

	for (unsigned int i = 0; i < COURIER_BLOCKS; i++)
		courier.blocks[i] = seat->slots[from + i];
	if (pthread_create(&thread, NULL, courier_main, &courier) != 0)
		fail("cannot start a thread");
	pthread_join(thread, NULL);
	for (unsigned int i = 0; i < COURIER_BLOCKS; i++)
		seat->slots[from + i] = courier.blocks[i];
}

static void new_phase(struct seat *seat)
{
	seat->phase_steps = 1 + rng_below(&seat->rng, PHASE_STEPS);
	seat->draining = rng_one_in(&seat->rng, 3);
	seat->favourite = rng_one_in(&seat->rng, 2) ? block_random_size(&seat->rng) : 0;
	/* Storms of one size class are wanted, storms of tens of MiB are not. */
	if (seat->favourite > (64 << 10))
		seat->favourite = 0;
}

static void change_block(struct seat *seat, struct block *slot)
{
	uint32_t choice = rng_below(&seat->rng, 100);

	if (choice < 10)
		block_check(slot);
	else if (choice < 25)
		slot_realloc(seat, slot);
	else if (choice < 35)
		slot_send(seat, slot);
	else if (choice < 60 || seat->draining)
		slot_free(seat, slot);
}

/* What is done rarely because it costs much. */
static void rare_step(struct seat *seat)
{
	switch (rng_below(&seat->rng, 8)) {
	case 0:
		send_courier(seat);
		break;
	case 1:
		if (heap.malloc_trim && rng_one_in(&seat->rng, 16))
			heap.malloc_trim(0);
		break;
	case 2:
		if (rng_one_in(&seat->rng, 8))
			heap_verify("between the steps of a worker");
		break;
	default:
		fetch_mail(seat);
		break;
	}
}

void seat_step(struct seat *seat)
{
	struct block *slot = &seat->slots[rng_below(&seat->rng, seat->slot_count)];

	if (seat->phase_steps-- == 0)
		new_phase(seat);
	if (slot->mem)
		change_block(seat, slot);
	else if (!seat->draining || rng_one_in(&seat->rng, 4))
		slot_alloc(seat, slot);
	if (rng_one_in(&seat->rng, 256))
		rare_step(seat);
}

void seat_clear(struct seat *seat)
{
	for (unsigned int i = 0; i < seat->slot_count; i++)
		if (seat->slots[i].mem)
			slot_free(seat, &seat->slots[i]);
	fetch_mail(seat);
}
