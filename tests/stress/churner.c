/*
 * churner.c - a thread that churns memory and can be forked away from at any instruction
 */
#include "churner.h"

#include "report.h"
#include "supervise.h"

#include <sys/mman.h>

struct churner *churner_map(unsigned int number, struct rng rng)
{
	struct churner *churner = mmap(NULL, sizeof(*churner), PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (churner == MAP_FAILED)
		fail("cannot map a churner");
	churner->rng = rng;
	churner->number = number;
	return churner;
}

static size_t churner_size(struct rng *rng)
{
	size_t size = block_random_size(rng);

	return size <= CHURNER_SIZE_MAX ? size : size % CHURNER_SIZE_MAX;
}

void churner_step(struct churner *churner)
{
	struct churner_slot *slot = &churner->slots[rng_below(&churner->rng, CHURNER_SLOTS)];

	if (atomic_load_explicit(&slot->live, memory_order_relaxed)) {
		/* An exchange, since nothing may be moved up before it either. */
		atomic_exchange(&slot->live, false);
		block_free(&slot->block, &churner->rng);
	} else {
		block_alloc(&slot->block, churner_size(&churner->rng), &churner->rng);
		atomic_store_explicit(&slot->live, true, memory_order_release);
	}
}

static void *churner_main(void *argument)
{
	struct churner *churner = argument;

	while (!atomic_load_explicit(&churner->stop, memory_order_relaxed)) {
		churner_step(churner);
		progress(churner->number);
	}
	progress_done(churner->number);
	return NULL;
}

void churner_start(struct churner *churner)
{
	atomic_store(&churner->stop, false);
	if (pthread_create(&churner->thread, NULL, churner_main, churner) != 0)
		fail("cannot start a churner");
}

void churner_stop(struct churner *churner)
{
	atomic_store(&churner->stop, true);
	pthread_join(churner->thread, NULL);
}

static void slot_clear(struct churner_slot *slot, struct rng *rng)
{
	if (!atomic_exchange(&slot->live, false))
		return;
	block_free(&slot->block, rng);
}

void churner_clear(struct churner *churner)
{
	for (int i = 0; i < CHURNER_SLOTS; i++)
		slot_clear(&churner->slots[i], &churner->rng);
}

void churner_check(const struct churner *churner)
{
	for (int i = 0; i < CHURNER_SLOTS; i++)
		if (atomic_load(&churner->slots[i].live))
			block_check(&churner->slots[i].block);
}
