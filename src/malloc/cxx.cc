/* SPDX-License-Identifier: MIT */
/*
 * cxx.cc - operator new when memory is short, and its aligned and nothrow forms
 *
 * The one C++ file, for its try and catch: a new_handler may throw.  It is linked without the
 * C++ library.  Every name of that library is weak here and there whenever a program that uses
 * operator new is running.
 */
#include <cstddef>
#include <new>

#define WEAK(name) __asm__(".weak " #name)
WEAK(__gxx_personality_v0);
WEAK(__cxa_begin_catch);
WEAK(__cxa_end_catch);
WEAK(_Unwind_Resume);
WEAK(_ZSt15get_new_handlerv);
WEAK(_ZSt17__throw_bad_allocv);
WEAK(_ZSt9terminatev);

namespace std
{
void __throw_bad_alloc() __attribute__((noreturn));
}

extern "C" {
void *malloc(std::size_t size) noexcept;
void abort(void) noexcept __attribute__((noreturn));
void *malloc_slow(std::size_t size) noexcept __attribute__((visibility("hidden")));
void *aligned_any(std::size_t align, std::size_t size) noexcept
	__attribute__((visibility("hidden")));
void *new_slow(std::size_t size) __attribute__((visibility("hidden")));
}

#define API __attribute__((visibility("default")))

/* Ask the program's handler to free something; throw if it has none. */
__attribute__((noinline, cold)) static void call_new_handler()
{
	/* Weak: null where the program has no C++ library. */
	std::new_handler (*volatile get)() = &std::get_new_handler;
	std::new_handler handler = get ? get() : nullptr;
	void (*volatile throw_bad_alloc)() = &std::__throw_bad_alloc;

	if (handler)
		handler();
	else if (throw_bad_alloc)
		throw_bad_alloc();
	else
		abort();
}

static void *get(std::size_t size, std::size_t align)
{
	return align ? aligned_any(align, size) : malloc_slow(size);
}

__attribute__((noinline, cold)) static void *get_or_throw(std::size_t size, std::size_t align)
{
	void *p;

	while (!(p = get(size, align)))
		call_new_handler();
	return p;
}

__attribute__((noinline, cold)) static void *get_or_null(std::size_t size,
							 std::size_t align) noexcept
{
	try {
		return get_or_throw(size, align);
	} catch (...) {
		return nullptr;
	}
}

void *new_slow(std::size_t size)
{
	void *p = malloc_slow(size);

	return __builtin_expect(p != nullptr, 1) ? p : get_or_throw(size, 0);
}

API void *operator new(std::size_t size, const std::nothrow_t &) noexcept
{
	void *p = malloc(size);

	return __builtin_expect(p != nullptr, 1) ? p : get_or_null(size, 0);
}

API void *operator new[](std::size_t size, const std::nothrow_t &) noexcept
{
	void *p = malloc(size);

	return __builtin_expect(p != nullptr, 1) ? p : get_or_null(size, 0);
}

API void *operator new(std::size_t size, std::align_val_t align)
{
	void *p = aligned_any(static_cast<std::size_t>(align), size);

	return __builtin_expect(p != nullptr, 1)
		       ? p
		       : get_or_throw(size, static_cast<std::size_t>(align));
}

API void *operator new[](std::size_t size, std::align_val_t align)
{
	void *p = aligned_any(static_cast<std::size_t>(align), size);

	return __builtin_expect(p != nullptr, 1)
		       ? p
		       : get_or_throw(size, static_cast<std::size_t>(align));
}

API void *operator new(std::size_t size, std::align_val_t align, const std::nothrow_t &) noexcept
{
	void *p = aligned_any(static_cast<std::size_t>(align), size);

	return __builtin_expect(p != nullptr, 1)
		       ? p
		       : get_or_null(size, static_cast<std::size_t>(align));
}

API void *operator new[](std::size_t size, std::align_val_t align, const std::nothrow_t &) noexcept
{
	void *p = aligned_any(static_cast<std::size_t>(align), size);

	return __builtin_expect(p != nullptr, 1)
		       ? p
		       : get_or_null(size, static_cast<std::size_t>(align));
}
