/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_BUDDY_H
#define BUDDY_BUDDY_H
/*
 * buddy.h - the library itself: version, options, statistics, verification, nodes
 *
 * Any thread may call these.  Unless a function says otherwise, it must not be called from a signal
 * handler, and it leaves errno alone.  A heap that has not been used yet shows as empty: all sums
 * are 0, and there is no zone and no cache.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BUDDY_VERSION_MAJOR 0
#define BUDDY_VERSION_MINOR 1

/** buddy_version - of the library that is loaded: "0.1".  Return: a constant string. */
const char *buddy_version(void);

/**
 * buddy_option_set - set an option by name
 * @name, @value: as in BUDDY_OPTIONS (README.md)
 *
 * Takes effect from now on: background_threads=off does not end a background thread that is
 * running, and slab_debug=F holds for threads that start later.
 * Return: 0; -ENOENT if there is no such option; -EINVAL if the value is wrong, or either argument
 * is NULL.  Errors are also reported on stderr.
 */
int buddy_option_set(const char *name, const char *value);

/**
 * buddy_option_get - the value of an option, as text
 * @buf: gets the text, terminated and cut off to fit
 * @size: of @buf, in bytes
 *
 * Return: the length of the whole text without its terminator, as snprintf() does; -ENOENT if there
 * is no such option; -EINVAL if @buf is NULL or @size is 0.
 */
int buddy_option_get(const char *name, char *buf, size_t size);

/**
 * buddy_option_help - one line about an option
 * @index: from 0 on
 * @ret_name: gets its name; may be NULL
 *
 * Return: a constant string, or NULL beyond the last option.
 */
const char *buddy_option_help(size_t index, const char **ret_name);

/**
 * struct buddy_stats - the whole heap: bytes, but for the three counters
 *
 * present = free + cached + slabs + large + pages.  That is exact while no other thread allocates
 * or frees and no reclaim pass is under way; otherwise it is off by what is in flight.
 *
 * @present: address space in use by the heap
 * @free: in free blocks of the buddy allocator; @zero of it is not resident
 * @cached: in the page sets of threads
 * @slabs: in slabs; @objects of it in objects that the program holds
 * @large: in large blocks of malloc
 * @pages: handed out by the page API
 * @direct: in @direct_count mappings of their own, not part of @present
 * @metadata: address space in use by the library's own structures, not part of @present;
 * @metadata_free of it is in free blocks.  Page descriptors, 64 bytes for each page of @present,
 * are not counted.
 * @slow_allocs, @slow_frees: calls since the start that missed: the thread had no object at hand,
 * or no room for one.  Allocations of large blocks count, their frees do not.
 */
struct buddy_stats {
	uint64_t present, free, zero, cached, slabs, objects, large, pages;
	uint64_t direct, direct_count;
	uint64_t metadata, metadata_free;
	uint64_t slow_allocs, slow_frees;
};

/** buddy_stats - add up the whole heap; takes locks, one cache after the other */
void buddy_stats(struct buddy_stats *ret);

/**
 * struct buddy_zone_stats - one zone: pages of 4 KiB, and counters since the start
 *
 * @name: "Normal", or "Meta" for the library's own structures
 * @managed: the share of the machine's memory that the watermarks are computed from
 * @present: address space in use, without holes
 * @free: in free blocks; @zero of it is not resident
 * @free_blocks: free blocks of order 0 to 10
 * @pgalloc, @pgfree: pages taken from the free blocks and given back to them
 * @refills, @flushes: batches of pages moved to and from the page sets of threads
 * @claims: requests served by changing a pageblock over from another migratetype
 * @steals: requests served from a pageblock that stayed of another migratetype
 * @accepted: pages that the zone has grown by
 * @reported: pages given back to the system
 * @runs: blocks of more than a pageblock (2 MiB) handed out
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
 * buddy_zone_stats - look at zone number @index, from 0 on; takes no lock
 * Return: 0, or -ENOENT beyond the last.
 */
int buddy_zone_stats(int index, struct buddy_zone_stats *ret);

/**
 * struct buddy_cache_stats - one object cache, over all nodes; counters since the start
 *
 * @object_size: bytes asked for; @size: bytes from one object to the next
 * @sheaf_capacity: the most objects that a sheaf holds
 * @active: objects out of their slabs; @cached of them lie in sheaves, the program holds the others
 * @objects: what the slabs have room for
 * @full_sheaves, @empty_sheaves: in barns
 * @refills: times that objects were taken from slabs, @refilled of them in all
 * @flushes: times that objects were put back into slabs, @flushed of them in all
 * @barn_get, @barn_put: full sheaves taken from barns and left there
 * @barn_miss: times that the barn of the CPU had no full sheaf
 * @barn_over: sheaves that the barn had no room for
 * @homes: groups of threads with slabs of their own, summed over the nodes
 * @adopted: slabs that moved from one home to another
 * @strange: sheaves given back because they held objects of another home
 * @punched: pages given back to the system out of slabs with objects in use
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
 * buddy_cache_stats - look at cache number @index, from 0 on; malloc's size classes come first
 * Return: 0, or -ENOENT beyond the last.
 */
int buddy_cache_stats(int index, struct buddy_cache_stats *ret);

/** buddy_lock_contended - how often, since the start, a thread had to wait for one of our locks */
uint64_t buddy_lock_contended(void);

/**
 * buddy_show - write the state of zones and slabs to a file descriptor, as text
 *
 * Best effort: what cannot be written is dropped, and all that would follow it.  A full pipe that
 * does not block is waited for, a second at most.  May be called from a signal handler; what is
 * locked at that moment is left out.
 */
void buddy_show(int fd);

/**
 * buddy_verify - walk every structure and check that it is consistent
 *
 * Locks one structure at a time, and skips threads that are in a slow path at that moment.  Takes
 * time in proportion to the heap.
 * Return: the number of violations, each reported on stderr; 0 if all is well.
 */
int buddy_verify(void);

/**
 * buddy_reclaim - give everything that holds no live object back to the system
 *
 * What threads and barns cache, empty slabs, free blocks, and free pages inside slabs.  Waits for a
 * reclaim pass that is under way.
 * Return: bytes given back; some of them may never have been resident.
 */
uint64_t buddy_reclaim(void);

/**
 * buddy_nr_nodes - one more than the highest number of a NUMA node that is told apart
 *
 * These are the nodes whose memory this process may use; some of the lower numbers may be missing.
 * Return: at least 1, or 0 where the library cannot start.
 */
int buddy_nr_nodes(void);

/**
 * buddy_node_distance - the distance of two nodes as the firmware gives it; 10 is local
 * Return: the distance, or -EINVAL if a number is not below buddy_nr_nodes().
 */
int buddy_node_distance(int a, int b);

/**
 * buddy_node_of_cpu - the node that @cpu is on, whether that has memory or not
 * Return: the node, or -EINVAL if the machine has no such CPU, or it cannot be told.
 */
int buddy_node_of_cpu(int cpu);

/**
 * buddy_node_of - the node that the memory at @ptr was taken from
 *
 * May be called from a signal handler.
 * Return: the node, or -EINVAL if @ptr is in no zone: not ours, or in a mapping of its own.
 */
int buddy_node_of(const void *ptr);

#ifdef __cplusplus
}
#endif
#endif
