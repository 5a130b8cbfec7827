/*
 * life.h - what the small programs of this folder share
 *
 * A program passes by returning 0, fails with a line on stderr, and is skipped with 77 and a
 * line on stdout that says why.
 */
#ifndef BUDDY_TESTS_LIFE_H
#define BUDDY_TESTS_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

_Noreturn void life_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Ends the program unless the condition holds; the rest is a printf format and its values. */
#define CHECK(condition, ...)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			life_fail(__FILE__, __LINE__, __VA_ARGS__);                                \
	} while (0)

_Noreturn void skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Fails unless libbuddy serves this process: a preload that did not happen must not pass.
 * LIFE_ANY_HEAP=1 allows any malloc, to try the programs themselves.
 */
void require_libbuddy(void);
bool libbuddy_loaded(void);

/* buddy_verify(), where libbuddy is loaded. */
void verify(const char *where);

/* mallinfo2().uordblks of libbuddy, 0 under any other malloc. */
size_t live_bytes(void);

/* Resident memory of this process, or of another, in KiB. */
size_t resident_kib(void);
size_t resident_kib_of(pid_t pid);

/*
 * Ordinary use of malloc within about @budget bytes: all entry points, small and large
 * blocks, two threads, everything checked and freed.
 */
void ordinary_use(size_t budget);

/* The same without threads, for children that must not start any. */
void ordinary_use_alone(size_t budget);

/* Fills and checks a block with bytes that depend on @key. */
void fill(void *mem, size_t size, unsigned int key);
bool filled(const void *mem, size_t size, unsigned int key);

/* fork(), with a connection between the two: *@ret_end is the caller's end of it. */
pid_t fork_connected(int *ret_end);

/* waitpid without EINTR; returns the status. */
int wait_for(pid_t child);

/* Fails, naming @what, unless the child exits with 0. */
void expect_success(pid_t child, const char *what);
void expect_good_status(int status, const char *what); /* of one that was waited for */

/* Runs the program again in its changed surroundings: execv of @path with up to two arguments. */
_Noreturn void run_again(const char *path, const char *first, const char *second);

/* Calls @in_child in a child; returns its status, and what it wrote on stderr in @ret_text. */
int hear(void (*in_child)(const void *), const void *arg, char *ret_text, size_t size);

/*
 * Runs the program at @path with one argument and BUDDY_OPTIONS, as user @uid unless that is 0;
 * returns its status, and what it wrote on stderr in @ret_text.
 */
int run_heard(const char *path, const char *argument, const char *options, uid_t uid,
	      char *ret_text, size_t size);

/*
 * For all threads, refuse @calls, at most 16, with @error, and let everything else through.  Where
 * no filter can be installed refuse_calls() skips the test, and the other returns false.
 */
void refuse_calls(const int *calls, size_t count, unsigned int error);
bool try_to_refuse_calls(const int *calls, size_t count, unsigned int error);
/* End the process at @calls, and at whatever is not one of @calls. */
bool try_to_end_at_calls(const int *calls, size_t count);
bool try_to_end_at_other_calls(const int *calls, size_t count);
/* Any other filter; false: it cannot be installed. */
struct sock_filter;
bool try_to_enter_filter(struct sock_filter *code, size_t length);

/* How many threads this process has.  Does not allocate. */
unsigned int count_threads(void);

/*
 * Fills 100 MB in blocks that slabs hold, or @nr blocks of @size bytes, and frees them; returns how
 * much was resident then, in KiB.  expect_given_back() waits, for 15 seconds at most, until less
 * than a third of that is, and expect_resident_below() for so many KiB.  They call @meanwhile ten
 * times a second, unless that is NULL.
 */
size_t fill_and_free(void);
size_t fill_and_free_blocks(size_t nr, size_t size);
void expect_given_back(size_t full, void (*meanwhile)(void));
void expect_resident_below(size_t kib, void (*meanwhile)(void));

/* Keeps the compiler from optimising an allocation away. */
void *keep(void *mem);

#endif
