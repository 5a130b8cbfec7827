/* SPDX-License-Identifier: MIT */
/*
 * sim.c - a simulated machine: src/platform implemented by a test
 *
 * Memory comes from mmap at the very addresses that are asked for.  A call on a range that is not
 * mapped is a mistake of the caller and ends the test: the real system would damage somebody else's
 * memory without a word.
 */
#define _GNU_SOURCE
#include "sim.h"
#include "base/check.h"
#include "mm/internal.h"
#include "platform/vm.h"
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_EVENTS 65536
#define MAX_RANGES 4096
#define MAX_FUTEX_WAITS 10000
#define QUICK_FUTEX_WAITS 1000
#define MAX_SLEEPS 10000

struct sim_machine sim;
struct sim_event sim_events[MAX_EVENTS];
unsigned int sim_nr_events;

bool (*slow_start)(void) = sim_start;
void (*bug_start)(void);

/* ---- reports and failures ---- */

static char reports[1 << 16];
static size_t reports_len;

static void write_report(const char *text, size_t len)
{
	len = MIN(len, sizeof(reports) - 1 - reports_len);
	memcpy(reports + reports_len, text, len);
	reports_len += len;
	reports[reports_len] = 0;
}

const char *sim_reports(void)
{
	return reports;
}

void sim_clear_reports(void)
{
	reports_len = 0;
	reports[0] = 0;
}

static void end_test(void)
{
	if (reports_len)
		fprintf(stderr, "reported meanwhile:\n%.4000s", reports);
	fflush(stdout);
	fflush(stderr);
	_exit(1);
}

void sim_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	end_test();
	__builtin_unreachable();
}

void sim_fail_eq(const char *file, int line, const char *what, long long a, long long b)
{
	fprintf(stderr, "%s:%d: not so: %s: %lld (0x%llx), %lld (0x%llx)\n", file, line, what, a,
		(unsigned long long)a, b, (unsigned long long)b);
	end_test();
	__builtin_unreachable();
}

static void misuse(const char *call, const void *addr, size_t len) noreturn_fn;
static void misuse(const char *call, const void *addr, size_t len)
{
	fprintf(stderr, "sim: %s(%p, %zu): not mapped, or not whole pages\n", call, addr, len);
	end_test();
	__builtin_unreachable();
}

void os_abort(void)
{
	fprintf(stderr, "sim: the library ended the program\n");
	end_test();
	__builtin_unreachable();
}

/* ---- the book of what is mapped: disjoint ranges in no order ---- */

struct range {
	uintptr_t start, end;
};
static struct range ranges[MAX_RANGES];
static unsigned int nr_ranges;

static void book_add(uintptr_t start, size_t len)
{
	if (nr_ranges == MAX_RANGES)
		sim_fail(__FILE__, __LINE__, "the book of mappings is large enough");
	ranges[nr_ranges++] = (struct range){start, start + len};
	sim.mapped_bytes += len;
}

static size_t book_overlap(uintptr_t start, uintptr_t end)
{
	size_t sum = 0;

	for (unsigned int i = 0; i < nr_ranges; i++) {
		uintptr_t from = MAX(ranges[i].start, start), to = MIN(ranges[i].end, end);

		sum += from < to ? to - from : 0;
	}
	return sum;
}

static void book_remove(uintptr_t start, uintptr_t end)
{
	sim.mapped_bytes -= book_overlap(start, end);
	for (unsigned int i = 0; i < nr_ranges; i++) {
		struct range r = ranges[i];

		if (r.end <= start || r.start >= end)
			continue;
		ranges[i--] = ranges[--nr_ranges];
		if (r.start < start)
			ranges[nr_ranges++] = (struct range){r.start, start};
		if (r.end > end)
			ranges[nr_ranges++] = (struct range){end, r.end};
	}
}

bool sim_is_mapped(const void *addr, size_t len)
{
	return book_overlap((uintptr_t)addr, (uintptr_t)addr + len) == len;
}

int sim_bound_node(const void *addr)
{
	for (unsigned int i = sim_nr_events; i-- > 0;) {
		const struct sim_event *e = &sim_events[i];

		if (e->op == SIM_BIND && (uintptr_t)addr - e->addr < e->len)
			return e->node;
	}
	return NUMA_NO_NODE;
}

