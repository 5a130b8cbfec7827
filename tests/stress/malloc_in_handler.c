/*
 * malloc_in_handler.c - a signal handler that allocates and frees, ten thousand times a second
 *
 * Threads churn a few size classes; a timer's handler on the same thread uses the same classes,
 * keeps some blocks, frees others, and frees blocks that threads handed it.  An address given
 * out twice while live is caught by the claim map at once.  The C library's own malloc is not
 * made for this, so the program is skipped where libbuddy is not the heap.
 */
#include "block.h"
#include "churner.h"
#include "claim.h"
#include "clock.h"
#include "heap.h"
#include "report.h"
#include "sanitizer.h"
#include "supervise.h"
#include "ticker.h"

#include <errno.h>
#include <stdlib.h>

enum {
	WORKERS = 2,
	SLOTS = 256,
	KEPT = 128,
	GIFTS = 16,
	OPS_PER_TICK = 4,
	TICK_US = 100,
	SHORT_SECONDS = 3,
	SOAK_SECONDS = 100,
	ROUND_MS = 1000,
	MONITOR_COUNTER = 8,
};


/* One producer, one consumer: a thread for another's handler, or the other way round. */
struct gift {
	struct block block;
	atomic_bool full;
};

struct worker {
	struct block slots[SLOTS];     /* the thread's own */
	struct block kept[KEPT];       /* the handler's own */
	struct gift to_handler[GIFTS]; /* from the thread before this one */
	struct gift to_thread[GIFTS];  /* from the handler of the one before */
	struct rng rng;
	struct rng handler_rng;
	struct ticker ticker;
	unsigned int number;
	unsigned long ticks;
	pthread_t thread;
};

static struct worker workers[WORKERS];
static _Thread_local struct worker *self;
static atomic_bool stop;

/* Few classes, so that handler and thread meet in them; now and then a large block. */
static size_t class_size(struct rng *rng)
{
	static const size_t sizes[] = {16, 24, 48, 64, 100, 128, 200, 512, 1000, 3000, 8192, 20000};

	if (rng_one_in(rng, 200))
		return (size_t)40000 << rng_below(rng, 7);
	return sizes[rng_below(rng, sizeof(sizes) / sizeof(*sizes))];
}

static void toggle(struct block *block, struct rng *rng)
{
	if (block->mem && block->origin == BLOCK_MALLOC && rng_one_in(rng, 4))
		block_realloc(block, class_size(rng), rng);
	else if (block->mem)
		block_free(block, rng);
	else
		block_alloc(block, class_size(rng), rng);
}

/* Puts a new block into an empty gift; leaves a full one alone. */
static void give(struct gift *gift, struct rng *rng)
{
	if (atomic_load_explicit(&gift->full, memory_order_acquire))
		return;
	block_alloc(&gift->block, class_size(rng), rng);
	atomic_store_explicit(&gift->full, true, memory_order_release);
}

static void take(struct gift *gift, struct rng *rng)
{
	if (!atomic_load_explicit(&gift->full, memory_order_acquire))
		return;
	block_free(&gift->block, rng);
	atomic_store_explicit(&gift->full, false, memory_order_release);
}

static struct worker *next_worker(const struct worker *worker)
{
	return &workers[(worker->number + 1) % WORKERS];
}

static void tick(int signal)
{
	struct rng *rng = &self->handler_rng;
	int saved_errno = errno;

	(void)signal;
	for (int i = 0; i < OPS_PER_TICK; i++) {
		uint32_t gift = rng_below(rng, GIFTS);

		switch (rng_below(rng, 4)) {
		case 0:
			take(&self->to_handler[gift], rng);
			break;
		case 1:
			give(&next_worker(self)->to_thread[gift], rng);
			break;
		default:
			toggle(&self->kept[rng_below(rng, KEPT)], rng);
			break;
		}
	}
	self->ticks++;
	ticker_arm(&self->ticker, TICK_US / 2 + rng_below(rng, TICK_US));
	errno = saved_errno;
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	struct rng *rng = &worker->rng;

	self = worker;
	ticker_alternate_stack();
	ticker_create(&worker->ticker);
	ticker_arm(&worker->ticker, TICK_US);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		uint32_t gift = rng_below(rng, GIFTS);

		switch (rng_below(rng, 16)) {
		case 0:
			take(&worker->to_thread[gift], rng);
			break;
		case 1:
			give(&next_worker(worker)->to_handler[gift], rng);
			break;
		default:
			toggle(&worker->slots[rng_below(rng, SLOTS)], rng);
			break;
		}
		progress(worker->number);
	}
	ticker_delete(&worker->ticker);
	progress_done(worker->number);
	return NULL;
}

static void free_all(struct worker *worker)
{
	for (int i = 0; i < SLOTS; i++)
		if (worker->slots[i].mem)
			block_free(&worker->slots[i], &worker->rng);
	for (int i = 0; i < KEPT; i++)
		if (worker->kept[i].mem)
			block_free(&worker->kept[i], &worker->rng);
	for (int i = 0; i < GIFTS; i++) {
		take(&worker->to_handler[i], &worker->rng);
		take(&worker->to_thread[i], &worker->rng);
	}
}

static void round_of_ticks(bool on_stack)
{
	ticker_handler(tick, on_stack);
	atomic_store(&stop, false);
	for (int i = 0; i < WORKERS; i++)
		if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) != 0)
			fail("cannot start a worker");
	for (int ms = 0; ms < ROUND_MS; ms += 50) {
		sleep_ms(50);
		heap_verify("beside threads that tick");
		progress(MONITOR_COUNTER);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	for (int i = 0; i < WORKERS; i++)
		free_all(&workers[i]);
	heap_verify("at rest after a round");
}

static int run(void *argument)
{
	uint64_t seed = *(const uint64_t *)argument;
	uint64_t end = now_ms() + (soaking() ? SOAK_SECONDS : SHORT_SECONDS) * UINT64_C(1000);
	struct heap_level first, now;
	bool on_stack = false;

	heap_find();
	claim_init();
	if (!heap.is_buddy && !getenv("STRESS_UNSAFE_HANDLERS")) {
		say("skipped: this heap is not made for signal handlers");
		return EXIT_SKIPPED;
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		workers[i].number = i;
		workers[i].rng = rng_stream(seed, 1 + i);
		workers[i].handler_rng = rng_stream(seed, 100 + i);
	}
	round_of_ticks(on_stack);
	first = heap_level();
	do {
		on_stack = !on_stack;
		round_of_ticks(on_stack);
		now = heap_check_growth(first);
	} while (now_ms() < end);
	say("%lu ticks, live bytes %zu then %zu, resident %zu then %zu MiB",
	    workers[0].ticks + workers[1].ticks, first.live, now.live, first.resident >> 20,
	    now.resident >> 20);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *skipped = "this sanitizer holds signals back";

	return supervise_seeded("malloc_in_handler", argc, argv,
				can_use_handlers ? NULL : skipped, run);
}
