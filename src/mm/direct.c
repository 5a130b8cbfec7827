/* SPDX-License-Identifier: MIT */
/*
 * direct.c - blocks that are mappings of their own, outside the range
 *
 * For what no zone can hold: larger than half a span or than a node's memory, or when the range is
 * used up; for what grows beyond 16 MiB, or in small steps beyond 4, by realloc(); and for what a
 * handler finds no place for.  A table of addresses tells them from foreign pointers.  Looking one
 * up takes no lock, so that a signal handler may: an entry's length is written before its address,
 * and a table that has become too small is left where it is.
 *
 * Locks:  direct_lock to change the table.  A thread that may not wait for it puts a new mapping
 *         into one of a few spare entries, and leaves one that it frees in a list for the next
 *         holder.  The list gets another page when it is full.
 */
#include "mm/internal.h"
#include "mm/mm.h"
#include "platform/vm.h"

struct direct_map {
	uintptr_t addr; /* 0: never used, 1: deleted; atomic */
	size_t bytes;	/* mapped, from addr on; const while addr is set */
};

struct direct_table {
	size_t len;  /* const; a power of two */
	size_t used; /* direct_lock; deleted ones included */
	struct direct_map map[];
};

#define DELETED 1

/* Taken by setting the address from 0 to DELETED. */
sparse struct direct_map direct_spare[64];

static struct spinlock direct_lock = SPINLOCK_INIT(RANK_DIRECT);
static struct direct_table *table; /* release/acquire; open addressing */
static unsigned long live;	   /* atomic */
static size_t mapped_bytes;	   /* atomic */

/* Addresses to be freed.  A page of them stays: somebody may always be looking at it. */
struct deferred_page {
	struct deferred_page *next;			 /* const once it is in the list */
	uintptr_t addr[OS_PAGE / sizeof(uintptr_t) - 1]; /* atomic */
};
static uintptr_t deferred[64];		    /* atomic */
static struct deferred_page *more_deferred; /* atomic */

static size_t hash(uintptr_t addr, size_t i, size_t len)
{
	return ((addr >> PAGE_SHIFT) * GOLDEN_RATIO_64 / 65536 + i) & (len - 1);
}

static struct direct_map *find_in_table(uintptr_t addr)
{
	struct direct_table *t = load_acquire(&table);

	for (size_t i = 0; t && i < t->len; i++) {
		struct direct_map *m = &t->map[hash(addr, i, t->len)];
		uintptr_t a = load_acquire(&m->addr); /* pairs with insert() */

		if (a == addr)
			return m;
		if (!a)
			return NULL;
	}
	return NULL;
}

static struct direct_map *find(uintptr_t addr)
{
	for (size_t i = 0; i < ARRAY_SIZE(direct_spare); i++)
		if (load_acquire(&direct_spare[i].addr) == addr)
			return &direct_spare[i];
	return find_in_table(addr);
}

/*
 * Deleted entries at the end of a run are as good as never used: no search goes on behind them.
 * Otherwise a few blocks that move often would fill table after table.  Under direct_lock.
 */
static void clear_deleted(const struct direct_map *m)
{
	struct direct_table *t = table;
	size_t i = (size_t)(m - t->map), mask = t->len - 1;

	if (t->map[(i + 1) & mask].addr)
		return;
	for (; t->map[i].addr == DELETED; i = (i - 1) & mask) {
		store_release(&t->map[i].addr, 0);
		t->used--;
	}
}

static void forget(struct direct_map *m)
{
	uintptr_t addr = m->addr;
	size_t bytes = m->bytes;
	bool is_spare = m >= direct_spare && m < direct_spare + ARRAY_SIZE(direct_spare);

	/* The entry first: another thread may be given the same address at once. */
	store_release(&m->addr, is_spare ? 0 : DELETED);
	if (!is_spare)
		clear_deleted(m);
	atomic_sub(&live, 1);
	atomic_sub(&mapped_bytes, bytes);
	vm_unmap((void *)addr, bytes);
	budget_note_unmapped(bytes);
}