const struct sim_event *sim_last_advice(const void *addr)
{
	for (unsigned int i = sim_nr_events; i-- > 0;) {
		const struct sim_event *e = &sim_events[i];

		if ((e->op == SIM_HUGE || e->op == SIM_NO_HUGE) &&
		    (uintptr_t)addr - e->addr < e->len)
			return e;
	}
	return NULL;
}

unsigned int sim_count(enum sim_op op)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < sim_nr_events; i++)
		n += sim_events[i].op == op && !sim_events[i].error;
	return n;
}

static bool was_called_for(enum sim_op op, const void *addr, size_t len)
{
	size_t sum = 0;

	for (unsigned int i = 0; i < sim_nr_events; i++) {
		const struct sim_event *e = &sim_events[i];
		uintptr_t from = MAX(e->addr, (uintptr_t)addr);
		uintptr_t to = MIN(e->addr + e->len, (uintptr_t)addr + len);

		if (e->op == op && !e->error && from < to)
			sum += to - from;
	}
	return sum == len;
}

bool sim_was_discarded(const void *addr, size_t len)
{
	return was_called_for(SIM_DISCARD, addr, len);
}

bool sim_tails_were_discarded(const void *addr, size_t len)
{
	return was_called_for(SIM_DISCARD_TAILS, addr, len);
}

static struct sim_event *note(enum sim_op op, const void *addr, size_t len, int error)
{
	struct sim_event *e = &sim_events[sim_nr_events++];

	if (sim_nr_events == MAX_EVENTS)
		sim_fail(__FILE__, __LINE__, "the book of events is large enough");
	*e = (struct sim_event){op, (uintptr_t)addr, len, NUMA_NO_NODE, error, 0};
	return e;
}

/* Begin a call.  Return: 0, or the error that the test wants. */
static int begin(enum sim_op op, const void *addr, size_t len)
{
	bool fails;

	sim.calls++;
	if (sim.before_call)
		sim.before_call(op, sim.calls);
	if (op > SIM_LAST_FALLIBLE)
		return 0;
	sim.fallible_calls++;
	fails = (sim.fail_op_always && sim.fail_op == op) ||
		(sim.fail_at && (sim.fallible_calls == sim.fail_at ||
				 (sim.fail_onward && sim.fallible_calls > sim.fail_at))) ||
		(op == SIM_MAP_AT && sim.mapped_max && sim.mapped_bytes + len > sim.mapped_max);
	if (!fails)
		return 0;
	sim.faults++;
	note(op, addr, len, sim.fail_error);
	return sim.fail_error;
}

static void must_be_mapped(const char *call, const void *addr, size_t len)
{
	if (!len || ((uintptr_t)addr | len) % OS_PAGE || !sim_is_mapped(addr, len))
		misuse(call, addr, len);
}

/* ---- vm.h ---- */

