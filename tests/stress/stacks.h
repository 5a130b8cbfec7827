/*
 * stacks.h - what the processes of a hung run are doing
 */
#ifndef BUDDY_TESTS_STRESS_STACKS_H
#define BUDDY_TESTS_STRESS_STACKS_H

#include <sys/types.h>

/* Prints the stacks of all processes of a process group, by gdb where it is installed. */
void stacks_of_group(pid_t group);

#endif
