/* SPDX-License-Identifier: MIT */
/*
 * replaced_operators.cc - a program with a plain operator new and delete of its own
 *
 * They put a header in front of each block.  The other forms must call them, as the standard says
 * (new.delete.single, new.delete.array): one that went elsewhere would free an address in the
 * middle of a block, or leave a count behind.
 */
#include <cstdio>
#include <cstdlib>
#include <map>
#include <new>
#include <sstream>
#include <string>
#include <vector>

/* The point of the test. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wsized-deallocation"
#endif

using std::size_t;

namespace
{
constexpr size_t MARK = 0x6275646479;
long live, news;

struct header {
	size_t mark, size;
};

struct polymorphic {
	int numbers[100];

	virtual ~polymorphic()
	{
	}
};

/* Hides from the compiler that a pair of new and delete could be left out. */
template <typename T> T *hidden(T *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

int failed;

void check(bool ok, const char *what)
{
	if (!ok) {
		std::fprintf(stderr, "%s\n", what);
		failed = 1;
	}
}

template <typename New, typename Delete> void goes_through(const char *what, New make, Delete end)
{
	long live_before = live, news_before = news;
	auto *p = hidden(make());

	check(news == news_before + 1, what);
	end(p);
	check(live == live_before, what);
}

void every_form()
{
	goes_through(
		"new", [] { return new int; }, [](int *p) { delete p; });
	goes_through(
		"new []", [] { return new int[10]; }, [](int *p) { delete[] p; });
	goes_through(
		"new nothrow", [] { return new (std::nothrow) int; }, [](int *p) { delete p; });
	goes_through(
		"new [] nothrow", [] { return new (std::nothrow) int[10]; },
		[](int *p) { delete[] p; });
	goes_through(
		"virtual", [] { return new polymorphic; }, [](polymorphic *p) { delete p; });
	goes_through(
		"sized", [] { return ::operator new(100); },
		[](void *p) { ::operator delete(p, size_t(100)); });
	goes_through(
		"sized []", [] { return ::operator new[](100); },
		[](void *p) { ::operator delete[](p, size_t(100)); });
	goes_through(
		"delete nothrow", [] { return ::operator new(100); },
		[](void *p) { ::operator delete(p, std::nothrow); });
	goes_through(
		"delete [] nothrow", [] { return ::operator new[](100); },
		[](void *p) { ::operator delete[](p, std::nothrow); });
}

void library()
{
	long before = live;
	{
		std::map<int, std::string> names;
		std::ostringstream out;

		for (int i = 0; i < 1000; i++)
			names[i] = std::to_string(i) + " is longer than fits into a string itself";
		for (const auto &[key, name] : names)
			out << key << name;
		check(out.str().size() > 40000, "text");
	}
	check(live == before, "the library's containers");
}
} // namespace

void *operator new(size_t size)
{
	header *h = static_cast<header *>(std::malloc(sizeof(header) + size));

	if (!h)
		throw std::bad_alloc();
	*h = {MARK, size};
	live++;
	news++;
	return h + 1;
}

void operator delete(void *p) noexcept
{
	if (!p)
		return;
	header *h = static_cast<header *>(p) - 1;

	check(h->mark == MARK, "operator delete got what operator new did not give");
	h->mark = 0;
	live--;
	std::free(h);
}

int main()
{
	every_form();
	library();
	return failed;
}
