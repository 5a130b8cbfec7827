/*
 * sanitizer.h - what a sanitizer's runtime does not survive, whatever the heap
 */
#ifndef BUDDY_TESTS_STRESS_SANITIZER_H
#define BUDDY_TESTS_STRESS_SANITIZER_H

#include <stdbool.h>

#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
/* Delays signals to points of its own and hangs in children of a threaded parent. */
static const bool can_fork = false;
static const bool can_use_handlers = false;
static const bool can_start_threads_in_child = false;
static const bool can_measure_memory = false;
#elif defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
/* Its thread registry may be locked in a child of a threaded parent. */
static const bool can_fork = true;
static const bool can_use_handlers = true;
static const bool can_start_threads_in_child = false;
/* Quarantines what the C library frees, which then looks like growth. */
static const bool can_measure_memory = false;
#else
static const bool can_fork = true;
static const bool can_use_handlers = true;
static const bool can_start_threads_in_child = true;
static const bool can_measure_memory = true;
#endif

#endif
