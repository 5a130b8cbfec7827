/*
 * shadow_stress.c - random use of every entry point, checked against a model of the heap
 *
 * Some threads allocate, change, check, hand around and free blocks of 0 to 64 MiB, die and
 * are replaced, and fork children that go on with what they inherited.  The model (block.h,
 * claim.h) lives outside the tested heap.  buddy_verify() runs throughout.
 */
#include "claim.h"
#include "clock.h"
#include "heap.h"
#include "report.h"
#include "sanitizer.h"
#include "seat.h"
#include "supervise.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	THREADS_MAX = 32,
	LIFE_STEPS_MAX = 60000,
	SOAK_FACTOR = 10,
	MONITOR = THREADS_MAX,	 /* progress counter of the main thread */
	LEFT_OVER_MAX = 8 << 20, /* bytes: caches of threads and what libc keeps */
};

struct arguments {
	unsigned int threads;
	unsigned int seconds;
	unsigned int slots;
	unsigned int limit_mib;
	uint64_t seed;
	bool forks;
};

static void *worker_main(void *argument)
{
	struct seat *seat = argument;
	unsigned int steps = 1 + rng_below(&seat->rng, LIFE_STEPS_MAX);

	for (unsigned int i = 0; i < steps; i++) {
		if (atomic_load_explicit(&table.stop, memory_order_relaxed))
			break;
		seat_step(seat);
		progress(seat->number);
		if (i % 256 == 255)
			seat_fork(seat);
	}
	if (rng_one_in(&seat->rng, 4))
		seat_clear(seat);
	progress_done(seat->number);
	atomic_store_explicit(&seat->seated, false, memory_order_release);
	return NULL;
}

static void take_seat(struct seat *seat)
{
	atomic_store_explicit(&seat->seated, true, memory_order_relaxed);
	if (pthread_create(&seat->thread, NULL, worker_main, seat) != 0)
		fail("cannot start a worker");
}

/* Replaces workers that died and looks at the whole heap, for at most a tenth of the time. */
static void run_table(unsigned int seconds)
{
	uint64_t end = now_ms() + seconds * UINT64_C(1000), next_verify = 0;
	unsigned long lives = table.seat_count, verified = 0;

	for (unsigned int i = 0; i < table.seat_count; i++)
		take_seat(&table.seats[i]);
	while (now_ms() < end) {
		sleep_ms(5);
		progress(MONITOR);
		for (unsigned int i = 0; i < table.seat_count; i++) {
			struct seat *seat = &table.seats[i];

			if (atomic_load_explicit(&seat->seated, memory_order_acquire))
				continue;
			pthread_join(seat->thread, NULL);
			take_seat(seat);
			lives++;
		}
		if (now_ms() >= next_verify) {
			uint64_t before = now_ms();

			heap_verify("while all threads run");
			verified++;
			next_verify = now_ms() + 100 + 10 * (now_ms() - before);
		}
	}
	atomic_store_explicit(&table.stop, true, memory_order_relaxed);
	for (unsigned int i = 0; i < table.seat_count; i++)
		pthread_join(table.seats[i].thread, NULL);
	say("%lu thread lives, buddy_verify() %lu times beside them", lives, verified);
}

static void clear_table(size_t live_before)
{
	unsigned long forks = 0;
	size_t live_after;

	for (unsigned int i = 0; i < table.seat_count; i++) {
		forks += table.seats[i].forks;
		seat_clear(&table.seats[i]);
	}
	heap_verify("after everything was freed");
	if (table.live != 0)
		fail("the model itself lost %zu bytes", (size_t)table.live);
	live_after = heap_live_bytes();
	if (heap.is_buddy && live_after > live_before + LEFT_OVER_MAX)
		fail("%zu bytes are live after everything was freed, %zu before", live_after,
		     live_before);
	say("%" PRIu64 " blocks, %lu forks, live bytes %zu before and %zu after, resident %zu MiB",
	    blocks_made(), forks, live_before, live_after, resident_bytes() >> 20);
}

static int run(void *argument)
{
	const struct arguments *arguments = argument;
	size_t live_before;

	heap_find();
	claim_init();
	table.seed = arguments->seed;
	table.limit = (size_t)arguments->limit_mib << 20;
	table.forks = arguments->forks && can_fork;
	table_init(arguments->threads, arguments->slots);
	live_before = heap_live_bytes();
	run_table(arguments->seconds);
	clear_table(live_before);
	return EXIT_SUCCESS;
}

static _Noreturn void usage(void)
{
	fprintf(stderr,
		"usage: shadow_stress [--threads=1..%d] [--seconds=N] [--seed=N] "
		"[--limit-mib=N] [--slots=N] [--no-forks]\n",
		THREADS_MAX);
	exit(EXIT_FAILURE);
}

static struct arguments parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"threads", required_argument, NULL, 't'},
		{"seconds", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'r'},
		{"limit-mib", required_argument, NULL, 'l'},
		{"slots", required_argument, NULL, 'n'},
		{"no-forks", no_argument, NULL, 'f'},
		{0},
	};
	struct arguments arguments = {
		.threads = 4, .seconds = 10, .slots = 4096, .limit_mib = 640, .forks = true};
	int option;

	arguments.seed = fresh_seed();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint64_t value = optarg ? strtoull(optarg, NULL, 0) : 0;

		switch (option) {
		case 't':
			arguments.threads = (unsigned int)value;
			break;
		case 's':
			arguments.seconds = (unsigned int)value;
			break;
		case 'r':
			arguments.seed = value;
			break;
		case 'l':
			arguments.limit_mib = (unsigned int)value;
			break;
		case 'n':
			arguments.slots = (unsigned int)value;
			break;
		case 'f':
			arguments.forks = false;
			break;
		default:
			usage();
		}
	}
	if (arguments.threads < 1 || arguments.threads > THREADS_MAX || arguments.slots < 64 ||
	    optind != argc)
		usage();
	if (soaking())
		arguments.seconds *= SOAK_FACTOR;
	return arguments;
}

int main(int argc, char **argv)
{
	struct arguments arguments = parse(argc, argv);

	report_seed("shadow_stress", arguments.seed);
	return supervise(run, &arguments);
}
