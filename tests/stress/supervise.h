/*
 * supervise.h - run a stress program under the eye of a second process
 *
 * A hang is a failure with stacks.  The work runs in a child process and shows that it is
 * alive by counting on a shared page; a counter that is in use and stands still for a minute
 * is a hang, whatever the machine's speed.  The supervisor then prints the stacks of all
 * processes of the run, kills them and fails.
 */
#ifndef BUDDY_TESTS_STRESS_SUPERVISE_H
#define BUDDY_TESTS_STRESS_SUPERVISE_H

enum { PROGRESS_COUNTERS = 64 };

/* Runs @body in a child in a process group of its own; returns the exit status for main. */
int supervise(int (*body)(void *argument), void *argument);

/*
 * The same for a program whose one argument is its seed, which @body is given.  @skipped: why this
 * build cannot run it, or NULL.
 */
int supervise_seeded(const char *program, int argc, char **argv, const char *skipped,
		     int (*body)(void *seed));

/* Starts or continues a counter: "this actor lives". */
void progress(unsigned int counter);

/* Stops watching a counter: the actor rests or is gone. */
void progress_done(unsigned int counter);

#endif
