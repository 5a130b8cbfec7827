/* SPDX-License-Identifier: MIT */
/*
 * os.c - clocks, threads, limits and restartable sequences on Linux
 */
#define _GNU_SOURCE
#include "platform/os.h"
#include "base/atomic.h"
#include "base/fmt.h"
#include "base/math.h"
#include "platform/vm.h"
#include "platform/linux/syscall.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

u64 os_clock_ms(void)
{
	struct timespec t = {0};

	/* The vDSO answers; clock_gettime() cannot fail for this clock, so errno stays. */
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

static struct {
	dev_t dev;
	ino_t ino;
	bool noted, open; /* open: it was, at the start */
} first_stderr;		  /* const after start */

void os_note_stderr(void)
{
	struct stat st;

	first_stderr.open = sys2(SYS_fstat, 2, &st) == 0;
	if (first_stderr.open) {
		first_stderr.dev = st.st_dev;
		first_stderr.ino = st.st_ino;
	}
	first_stderr.noted = true;
}

/*
 * A program may have closed fd 2 and opened a file of its own there; a report must not land in
 * its data.  Where fd 2 was closed at the start, whatever came there since is the program's.  Else
 * the decision is taken by the kind of file, if it is not what was there at the start: a program
 * sends its messages to a pipe, or to a file that is open for writing only, since one that is
 * opened for reading too may be a database; a socket is a connection, and somebody else at its end.
 */
slowpath bool os_stderr_is_ours(void)
{
	struct stat st;

	if (sys2(SYS_fstat, 2, &st) != 0)
		return false;
	if (S_ISCHR(st.st_mode))
		return true;
	if (!first_stderr.noted)
		os_note_stderr();
	if (!first_stderr.open)
		return false;
	if (st.st_ino == first_stderr.ino && st.st_dev == first_stderr.dev)
		return true;
	return S_ISFIFO(st.st_mode) ||
	       (S_ISREG(st.st_mode) && (sys2(SYS_fcntl, 2, F_GETFL) & O_ACCMODE) == O_WRONLY);
}

slowpath void os_write_err(const char *text, size_t len)
{
	if (os_stderr_is_ours())
		os_write_fd(2, text, len);
}

/* A pipe may be full and not block: a reader that is alive has a second for each piece. */
static slowpath bool wait_until_writable(int fd)
{
	struct pollfd poll = {.fd = fd, .events = POLLOUT};
	struct timespec second = {.tv_sec = 1};
	long err;

	do
		err = sys5(SYS_ppoll, &poll, 1, &second, NULL, 0);
	while (err == -EINTR); /* the system has taken off what has passed */
	return err == 1;
}

/* Return: false if nobody reads from the pipe. */
static slowpath bool write_all(int fd, const char *text, size_t len)
{
	while (len) {
		long n = sys3(SYS_write, fd, text, len);

		if (n == -EINTR || (n == -EAGAIN && wait_until_writable(fd)))
			continue;
		if (n <= 0)
			return n != -EPIPE;
		text += n;
		len -= (size_t)n;
	}
	return true;
}

/* A pipe without a reader is no reason to end a program that wrote nothing itself. */
slowpath void os_write_fd(int fd, const char *text, size_t len)
{
	const u64 pipe = (u64)1 << (SIGPIPE - 1);
	const struct timespec now = {.tv_sec = 0};
	u64 old = 0, pending = 0;

	(void)sys4(SYS_rt_sigprocmask, SIG_BLOCK, &pipe, &old, sizeof(old));
	(void)sys2(SYS_rt_sigpending, &pending, sizeof(pending));
	if (!write_all(fd, text, len) && !(pending & pipe))
		(void)sys4(SYS_rt_sigtimedwait, &pipe, NULL, &now, sizeof(pipe));
	(void)sys4(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof(old));
}

void os_abort(void)
{
	/* abort() of the C library flushes nothing and takes only its own lock. */
	abort();
}

u32 os_thread_id(void)
{
	return (u32)sys0(SYS_gettid);
}

u32 os_process_id(void)
{
	return (u32)sys0(SYS_getpid);
}

slowpath u32 os_parent_id(void)
{
	return (u32)sys0(SYS_getppid);
}

#define KERNEL_SIGSET_BYTES 8

u64 os_block_signals(void)
{
	u64 all = ~(u64)0, old = 0;

	(void)sys4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, KERNEL_SIGSET_BYTES);
	return old;
}

