/* SPDX-License-Identifier: MIT */
/*
 * header_malloc.cc - a malloc that puts a header before what it has from the C library's other
 * names
 *
 * As tools do that count, in front of a program or in it.  Blocks of operator new go to operator
 * delete, those of malloc to its free, and each must get what its own gave.
 */
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <string>
#include <vector>

using std::size_t;

extern "C" {
void *__libc_malloc(size_t size);
void __libc_free(void *p);
}

namespace
{
constexpr size_t MAGIC = 0x600dc0de600dc0de;
int failed;

struct alignas(16) header {
	size_t size, magic;
};

void check(bool ok, const char *what)
{
	if (!ok) {
		std::fputs(what, stderr);
		failed = 1;
	}
}

header *header_of(void *p)
{
	header *h = static_cast<header *>(p) - 1;

	if (h->magic != MAGIC) {
		/* Nothing that allocates. */
		static const char text[] = "free() got what malloc() did not give\n";

		std::fwrite(text, 1, sizeof(text) - 1, stderr);
		std::_Exit(1);
	}
	return h;
}
} // namespace

extern "C" {
void *malloc(size_t size)
{
	header *h = static_cast<header *>(__libc_malloc(sizeof(header) + size));

	if (!h)
		return nullptr;
	h->size = size;
	h->magic = MAGIC;
	return h + 1;
}

void free(void *p)
{
	if (!p)
		return;
	header *h = header_of(p);

	h->magic = 0;
	__libc_free(h);
}

void *calloc(size_t n, size_t size)
{
	void *p = malloc(n * size);

	return p ? std::memset(p, 0, n * size) : nullptr;
}

void *realloc(void *p, size_t size)
{
	void *fresh = malloc(size);

	if (p && fresh) {
		size_t had = header_of(p)->size;

		std::memcpy(fresh, p, had < size ? had : size);
		free(p);
	}
	return fresh;
}
}

int main()
{
	for (int round = 0; round < 20; round++) {
		std::map<std::string, std::vector<int>> m;
		std::vector<void *> of_malloc;

		for (int i = 0; i < 5000; i++) {
			m[std::to_string(i) + " is a key that is not short"].resize(
				static_cast<size_t>(i % 40), i);
			of_malloc.push_back(std::malloc(static_cast<size_t>(i % 300)));
		}
		for (const auto &e : m)
			for (int v : e.second)
				check(std::to_string(v) == e.first.substr(0, e.first.find(' ')),
				      "a vector is not what it was\n");
		for (void *p : of_malloc)
			std::free(p);
	}
	return failed;
}
