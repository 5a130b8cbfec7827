/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_BASE_COMPILER_H
#define BUDDY_BASE_COMPILER_H
/*
 * compiler.h - the language we write in: C17 and a handful of attributes
 */
#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define noinline __attribute__((__noinline__))
#define slowpath __attribute__((__noinline__, __cold__))
/*
 * Few programs run it: lies with the slow paths (libbuddy.lds), but is optimized as other code is.
 */
#define set_apart __attribute__((__noinline__, __section__(".text.unlikely.set_apart")))
#define alwaysinline inline __attribute__((always_inline))
#define noreturn_fn __attribute__((noreturn))
/* For a return that must be a jump even without optimization, if the compiler can do that. */
#if __has_attribute(musttail)
#define tail_call __attribute__((musttail))
#else
#define tail_call
#endif
/* For a function that ends in a tail_call: gcc before 15 makes jumps only if it optimizes. */
#if !__has_attribute(musttail) && __has_attribute(optimize)
#define has_tail_call __attribute__((optimize("O2")))
#else
#define has_tail_call
#endif
#define printf_like(f, a) __attribute__((format(printf, f, a)))

/*
 * A large table that most programs hardly touch.  The linker puts these behind all other zeroed
 * data, so that what every program touches shares pages.  Cannot be static.
 */
#define sparse __attribute__((common))
/*
 * Zero, and touched by each program before anything near it.  It lies with what has values, whose
 * page the loader has written to.  Elsewhere a page would be faulted in, and twice if it is read
 * before it is written.
 */
#define touched_first __attribute__((section(".data")))

/*
 * The only way to export a symbol; src/malloc/libbuddy.map has the last word.  Headers of src/
 * declare everything else hidden, with a pragma: -fvisibility=hidden is for definitions only, and
 * what may lie in another library is reached through its address, which takes one more instruction.
 */
#define BUDDY_API __attribute__((visibility("default")))

/* Reads on purpose what other threads are changing; the thread sanitizer is not to report it. */
#define racy_on_purpose __attribute__((no_sanitize("thread")))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define CACHE_LINE 64
#define cacheline_aligned alignas(CACHE_LINE)

#define STRUCT_SIZE_IS(t, n) static_assert(sizeof(t) == (n), #t " changed size")
#define FIELD_STARTS_LINE(t, f)                                                                    \
	static_assert(offsetof(t, f) % CACHE_LINE == 0, #t "." #f " must start a line")
#define FIELD_AT(t, f, n) static_assert(offsetof(t, f) == (n), #t "." #f " moved")

/*
 * The compiler keeps the order of plain stores before and after it.  That is enough for a signal
 * handler of the same thread, and for a fork, which copies memory as of one instant.
 */
#define barrier() __asm__ volatile("" ::: "memory")

#endif
