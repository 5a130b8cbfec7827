/* SPDX-License-Identifier: MIT */
#ifndef TWO_NODES_OURS_H
#define TWO_NODES_OURS_H
/*
 * ours.h - the part of libbuddy's face that concerns nodes, looked up at run time
 *
 * The guest programs do not link libbuddy: it is preloaded under them as under any other program,
 * and without it they still run on the C library's malloc.
 */
#include <buddy/gfp.h>
#include <stdbool.h>
#include <stddef.h>

struct page;

struct ours {
	int (*nr_nodes)(void);
	int (*node_distance)(int a, int b);
	int (*node_of_cpu)(int cpu);
	int (*node_of)(const void *p);

	void *(*kmalloc_node)(size_t size, gfp_t gfp, int node);
	void (*kfree)(const void *p);
	struct page *(*alloc_pages_node)(int node, gfp_t gfp, unsigned int order);
	void (*free_pages)(struct page *page, unsigned int order);
	void *(*page_address)(const struct page *page);
};

extern struct ours ours;

/**
 * ours_load - fill in `ours`
 * Return: true if every function is there; otherwise false, after a check() that failed.
 */
bool ours_load(void);

#endif
