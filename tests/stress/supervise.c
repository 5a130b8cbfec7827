/*
 * supervise.c - run a stress program under the eye of a second process
 */
#include "supervise.h"

#include "clock.h"
#include "report.h"
#include "stacks.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STRAGGLER_SECONDS = 20 };

/* Shared with every process of the run; a counter is 0 while nobody vouches for it. */
static _Atomic unsigned long *counters;

void progress(unsigned int counter)
{
	unsigned long value = atomic_load_explicit(&counters[counter], memory_order_relaxed);

	/* A lost increment of two writers is no loss: the value still changes. */
	atomic_store_explicit(&counters[counter], value + 1 ? value + 1 : 1, memory_order_relaxed);
}

void progress_done(unsigned int counter)
{
	atomic_store_explicit(&counters[counter], 0, memory_order_relaxed);
}

static time_t hang_seconds(void)
{
	const char *given = getenv("STRESS_HANG_SECONDS");

	return given && atoi(given) > 0 ? atoi(given) : 60;
}

/* Returns the number of a counter that stands still too long, or -1. */
static int find_hang(void)
{
	static unsigned long last_value[PROGRESS_COUNTERS];
	static time_t last_change[PROGRESS_COUNTERS];
	time_t now = (time_t)(now_ms() / 1000);

	for (int i = 0; i < PROGRESS_COUNTERS; i++) {
		unsigned long value = atomic_load_explicit(&counters[i], memory_order_relaxed);

		if (value == 0 || value != last_value[i] || last_change[i] == 0) {
			last_value[i] = value;
			last_change[i] = now;
		} else if (now - last_change[i] > hang_seconds()) {
			return i;
		}
	}
	return -1;
}

/*
 * True when the whole group is gone.  Orphans come to the supervisor, and those that are
 * merely on their way out get some seconds.
 */
static bool group_is_gone(pid_t group)
{
	for (int i = 0; i < 20 * STRAGGLER_SECONDS; i++) {
		while (waitpid(-group, NULL, WNOHANG) > 0)
			continue;
		if (kill(-group, 0) != 0)
			return true;
		sleep_ms(50);
	}
	return false;
}

static int ended(pid_t child, int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
		if (WIFSIGNALED(status))
			say("supervisor: the run was ended by signal %d", WTERMSIG(status));
		kill(-child, SIGKILL);
		return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
	}
	/* A process that the run lost sight of is mostly one that hangs. */
	if (!group_is_gone(child)) {
		say("supervisor: the run left processes behind");
		stacks_of_group(child);
		kill(-child, SIGKILL);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

/* Waits for the child's end, a hang, or the wish of the user or of meson to stop. */
static int watch(pid_t child, const sigset_t *signals)
{
	const struct timespec tick = {.tv_sec = 1};

	for (;;) {
		int signal = sigtimedwait(signals, NULL, &tick);
		int status, hung;

		if (waitpid(child, &status, WNOHANG) == child)
			return ended(child, status);
		hung = find_hang();
		if (signal == SIGTERM || signal == SIGINT || hung >= 0) {
			if (hung >= 0)
				say("supervisor: HANG, no progress of actor %d for %ld s", hung,
				    (long)hang_seconds());
			stacks_of_group(child);
			kill(-child, SIGKILL);
			waitpid(child, &status, 0);
			return EXIT_FAILURE;
		}
	}
}

int supervise(int (*body)(void *argument), void *argument)
{
	sigset_t signals, before;
	pid_t child;

	counters = mmap(NULL, PROGRESS_COUNTERS * sizeof(*counters), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counters == MAP_FAILED)
		fail("cannot map the progress page");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, &before);
	child = fork();
	if (child < 0)
		fail("cannot fork the run");
	if (child == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
		sigprocmask(SIG_SETMASK, &before, NULL);
		exit(body(argument));
	}
	/* In both, so that the group exists whichever runs first. */
	setpgid(child, child);
	return watch(child, &signals);
}

int supervise_seeded(const char *program, int argc, char **argv, const char *skipped,
		     int (*body)(void *seed))
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : fresh_seed();

	if (skipped) {
		say("skipped: %s", skipped);
		return EXIT_SKIPPED;
	}
	report_seed(program, seed);
	return supervise(body, &seed);
}