void os_restore_signals(u64 mask)
{
	(void)sys4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, KERNEL_SIGSET_BYTES);
}

/* Where a filter refuses the call that names the process: no process has such a thread. */
bool os_thread_gone(u32 tid)
{
	long err = sys3(SYS_tgkill, sys0(SYS_getpid), tid, 0);

	return err == -ESRCH || (unlikely(err) && sys1(SYS_sched_getscheduler, tid) == -ESRCH);
}

void os_futex_wait(u32 *word, u32 expected, u32 timeout_ms)
{
	struct timespec t = {.tv_sec = timeout_ms / 1000,
			     .tv_nsec = (long)(timeout_ms % 1000) * 1000000};

	(void)sys4(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &t);
}

void os_futex_wake(u32 *word, int count)
{
	(void)sys3(SYS_futex, word, FUTEX_WAKE_PRIVATE, count);
}

u64 os_random(void)
{
	u64 v = 0;
	const u64 *at_random;

	/* 1 is GRND_NONBLOCK: early in boot the pool may not be ready. */
	if (sys3(SYS_getrandom, &v, sizeof(v), 1) == (long)sizeof(v))
		return v;
	at_random = (const u64 *)getauxval(AT_RANDOM);
	if (at_random)
		v = at_random[0] ^ (at_random[1] << 1);
	return v ^ (os_clock_ms() << 20);
}

bool os_have_environment(void)
{
	return __environ;
}

static bool is_variable(const char *entry, const char *name)
{
	while (*name && *entry == *name) {
		entry++;
		name++;
	}
	return !*name && *entry == '=';
}

/*
 * The C library is asked only for what is there: secure_getenv() lies on 64 KiB of its text that
 * small programs have no other use for.
 */
const char *os_getenv(const char *name)
{
	for (char **entry = __environ; entry && *entry; entry++)
		if (is_variable(*entry, name))
			return secure_getenv(name);
	return NULL;
}

unsigned int os_node(void)
{
	unsigned int node = 0;

	(void)sys3(SYS_getcpu, NULL, &node, NULL);
	return node;
}

