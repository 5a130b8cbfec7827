/* SPDX-License-Identifier: MIT */
/*
 * os.c - threads, signals, limits and other small things on Linux
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
#include <linux/kcmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

void os_abort(void)
{
	/* The C library's abort() flushes nothing, and takes no lock but its own. */
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

static slowpath bool is_of_parent(u32 tid)
{
	long err = sys3(SYS_tgkill, os_parent_id(), tid, 0);

	return !err || err == -EPERM;
}

/*
 * The C library's number of this thread is found as the owner of an error-checking mutex.  Most
 * programs ask once, at start, and it is their own: what comes then lies with what few run.
 */
bool os_thread_is_borrowed(void)
{
	pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
	u32 owner;

	if (pthread_mutex_lock(&mutex))
		return false;
	owner = (u32)mutex.__data.__owner;
	(void)pthread_mutex_unlock(&mutex);
	return owner != os_thread_id() && is_of_parent(owner);
}

slowpath bool os_memory_is_borrowed(void)
{
	return sys5(SYS_kcmp, os_process_id(), os_parent_id(), KCMP_VM, 0, 0) <= 0;
}

/* Where the C library keeps it, as far from the thread-local variables in each thread. */
static slowpath char *robust_list_of(u32 tid)
{
	char *head = NULL;
	size_t len;

	return sys3(SYS_get_robust_list, tid, &head, &len) ? NULL : head;
}

slowpath ptrdiff_t os_to_first_thread(void)
{
	char *first = robust_list_of(os_process_id()), *own = robust_list_of(os_thread_id());

	return first && own ? first - own : 0;
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

/* As pthread_getcpuclockid() makes it: CPUCLOCK_PERTHREAD_MASK and CPUCLOCK_SCHED of the kernel. */
static slowpath long read_clock_of(u32 tid)
{
	struct timespec unused;

	return sys2(SYS_clock_gettime, (clockid_t)(~tid << 3 | 6), &unused);
}

/*
 * Where a filter refuses tgkill(), a thread that is gone is told by its clock, which it has no
 * more.  That of tor refuses sched_getscheduler() too.
 */
static slowpath bool has_lost_clock(u32 tid)
{
	return read_clock_of(tid) == -EINVAL && read_clock_of(os_thread_id()) == 0;
}

bool os_thread_gone(u32 tid)
{
	long err = sys3(SYS_tgkill, sys0(SYS_getpid), tid, 0);

	return err == -ESRCH || (unlikely(err) && has_lost_clock(tid));
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

	/* Early in the system's start the generator may not be ready. */
	if (sys3(SYS_getrandom, &v, sizeof(v), GRND_NONBLOCK) == (long)sizeof(v))
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
 * The C library is asked only for variables that are set: secure_getenv() lies in 64 KiB of its
 * text that small programs do not need otherwise.
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
	static unsigned int cpus; /* racy: all who ask first find about the same */
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

/* This thread's affinity is asked only if /sys does not tell: it may be bound to a few CPUs. */
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
	return OS_PAGE; /* there are no others, and getauxval() would touch another page */
#else
	return getauxval(AT_PAGESZ);
#endif
}

static u64 ram_known, swap_known; /* racy: everyone finds the same; the first is set last */

/* Asked once, at the start: a filter that the program enters later may end it for the call. */
static void ask_for_memory(void)
{
	struct sysinfo si;

	if (load_acquire(&ram_known))
		return;
	if (sys1(SYS_sysinfo, &si))
		si = (struct sysinfo){.totalram = 4 * GiB, .mem_unit = 1};
	WRITE_ONCE(swap_known, (u64)si.totalswap * si.mem_unit);
	store_release(&ram_known, (u64)si.totalram * si.mem_unit);
}

u64 os_memory_bytes(void)
{
	ask_for_memory();
	return READ_ONCE(ram_known) + READ_ONCE(swap_known);
}

u64 os_ram_bytes(void)
{
	ask_for_memory();
	return READ_ONCE(ram_known);
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

/* The number in text[] at *at, which moves on beyond it and the character after it. */
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

	(void)next_number(text, n, &at); /* address space */
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
 * Does madvise() accept even advice that does not exist?  Then its yes means nothing: qemu-user of
 * Debian 12, and filters that answer for the system, wipe nothing, and a child that took itself for
 * its parent waited for a lost thread.
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
		/* Not vm_unmap(): the start is no time for listeners, and none knows the page. */
		(void)sys2(SYS_munmap, page, OS_PAGE);
		return NULL;
	}
	return page;
}

