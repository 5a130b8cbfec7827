/* SPDX-License-Identifier: MIT */
/*
 * write.c - text to a file descriptor, and whether reports may go to stderr
 *
 * Reports are written while the heap may be broken, and maybe in a signal handler, so by system
 * calls alone.
 */
#define _GNU_SOURCE
#include "base/compiler.h"
#include "platform/linux/syscall.h"
#include "platform/os.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

static struct {
	dev_t dev;
	ino_t ino;
	bool noted, open;
} first_stderr touched_first; /* const after start */

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
 * A program may have closed fd 2 and opened a file of its own there, and a report must not land in
 * its data.  If fd 2 was closed at the start, whatever is there now is the program's.  If it was
 * open, but to another file, the kind of file decides.  A pipe is for messages, and so is a regular
 * file that is open for writing only; one that is open for reading too may be a database.  A socket
 * is a connection to somebody else.
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

/* A pipe that is full and does not block: its reader has a second for each piece. */
static slowpath bool wait_until_writable(int fd)
{
	struct pollfd poll = {.fd = fd, .events = POLLOUT};
	struct timespec second = {.tv_sec = 1};
	long err;

	do
		err = sys5(SYS_ppoll, &poll, 1, &second, NULL, 0);
	while (err == -EINTR); /* the system has subtracted the time that has passed */
	return err == 1;
}

/* Return: 0 if all is written, or -errno. */
static slowpath long write_all(int fd, const char *text, size_t len)
{
	while (len) {
		long n = sys3(SYS_write, fd, text, len);

		if (n == -EINTR || (n == -EAGAIN && wait_until_writable(fd)))
			continue;
		if (n <= 0)
			return n ? n : -EIO;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Without SIGPIPE: a pipe without a reader must not end a program that wrote nothing itself. */
slowpath bool os_write_fd(int fd, const char *text, size_t len)
{
	const u64 pipe = (u64)1 << (SIGPIPE - 1);
	const struct timespec now = {.tv_sec = 0};
	u64 old = 0, pending = 0;
	long err;

	(void)sys4(SYS_rt_sigprocmask, SIG_BLOCK, &pipe, &old, sizeof(old));
	(void)sys2(SYS_rt_sigpending, &pending, sizeof(pending));
	err = write_all(fd, text, len);
	if (err == -EPIPE && !(pending & pipe))
		(void)sys4(SYS_rt_sigtimedwait, &pipe, NULL, &now, sizeof(pipe));
	(void)sys4(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof(old));
	return !err;
}
