/* SPDX-License-Identifier: MIT */
/*
 * dso_handle.c - what pthread_atfork() registers for this library is never forgotten
 *
 * The part of pthread_atfork() that is linked into each library passes on the value of this
 * variable, which says whose handlers to forget when a library is unloaded; NULL means the
 * program's.  Usually the compiler's start files define it; libbuddy.so is linked without them.
 */
extern void *__dso_handle;
__attribute__((visibility("hidden"))) void *__dso_handle;
