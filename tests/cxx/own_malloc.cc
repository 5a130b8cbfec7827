/* SPDX-License-Identifier: MIT */
/*
 * own_malloc.cc - a program with a malloc of its own, and the C++ library's operators
 *
 * The C++ library's operator new calls malloc, so the program's serves it; and what is inlined in
 * one place and called in another must fit.  A preloaded operator new must not take over.
 */
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sstream>
#include <string>
#include <vector>

using std::size_t;

namespace
{
constexpr size_t ARENA = size_t(64) << 20, ALIGN = 64;
alignas(ALIGN) char arena[ARENA];
size_t used;
int failed;

struct header {
	alignas(ALIGN) size_t size;
};

bool is_own(const void *p)
{
	return p >= arena && p < arena + ARENA;
}

void check(bool ok, const char *what)
{
	if (!ok) {
		std::fputs(what, stderr);
		failed = 1;
	}
}
} // namespace

extern "C" {
void *malloc(size_t size)
{
	size_t whole = sizeof(header) + (size + ALIGN - 1) / ALIGN * ALIGN;
	header *h = reinterpret_cast<header *>(arena + used);

	if (whole > ARENA - used)
		return nullptr;
	used += whole;
	h->size = size;
	return h + 1;
}

void free(void *p)
{
	check(!p || is_own(p), "free() got what malloc() did not give\n");
}

void *calloc(size_t n, size_t size)
{
	return malloc(n * size); /* the arena is zero and nothing is used twice */
}

void *realloc(void *old, size_t size)
{
	void *p = malloc(size);

	if (p && old) {
		size_t had = (static_cast<header *>(old) - 1)->size;

		std::memcpy(p, old, had < size ? had : size);
	}
	return p;
}

void *aligned_alloc(size_t align, size_t size)
{
	return size && align <= ALIGN ? malloc(size) : nullptr;
}
}

int main()
{
	volatile size_t too_much = size_t(-10);
	int *p = new int(1), *q = new int[100]();
	int *r = new (std::nothrow) int(2);
	struct alignas(ALIGN) line {
		char bytes[ALIGN];
	} *l = new line();
	std::string s(100, 'x');
	std::ostringstream out;
	std::vector<std::string> strings(100, s);

	check(is_own(p) && is_own(q) && is_own(r) && is_own(l), "operator new went elsewhere\n");
	check(is_own(s.data()) && is_own(strings.data()), "a container went elsewhere\n");
	out << s << s;
	check(out.str().size() == 200, "text\n");
	delete p;
	delete[] q;
	delete r;
	delete l;
	::operator delete(malloc(100));
	::operator delete(malloc(100), size_t(100));
	free(::operator new(100));
	check(is_own(::operator new(0, std::align_val_t(ALIGN), std::nothrow)),
	      "operator new of 0 aligned bytes gave nothing\n");
	check(!::operator new(too_much, std::align_val_t(ALIGN), std::nothrow),
	      "operator new gave more than there are addresses\n");
	check(is_own(reallocarray(nullptr, 10, 10)), "reallocarray() went elsewhere\n");
	return failed;
}