static void *map(void *addr, size_t len, int prot, int flags)
{
	void *p;

	if (!len || ((uintptr_t)addr | len) % OS_PAGE)
		misuse("map", addr, len);
#ifdef __SANITIZE_THREAD__
	/*
	 * Above 512 GiB all addresses are the sanitizer's.  It does not honour MAP_FIXED_NOREPLACE
	 * there: it maps at 0 instead and dies of that.
	 */
	if ((flags & MAP_FIXED_NOREPLACE) && (uintptr_t)addr + len > 512 * GiB) {
		errno = EEXIST;
		return MAP_FAILED;
	}
#endif
	p = mmap(addr, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
	/* Tests count resident pages: no huge ones, even if the system makes them of everything. */
	if (p != MAP_FAILED)
		madvise(p, len, MADV_NOHUGEPAGE);
	return p;
}

int vm_map_at(void *addr, size_t len)
{
	int err = begin(SIM_MAP_AT, addr, len);
	void *p;

	if (err)
		return err;
	p = map(addr, len, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE);
	if (p != addr) {
		err = p == MAP_FAILED ? -errno : -EEXIST;
		if (p != MAP_FAILED)
			munmap(p, len);
		note(SIM_MAP_AT, addr, len, err);
		return err;
	}
	book_add((uintptr_t)p, len);
	note(SIM_MAP_AT, addr, len, 0);
	return 0;
}

/*
 * High up, as on Linux; valgrind itself would go upward from the bottom.  Aligned to a page and no
 * more, so that callers that need more, and do not ask for it, are found out.
 */
static void *map_below(uintptr_t *below, enum sim_op op, size_t len, int prot)
{
	size_t apart = ALIGN_UP(len, 2 * MiB) + 4 * MiB;
	void *p;

	if (begin(op, NULL, len) || *below < apart)
		return NULL;
	*below -= apart;
	p = map((void *)(*below + OS_PAGE), len, prot, 0);
	if (p == MAP_FAILED)
		return NULL;
	book_add((uintptr_t)p, len);
	note(op, p, len, 0);
	return p;
}

static void *map_anywhere(enum sim_op op, size_t len, int prot)
{
	static uintptr_t high = (uintptr_t)63 << 40;

	return map_below(&high, op, len, prot);
}

void *vm_map(size_t len)
{
	return map_anywhere(SIM_MAP, len, PROT_READ | PROT_WRITE);
}

void *vm_map_sparse(size_t len)
{
	return vm_map(len);
}

void *vm_map_zero_view(void *hint, size_t len)
{
	static uintptr_t low = GiB;

	if (sim.low_views == LOW_ALWAYS || (sim.low_views == LOW_UNLESS_ASKED && !hint))
		return map_below(&low, SIM_VIEW, len, PROT_READ);
	return map_anywhere(SIM_VIEW, len, PROT_READ);
}

int vm_make_writable(void *addr, size_t len)
{
	int err = begin(SIM_WRITABLE, addr, len);

	must_be_mapped("vm_make_writable", addr, len);
	if (!err && mprotect(addr, len, PROT_READ | PROT_WRITE))
		err = -errno;
	if (!err)
		note(SIM_WRITABLE, addr, len, 0);
	return err;
}

void vm_unmap(void *addr, size_t len)
{
	begin(SIM_UNMAP, addr, len);
	if (!sim.loose_unmap)
		must_be_mapped("vm_unmap", addr, len);
	book_remove((uintptr_t)addr, (uintptr_t)addr + len);
	munmap(addr, len);
	note(SIM_UNMAP, addr, len, 0);
}

int vm_discard(void *addr, size_t len)
{
	/* The descriptors lie above all that they describe. */
	const struct page *first = pfn_to_page(node_data[0].zones[ZONE_NORMAL].start_pfn);
	enum sim_op op = addr >= (void *)first ? SIM_DISCARD_TAILS : SIM_DISCARD;
	int err = begin(op, addr, len);

	must_be_mapped("vm_discard", addr, len);
	if (!err && madvise(addr, len, MADV_DONTNEED))
		err = -errno;
	if (!err)
		note(op, addr, len, 0);
	return err;
}

/* Asks for the real memory, since a fork may come between a call and its entry in the book. */
long vm_resident_pages(void *addr, size_t len)
{
	static unsigned char resident[1 << 16];
	long pages = 0;

	EXPECT(len / OS_PAGE <= sizeof(resident));
	if (mincore(addr, len, resident))
		return -errno;
	for (size_t i = 0; i < len / OS_PAGE; i++)
		pages += resident[i] & 1;
	return pages;
}

void vm_advise_huge(void *addr, size_t len, bool huge)
{
	begin(huge ? SIM_HUGE : SIM_NO_HUGE, addr, len);
	must_be_mapped("vm_advise_huge", addr, len);
	note(huge ? SIM_HUGE : SIM_NO_HUGE, addr, len, 0);
}

void vm_split_huge(void *addr, size_t len)
{
	must_be_mapped("vm_split_huge", addr, len);
	sim.splits++;
}

u64 vm_touch(void *addr)
{
	must_be_mapped("vm_touch", addr, OS_PAGE);
	*(volatile char *)addr = 0;
	sim.touches++;
	return sim.touch_ns + ((uintptr_t)addr % (2 * MiB) ? 0 : sim.table_ns);
}

void *vm_resize(void *addr, size_t old_len, size_t new_len)
{
	int err = begin(SIM_RESIZE, addr, old_len);
	void *p;

	must_be_mapped("vm_resize", addr, old_len);
	if (err)
		return NULL;
	p = mremap(addr, old_len, new_len, MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		return NULL;
	book_remove((uintptr_t)addr, (uintptr_t)addr + old_len);
	book_add((uintptr_t)p, new_len);
	note(SIM_RESIZE, p, new_len, 0);
	return p;
}

void vm_bind(void *addr, size_t len, int node, u32 strict)
{
	struct sim_event *event;

	begin(SIM_BIND, addr, len);
	must_be_mapped("vm_bind", addr, len);
	event = note(SIM_BIND, addr, len, 0);
	event->node = node;
	event->strict = strict;
}

int vm_node_of(void *addr)
{
	must_be_mapped("vm_node_of", addr, OS_PAGE);
	return sim.node_of ? sim.node_of(addr) : sim_bound_node(addr);
}

void sim_occupy(void *addr, size_t len)
{
	if (map(addr, len, PROT_READ, MAP_FIXED_NOREPLACE) != addr)
		sim_fail(__FILE__, __LINE__, "the place to occupy is empty");
}

/* ---- topology.h ---- */

void sim_no_nodes(void)
{
	struct topology *t = &sim.nodes;

	*t = (struct topology){0};
	for (int a = 0; a < MAX_NUMNODES; a++)
		for (int b = 0; b < MAX_NUMNODES; b++)
			t->distance[a][b] = a == b ? LOCAL_DISTANCE : REMOTE_DISTANCE;
}

int sim_add_node(u64 bytes, bool has_cpu)
{
	int n = sim.nodes.nr_nodes++;

	if (bytes)
		sim.nodes.has_memory |= 1u << n;
	if (has_cpu)
		sim.nodes.has_cpu |= 1u << n;
	sim.nodes.bytes[n] = bytes;
	return n;
}

void sim_distance(int a, int b, int distance)
{
	sim.nodes.distance[a][b] = sim.nodes.distance[b][a] = (u8)distance;
}

void sim_one_node(u64 bytes)
{
	sim = (struct sim_machine){
		.page_bytes = OS_PAGE,
		.nr_cpus = 2,
		.cpu_hint = -1,
		.parent_id = 1,
		.limits = {OS_UNLIMITED, OS_UNLIMITED},
		.clock_ms = 1000,
		.random = 12288, /* 112 GiB: valgrind keeps its own from 64 GiB on */
		.fail_error = -ENOMEM,
	};
	sim_no_nodes();
	sim_add_node(bytes, true);
}

void topology_probe(struct topology *ret)
{
	*ret = sim.nodes;
	if (!sim.blind_probe)
		return;
	memset(ret->bytes, 0, sizeof(ret->bytes));
	for (int a = 0; a < MAX_NUMNODES; a++)
		for (int b = 0; b < MAX_NUMNODES; b++)
			ret->distance[a][b] = a == b ? LOCAL_DISTANCE : REMOTE_DISTANCE;
}

int topology_load(struct topology *ret)
{
	if (sim.no_module)
		return -ENOENT;
	*ret = sim.nodes;
	return 0;
}

int topology_node_of_cpu(int cpu)
{
	(void)cpu;
	return -ENOENT;
}

/* ---- threads ---- */

struct sim_thread sim_main_thread = {.tid = 1000};
static struct sim_thread *running = &sim_main_thread;
static u32 last_tid = 1000;
static bool gone_tids[4096];
static void (*exit_destructor)(void *);
static struct rseq_cs *rseq_slot; /* of whichever runs */

__attribute__((constructor)) static void note_main_thread(void)
{
	sim_main_thread.malloc_tls = hit_malloc_tls;
	sim_main_thread.free_tls = hit_free_tls;
}

void sim_thread_new(struct sim_thread *t, int node)
{
	*t = (struct sim_thread){
		.malloc_tls = &boot_hit,
		.free_tls = (char *)&boot_hit.free_cs,
		.tid = ++last_tid,
		.node = node,
	};
}

void sim_switch_to(struct sim_thread *t)
{
	running->malloc_tls = hit_malloc_tls;
	running->free_tls = hit_free_tls;
	running->task_id = task_id_tls;
	sim_impersonate(t);
	running = t;
}

void sim_impersonate(const struct sim_thread *t)
{
	hit_malloc_tls = t->malloc_tls;
	hit_free_tls = t->free_tls;
	task_id_tls = t->task_id;
}

void sim_in_thread(void *(*fn)(void *))
{
	pthread_t thread;

	EXPECT(!pthread_create(&thread, NULL, fn, NULL));
	EXPECT(!pthread_join(thread, NULL));
}

void sim_run_exit(struct sim_thread *t)
{
	struct sim_thread *was = running;

	sim_switch_to(t);
	if (t->exit_value && exit_destructor)
		exit_destructor(t->exit_value);
	t->exit_value = NULL;
	sim_switch_to(was);
}

void sim_thread_exit(struct sim_thread *t)
{
	sim_run_exit(t);
	t->gone = true;
	gone_tids[t->tid % ARRAY_SIZE(gone_tids)] = true;
	if (running == t)
		sim_switch_to(&sim_main_thread);
}

/* Is this a pthread that the test has started, not a simulated thread? */
static bool in_real_thread(void)
{
	return syscall(SYS_gettid) != getpid();
}

u32 os_thread_id(void)
{
	return in_real_thread() ? (u32)syscall(SYS_gettid) : running->tid;
}

u32 os_process_id(void)
{
	return sim.process_id;
}

u32 os_parent_id(void)
{
	return sim.parent_id;
}

bool os_memory_is_borrowed(void)
{
	return !sim.memory_is_copied;
}

/* Of the thread-local variables that are asked for. */
ptrdiff_t os_to_first_thread(void)
{
	sim.first_thread_asks++;
	return sim.first_thread ? (char *)&sim.first_thread->malloc_tls - (char *)&hit_malloc_tls
				: 0;
}

bool os_thread_is_borrowed(void)
{
	return sim.thread_is_borrowed;
}

bool os_thread_gone(u32 tid)
{
	return sim.all_seem_gone || gone_tids[tid % ARRAY_SIZE(gone_tids)];
}

int os_thread_exit_key(void (*destructor)(void *))
{
	if (sim.no_exit_key)
		return -EAGAIN;
	exit_destructor = destructor;
	return 0;
}

void os_thread_exit_arm(void *value)
{
	running->exit_value = value;
}

u64 os_block_signals(void)
{
	u64 before = sim.blocked;

	sim.blocked = ~(u64)0;
	return before;
}

void os_restore_signals(u64 mask)
{
	sim.blocked = mask;
}

int os_thread_start(void *(*fn)(void *), const char *name, bool deep)
{
	(void)deep;
	(void)name;
	sim.interruptible += !sim.blocked;
	if (sim.threads_start) {
		sim.thread = fn;
		return 0;
	}
	sim.threads_refused++;
	return -EAGAIN;
}

int os_cpu_hint(void)
{
	return sim.cpu_hint;
}

unsigned int os_node(void)
{
	return (unsigned int)running->node;
}

/*
 * Simulated threads run one at a time, so one that waits long would wait for ever; unless a real
 * thread has what it waits for, and the machine is busy with others.  Real threads wait as they do
 * anywhere.
 */
void os_futex_wait(u32 *word, u32 expected, u32 timeout_ms)
{
	struct timespec t = {.tv_nsec = 1000000};

	if (sim.on_futex_wait)
		sim.on_futex_wait();
	if (in_real_thread()) {
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &t);
		return;
	}
	sim.clock_ms += timeout_ms;
	if (++sim.futex_waits > MAX_FUTEX_WAITS)
		sim_fail(__FILE__, __LINE__, "somebody will release the lock waited for");
	if (sim.futex_waits <= QUICK_FUTEX_WAITS)
		sched_yield();
	else
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &t);
}

