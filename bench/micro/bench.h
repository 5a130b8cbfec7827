/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_BENCH_H
#define BUDDY_BENCH_H
/*
 * bench.h - what every pattern of bench/micro shares
 *
 * A pattern is one program.  It reads `key=value` arguments, does a fixed amount of work, times
 * only that work, and prints `name value` lines on stdout.  Every block it gets is stamped when
 * it is allocated and checked before it is freed, so an allocator whose blocks overlap, or lose
 * their contents, ends the run with status BENCH_EXIT_DAMAGE instead of winning it.  What is not
 * noticed: a block that is handed out twice with the same size, since both stamps are the same, and
 * one that lies inside another, between its stamps.
 *
 * The header allocates nothing by itself while the clock runs.
 */
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	BENCH_EXIT_USAGE = 2,
	BENCH_EXIT_DAMAGE = 3,
	BENCH_EXIT_NO_MEMORY = 4,
	BENCH_MAX_THREADS = 256,
	BENCH_OS_PAGE = 4096,
	BENCH_LINE = 64,
};

#define BENCH_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- arguments ------------------------------------------------------------------------- */

/**
 * struct bench_arg - one `key=value` argument and where its value goes
 * @key: the name before the '='
 * @number: set for a number, which must be at least 1, and for `threads` at most BENCH_MAX_THREADS
 * @text: set instead for a word
 */
struct bench_arg {
	const char *key;
	uint64_t *number;
	const char **text;
};

static inline void bench_parse_number(const char *program, const struct bench_arg *arg,
				      uint64_t value)
{
	/* Another number than that of the row's name would be measured. */
	if (strcmp(arg->key, "threads") == 0 && value > BENCH_MAX_THREADS) {
		fprintf(stderr, "%s: threads=%" PRIu64 ": at most %d\n", program, value,
			BENCH_MAX_THREADS);
		exit(BENCH_EXIT_USAGE);
	}
	*arg->number = value;
}

static inline void bench_parse_one(const char *program, const char *word,
				   const struct bench_arg *args, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(args[i].key);

		if (strncmp(word, args[i].key, len) != 0 || word[len] != '=')
			continue;
		if (args[i].text) {
			*args[i].text = word + len + 1;
			return;
		}
		char *end;
		uint64_t value = strtoull(word + len + 1, &end, 10);

		if (*end == '\0' && value > 0) {
			bench_parse_number(program, &args[i], value);
			return;
		}
	}
	fprintf(stderr, "%s: bad argument '%s'; it takes", program, word);
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, " %s=%s", args[i].key, args[i].text ? "WORD" : "N");
	fputc('\n', stderr);
	exit(BENCH_EXIT_USAGE);
}

/** bench_parse - read the command line; a word that fits no entry of @args ends the program */
static inline void bench_parse(int argc, char **argv, const struct bench_arg *args, size_t count)
{
	for (int i = 1; i < argc; i++)
		bench_parse_one(argv[0], argv[i], args, count);
}

/* What every pattern takes, and most take nothing else. */
struct bench_load {
	uint64_t threads, work; /* work in percent of the usual */
};

/** bench_parse_load - the same where there are no other arguments; @threads unless they say so */
static inline struct bench_load bench_parse_load(int argc, char **argv, uint64_t threads)
{
	struct bench_load load = {threads, 100};
	const struct bench_arg args[] = {
		{.key = "threads", .number = &load.threads},
		{.key = "work", .number = &load.work},
	};

	bench_parse(argc, argv, args, BENCH_COUNT(args));
	return load;
}

/** bench_choice - the index of @word among @names; an unknown word ends the program */
static inline unsigned int bench_choice(const char *word, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, names[i]) == 0)
			return (unsigned int)i;
	}
	fprintf(stderr, "bench: '%s' is none of", word);
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, " %s", names[i]);
	fputc('\n', stderr);
	exit(BENCH_EXIT_USAGE);
}

/** bench_scaled - @base units of work at @work percent, at least one */
static inline uint64_t bench_scaled(uint64_t base, uint64_t work)
{
	uint64_t scaled = base * work / 100;

	return scaled ? scaled : 1;
}

/* ---- random numbers: small, fast and the same in every run ---------------------------------- */

struct bench_rng {
	uint64_t state;
};

