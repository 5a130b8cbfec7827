/* SPDX-License-Identifier: MIT */
/*
 * cxx.cc - operator new and delete: the slow path of the plain new, and all other forms
 *
 * A program may replace malloc, the plain operators or any other form, and relies on the forms that
 * it did not replace to call those that it did, as the C++ library's own do:
 *
 *   nothrow, []  ->  plain new  ->  malloc           sized, nothrow, []  ->  plain delete  ->  free
 *
 * and likewise with an alignment.  So an operator that is named here is the one of the whole
 * program (replaceable.list), at the price of a jump through a table.  A malloc that is itself
 * built on this one is the exception: see stands_on_ours().  The plain operators are in
 * hit_x86_64.S.
 *
 * The one C++ file, for its try and catch: a new_handler may throw.  It is linked without the C++
 * library, whose names are all weak here; a program that uses operator new has them.
 */
#include <cstddef>
#include <new>

#define WEAK(name) __asm__(".weak " #name)
WEAK(__gxx_personality_v0);
WEAK(__cxa_begin_catch);
WEAK(__cxa_end_catch);
WEAK(_Unwind_Resume);
WEAK(_ZSt15get_new_handlerv);
WEAK(_ZSt9terminatev);
WEAK(_ZSt17__throw_bad_allocv);

namespace std
{
void __throw_bad_alloc() __attribute__((noreturn));
}

/* Sized forms of delete without the plain ones, which are in another file. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wsized-deallocation"
#endif

extern "C" {
void *malloc(std::size_t size) noexcept;
void *aligned_alloc(std::size_t align, std::size_t size) noexcept;
void free(void *ptr) noexcept;
void abort(void) noexcept __attribute__((noreturn));
void *own_malloc(std::size_t size) noexcept __attribute__((visibility("hidden")));
void *malloc_slow(std::size_t size) noexcept __attribute__((visibility("hidden")));
void *aligned_any(std::size_t align, std::size_t size) noexcept
	__attribute__((visibility("hidden")));
void *new_slow(std::size_t size) __attribute__((visibility("hidden")));
bool mm_owns(const void *ptr) noexcept __attribute__((visibility("hidden")));
std::size_t direct_size(const void *ptr) noexcept __attribute__((visibility("hidden")));
}

/* Weak: a program that is linked with the archive may define its own. */
#define API __attribute__((visibility("default"), weak))

__attribute__((noinline, cold)) static void refuse()
{
	/* Weak: null where the program has no C++ library. */
	void (*volatile throw_bad_alloc)() = &std::__throw_bad_alloc;

	if (throw_bad_alloc)
		throw_bad_alloc();
	abort();
}

/* Ask the program's handler to free something; throw if it has none. */
__attribute__((noinline, cold)) static void call_new_handler()
{
	std::new_handler (*volatile get)() = &std::get_new_handler; /* weak as well */
	std::new_handler handler = get ? get() : nullptr;

	if (handler)
		handler();
	else
		refuse();
}

/* The program has a malloc of its own, whose free() may be given what operator new returned. */
__attribute__((noinline, cold)) static void *get_from_program(std::size_t size,
							      std::size_t align) noexcept
{
	std::size_t rounded;

	size += !size;
	if (!align)
		return malloc(size);
	rounded = (size + align - 1) & ~(align - 1);
	return rounded < size ? nullptr : aligned_alloc(align, rounded);
}

/*
 * Is the program's malloc built on this one, as that of a tool which counts?  Such a malloc may put
 * a header in front of each block, for its free() to take off.  But a delete that hits does not
 * call that free(), so new must not call that malloc either.
 * @p: a block from it, or NULL: answer by what was found before.
 */
__attribute__((noinline, cold)) static bool stands_on_ours(void *p) noexcept
{
	static bool known; /* it is; atomic */
	bool is = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (is || !p)
		return is;
	is = mm_owns(p) || direct_size(p);
	__atomic_store_n(&known, is, __ATOMIC_RELAXED);
	return is;
}

/* NULL if there is no memory. */
static void *get(std::size_t size, std::size_t align) noexcept
{
	/* Volatile: a compiler may assume that two names are two functions. */
	void *(*volatile malloc_of_program)(std::size_t) = &malloc;

	if (__builtin_expect(malloc_of_program != &own_malloc, 0) &&
	    !stands_on_ours(nullptr)) {
		void *p = get_from_program(size, align);

		if (!stands_on_ours(p))
			return p;
		free(p);
	}
	return align ? aligned_any(align, size) : malloc_slow(size);
}

static inline void *get_or_throw(std::size_t size, std::size_t align)
{
	void *p;

	while (__builtin_expect(!(p = get(size, align)), 0))
		call_new_handler();
	return p;
}

/* ---- new ---- */

void *new_slow(std::size_t size)
{
	return get_or_throw(size, 0);
}

API void *operator new[](std::size_t size)
{
	return ::operator new(size);
}

API void *operator new(std::size_t size, const std::nothrow_t &) noexcept
{
	try {
		return ::operator new(size);
	} catch (...) {
		return nullptr;
	}
}

API void *operator new[](std::size_t size, const std::nothrow_t &) noexcept
{
	try {
		return ::operator new[](size);
	} catch (...) {
		return nullptr;
	}
}

API void *operator new(std::size_t size, std::align_val_t align)
{
	std::size_t bytes = static_cast<std::size_t>(align);

	/* Not a power of two: there is nothing that a handler could do. */
	if (__builtin_expect(!bytes || (bytes & (bytes - 1)), 0))
		refuse();
	return get_or_throw(size, bytes);
}

API void *operator new[](std::size_t size, std::align_val_t align)
{
	return ::operator new(size, align);
}

API void *operator new(std::size_t size, std::align_val_t align, const std::nothrow_t &) noexcept
{
	try {
		return ::operator new(size, align);
	} catch (...) {
		return nullptr;
	}
}

API void *operator new[](std::size_t size, std::align_val_t align, const std::nothrow_t &) noexcept
{
	try {
		return ::operator new[](size, align);
	} catch (...) {
		return nullptr;
	}
}

/* ---- delete ---- */

API void operator delete(void *p, std::size_t) noexcept
{
	::operator delete(p);
}

API void operator delete(void *p, const std::nothrow_t &) noexcept
{
	::operator delete(p);
}

API void operator delete[](void *p) noexcept
{
	::operator delete(p);
}

API void operator delete[](void *p, std::size_t) noexcept
{
	::operator delete[](p);
}

API void operator delete[](void *p, const std::nothrow_t &) noexcept
{
	::operator delete[](p);
}

API void operator delete(void *p, std::size_t, std::align_val_t align) noexcept
{
	::operator delete(p, align);
}

API void operator delete(void *p, std::align_val_t align, const std::nothrow_t &) noexcept
{
	::operator delete(p, align);
}

API void operator delete[](void *p, std::align_val_t align) noexcept
{
	::operator delete(p, align);
}

API void operator delete[](void *p, std::size_t, std::align_val_t align) noexcept
{
	::operator delete[](p, align);
}

API void operator delete[](void *p, std::align_val_t align, const std::nothrow_t &) noexcept
{
	::operator delete[](p, align);
}