void os_futex_wake(u32 *word, int count)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count);
}

struct rseq_cs **os_rseq_slot(void)
{
	return sim.sequences ? &rseq_slot : NULL;
}

bool os_in_handler(void)
{
	return sim.in_handler;
}

bool os_began_locked_in(void)
{
	return sim.began_locked_in;
}

bool os_is_locked_in(void)
{
	return sim.locked_in;
}

bool os_single_threaded(void)
{
	return !sim.several_threads;
}

int os_rseq_fence_register(void)
{
	sim.fence_asks++;
	return -ENOSYS;
}

int os_rseq_fence(void)
{
	return sim.on_fence ? sim.on_fence() : -ENOSYS;
}

static u32 *fork_cookie;

u32 *os_fork_cookie_page(void)
{
	fork_cookie = sim.no_fork_cookie ? NULL : vm_map(OS_PAGE);
	return fork_cookie;
}

int os_at_fork_child(void (*fn)(void))
{
	sim.fork_handler = fn;
	sim.fork_handlers++;
	return 0;
}

void sim_wipe_fork_cookie(void)
{
	if (fork_cookie)
		memset(fork_cookie, 0, OS_PAGE);
}

u32 sim_fork_cookie(void)
{
	return *fork_cookie;
}

/* ---- the rest of os.h ---- */

