/*
 * life.c - what the small programs of this folder share
 */
#include "life.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_SKIPPED = 77 };

void life_fail(const char *file, int line, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(STDERR_FILENO, "%s:%d: %s\n", file, line, text);
	_exit(EXIT_FAILURE);
}

void skip(const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(STDOUT_FILENO, "skipped: %s\n", text);
	_exit(EXIT_SKIPPED);
}

/* ISO C has no cast from void * to a function pointer; for POSIX the bytes are the same. */
static int (*find_verify(void))(void)
{
	void *symbol = dlsym(RTLD_DEFAULT, "buddy_verify");
	int (*function)(void);

	memcpy(&function, &symbol, sizeof(function));
	return function;
}

bool libbuddy_loaded(void)
{
	return find_verify() != NULL;
}

void require_libbuddy(void)
{
	CHECK(libbuddy_loaded() || getenv("LIFE_ANY_HEAP"), "libbuddy is not loaded");
}

void verify(const char *where)
{
	int (*function)(void) = find_verify();

	if (function) {
		int violations = function();

		CHECK(violations == 0, "buddy_verify() found %d violations %s", violations, where);
	}
}

size_t live_bytes(void)
{
	return libbuddy_loaded() ? mallinfo2().uordblks : 0;
}

/* smaps_rollup is exact; what statm shows lags behind, since each CPU counts for itself. */
static size_t resident_kib_by(const char *path)
{
	char text[512];
	size_t kib = 0;
	ssize_t length;
	char *rss;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	rss = strstr(text, "Rss:");
	if (rss)
		sscanf(rss, "Rss: %zu", &kib);
	return kib;
}

size_t resident_kib_of(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	return resident_kib_by(path);
}

/* Without getpid(), which a filter may end the program for. */
size_t resident_kib(void)
{
	return resident_kib_by("/proc/self/smaps_rollup");
}

void fill(void *mem, size_t size, unsigned int key)
{
	unsigned char *bytes = mem;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(key * 31 + i);
}

bool filled(const void *mem, size_t size, unsigned int key)
{
	const unsigned char *bytes = mem;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (unsigned char)(key * 31 + i))
			return false;
	return true;
}

pid_t fork_connected(int *ret_end)
{
	int ends[2];
	pid_t child;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "no socket");
	child = fork();
	CHECK(child >= 0, "cannot fork");
	*ret_end = ends[child == 0];
	close(ends[child != 0]);
	return child;
}

int wait_for(pid_t child)
{
	int status;

	CHECK(child > 0, "no child: errno %d", errno);
	while (waitpid(child, &status, 0) != child)
		CHECK(errno == EINTR, "waitpid: errno %d", errno);
	return status;
}

void expect_success(pid_t child, const char *what)
{
	expect_good_status(wait_for(child), what);
}

void expect_good_status(int status, const char *what)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED)
		_exit(EXIT_SKIPPED);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s ended with status %#x", what,
	      (unsigned int)status);
}

void run_again(const char *path, const char *first, const char *second)
{
	/* execv() does not change its strings; only its prototype is without const. */
	char *argv[] = {(char *)(uintptr_t)path, (char *)(uintptr_t)first,
			(char *)(uintptr_t)second, NULL};

	execv(path, argv);
	life_fail(__FILE__, __LINE__, "cannot run %s again: errno %d", path, errno);
}

void *keep(void *mem)
{
	__asm__ volatile("" : "+r"(mem) : : "memory");
	return mem;
}

int hear(void (*in_child)(const void *), const void *arg, char *ret_text, size_t size)
{
	size_t length = 0;
	ssize_t got;
	int ends[2];
	pid_t child;

	CHECK(pipe(ends) == 0, "no pipe");
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		in_child(arg);
		_exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], ret_text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	ret_text[length] = '\0';
	close(ends[0]);
	return wait_for(child);
}

struct heard_program {
	const char *path, *argument, *options;
	uid_t uid;
};

static void run_program(const void *arg)
{
	const struct heard_program *p = arg;

	setenv("BUDDY_OPTIONS", p->options, 1);
	if (p->uid != 0 && (setgid(p->uid) != 0 || setuid(p->uid) != 0))
		_exit(EXIT_FAILURE);
	run_again(p->path, p->argument, NULL);
}

int run_heard(const char *path, const char *argument, const char *options, uid_t uid,
	      char *ret_text, size_t size)
{
	const struct heard_program program = {path, argument, options, uid};

	return hear(run_program, &program, ret_text, size);
}

/* Not by readdir(), which calls malloc(). */
unsigned int count_threads(void)
{
	struct stat tasks;

	CHECK(stat("/proc/self/task", &tasks) == 0, "cannot read /proc/self/task");
	return (unsigned int)tasks.st_nlink - 2;
}

enum { BLOCKS_MAX = 24000 };

size_t fill_and_free_blocks(size_t nr, size_t size)
{
	static void *block[BLOCKS_MAX];
	size_t full;

	CHECK(nr <= BLOCKS_MAX, "too many blocks");
	for (size_t i = 0; i < nr; i++) {
		block[i] = malloc(size);
		CHECK(block[i], "no memory");
		memset(block[i], 1, size);
	}
	full = resident_kib();
	for (size_t i = 0; i < nr; i++)
		free(block[i]);
	return full;
}

size_t fill_and_free(void)
{
	return fill_and_free_blocks(20000, 5000);
}

void expect_resident_below(size_t kib, void (*meanwhile)(void))
{
	const struct timespec tick = {.tv_nsec = 100000000};
	size_t left = 0;

	for (int i = 0; i < 150; i++) {
		nanosleep(&tick, NULL);
		if (meanwhile)
			meanwhile();
		left = resident_kib();
		if (left < kib)
			return;
	}
	CHECK(false, "%zu KiB stay resident, not less than %zu", left, kib);
}

void expect_given_back(size_t full, void (*meanwhile)(void))
{
	expect_resident_below(full / 3, meanwhile);
}

enum { CALLS_MAX = 16 };

bool try_to_enter_filter(struct sock_filter *code, size_t length)
{
	struct sock_fprog program = {.filter = code, .len = (unsigned short)length};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
		       &program) == 0;
}

/* What becomes of @calls, and of all others: SECCOMP_RET_*.  Return: whether it is so. */
static bool filter_calls(const int *calls, size_t count, unsigned int these, unsigned int others)
{
	struct sock_filter code[CALLS_MAX + 3];

	CHECK(count <= CALLS_MAX, "too many calls");
	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < count; i++)
		code[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							   (unsigned int)calls[i],
							   (unsigned char)(count - i), 0);
	code[1 + count] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, others);
	code[2 + count] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, these);
	return try_to_enter_filter(code, count + 3);
}

bool try_to_refuse_calls(const int *calls, size_t count, unsigned int error)
{
	return filter_calls(calls, count, SECCOMP_RET_ERRNO | error, SECCOMP_RET_ALLOW);
}

bool try_to_end_at_calls(const int *calls, size_t count)
{
	return filter_calls(calls, count, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW);
}

bool try_to_end_at_other_calls(const int *calls, size_t count)
{
	return filter_calls(calls, count, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS);
}

void refuse_calls(const int *calls, size_t count, unsigned int error)
{
	if (!try_to_refuse_calls(calls, count, error))
		skip("no seccomp filter: errno %d", errno);
}