/*
 * Signals are blocked: a handler that forked in the middle of this would wait for a lock that its
 * own thread has.
 */
slowpath int os_at_fork_child(void (*fn)(void))
{
	u64 mask = os_block_signals();
	int saved = errno, err = pthread_atfork(NULL, NULL, fn);

	errno = saved;
	os_restore_signals(mask);
	return -err;
}

/* Had the program a filter when it started?  Const once it is known. */
static enum { NOT_ASKED, NO_FILTER, FILTER } at_start touched_first;

void os_note_filter(void)
{
	if (at_start == NOT_ASKED)
		at_start = sys1(SYS_prctl, PR_GET_SECCOMP) == 0 ? NO_FILTER : FILTER;
}

slowpath bool os_began_locked_in(void)
{
	os_note_filter();
	return at_start == FILTER;
}

/*
 * What follows @key in a file; @key starts with the only end of line in it.  Return: that
 * character, or -errno.
 */
static slowpath int character_after(const char *path, const char *key)
{
	long fd = sys4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), n;
	const char *at = key;
	char text[512];
	int found = sys_failed(fd) ? (int)fd : -ENOENT;

	while (found == -ENOENT && (n = sys3(SYS_read, fd, text, sizeof(text))) > 0) {
		for (long i = 0; i < n && found == -ENOENT; i++) {
			if (!*at)
				found = text[i];
			else
				at = text[i] == *at ? at + 1 : key + (text[i] == *key);
		}
	}
	if (!sys_failed(fd))
		(void)sys1(SYS_close, fd);
	return found;
}

/*
 * A large heap has opened files in /proc before, for its limit; prctl() may be a call that the
 * filter ends the program for (that of Qt WebEngine 5 does, and refuses openat()).  So that is
 * asked only where there is no /proc, as in many a chroot().
 */
slowpath bool os_is_locked_in(void)
{
	int mode;

	if (at_start != NO_FILTER)
		return false;
	mode = character_after("/proc/thread-self/status", "\nSeccomp:\t");
	return mode == -ENOENT ? sys1(SYS_prctl, PR_GET_SECCOMP) != 0 : mode != '0';
}

slowpath bool os_is_filtered(void)
{
	return os_began_locked_in() || os_is_locked_in();
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
static struct thread_start start; /* written before the one thread that reads it is created */

static void *thread_main(void *arg)
{
	(void)sys2(SYS_prctl, PR_SET_NAME, start.name);
	return start.fn(arg);
}

#define STACK (128 * KiB) /* beside what the C library puts there; no less than it asks for */
#define STACK_FOR_MOST (192 * KiB)

static slowpath int add_tls(struct dl_phdr_info *info, size_t size, void *sum)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			*(size_t *)sum += info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
	return 0;
}

/* The thread-local storage of the program and its libraries lies there, and may be large. */
static slowpath size_t measured_stack(void)
{
	size_t tls = 0;

	(void)dl_iterate_phdr(add_tls, &tls);
	return ALIGN_UP(STACK + tls, OS_PAGE);
}

/*
 * The stack is measured only if it has to be: the list of libraries has a lock, and another thread
 * may hold that while it waits, in a callback of its own, for a lock that this one has.
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
	memset(&all, 0xff, sizeof(all));
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
