/* SPDX-License-Identifier: MIT */
#ifndef TWO_NODES_EVERYWHERE_H
#define TWO_NODES_EVERYWHERE_H
/*
 * everywhere.h - the same on every CPU of the machine
 */
#include "machine.h"

/** run_everywhere - @run in a thread on each CPU, all at once; returns when all have ended */
void run_everywhere(const struct machine *machine, void (*run)(int cpu));

#endif
