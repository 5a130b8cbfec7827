/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_CXX_CHECK_H
#define BUDDY_TESTS_CXX_CHECK_H
/*
 * check.h - what the parts of the C++ test share
 */
#include <cstddef>
#include <cstdint>

/* What the checks that follow in this thread are about; printed with a failure. */
void checks_are_about(const char *subject, std::size_t size = 0, std::size_t alignment = 0);

/* Counts a check; a failure is printed with its place and the test goes on. */
bool check_that(bool good, const char *what, const char *file, int line);
#define CHECK(what) check_that((what), #what, __FILE__, __LINE__)

/* xorshift64: the same numbers on every machine for the same seed. */
struct random_numbers {
	std::uint64_t state;

	explicit random_numbers(std::uint64_t seed) : state(seed | 1)
	{
	}
	std::uint64_t next()
	{
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		return state;
	}
	std::size_t below(std::size_t n)
	{
		return static_cast<std::size_t>((next() >> 11) % n);
	}
};

/*
 * Is operator new libstdc++'s, in the program or beside it?  Then it has libstdc++'s faults.
 * True unless --operators-from named another library.
 */
extern bool operators_are_libstdcxx;

/* Resident memory in bytes, 0 if the system does not tell. */
std::size_t resident_bytes();

void test_operators();
void test_new_handler();
void test_containers(std::uint64_t seed);
void test_exceptions();

#endif
