/* SPDX-License-Identifier: MIT */
#ifndef TWO_NODES_SLOW_MODULE_H
#define TWO_NODES_SLOW_MODULE_H
/*
 * slow_module.h - files by which slow_module.c and exit_early.c wait for each other
 */
#define LOADING "/tmp/loading"
#define RELEASE "/tmp/release"

#endif
