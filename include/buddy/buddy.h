/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_BUDDY_H
#define BUDDY_BUDDY_H
/*
 * buddy.h - the library itself: version, options, statistics, verification, nodes
 *
 * Every function here may be called from any thread.  Unless it says otherwise, none may be
 * called from a signal handler, and none touches errno.  Views of a heap that has not been used yet
 * are empty: all sums are 0, and no zone and no cache has a number.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BUDDY_VERSION_MAJOR 0
#define BUDDY_VERSION_MINOR 1

/** buddy_version - "0.1" */
const char *buddy_version(void);

/**
 * buddy_option_set - set an option by name
 * @name: as in BUDDY_OPTIONS
 * @value: as text
 *
 * Takes effect on what is done from now on; a background thread that runs is not ended by
 * background_threads=off, and slab_debug=F is for threads that start later.  Return: 0, -ENOENT
 * for an unknown name, -EINVAL for a bad value; errors are also reported on stderr.
 */
int buddy_option_set(const char *name, const char *value);

/**
 * buddy_option_get - the value of an option, as text
 * @buf: where the text goes, terminated, cut off at @size bytes
 *
 * Return: the length of the whole text, cut off or not; -ENOENT for an unknown name, -EINVAL if
 * there is no room for anything.
 */
int buddy_option_get(const char *name, char *buf, size_t size);

/**
 * buddy_option_help - one line about option number @index
 * @ret_name: its name, if not NULL
 *
 * Return: the line, or NULL beyond the last option.
 */
const char *buddy_option_help(size_t index, const char **ret_name);

/**
 * struct buddy_stats - the whole heap, in bytes, and two counters
 *
 * present = free + cached + slabs + large + pages, exactly while no other thread allocates and no
 * reclaim pass is under way, and within what is in flight otherwise.
 *
 * @present: address space taken into use
 * @free: in free blocks of the buddy; @zero of it is not resident
 * @cached: in page sets of threads
 * @slabs: in slabs; @objects of it in objects that the program holds
 * @large: in large blocks of malloc
 * @pages: handed out by the page API
 * @direct: in mappings of their own, outside present; @direct_count of them
 * @metadata: taken into use for the library's own structures, outside present; @metadata_free of
 * it in free blocks.  Descriptors of pages, 64 bytes for each page of present, come beside it.
 * @slow_allocs, @slow_frees: calls since the start that were no hits: the thread had no object at
 * hand, or no room for one.  Of large blocks allocations are counted alone.
 */
struct buddy_stats {
	uint64_t present, free, zero, cached, slabs, objects, large, pages;
	uint64_t direct, direct_count;
	uint64_t metadata, metadata_free;
	uint64_t slow_allocs, slow_frees;
};
void buddy_stats(struct buddy_stats *ret);

/**
 * struct buddy_zone_stats - one zone, in pages of 4 KiB; counters since the start
 *
 * @name: "Normal", or "Meta": the library's own structures, outside buddy_stats.present
 * @managed: of the node's memory, what watermarks are computed from; @present: taken into use
 * @free: in free blocks, @free_blocks of each order; @zero of the pages are not resident
 * @pgalloc, @pgfree: pages taken from and given to the free blocks
 * @refills, @flushes: batches of pages moved to and from page sets of threads
 * @claims, @steals: requests served from pageblocks of another migratetype, with the whole
 * pageblock changed over to theirs, or without
 * @accepted: pages the zone has grown by; @reported: given back to the system
 * @runs: blocks above order 10 handed out
 */
struct buddy_zone_stats {
	char name[16];
	int node;
	uint64_t managed, present, free, zero;
	uint64_t wmark_min, wmark_low, wmark_high, wmark_promo;
	uint64_t free_blocks[11];
	uint64_t pgalloc, pgfree, refills, flushes, claims, steals, accepted, reported, runs;
};

/**
 * buddy_zone_stats - zone number @index
 * Return: 0, or -ENOENT beyond the last.
 */
int buddy_zone_stats(int index, struct buddy_zone_stats *ret);

/**
 * struct buddy_cache_stats - one object cache, over all nodes
 * @object_size: bytes asked for; @size: what an object takes; @sheaf_capacity: in objects
 * @active: objects out of slabs, of which @cached lie in sheaves
 * @objects: that the slabs have room for
 * @refills: times that objects were taken from slabs for a sheaf, @refilled of them; @flushes and
 * @flushed: put back
 * @barn_get, @barn_put: sheaves taken from barns and left there
 * @barn_miss: times the barn of the CPU had no full sheaf; @barn_over: sheaves it had no room for
 * @homes: groups of threads with slabs of their own, by node; @adopted: slabs that went from one to
 * another; @strange: sheaves given back since they held objects of another's slabs
 * @punched: pages given back to the system out of slabs that had objects in use
 */
struct buddy_cache_stats {
	char name[32];
	uint32_t object_size, size, objects_per_slab, pages_per_slab, sheaf_capacity;
	uint64_t active, objects, cached, slabs, partial_slabs, empty_slabs;
	uint64_t full_sheaves, empty_sheaves;
	uint64_t refills, refilled, flushes, flushed;
	uint64_t barn_get, barn_put, barn_miss, barn_over;
	uint64_t homes, adopted, strange, punched;
};

/**
 * buddy_cache_stats - cache number @index, malloc's classes first
 * Return: 0, or -ENOENT beyond the last.
 */
int buddy_cache_stats(int index, struct buddy_cache_stats *ret);

/** buddy_lock_contended - since the start, how often a lock of the library was found held */
uint64_t buddy_lock_contended(void);

/**
 * buddy_show - write the state of zones and slabs to a file descriptor, as text
 * May be called from a signal handler; what is locked just then is left out.
 */
void buddy_show(int fd);

/**
 * buddy_verify - walk every structure and check that it is what it claims to be
 *
 * Takes the locks of what it walks, one after the other; a thread that holds its own is passed by.
 * Return: the number of violations, 0 if all is well; each is reported on stderr.
 */
int buddy_verify(void);

/**
 * buddy_reclaim - give back everything that holds no live object
 *
 * Caches of all threads, empty slabs, free blocks.  Return: bytes given back to the system, some of
 * which may never have been touched.
 */
uint64_t buddy_reclaim(void);

/**
 * buddy_nr_nodes - how many NUMA nodes are told apart
 * Return: the highest number of a node whose memory this process may use, plus one.
 */
int buddy_nr_nodes(void);

/**
 * buddy_node_distance - as the firmware tells: 10 for a node itself
 * Return: the distance, or -EINVAL for a node that does not exist.
 */
int buddy_node_distance(int a, int b);

/**
 * buddy_node_of_cpu - the node that @cpu is on, with memory or without
 * Return: the node, or -EINVAL for a CPU this process does not know.
 */
int buddy_node_of_cpu(int cpu);

/**
 * buddy_node_of - the node whose memory @ptr was taken from
 * Return: the node, or -EINVAL if @ptr is not in the heap.
 */
int buddy_node_of(const void *ptr);

#ifdef __cplusplus
}
#endif
#endif
