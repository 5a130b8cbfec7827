/* SPDX-License-Identifier: MIT */
/*
 * exceptions.cc - exceptions are memory too, and leave through frames that own some
 *
 * The thrown object comes from malloc, operator delete runs for an object whose constructor
 * threw, and everything on the way is destroyed.
 */
#include "check.h"
#include <array>
#include <exception>
#include <future>
#include <initializer_list>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using std::size_t;

namespace
{
template <size_t bytes> struct heavy : std::runtime_error {
	std::array<unsigned char, bytes> payload;

	explicit heavy(unsigned char byte) : std::runtime_error("heavy")
	{
		payload.fill(byte);
	}
};

template <size_t bytes> [[noreturn]] void dig(unsigned depth, unsigned char byte)
{
	std::vector<std::string> owned(10, std::string(50 + depth * 10, 'x'));

	if (depth == 0)
		throw heavy<bytes>(byte);
	dig<bytes>(depth - 1, byte);
}

template <size_t bytes> void test_payload()
{
	for (unsigned i = 0; i < 50; i++) {
		bool caught = false;

		try {
			dig<bytes>(20, static_cast<unsigned char>(i));
		} catch (const heavy<bytes> &e) {
			caught = e.payload[0] == i && e.payload[bytes - 1] == i;
		}
		CHECK(caught);
	}
}

/* Thousands alive at once, destroyed out of order. */
void test_many_alive()
{
	std::vector<std::exception_ptr> held;

	for (unsigned i = 0; i < 3000; i++) {
		try {
			dig<100>(2, static_cast<unsigned char>(i));
		} catch (...) {
			held.push_back(std::current_exception());
		}
	}
	for (unsigned step : {3u, 2u, 1u}) {
		for (unsigned i = 0; i < held.size(); i += step) {
			if (!held[i])
				continue;
			try {
				std::rethrow_exception(held[i]);
			} catch (const heavy<100> &e) {
				CHECK(e.payload[50] == static_cast<unsigned char>(i));
			}
			held[i] = nullptr;
		}
	}
}

void nest(unsigned depth)
{
	try {
		if (depth == 0)
			throw std::runtime_error(std::string(200, 'n'));
		nest(depth - 1);
	} catch (...) {
		std::throw_with_nested(std::runtime_error(std::to_string(depth)));
	}
}

unsigned count_nested(const std::exception &e)
{
	try {
		std::rethrow_if_nested(e);
	} catch (const std::exception &inner) {
		return 1 + count_nested(inner);
	}
	return 1;
}

void test_nested()
{
	try {
		nest(30);
		CHECK(false);
	} catch (const std::exception &e) {
		CHECK(count_nested(e) == 32);
	}
}

/* Thrown in one thread, destroyed in another. */
void test_across_threads()
{
	for (unsigned i = 0; i < 100; i++) {
		std::future<void> result = std::async(
			std::launch::async, [i]() { dig<5000>(5, static_cast<unsigned char>(i)); });
		bool caught = false;

		try {
			result.get();
		} catch (const heavy<5000> &e) {
			caught = e.payload[4999] == i;
		}
		CHECK(caught);
	}
}

constexpr size_t FAILING_BYTES = 64 << 10;

template <size_t alignment> struct alignas(alignment) fails_to_construct {
	unsigned char bytes[FAILING_BYTES];

	explicit fails_to_construct(int code)
	{
		for (size_t i = 0; i < sizeof(bytes); i += 512)
			bytes[i] = 1;
		throw code;
	}
};

/* Without the delete that the language promises this would leave 128 MiB behind. */
template <size_t alignment> void test_failing_constructor()
{
	size_t before = resident_bytes(), after;
	int caught = 0;

	for (int i = 0; i < 2000; i++) {
		try {
			auto *volatile p = new fails_to_construct<alignment>(i);

			delete p;
		} catch (int code) {
			caught += code == i;
		}
	}
	after = resident_bytes();
	CHECK(caught == 2000);
	CHECK(after < before + (64 << 20));
}

/* One element of an array fails: those before it are destroyed, the array is freed. */
void test_failing_element()
{
	static int alive, made;
	struct element {
		std::string owned;

		element() : owned(100, 'e')
		{
			if (++made % 50 == 0)
				throw std::runtime_error("fiftieth");
			alive++;
		}
		~element()
		{
			alive--;
		}
	};
	int caught = 0;

	for (int i = 0; i < 100; i++) {
		try {
			element *volatile p = new element[80];

			delete[] p;
		} catch (const std::runtime_error &) {
			caught++;
		}
	}
	CHECK(caught == 100 && alive == 0);
}

/* A container that asks for too much keeps what it had. */
void test_container_refused()
{
	std::vector<std::string> v(100, std::string(100, 'v'));
	const volatile size_t too_many = v.max_size();
	bool caught = false;

	try {
		v.reserve(too_many);
	} catch (const std::bad_alloc &) {
		caught = true;
	}
	CHECK(caught);
	CHECK(v.size() == 100 && v[99] == std::string(100, 'v'));
}
} // namespace

void test_exceptions()
{
	checks_are_about("exceptions");
	test_payload<16>();
	test_payload<1000>();
	test_payload<100000>();
	test_many_alive();
	test_nested();
	test_across_threads();
	test_failing_constructor<16>();
	test_failing_constructor<4096>();
	test_failing_element();
	test_container_refused();
}