static inline struct bench_rng bench_rng_seed(uint64_t seed)
{
	return (struct bench_rng){.state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15)};
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators" */
static inline uint64_t bench_rng_next(struct bench_rng *rng)
{
	uint64_t x = rng->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	rng->state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

/** bench_rng_below - a number in 0 .. @bound - 1 */
static inline uint32_t bench_rng_below(struct bench_rng *rng, uint32_t bound)
{
	return (uint32_t)(((bench_rng_next(rng) >> 32) * bound) >> 32);
}

/** bench_rng_unit - a number in (0, 1) */
static inline double bench_rng_unit(struct bench_rng *rng)
{
	return ((double)(bench_rng_next(rng) >> 11) + 0.5) * 0x1p-53;
}

/* ---- size mixes: drawn before the clock starts, so every mix costs the same to read ---------- */

enum { BENCH_MIX_BITS = 12, BENCH_MIX_SIZES = 1 << BENCH_MIX_BITS };

struct bench_mix {
	uint32_t sizes[BENCH_MIX_SIZES];
};

/** bench_mix_uniform - each size from @min to @max equally likely */
static inline void bench_mix_uniform(struct bench_mix *mix, uint32_t min, uint32_t max)
{
	struct bench_rng rng = bench_rng_seed(min + max);

	for (size_t i = 0; i < BENCH_MIX_SIZES; i++)
		mix->sizes[i] = min + bench_rng_below(&rng, max - min + 1);
}

/** bench_mix_doublings - each doubling from @min to @max equally likely, uniform inside it */
static inline void bench_mix_doublings(struct bench_mix *mix, uint32_t min, uint32_t max)
{
	struct bench_rng rng = bench_rng_seed(min ^ max);
	uint32_t doublings = 0;

	while (((uint64_t)min << (doublings + 1)) <= max)
		doublings++;
	for (size_t i = 0; i < BENCH_MIX_SIZES; i++) {
		uint32_t low = min << bench_rng_below(&rng, doublings ? doublings : 1);
		uint32_t size = low + bench_rng_below(&rng, low);

		mix->sizes[i] = size > max ? max : size;
	}
}

static inline uint32_t bench_mix_draw(const struct bench_mix *mix, struct bench_rng *rng)
{
	return mix->sizes[bench_rng_next(rng) >> (64 - BENCH_MIX_BITS)];
}

/* ---- the shadow check -------------------------------------------------------------------- */

/** bench_hide - keep the compiler from reasoning about where @p came from */
static inline void *bench_hide(void *p)
{
#ifndef __clang_analyzer__ /* which takes a block that went through here for lost */
	__asm__ volatile("" : "+r"(p) : : "memory");
#endif
	return p;
}

_Noreturn static inline void bench_damage(const char *what, const void *p, size_t size)
{
	fprintf(stderr, "check failed: %s, block %p of %zu bytes\n", what, p, size);
	exit(BENCH_EXIT_DAMAGE);
}

_Noreturn static inline void bench_no_memory(size_t size)
{
	fprintf(stderr, "out of memory: %zu bytes refused\n", size);
	exit(BENCH_EXIT_NO_MEMORY);
}

/* What a block holds: a word that depends on its address and its size. */
static inline uint64_t bench_tag(const void *p, size_t size)
{
	return (uint64_t)(uintptr_t)p ^ ((uint64_t)size << 48) ^ UINT64_C(0x5bd1e995a5c35a3c);
}

static inline void bench_put(char *at, uint64_t tag)
{
	memcpy(at, &tag, sizeof(tag));
}

static inline bool bench_holds(const char *at, uint64_t tag)
{
	uint64_t found;

	memcpy(&found, at, sizeof(found));
	return found == tag;
}

/** bench_stamp - write the first and the last word of a block, and one word of each OS page */
static inline void bench_stamp(void *block, size_t size)
{
	char *p = block;
	uint64_t tag = bench_tag(p, size);

	if (size < sizeof(tag)) {
		memset(p, (int)(tag & 0xff), size);
		return;
	}
	for (size_t at = 0; at + sizeof(tag) <= size; at += BENCH_OS_PAGE)
		bench_put(p + at, tag);
	bench_put(p + size - sizeof(tag), tag);
}

/** bench_check - end the program unless the block holds what bench_stamp() wrote */
static inline void bench_check(const void *block, size_t size)
{
	const char *p = block;
	uint64_t tag = bench_tag(p, size);

	if (size < sizeof(tag)) {
		for (size_t i = 0; i < size; i++) {
			if ((unsigned char)p[i] != (tag & 0xff))
				bench_damage("short block changed", p, size);
		}
		return;
	}
	/* The last word may overlap the word of the last page, so it alone is sure to hold. */
	if (!bench_holds(p + size - sizeof(tag), tag))
		bench_damage("last word changed", p, size);
	for (size_t at = 0; at + 2 * sizeof(tag) <= size; at += BENCH_OS_PAGE) {
		if (!bench_holds(p + at, tag))
			bench_damage("first word or page changed", p, size);
	}
}

/** bench_malloc - malloc that never returns NULL, stamped */
static inline void *bench_malloc(size_t size)
{
	void *p = bench_hide(malloc(size));

	if (__builtin_expect(!p, 0))
		bench_no_memory(size);
	bench_stamp(p, size);
	return p;
}

/** bench_free - check a block that bench_malloc() gave, then free it */
static inline void bench_free(void *p, size_t size)
{
	bench_check(p, size);
	free(bench_hide(p));
}

/** bench_table - a zeroed table of the benchmark's own, outside the allocator under test */
void *bench_table(size_t bytes);

/** bench_table_cut - give back the pages between @from and @end, or a later peak would have them */
void bench_table_cut(void *from, void *end);

/* ---- clock, threads, results --------------------------------------------------------------- */

static inline double bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/** bench_sleep_until - sleep to a point of the clock without calling the allocator */
void bench_sleep_until(double when);

/** bench_cpu_seconds - user and system time of this process and the children it waited for */
double bench_cpu_seconds(void);

/** bench_rss_kib - resident memory of this process now, read without allocating */
uint64_t bench_rss_kib(void);

/** bench_memory_available_kib - memory this machine and its control group can still give */
uint64_t bench_memory_available_kib(void);

/**
 * typedef bench_work_t - what one thread of a crew does
 * @id: 0 .. threads - 1
 * @shared: what all threads share
 */
typedef void bench_work_t(unsigned int id, void *shared);

struct bench_span {
	double seconds;	    /* first start to last end */
	double cpu_seconds; /* user and system, all threads */
};

/** bench_cores - processors this process may run on */
unsigned int bench_cores(void);

/** bench_crew - run @work in @threads threads that start together, and time them */
struct bench_span bench_crew(unsigned int threads, bench_work_t *work, void *shared);

/** bench_print_span - the lines every pattern prints: ops, seconds, cost per operation */
void bench_print_span(struct bench_span span, uint64_t ops, unsigned int threads);

#endif