unsigned int os_nr_cpus(void)
{
	static unsigned int cpus; /* racy: whoever asks first finds the same */
	unsigned long mask[64];	  /* 4096 CPUs */
	unsigned int found = 0;
	long n;

	if (READ_ONCE(cpus))
		return READ_ONCE(cpus);
	n = sys3(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	for (long i = 0; i < n / (long)sizeof(mask[0]); i++)
		found += (unsigned int)__builtin_popcountl(mask[i]);
	WRITE_ONCE(cpus, MAX(found, 1u));
	return READ_ONCE(cpus);
}

slowpath bool sys_device_exists(const char *kind, int nr)
{
	char path[64];
	struct fmt_buf b = {.buf = path, .size = sizeof(path)};

	fmt_print(&b, "/sys/devices/system/%s%d", kind, nr);
	return sys4(SYS_faccessat, AT_FDCWD, path, F_OK, 0) == 0;
}

/* A thread may be held to some CPUs by itself, so where it may run is asked only without /sys. */
slowpath bool os_cpu_exists(int cpu)
{
	unsigned long mask[64];
	long n;

	if (cpu >= 0 && sys_device_exists("cpu/cpu", cpu))
		return true;
	n = sys3(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	return cpu >= 0 && cpu < n * 8 && (mask[cpu / 64] >> (cpu % 64) & 1);
}

size_t os_page_bytes(void)
{
#if defined(__x86_64__)
	return OS_PAGE; /* there are no others, and a program need not touch where it is said */
#else
	return getauxval(AT_PAGESZ);
#endif
}

u64 os_memory_bytes(void)
{
	struct sysinfo si;

	if (sys1(SYS_sysinfo, &si) != 0)
		return 4 * (u64)GiB;
	return ((u64)si.totalram + si.totalswap) * si.mem_unit;
}

slowpath long sys_read_file(const char *path, char *buf, size_t size)
{
	long fd = sys4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), n = 0;
	size_t len = 0;

	if (sys_failed(fd))
		return fd;
	while (len < size && (n = sys3(SYS_read, fd, buf + len, size - len)) > 0)
		len += (size_t)n;
	(void)sys1(SYS_close, fd);
	return n < 0 ? n : (long)len;
}

/* The number in text[] from *at on, which is moved behind it and what follows it. */
static slowpath u64 next_number(const char *text, long len, long *at)
{
	u64 number = 0;

	for (; *at < len && text[*at] >= '0' && text[*at] <= '9'; (*at)++)
		number = number * 10 + (u64)(text[*at] - '0');
	(*at)++;
	return number;
}

slowpath u64 os_resident_pages(void)
{
	char text[128];
	long n = sys_read_file("/proc/self/statm", text, sizeof(text)), at = 0;
	u64 resident, files;

	(void)next_number(text, n, &at); /* of address space */
	resident = next_number(text, n, &at);
	files = next_number(text, n, &at);
	return resident - MIN(files, resident);
}

static u64 soft_limit(int resource)
{
	struct rlimit r;

	if (sys4(SYS_prlimit64, 0, resource, NULL, &r) != 0 || r.rlim_cur == RLIM_INFINITY)
		return OS_UNLIMITED;
	return r.rlim_cur;
}

void os_get_limits(struct os_limits *ret)
{
	ret->address_space = soft_limit(RLIMIT_AS);
	ret->data = soft_limit(RLIMIT_DATA);
}

/*
 * Yes to advice that there is not means nothing: qemu-user of Debian 12 and filters that answer for
 * the system wipe nothing, and a child that took itself for its parent waited for a lost thread.
 */
static bool says_yes_to_all(void *page)
{
	return sys3(SYS_madvise, page, OS_PAGE, -1) == 0;
}

u32 *os_fork_cookie_page(void)
{
	u32 *page = vm_map(OS_PAGE);

	if (!page)
		return NULL;
	if (sys3(SYS_madvise, page, OS_PAGE, MADV_WIPEONFORK) != 0 || says_yes_to_all(page)) {
		vm_unmap(page, OS_PAGE);
		return NULL;
	}
	return page;
}

/* A handler that forks in the midst would wait for the lock that this thread itself has. */
slowpath int os_at_fork_child(void (*fn)(void))
{
	u64 mask = os_block_signals();
	int saved = errno, err = pthread_atfork(NULL, NULL, fn);

	errno = saved;
	os_restore_signals(mask);
	return -err;
}

/*
 * glibc 2.35 and later registers the area of each thread and says where it lies.  Weak: with an
 * older or another C library there is none, and the slow cursors serve.
 */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

#define RSEQ_CS_OFFSET 8 /* struct rseq: cpu_id_start, cpu_id, then rseq_cs */

/* The area of this thread; NULL if the C library has none, or says that it is not in use. */
static char *rseq_area(void)
{
#if defined(__x86_64__)
	char *area;

	if (!&__rseq_size || !&__rseq_offset || !__rseq_size)
		return NULL;
	area = (char *)__builtin_thread_pointer() + __rseq_offset;
	/* cpu_id is negative while this thread is not registered. */
	return *(volatile int *)(area + 4) < 0 ? NULL : area;
#else
	return NULL;
#endif
}

#ifndef SYS_rseq
#define SYS_rseq 334 /* x86-64, which alone has sequences here */
#endif
#define RSEQ_UNREGISTER 1
#define RSEQ_LEN 32    /* what all C libraries before 2.41 register */
#define RSEQ_NO_SIG 0u /* nobody's signature */

/*
 * Does the kernel know of @area?  A thread that was made by clone() itself has an area that nobody
 * registered, and its cpu_id may be anything.  So the kernel is asked to forget it, with the wrong
 * signature: EPERM, it knows of it and does not; EINVAL, it does not.  EINVAL is also said to a
 * length other than was registered; so what is said to the first thread, which is a registered one,
 * shows whether the question is one.
 */
static bool rseq_is_known(const char *area)
{
	enum { UNASKED, MEANS_NOTHING, MEANS_UNKNOWN };
	static int einval; /* racy: all who come first get the same answer */
	long err = sys4(SYS_rseq, area, RSEQ_LEN, RSEQ_UNREGISTER, RSEQ_NO_SIG);

	if (READ_ONCE(einval) == UNASKED)
		WRITE_ONCE(einval, err == -EPERM ? MEANS_UNKNOWN : MEANS_NOTHING);
	return err != -EINVAL || READ_ONCE(einval) == MEANS_NOTHING;
}

struct rseq_cs **os_rseq_slot(void)
{
	char *area = rseq_area();

	return area && rseq_is_known(area) ? (struct rseq_cs **)(area + RSEQ_CS_OFFSET) : NULL;
}

int os_cpu_hint(void)
{
	const char *area = rseq_area();

	return area ? *(const volatile int *)(area + 4) : -1;
}

/* glibc 2.32 and later. */
extern char __libc_single_threaded __attribute__((weak));

bool os_single_threaded(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}

int os_rseq_fence_register(void)
{
	return (int)sys3(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0);
}

int os_rseq_fence(void)
{
	return (int)sys3(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0);
}

static pthread_key_t exit_key;
static bool exit_key_made; /* const after start */

int os_thread_exit_key(void (*destructor)(void *))
{
	int err = pthread_key_create(&exit_key, destructor);

	exit_key_made = !err;
	return -err;
}

void os_thread_exit_arm(void *value)
{
	int saved = errno;

	if (exit_key_made)
		(void)pthread_setspecific(exit_key, value);
	errno = saved;
}

struct thread_start {
	void *(*fn)(void *);
	char name[16];
};
static struct thread_start start; /* written before the only thread that reads it exists */

static void *thread_main(void *arg)
{
	(void)sys2(SYS_prctl, 15 /* PR_SET_NAME */, start.name);
	return start.fn(arg);
}

#define STACK (128 * KiB) /* without what the C library puts on it */
#define STACK_FOR_MOST (192 * KiB)

static slowpath int add_tls(struct dl_phdr_info *info, size_t size, void *sum)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			*(size_t *)sum += info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
	return 0;
}

