/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_PLATFORM_VM_H
#define BUDDY_PLATFORM_VM_H
/*
 * vm.h - address space and what backs it (contract)
 *
 * Implemented by linux/vm.c, and by tests/sim in a world where any call can be made to fail.
 * Addresses and lengths, in bytes, are multiples of OS_PAGE unless said otherwise.  Errors are
 * negative errno values; the C library's errno is never touched.
 */
#include "base/compiler.h"

#pragma GCC visibility push(hidden)

#define OS_PAGE 4096ul

/**
 * vm_map_at - map fresh zero memory, readable and writable, at exactly @addr
 * Return: 0; -EEXIST if something else is mapped there; -ENOMEM or another -errno.
 */
int vm_map_at(void *addr, size_t len);

/**
 * vm_map - map fresh zero memory, readable and writable, anywhere
 *
 * More than the machine can ever have is refused, unless the system is set up to overcommit
 * everything. Return: the address, or NULL.
 */
void *vm_map(size_t len);

/** vm_map_sparse - the same without that limit, for what goes back for the most part at once */
void *vm_map_sparse(size_t len);

/**
 * vm_map_zero_view - map zeros, read-only; vm_make_writable() opens parts of it
 * @hint: where to put it if that is free; may be NULL
 *
 * Reading costs no memory, so the view may be far larger than what is ever written.
 * Return: the address, or NULL.
 */
void *vm_map_zero_view(void *hint, size_t len);

/** vm_make_writable - open a part of a zero view.  Return: 0 or -errno. */
int vm_make_writable(void *addr, size_t len);

/** vm_unmap - unmap; where the system cannot, at least the memory goes back */
void vm_unmap(void *addr, size_t len);

/**
 * vm_discard - give the memory back; it stays mapped and reads as zero
 * Return: 0; -EINVAL where the program has locked some of it (mlock()), or another -errno; after an
 * error parts of it may have gone back all the same.
 */
int vm_discard(void *addr, size_t len);

/**
 * vm_resident_pages - how many pages of the range are resident
 * Return: their number; -ENOMEM if not all of the range is mapped; another -errno where the system
 * does not tell.
 */
long vm_resident_pages(void *addr, size_t len);

/**
 * vm_copy_used - copy @len bytes, but not pages that were never used, to where memory reads as zero
 *
 * Any addresses and lengths.
 * Return: 0; -errno if the system does not tell which pages those are: some bytes may be missing
 * then.
 */
int vm_copy_used(char *to, const char *from, size_t len);

/** vm_advise_huge - advise for (or against) huge pages; a refusal is ignored */
void vm_advise_huge(void *addr, size_t len, bool huge);

/**
 * vm_split_huge - split the huge page that [addr, addr + len) is a part of, if it is one
 *
 * Without this, when a part of a huge page is discarded, the system has that memory back, and takes
 * the charge off the control group, only when it is short itself and splits what is left.
 */
void vm_split_huge(void *addr, size_t len);

/**
 * vm_touch - make the first page of memory that was never touched resident
 *
 * It still reads as zero.  Return: how many nanoseconds that took.
 */
u64 vm_touch(void *addr);

/**
 * vm_resize - change the length of a mapping of its own, moving it if need be
 * Return: the new address, or NULL with the old mapping unchanged.
 */
void *vm_resize(void *addr, size_t old_len, size_t new_len);

/**
 * vm_bind - prefer memory of @node for the range; a refusal is ignored
 * @strict: bit n for node n, and memory of no other is taken; 0: of any
 */
void vm_bind(void *addr, size_t len, int node, u32 strict);

/**
 * vm_node_of - the node that the page at @addr, which is resident, lies on
 * Return: its number; negative if the system does not tell.
 */
int vm_node_of(void *addr);

#pragma GCC visibility pop

#endif
