/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_SYNC_TASK_ID_H
#define BUDDY_SYNC_TASK_ID_H
/*
 * task_id.h - who holds a lock
 *
 * A thread with a task block is known by the block's number; one without (before its first
 * allocation, or for want of memory) by a bare number, which has TASK_ID_BARE set.  Either stays
 * the same in a forked child, where the thread still has the locks that it forked with.
 */
#include "base/compiler.h"

#pragma GCC visibility push(hidden)

#define TASK_ID_BITS 23
#define TASK_ID_BARE (1u << 22)
#define TASK_ID_MASK ((1u << TASK_ID_BITS) - 1)

/* 0 before the first use; then a bare number; then that of the task block.  Owner: this thread. */
extern __thread u32 task_id_tls __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Give this thread a bare number, unless it has a number by now.  Return: its number. */
u32 task_id_bare(void);

static inline u32 task_id(void)
{
	return likely(task_id_tls) ? task_id_tls : task_id_bare();
}

/* Does a task block have this number? */
static inline bool task_id_has_block(u32 id)
{
	return id && !(id & TASK_ID_BARE);
}

#pragma GCC visibility pop

#endif
