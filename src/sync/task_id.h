/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_SYNC_TASK_ID_H
#define BUDDY_SYNC_TASK_ID_H
/*
 * task_id.h - who holds a lock
 *
 * A thread with a task block is known by the block's number, which stays the same in a forked
 * child; one without (before its first allocation) by its kernel id, set apart by a bit.
 */
#include "base/compiler.h"

#define TASK_ID_BITS 23
#define TASK_ID_BARE (1u << 22)
#define TASK_ID_MASK ((1u << TASK_ID_BITS) - 1)

/* The task block registered its number here; 0 before that.  Owner: this thread. */
extern __thread u32 task_id_tls __attribute__((tls_model("initial-exec"), visibility("hidden")));

u32 task_id_bare(void);

static inline u32 task_id(void)
{
	return likely(task_id_tls) ? task_id_tls : task_id_bare();
}

#endif
