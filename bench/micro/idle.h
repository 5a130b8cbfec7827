/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_BENCH_IDLE_H
#define BUDDY_BENCH_IDLE_H
/*
 * idle.h - what is left of a spike of memory while a program does nothing
 *
 *	rss_kib@SECONDS   resident memory so long after the spike
 *	asked_kib         what the spike asked for
 *	kept_percent      of that, at the end of the idle time: who takes more for the same blocks
 *	                  does not look better for it
 */
#include "bench.h"

static const double idle_moments[] = {0, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10};

struct idle_watch {
	uint64_t rss[BENCH_COUNT(idle_moments)];
};

/** idle_bytes - @usual bytes for @work; what the machine cannot hold is cut down, and said so */
static inline uint64_t idle_bytes(const char *program, uint64_t usual, uint64_t work)
{
	uint64_t bytes = bench_scaled(usual, work);
	uint64_t most = bench_memory_available_kib() / 2 * 1024;

	if (bytes > most) {
		fprintf(stderr, "%s: the spike is cut to %" PRIu64 " MiB\n", program, most >> 20);
		bytes = most;
	}
	return bytes;
}

/** idle_watch - ten seconds of nothing, without a call of the allocator */
static inline void idle_watch(struct idle_watch *ret)
{
	double began = bench_now();

	for (size_t i = 0; i < BENCH_COUNT(idle_moments); i++) {
		bench_sleep_until(began + idle_moments[i]);
		ret->rss[i] = bench_rss_kib();
	}
}

/**
 * idle_print - the result
 * @asked: bytes that the spike asked for
 * @before: resident memory before it, KiB
 * @peak: and at its top
 */
static inline void idle_print(const struct idle_watch *seen, uint64_t asked, uint64_t before,
			      uint64_t peak)
{
	uint64_t last = seen->rss[BENCH_COUNT(idle_moments) - 1];
	uint64_t kept = last > before ? last - before : 0;
	uint64_t spike = (peak > seen->rss[0] ? peak : seen->rss[0]) - before;

	printf("asked_kib %" PRIu64 "\n", asked / 1024);
	printf("before_kib %" PRIu64 "\n", before);
	printf("spike_kib %" PRIu64 "\n", spike);
	for (size_t i = 0; i < BENCH_COUNT(idle_moments); i++)
		printf("rss_kib@%g %" PRIu64 "\n", idle_moments[i], seen->rss[i]);
	printf("kept_percent %.3f\n", 100.0 * 1024 * (double)kept / (double)asked);
}

#endif