u64 os_clock_ms(void)
{
	return sim.clock_ms;
}

void os_sleep_ms(u32 ms)
{
	void (*others)(void) = sim.on_sleep;

	sim.clock_ms += ms;
	sim.on_sleep = NULL;
	if (others)
		others();
	if (!in_real_thread() && ++sim.sleeps > MAX_SLEEPS)
		sim_fail(__FILE__, __LINE__, "somebody will do what is waited for");
}

void os_write_err(const char *text, size_t len)
{
	write_report(text, len);
}

bool os_write_fd(int fd, const char *text, size_t len)
{
	(void)fd;
	write_report(text, len);
	return true;
}

u64 os_random(void)
{
	return sim.random;
}

const char *os_getenv(const char *name)
{
	(void)name;
	return NULL;
}

unsigned int os_nr_cpus(void)
{
	return sim.nr_cpus;
}

size_t os_page_bytes(void)
{
	return sim.page_bytes;
}

u64 os_memory_bytes(void)
{
	u64 sum = 0;

	for (int n = 0; n < MAX_NUMNODES; n++)
		sum += sim.nodes.bytes[n];
	return sum;
}

void os_get_limits(struct os_limits *ret)
{
	*ret = sim.limits;
}

u64 os_resident_pages(void)
{
	return sim.resident_pages;
}

