/* SPDX-License-Identifier: MIT */
/*
 * operators.cc - each form of operator new with each form of operator delete that fits it
 *
 * The functions are called by name and through volatile pointers: a new-expression may be
 * removed by the compiler, a call of the function whose result escapes may not.
 */
#include "check.h"
#include <cstring>
#include <initializer_list>
#include <new>

using std::align_val_t;
using std::nothrow;
using std::size_t;

namespace
{
typedef void *(*get_fn)(size_t size, align_val_t align);
typedef void (*put_fn)(void *p, size_t size, align_val_t align);

struct family {
	const char *name;
	bool takes_alignment;
	get_fn get, get_nothrow;
	put_fn put, put_sized, put_nothrow;
};

const volatile family families[] = {
	{
		"single",
		false,
		[](size_t n, align_val_t) { return ::operator new(n); },
		[](size_t n, align_val_t) { return ::operator new(n, nothrow); },
		[](void *p, size_t, align_val_t) { ::operator delete(p); },
		[](void *p, size_t n, align_val_t) { ::operator delete(p, n); },
		[](void *p, size_t, align_val_t) { ::operator delete(p, nothrow); },
	},
	{
		"array",
		false,
		[](size_t n, align_val_t) { return ::operator new[](n); },
		[](size_t n, align_val_t) { return ::operator new[](n, nothrow); },
		[](void *p, size_t, align_val_t) { ::operator delete[](p); },
		[](void *p, size_t n, align_val_t) { ::operator delete[](p, n); },
		[](void *p, size_t, align_val_t) { ::operator delete[](p, nothrow); },
	},
	{
		"aligned single",
		true,
		[](size_t n, align_val_t a) { return ::operator new(n, a); },
		[](size_t n, align_val_t a) { return ::operator new(n, a, nothrow); },
		[](void *p, size_t, align_val_t a) { ::operator delete(p, a); },
		[](void *p, size_t n, align_val_t a) { ::operator delete(p, n, a); },
		[](void *p, size_t, align_val_t a) { ::operator delete(p, a, nothrow); },
	},
	{
		"aligned array",
		true,
		[](size_t n, align_val_t a) { return ::operator new[](n, a); },
		[](size_t n, align_val_t a) { return ::operator new[](n, a, nothrow); },
		[](void *p, size_t, align_val_t a) { ::operator delete[](p, a); },
		[](void *p, size_t n, align_val_t a) { ::operator delete[](p, n, a); },
		[](void *p, size_t, align_val_t a) { ::operator delete[](p, a, nothrow); },
	},
};

constexpr size_t PLAIN_ALIGNMENT = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
constexpr size_t MAX_ALIGNMENT = 64 << 10;
constexpr size_t sizes[] = {0,	   1,	  2,	 7,	8,	9,	15,   16,   17,
			    24,	   31,	  32,	 33,	48,	63,	64,   65,   100,
			    127,   128,	  129,	 255,	256,	257,	511,  512,  513,
			    1000,  1023,  1024,	 1025,	2047,	4095,	4096, 4097, 8192,
			    20000, 32768, 32769, 65536, 100000, 1 << 20};

void fill(void *p, size_t n, int byte)
{
	std::memset(p, byte, n);
}

bool filled(const void *p, size_t n, int byte)
{
	const unsigned char *b = static_cast<const unsigned char *>(p);

	for (size_t i = 0; i < n; i++)
		if (b[i] != byte)
			return false;
	return true;
}

/* Two blocks at once, so that an overlap shows; then gone by the given form of delete. */
void round_trip(get_fn get, put_fn put, size_t size, size_t align)
{
	align_val_t a = static_cast<align_val_t>(align);
	void *first = get(size, a), *second = get(size, a);

	CHECK(first != nullptr && second != nullptr);
	CHECK(first != second);
	CHECK(reinterpret_cast<std::uintptr_t>(first) % align == 0);
	CHECK(reinterpret_cast<std::uintptr_t>(second) % align == 0);
	fill(first, size, 0x11);
	fill(second, size, 0x22);
	CHECK(filled(first, size, 0x11));
	put(first, size, a);
	CHECK(filled(second, size, 0x22));
	put(second, size, a);
}

void test_family(const volatile family &f)
{
	const get_fn gets[] = {f.get, f.get_nothrow};
	const put_fn puts[] = {f.put, f.put_sized, f.put_nothrow};
	size_t smallest = f.takes_alignment ? 1 : PLAIN_ALIGNMENT;
	size_t largest = f.takes_alignment ? MAX_ALIGNMENT : PLAIN_ALIGNMENT;

	for (get_fn get : gets)
		for (put_fn put : puts)
			for (size_t align = smallest; align <= largest; align *= 2)
				for (size_t size : sizes) {
					checks_are_about(f.name, size, align);
					round_trip(get, put, size, align);
				}
	for (put_fn put : puts)
		put(nullptr, 0, static_cast<align_val_t>(largest));
}

/* What programs write: the compiler chooses the form, with its own idea of size and alignment. */
template <size_t alignment> struct alignas(alignment) aligned_object {
	unsigned char bytes[alignment];

	aligned_object()
	{
		fill(bytes, sizeof(bytes), 0x33);
	}
	~aligned_object()
	{
		CHECK(filled(bytes, sizeof(bytes), 0x33));
	}
};

template <size_t alignment> void test_expressions()
{
	typedef aligned_object<alignment> object;

	checks_are_about("new-expression", sizeof(object), alignment);
	object *volatile one = new object;
	object *volatile many = new object[5];
	object *volatile quiet = new (nothrow) object;
	object *volatile quiet_many = new (nothrow) object[3];

	CHECK(quiet != nullptr && quiet_many != nullptr);
	for (object *p : {one, &many[0], &many[4], quiet, quiet_many})
		CHECK(reinterpret_cast<std::uintptr_t>(p) % alignment == 0);
	delete one;
	delete[] many;
	delete quiet;
	delete[] quiet_many;
}
} // namespace

void test_operators()
{
	for (const volatile family &f : families)
		test_family(f);
	test_expressions<1>();
	test_expressions<8>();
	test_expressions<16>();
	test_expressions<32>();
	test_expressions<64>();
	test_expressions<512>();
	test_expressions<4096>();
	test_expressions<8192>();
	test_expressions<65536>();
}
