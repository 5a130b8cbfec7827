/*
 * child.c - misuse, tried in a child process whose stderr is read
 */
#include "child.h"

#include <buddy/buddy.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BROKEN = 3 }; /* exit status of child_fail() */

void child_fail(const char *file, int line, const char *what)
{
	dprintf(STDERR_FILENO, "%s:%d: not true in the child: %s\n", file, line, what);
	_exit(BROKEN);
}

/* The framework's signal handlers would go on with its tests in the child. */
static void leave_framework(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGABRT};
	struct rlimit no_core = {0, 0};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	setrlimit(RLIMIT_CORE, &no_core);
}

static void read_all(int fd, struct outcome *ret)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, ret->text + len, sizeof(ret->text) - 1 - len)) > 0)
		len += (size_t)n;
	ret->text[len] = '\0';
	close(fd);
}

/* Fork.  Return: 1 in the child; 0 in the parent, when the child has ended, with the outcome. */
static int split(struct outcome *ret)
{
	int fds[2];
	pid_t child;

	fflush(NULL);
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		leave_framework();
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		return 1;
	}
	close(fds[1]);
	read_all(fds[0], ret);
	assert_int_equal(waitpid(child, &ret->status, 0), child);
	return 0;
}

void in_child(struct outcome *ret, bool abort_on_error, void (*fn)(void))
{
	if (!split(ret))
		return;
	child_check(buddy_option_set("abort_on_error", abort_on_error ? "on" : "off") == 0);
	fn();
	child_check(buddy_verify() == 0);
	_exit(0);
}

void in_program(struct outcome *ret, const char *argument, const char *options)
{
	if (!split(ret))
		return;
	setenv("BUDDY_OPTIONS", options, 1);
	execl("/proc/self/exe", "/proc/self/exe", argument, (char *)NULL);
	child_fail(__FILE__, __LINE__, "exec");
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void assert_one_line(const struct outcome *o, const char *what)
{
	if (strncmp(o->text, "libbuddy: ", 10) || !strstr(o->text, what) ||
	    count_lines(o->text) != 1)
		fail_msg("expected one line from libbuddy with \"%s\", got \"%s\"", what, o->text);
}

static void assert_returned(const struct outcome *o)
{
	if (!WIFEXITED(o->status) || WEXITSTATUS(o->status))
		fail_msg("did not go on as it should: status %#x, said \"%s\"",
			 (unsigned int)o->status, o->text);
}

void assert_error(void (*fn)(void), const char *what)
{
	struct outcome o;

	in_child(&o, /* abort_on_error= */ false, fn);
	assert_returned(&o);
	assert_one_line(&o, what);
	in_child(&o, /* abort_on_error= */ true, fn);
	assert_one_line(&o, what);
	if (!WIFSIGNALED(o.status) || WTERMSIG(o.status) != SIGABRT)
		fail_msg("abort_on_error=on did not end the program: status %#x",
			 (unsigned int)o.status);
}

void assert_warning(void (*fn)(void), const char *what)
{
	struct outcome o;

	in_child(&o, /* abort_on_error= */ true, fn);
	assert_returned(&o);
	assert_one_line(&o, what);
}

void assert_silent(void (*fn)(void))
{
	struct outcome o;

	in_child(&o, /* abort_on_error= */ true, fn);
	assert_returned(&o);
	assert_string_equal(o.text, "");
}

/* Not by readdir(), which calls malloc(). */
static nlink_t threads(void)
{
	struct stat s;

	child_check(stat("/proc/self/task", &s) == 0);
	return s.st_nlink - 2;
}

static uint64_t present(void)
{
	struct buddy_stats st;

	buddy_stats(&st);
	return st.present;
}

/* Grows by 72 MiB: the thread is wanted when a child has added 64 to its parent's heap. */
void child_starts_background(void *(*alloc)(void))
{
	uint64_t before = present();

	child_check(threads() == 1);
	while (present() - before < 72 << 20)
		child_check(alloc());
	child_check(threads() == 2);
}
