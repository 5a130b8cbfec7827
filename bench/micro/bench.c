/* SPDX-License-Identifier: MIT */
/*
 * bench.c - clock, threads and results of the benchmark patterns
 *
 * Nothing here calls the allocator while a pattern is being timed.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>

void *bench_table(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		bench_no_memory(bytes);
	return p;
}

void bench_table_cut(void *from, void *end)
{
	uintptr_t first = ((uintptr_t)from + BENCH_OS_PAGE - 1) / BENCH_OS_PAGE;
	uintptr_t last = (uintptr_t)end / BENCH_OS_PAGE;

	if (first < last)
		madvise((void *)(first * BENCH_OS_PAGE), (last - first) * BENCH_OS_PAGE,
			MADV_DONTNEED);
}

void bench_sleep_until(double when)
{
	struct timespec at = {.tv_sec = (time_t)when,
			      .tv_nsec = (long)((when - (double)(time_t)when) * 1e9)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static double timeval_seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

double bench_cpu_seconds(void)
{
	struct rusage use, children;

	getrusage(RUSAGE_SELF, &use);
	getrusage(RUSAGE_CHILDREN, &children);
	return timeval_seconds(use.ru_utime) + timeval_seconds(use.ru_stime) +
	       timeval_seconds(children.ru_utime) + timeval_seconds(children.ru_stime);
}

/* Read a small file into @buf with plain system calls; an empty text if it cannot be read. */
static void read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, buf, size - 1);

	buf[got > 0 ? got : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* The number after @name in a text of `name: number` lines; @otherwise if it is not there. */
static uint64_t text_field(const char *text, const char *name, uint64_t otherwise)
{
	const char *line = strstr(text, name);

	return line ? strtoull(line + strlen(name), NULL, 10) : otherwise;
}

/**
 * bench_rss_kib - resident memory of this process now
 *
 * From smaps_rollup, which counts pages one by one; the counters of statm may lag behind by
 * dozens of pages for each processor.
 */
uint64_t bench_rss_kib(void)
{
	char text[2048];

	read_text("/proc/self/smaps_rollup", text, sizeof(text));
	uint64_t rss = text_field(text, "Rss:", 0);

	if (rss)
		return rss;
	read_text("/proc/self/status", text, sizeof(text));
	return text_field(text, "VmRSS:", 0);
}

/* Bytes left below the limit of our control group, or UINT64_MAX where there is none. */
static uint64_t cgroup_room(void)
{
	char limit[64], used[64];

	read_text("/sys/fs/cgroup/memory.max", limit, sizeof(limit));
	read_text("/sys/fs/cgroup/memory.current", used, sizeof(used));
	if (limit[0] < '0' || limit[0] > '9')
		return UINT64_MAX;
	uint64_t max = strtoull(limit, NULL, 10), current = strtoull(used, NULL, 10);

	return max > current ? max - current : 0;
}

uint64_t bench_memory_available_kib(void)
{
	char text[2048];
	uint64_t room = cgroup_room() / 1024;

	read_text("/proc/meminfo", text, sizeof(text));
	uint64_t available = text_field(text, "MemAvailable:", room);

	return available < room ? available : room;
}

unsigned int bench_cores(void)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return 1;
	return (unsigned int)CPU_COUNT(&allowed);
}

struct crew {
	bench_work_t *work;
	void *shared;
	pthread_barrier_t start;
};

struct crew_member {
	alignas(BENCH_LINE) struct crew *crew;
	unsigned int id;
	pthread_t thread;
	double began, ended;
};

static void *crew_member_main(void *arg)
{
	struct crew_member *self = arg;

	pthread_barrier_wait(&self->crew->start);
	self->began = bench_now();
	self->crew->work(self->id, self->crew->shared);
	self->ended = bench_now();
	return NULL;
}

static void crew_start_member(struct crew_member *member)
{
	int error = pthread_create(&member->thread, NULL, crew_member_main, member);

	if (error) {
		fprintf(stderr, "thread %u: %s\n", member->id, strerror(error));
		exit(BENCH_EXIT_NO_MEMORY);
	}
}

struct bench_span bench_crew(unsigned int threads, bench_work_t *work, void *shared)
{
	static struct crew_member members[BENCH_MAX_THREADS];
	struct crew crew = {.work = work, .shared = shared};
	double cpu = bench_cpu_seconds();

	pthread_barrier_init(&crew.start, NULL, threads);
	for (unsigned int i = 0; i < threads; i++) {
		members[i] = (struct crew_member){.crew = &crew, .id = i};
		if (i > 0)
			crew_start_member(&members[i]);
	}
	/* The caller is member 0: one thread then means a process without threads. */
	crew_member_main(&members[0]);
	double began = members[0].began, ended = members[0].ended;

	for (unsigned int i = 1; i < threads; i++) {
		pthread_join(members[i].thread, NULL);
		began = members[i].began < began ? members[i].began : began;
		ended = members[i].ended > ended ? members[i].ended : ended;
	}
	pthread_barrier_destroy(&crew.start);
	return (struct bench_span){ended - began, bench_cpu_seconds() - cpu};
}

/**
 * bench_print_span - print the common result lines
 * @ops: operations of all threads together
 *
 * core_ns_per_op is what one operation cost one core: wall time times the cores that could work,
 * over the operations.  With thread-local work it is flat from one thread to any number.
 */
void bench_print_span(struct bench_span span, uint64_t ops, unsigned int threads)
{
	unsigned int cores = threads < bench_cores() ? threads : bench_cores();

	printf("ops %" PRIu64 "\n", ops);
	printf("seconds %.6f\n", span.seconds);
	printf("cpu_seconds %.6f\n", span.cpu_seconds);
	printf("ns_per_op %.3f\n", span.seconds * 1e9 / (double)ops);
	printf("core_ns_per_op %.3f\n", span.seconds * (double)cores * 1e9 / (double)ops);
}