static slowpath bool put_deferred(uintptr_t *slots, size_t nr, uintptr_t addr)
{
	for (size_t i = 0; i < nr; i++) {
		uintptr_t empty = 0;

		if (!READ_ONCE(slots[i]) && atomic_cmpxchg(&slots[i], &empty, addr))
			return true;
	}
	return false;
}

/* The lock is held, by what this thread interrupted or by another. */
static slowpath void defer_free(uintptr_t addr)
{
	struct deferred_page *page = load_acquire(&more_deferred), *first;

	if (put_deferred(deferred, ARRAY_SIZE(deferred), addr))
		return;
	for (; page; page = page->next)
		if (put_deferred(page->addr, ARRAY_SIZE(page->addr), addr))
			return;
	page = vm_map(sizeof(*page));
	if (!page)
		return; /* it stays mapped, and known as live */
	page->addr[0] = addr;
	first = READ_ONCE(more_deferred);
	do {
		page->next = first;
		/* Release pairs with the load above and in free_all_deferred(). */
	} while (!__atomic_compare_exchange_n(&more_deferred, &first, page, true, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
}

/* Under direct_lock. */
static set_apart void free_deferred(uintptr_t *slots, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		uintptr_t addr = READ_ONCE(slots[i]);
		struct direct_map *m;

		if (likely(!addr) || !atomic_cmpxchg(&slots[i], &addr, 0))
			continue;
		m = find(addr);
		if (m)
			forget(m);
	}
}

static set_apart void free_all_deferred(void)
{
	free_deferred(deferred, ARRAY_SIZE(deferred));
	for (struct deferred_page *page = load_acquire(&more_deferred); page; page = page->next)
		free_deferred(page->addr, ARRAY_SIZE(page->addr));
}

/* A lost owner leaves the table usable: entries are whole before their address is set. */
static bool lock_table(bool nowait)
{
	if (nowait) {
		if (spin_trylock(&direct_lock) == LOCK_BUSY)
			return false;
	} else {
		spin_lock(&direct_lock);
	}
	free_all_deferred();
	return true;
}

static void insert(struct direct_table *t, uintptr_t addr, size_t bytes)
{
	for (size_t i = 0;; i++) {
		struct direct_map *m = &t->map[hash(addr, i, t->len)];

		if (m->addr > DELETED)
			continue;
		t->used += m->addr == 0;
		m->bytes = bytes;
		store_release(&m->addr, addr); /* pairs with find_in_table() */
		return;
	}
}

/*
 * The old table stays mapped: somebody may be reading it.  So each is at least twice as large as
 * the one before, also where that is full of deleted entries: with tables of one length 30 blocks,
 * and others that came and went beside them, left 12 KiB behind for every 3000.  Under direct_lock.
 */
static bool make_room(void)
{
	struct direct_table *t = table, *bigger;
	size_t len = t ? 2 * t->len : 128;

	if (t && t->used * 2 < t->len)
		return true;
	while (len <= live * 4)
		len *= 2;
	bigger = vm_map(ALIGN_UP(sizeof(*t) + len * sizeof(t->map[0]), OS_PAGE));
	if (!bigger)
		return false;
	bigger->len = len;
	for (size_t i = 0; t && i < t->len; i++)
		if (t->map[i].addr > DELETED)
			insert(bigger, t->map[i].addr, t->map[i].bytes);
	store_release(&table, bigger); /* pairs with find_in_table() */
	return true;
}

static bool record_spare(uintptr_t addr, size_t bytes)
{
	for (size_t i = 0; i < ARRAY_SIZE(direct_spare); i++) {
		uintptr_t empty = 0;

		if (!atomic_cmpxchg(&direct_spare[i].addr, &empty, DELETED))
			continue;
		direct_spare[i].bytes = bytes;
		store_release(&direct_spare[i].addr, addr); /* pairs with find() */
		return true;
	}
	return false;
}

static void count_mapping(size_t bytes)
{
	atomic_add(&live, 1);
	atomic_add(&mapped_bytes, bytes);
}

static bool record(uintptr_t addr, size_t bytes, bool nowait)
{
	bool done = false;

	if (lock_table(nowait)) {
		done = make_room();
		if (done) {
			insert(table, addr, bytes);
			/* Under the lock, since make_room() goes by it. */
			count_mapping(bytes);
		}
		spin_unlock(&direct_lock);
	}
	if (!done) {
		done = record_spare(addr, bytes);
		if (done)
			count_mapping(bytes);
	}
	return done;
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
	/* If most of it is there for the alignment alone, that goes back at once. */
	raw = (uintptr_t)(extra > len ? vm_map_sparse(len + extra) : vm_map(len + extra));
	if (!raw)
		return NULL;
	addr = extra ? ALIGN_UP(raw, align) : raw;
	if (addr > raw)
		vm_unmap((void *)raw, addr - raw);
	if (raw + extra > addr)
		vm_unmap((void *)(addr + len), raw + extra - addr);
	if (!record(addr, len, nowait)) {
		vm_unmap((void *)addr, len);
		return NULL;
	}
	if (!nowait)
		budget_direct(len);
	return (void *)addr;
}

/* Bytes usable at @addr, 0 if it is not the start of a direct mapping. */
size_t direct_size(const void *addr)
{
	struct direct_map *m;

	if (!READ_ONCE(live) || ((uintptr_t)addr & (OS_PAGE - 1)) || !addr)
		return 0;
	m = find((uintptr_t)addr);
	return m ? m->bytes : 0;
}

/* Return: false if @addr is not the start of a direct mapping. */
bool direct_free(void *addr, bool nowait)
{
	struct direct_map *m;

	if (!direct_size(addr))
		return false;
	if (!lock_table(nowait)) {
		defer_free((uintptr_t)addr);
		return true;
	}
	m = find((uintptr_t)addr);
	if (m)
		forget(m);
	spin_unlock(&direct_lock);
	return m;
}

/* Return: where the block is now, or NULL with the old one unchanged. */
void *direct_resize(void *addr, size_t bytes, bool nowait)
{
	size_t len = ALIGN_UP(bytes, OS_PAGE);
	struct direct_map *m;
	void *ret = NULL;
	size_t old = 0;

	if (len < bytes || !lock_table(nowait))
		return NULL;
	m = find_in_table((uintptr_t)addr);
	if (m && make_room()) {
		m = find_in_table((uintptr_t)addr);
		old = m->bytes;
		/* Before it moves: a child of a fork must not find it where it was. */
		store_release(&m->addr, DELETED);
		ret = vm_resize(addr, old, len);
		if (ret) {
			clear_deleted(m);
			insert(table, (uintptr_t)ret, len);
			atomic_add(&mapped_bytes, len - old);
		} else {
			store_release(&m->addr, (uintptr_t)addr);
		}
	}
	spin_unlock(&direct_lock);
	if (ret && len < old)
		budget_note_unmapped(old - len);
	if (ret && len > old && !nowait)
		budget_direct(len - old);
	return ret;
}

void direct_totals(unsigned long *ret_count, size_t *ret_bytes)
{
	*ret_count = READ_ONCE(live);
	*ret_bytes = READ_ONCE(mapped_bytes);
}

static void count_entry(const struct direct_map *m)
{
	if (m->addr > DELETED)
		count_mapping(m->bytes);
}

/* Under direct_lock, and nobody else is here. */
static slowpath void count_anew(void)
{
	struct direct_table *t = table;

	live = mapped_bytes = 0;
	for (size_t i = 0; i < ARRAY_SIZE(direct_spare); i++) {
		/* A lost thread had taken it, and not written the address yet. */
		if (direct_spare[i].addr == DELETED)
			direct_spare[i].addr = 0;
		count_entry(&direct_spare[i]);
	}
	for (size_t i = 0; t && i < t->len; i++)
		count_entry(&t->map[i]);
}

/*
 * In a forked child, whose other threads are lost.  What one of them was doing may be in the table
 * and not counted, or counted and not there.
 */
slowpath void direct_settle(void)
{
	if (!lock_table(/* nowait= */ true))
		return;
	count_anew();
	spin_unlock(&direct_lock);
}