int os_memory_room(u64 *ret_limit, u64 *ret_room)
{
	bool told = sim.memory_limit && !sim.memory_error;

	*ret_limit = told ? sim.memory_limit : OS_UNLIMITED;
	*ret_room = told ? sim.memory_room() : OS_UNLIMITED;
	sim.memory_looks++;
	return sim.memory_error;
}

/* ---- running ---- */

/* Where blocks will lie is easier to predict in a zone that begins with a whole block. */
static void accept_first_block(struct zone *zone)
{
	while (zone->accept_pfn % MAX_ORDER_NR_PAGES && accept_memory(zone, 1))
		continue;
}

bool sim_start(void)
{
	static bool started;

	bug_ops.write = os_write_err;
	bug_ops.abort = os_abort;
	slab_hit_sequences = sim.sequences;
	if (!started) {
		started = mm_init() == 0;
		if (started)
			slab_init();
		if (started && !sim.small_steps)
			accept_first_block(&node_data[mm_nearest_node(0)].zones[ZONE_NORMAL]);
	}
	return started;
}

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGABRT};

int sim_run_status(void (*body)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		/* cmocka catches these, and would go on with its tests in this child. */
		for (size_t i = 0; i < ARRAY_SIZE(fatal_signals); i++)
			signal(fatal_signals[i], SIG_DFL);
		sim_one_node(GiB);
		bug_ops.write = os_write_err;
		bug_ops.abort = os_abort;
		body();
		fflush(NULL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1000;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void sim_run(void (*body)(void))
{
	assert_int_equal(sim_run_status(body), 0);
}