/* Thread-local storage of the program and its libraries lies on the stack, and may be large. */
static slowpath size_t measured_stack(void)
{
	size_t tls = 0;

	(void)dl_iterate_phdr(add_tls, &tls);
	return MAX((size_t)PTHREAD_STACK_MIN, ALIGN_UP(STACK + tls, OS_PAGE));
}

/*
 * Measured only if it has to be: the list of libraries has a lock, which another thread may hold
 * while it waits, in a callback of its own, for a lock of this one's.
 */
static slowpath int create(pthread_attr_t *attr, bool deep)
{
	pthread_t thread;
	int err;

	pthread_attr_setstacksize(attr, deep ? measured_stack() : STACK_FOR_MOST);
	err = pthread_create(&thread, attr, thread_main, NULL);
	if (err != EINVAL || deep)
		return err;
	pthread_attr_setstacksize(attr, measured_stack());
	return pthread_create(&thread, attr, thread_main, NULL);
}

slowpath int os_thread_start(void *(*fn)(void *), const char *name, bool deep)
{
	int saved = errno, err;
	pthread_attr_t attr;
	sigset_t all, old;
	size_t i;

	start.fn = fn;
	for (i = 0; i + 1 < sizeof(start.name) && name[i]; i++)
		start.name[i] = name[i];
	start.name[i] = 0;
	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = create(&attr, deep);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	errno = saved;
	return -err;
}

#ifdef RTLD_DEEPBIND
static_assert(OS_RTLD_DEEPBIND == RTLD_DEEPBIND, "os.h");
#endif

slowpath os_dlopen_fn *os_next_dlopen(void)
{
	return __extension__(os_dlopen_fn *) dlsym(RTLD_NEXT, "dlopen");
}

void os_sleep_ms(u32 ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)sys4(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, NULL);
}
