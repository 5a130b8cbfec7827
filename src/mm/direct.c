/* SPDX-License-Identifier: MIT */
/*
 * direct.c - blocks that are mappings of their own, outside the range
 *
 * For what no zone can hold: larger than half a span, or when the range is used up.  A table of
 * addresses tells them from foreign pointers.
 *
 * Locks:  direct_lock for the table.  A free that may not wait leaves the address in a small
 *         array that the next holder of the lock empties.
 */
#include "base/check.h"
#include "mm/mm.h"
#include "platform/vm.h"

struct direct_map {
	uintptr_t addr;	 /* 0: never used, 1: deleted */
	size_t bytes;	 /* mapped, from addr on */
};

#define DELETED 1

static struct spinlock direct_lock = SPINLOCK_INIT(RANK_DIRECT);
static struct direct_map *table; /* direct_lock; open addressing, a power of two long */
static size_t table_len, table_used, table_live;
static size_t mapped_bytes;
static uintptr_t deferred[16]; /* atomic */

static void direct_unmap_locked(uintptr_t addr);

/* A vanished owner leaves the table usable: entries are written bytes first, address last. */
static bool lock_table(bool nowait)
{
	if (nowait) {
		if (spin_trylock(&direct_lock) == LOCK_BUSY)
			return false;
	} else {
		spin_lock(&direct_lock);
	}
	for (size_t i = 0; i < ARRAY_SIZE(deferred); i++) {
		uintptr_t addr = READ_ONCE(deferred[i]);

		if (unlikely(addr) && atomic_xchg(&deferred[i], 0) == addr)
			direct_unmap_locked(addr);
	}
	return true;
}

static struct direct_map *find(uintptr_t addr)
{
	for (size_t i = 0; i < table_len; i++) {
		struct direct_map *m =
			&table[((addr >> PAGE_SHIFT) * 0x9e3779b97f4a7c15ul + i) & (table_len - 1)];

		if (m->addr == addr)
			return m;
		if (!m->addr)
			return NULL;
	}
	return NULL;
}

static void insert(struct direct_map *t, size_t len, uintptr_t addr, size_t bytes)
{
	for (size_t i = 0;; i++) {
		struct direct_map *m =
			&t[((addr >> PAGE_SHIFT) * 0x9e3779b97f4a7c15ul + i) & (len - 1)];

		if (m->addr > DELETED)
			continue;
		m->bytes = bytes;
		barrier();
		WRITE_ONCE(m->addr, addr);
		return;
	}
}

static bool make_room(void)
{
	size_t len = OS_PAGE / sizeof(struct direct_map);
	struct direct_map *t;

	if (table_used * 2 < table_len)
		return true;
	while (len <= table_live * 4)
		len *= 2;
	t = vm_map(len * sizeof(*t));
	if (!t)
		return false;
	for (size_t i = 0; i < table_len; i++)
		if (table[i].addr > DELETED)
			insert(t, len, table[i].addr, table[i].bytes);
	if (table)
		vm_unmap(table, table_len * sizeof(*table));
	table = t;
	table_len = len;
	table_used = table_live;
	return true;
}

/**
 * direct_alloc - a mapping of its own of at least @bytes, aligned to @align
 * Return: the address, reading as zero, or NULL.
 */
void *direct_alloc(size_t bytes, size_t align, bool nowait)
{
	size_t len = ALIGN_UP(bytes, OS_PAGE), extra = align > OS_PAGE ? align : 0;
	uintptr_t raw, addr;

	if (len < bytes || len + extra < len)
		return NULL;
	raw = (uintptr_t)vm_map(len + extra);
	if (!raw)
		return NULL;
	addr = extra ? ALIGN_UP(raw, align) : raw;
	if (addr > raw)
		vm_unmap((void *)raw, addr - raw);
	if (raw + extra > addr)
		vm_unmap((void *)(addr + len), raw + extra - addr);
	if (!lock_table(nowait)) {
		vm_unmap((void *)addr, len);
		return NULL;
	}
	if (!make_room()) {
		spin_unlock(&direct_lock);
		vm_unmap((void *)addr, len);
		return NULL;
	}
	insert(table, table_len, addr, len);
	table_used++;
	table_live++;
	mapped_bytes += len;
	spin_unlock(&direct_lock);
	return (void *)addr;
}

/* Bytes usable at @addr, 0 if it is not the start of a direct mapping. */
size_t direct_size(const void *addr)
{
	struct direct_map *m;
	size_t bytes = 0;

	if (!READ_ONCE(table_live) || ((uintptr_t)addr & (OS_PAGE - 1)))
		return 0;
	if (spin_held_by_me(&direct_lock))
		return 0;
	lock_table(false);
	m = find((uintptr_t)addr);
	if (m)
		bytes = m->bytes;
	spin_unlock(&direct_lock);
	return bytes;
}

static void direct_unmap_locked(uintptr_t addr)
{
	struct direct_map *m = find(addr);

	if (!m)
		return;
	WRITE_ONCE(m->addr, DELETED);
	table_live--;
	mapped_bytes -= m->bytes;
	vm_unmap((void *)addr, m->bytes);
}

/* Return: false if @addr is not the start of a direct mapping. */
bool direct_free(void *addr, bool nowait)
{
	bool known;

	if (!READ_ONCE(table_live) || ((uintptr_t)addr & (OS_PAGE - 1)))
		return false;
	if (!lock_table(nowait)) {
		for (size_t i = 0; i < ARRAY_SIZE(deferred); i++) {
			uintptr_t empty = 0;

			if (atomic_cmpxchg(&deferred[i], &empty, (uintptr_t)addr))
				break;
		}
		return true;
	}
	known = find((uintptr_t)addr);
	direct_unmap_locked((uintptr_t)addr);
	spin_unlock(&direct_lock);
	return known;
}

/* Return: where the block is now, or NULL with the old one unchanged. */
void *direct_resize(void *addr, size_t bytes)
{
	size_t len = ALIGN_UP(bytes, OS_PAGE);
	struct direct_map *m;
	void *ret = NULL;

	if (len < bytes)
		return NULL;
	lock_table(false);
	m = find((uintptr_t)addr);
	if (m && make_room()) {
		m = find((uintptr_t)addr);
		ret = vm_resize(addr, m->bytes, len);
		if (ret) {
			mapped_bytes += len - m->bytes;
			WRITE_ONCE(m->addr, DELETED);
			insert(table, table_len, (uintptr_t)ret, len);
			table_used++;
		}
	}
	spin_unlock(&direct_lock);
	return ret;
}

void direct_totals(unsigned long *ret_count, size_t *ret_bytes)
{
	*ret_count = READ_ONCE(table_live);
	*ret_bytes = READ_ONCE(mapped_bytes);
}
