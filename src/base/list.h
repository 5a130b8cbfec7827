/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_BASE_LIST_H
#define BUDDY_BASE_LIST_H
/*
 * list.h - circular doubly linked lists, linked through a member
 *
 * Linux:  include/linux/list.h, as far as it is used here.
 */
#include "base/atomic.h"

struct list_head {
	struct list_head *next, *prev;
};

static inline void list_init(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline void list_add_between(struct list_head *n, struct list_head *prev,
				    struct list_head *next)
{
	next->prev = n;
	n->next = next;
	n->prev = prev;
	prev->next = n;
}

static inline void list_add(struct list_head *n, struct list_head *head)
{
	list_add_between(n, head, head->next);
}

static inline void list_add_tail(struct list_head *n, struct list_head *head)
{
	list_add_between(n, head->prev, head);
}

static inline void list_del(struct list_head *n)
{
	n->next->prev = n->prev;
	n->prev->next = n->next;
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_move(struct list_head *n, struct list_head *head)
{
	list_del(n);
	list_add(n, head);
}

static inline void list_move_tail(struct list_head *n, struct list_head *head)
{
	list_del(n);
	list_add_tail(n, head);
}

/*
 * A lock-free stack of nodes, linked by next alone.  Threads and their signal handlers push; the
 * whole stack is taken at once.
 */
static inline void stack_push(struct list_head **top, struct list_head *node)
{
	struct list_head *next = READ_ONCE(*top);

	do {
		node->next = next;
		/* Release pairs with the acquire in stack_take(). */
	} while (!__atomic_compare_exchange_n(top, &next, node, true, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
}

static inline struct list_head *stack_take(struct list_head **top)
{
	/*
	 * Also release: a thread that finds it empty then sees who has taken it (slub.c, takers).
	 */
	return __atomic_exchange_n(top, NULL, __ATOMIC_ACQ_REL);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_last_entry(head, type, member) list_entry((head)->prev, type, member)
#define list_for_each(pos, head) for (pos = (head)->next; pos != (head); pos = pos->next)
/* Over the structs that contain the nodes, as their @member; @pos points to such a struct. */
#define list_for_each_entry(pos, head, member)                                                     \
	for (pos = list_first_entry(head, __typeof__(*pos), member); &pos->member != (head);       \
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))
#define list_for_each_safe(pos, n, head)                                                           \
	for (pos = (head)->next, n = pos->next; pos != (head); pos = n, n = pos->next)

#endif
