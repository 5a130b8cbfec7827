/* SPDX-License-Identifier: MIT */
/*
 * dso_handle.c - when pthread_atfork() is to forget what the library has registered: never
 *
 * The C library's part of it, which is linked into each library, hands on what this holds.  Usually
 * the compiler's start files bring it, with its own address; libbuddy.so is linked without them.
 */
extern void *__dso_handle;
__attribute__((visibility("hidden"))) void *__dso_handle;
