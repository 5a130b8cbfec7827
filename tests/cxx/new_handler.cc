/* SPDX-License-Identifier: MIT */
/*
 * new_handler.cc - what operator new does when there is no memory
 *
 * [new.delete.single]: it calls the new_handler until there is memory or no handler; then it
 * throws std::bad_alloc.  The nothrow forms do the same and turn any exception into nullptr.
 */
#include "check.h"
#include <new>
#include <sys/resource.h>

using std::align_val_t;
using std::nothrow;
using std::size_t;

namespace
{
struct form {
	const char *name;
	bool throws, aligned;
	void *(*get)(size_t size);
	void (*put)(void *p);
};

constexpr align_val_t ALIGNMENT = static_cast<align_val_t>(256);

const volatile form forms[] = {
	{
		"new",
		true,
		false,
		[](size_t n) { return ::operator new(n); },
		[](void *p) { ::operator delete(p); },
	},
	{
		"new[]",
		true,
		false,
		[](size_t n) { return ::operator new[](n); },
		[](void *p) { ::operator delete[](p); },
	},
	{
		"aligned new",
		true,
		true,
		[](size_t n) { return ::operator new(n, ALIGNMENT); },
		[](void *p) { ::operator delete(p, ALIGNMENT); },
	},
	{
		"aligned new[]",
		true,
		true,
		[](size_t n) { return ::operator new[](n, ALIGNMENT); },
		[](void *p) { ::operator delete[](p, ALIGNMENT); },
	},
	{
		"nothrow new",
		false,
		false,
		[](size_t n) { return ::operator new(n, nothrow); },
		[](void *p) { ::operator delete(p, nothrow); },
	},
	{
		"nothrow new[]",
		false,
		false,
		[](size_t n) { return ::operator new[](n, nothrow); },
		[](void *p) { ::operator delete[](p, nothrow); },
	},
	{
		"aligned nothrow new",
		false,
		true,
		[](size_t n) { return ::operator new(n, ALIGNMENT, nothrow); },
		[](void *p) { ::operator delete(p, ALIGNMENT, nothrow); },
	},
	{
		"aligned nothrow new[]",
		false,
		true,
		[](size_t n) { return ::operator new[](n, ALIGNMENT, nothrow); },
		[](void *p) { ::operator delete[](p, ALIGNMENT, nothrow); },
	},
};

const volatile size_t absurd_sizes[] = {
	SIZE_MAX,
	SIZE_MAX - 1,
	SIZE_MAX - 15,
	SIZE_MAX - 255,
	SIZE_MAX - 4095,
	PTRDIFF_MAX,
	PTRDIFF_MAX - 4096,
	static_cast<size_t>(PTRDIFF_MAX) + 1,
	static_cast<size_t>(1) << 62,
};

const volatile size_t wrong_alignments[] = {0, 3, 24, 4097, static_cast<size_t>(PTRDIFF_MAX)};

enum class ending { block, null, bad_alloc, own_exception, other };

struct no_memory_at_all : std::bad_alloc {
};

ending try_once(const volatile form &f, size_t size)
{
	auto get = f.get;
	auto put = f.put;

	try {
		void *p = get(size);

		if (!p)
			return ending::null;
		put(p);
		return ending::block;
	} catch (const no_memory_at_all &) {
		return ending::own_exception;
	} catch (const std::bad_alloc &) {
		return ending::bad_alloc;
	} catch (...) {
		return ending::other;
	}
}

int handler_calls;

/* Has nothing to give, and says so the third time. */
void gives_up()
{
	if (++handler_calls == 3)
		std::set_new_handler(nullptr);
}

void throws_its_own()
{
	handler_calls++;
	throw no_memory_at_all();
}

rlimit wide_limit;

void widens_the_limit()
{
	handler_calls++;
	std::set_new_handler(nullptr);
	setrlimit(RLIMIT_AS, &wide_limit);
}

/*
 * libstdc++ 12 rounds the size up to the alignment and does not see it wrap to 0, so that the
 * largest sizes of all succeed.
 */
bool libstdcxx_wraps(const volatile form &f, size_t size)
{
	return operators_are_libstdcxx && f.aligned &&
	       size > SIZE_MAX - static_cast<size_t>(ALIGNMENT) + 1;
}

void test_absurd_size(const volatile form &f, size_t size)
{
	bool throws = f.throws;

	if (libstdcxx_wraps(f, size)) {
		CHECK(try_once(f, size) == ending::block);
		return;
	}
	std::set_new_handler(nullptr);
	CHECK(try_once(f, size) == (throws ? ending::bad_alloc : ending::null));

	handler_calls = 0;
	std::set_new_handler(gives_up);
	CHECK(try_once(f, size) == (throws ? ending::bad_alloc : ending::null));
	CHECK(handler_calls == 3);
	CHECK(std::get_new_handler() == nullptr);

	handler_calls = 0;
	std::set_new_handler(throws_its_own);
	CHECK(try_once(f, size) == (throws ? ending::own_exception : ending::null));
	CHECK(handler_calls == 1);
	CHECK(std::set_new_handler(nullptr) == throws_its_own);

	/* And the heap is none the worse. */
	CHECK(try_once(f, 100) == ending::block);
}

/*
 * Under a limit the size cannot be had, until the handler lifts the limit.  An allocator that
 * reserved its address space before may have the memory at once; it must not end otherwise.
 */
void test_handler_that_helps(const volatile form &f)
{
	rlimit narrow;

	if (getrlimit(RLIMIT_AS, &wide_limit))
		return;
	narrow = wide_limit;
	narrow.rlim_cur = 64 << 20;
	handler_calls = 0;
	std::set_new_handler(widens_the_limit);
	if (setrlimit(RLIMIT_AS, &narrow) == 0)
		CHECK(try_once(f, static_cast<size_t>(1) << 30) == ending::block);
	setrlimit(RLIMIT_AS, &wide_limit);
	std::set_new_handler(nullptr);
	CHECK(handler_calls <= 1);
}

/* No memory is aligned like this, whatever a handler frees. */
void test_wrong_alignment(size_t align)
{
	const align_val_t wrong = static_cast<align_val_t>(align);
	int caught = 0;

	handler_calls = 0;
	std::set_new_handler(gives_up);
	try {
		::operator delete(::operator new(100, wrong), wrong);
	} catch (const std::bad_alloc &) {
		caught++;
	}
	try {
		::operator delete[](::operator new[](100, wrong), wrong);
	} catch (const std::bad_alloc &) {
		caught++;
	}
	CHECK(caught == 2);
	CHECK(::operator new(100, wrong, nothrow) == nullptr);
	CHECK(::operator new[](100, wrong, nothrow) == nullptr);
	CHECK(handler_calls == 0);
	std::set_new_handler(nullptr);
}

/* The compiler's own check comes first: std::bad_array_new_length is a bad_alloc. */
void test_array_length()
{
	const volatile size_t counts[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4 + 1};
	const volatile long negative = -1;
	int caught = 0;

	for (size_t count : counts) {
		try {
			double *volatile p = new double[count];

			delete[] p;
		} catch (const std::bad_alloc &) {
			caught++;
		}
	}
	try {
		int *volatile p = new int[static_cast<size_t>(negative)];

		delete[] p;
	} catch (const std::bad_alloc &) {
		caught++;
	}
	CHECK(caught == 4);
	const size_t count = counts[0];
	double *volatile quiet = nullptr;
	try {
		/* Before C++20 the length is checked outside of the nothrow promise. */
		quiet = new (nothrow) double[count];
	} catch (const std::bad_array_new_length &) {
	}
	CHECK(quiet == nullptr);
}
} // namespace

void test_new_handler()
{
	for (const volatile form &f : forms) {
		for (size_t size : absurd_sizes) {
			checks_are_about(f.name, size);
			test_absurd_size(f, size);
		}
		checks_are_about(f.name);
		test_handler_that_helps(f);
	}
	for (size_t align : wrong_alignments) {
		checks_are_about("wrong alignment", 100, align);
		test_wrong_alignment(align);
	}
	checks_are_about("length of an array");
	test_array_length();
}
