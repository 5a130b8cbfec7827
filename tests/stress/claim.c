/*
 * claim.c - which addresses are handed out right now
 *
 * Two levels: a root of leaf numbers, one per MiB of a 47-bit address space, and leaves of
 * one bit per granule.  Both live in mappings of their own that cost only what is touched.
 */
#include "claim.h"

#include "report.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

enum {
	GRANULE_SHIFT = 4,
	LEAF_SHIFT = 20,
	WORD_BITS = 64,
	WORD_SHIFT = GRANULE_SHIFT + 6,
	LEAF_WORDS = 1 << (LEAF_SHIFT - WORD_SHIFT),
	ADDRESS_BITS = 47,
};

#define ROOT_ENTRIES ((size_t)1 << (ADDRESS_BITS - LEAF_SHIFT))
#define LEAVES_MAX ((size_t)1 << 19)

struct leaf {
	_Atomic uint64_t words[LEAF_WORDS];
};

enum claim_action { CLAIM, UNCLAIM };

static _Atomic uint32_t *root; /* leaf number, 0 = none yet */
static struct leaf *leaves;
static atomic_uint leaves_used = 1;

static void *map_lazily(size_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		fail("cannot map %zu bytes for the claim map", bytes);
	return mem;
}

void claim_init(void)
{
	root = map_lazily(ROOT_ENTRIES * sizeof(*root));
	leaves = map_lazily(LEAVES_MAX * sizeof(*leaves));
}

/* The leaf of an address, made at first use; the loser of a race for it wastes one leaf. */
static struct leaf *leaf_of(uintptr_t address)
{
	_Atomic uint32_t *entry;
	uint32_t number, fresh;

	if (address >> ADDRESS_BITS)
		fail("address %#zx is no user address", (size_t)address);
	entry = &root[address >> LEAF_SHIFT];
	number = atomic_load_explicit(entry, memory_order_relaxed);
	if (number)
		return &leaves[number];
	fresh = atomic_fetch_add_explicit(&leaves_used, 1, memory_order_relaxed);
	if (fresh >= LEAVES_MAX)
		fail("claim map is full");
	if (atomic_compare_exchange_strong_explicit(entry, &number, fresh, memory_order_relaxed,
						    memory_order_relaxed))
		return &leaves[fresh];
	return &leaves[number];
}

/* Applies the action to the bits of @mask; returns those that were not as they should be. */
static uint64_t act_on_word(_Atomic uint64_t *word, uint64_t mask, enum claim_action action)
{
	if (action == CLAIM)
		return atomic_fetch_or_explicit(word, mask, memory_order_relaxed) & mask;
	return ~atomic_fetch_and_explicit(word, ~mask, memory_order_relaxed) & mask;
}

static void act(const void *mem, size_t size, enum claim_action action)
{
	uintptr_t from = (uintptr_t)mem >> GRANULE_SHIFT;
	uintptr_t end = ((uintptr_t)mem + (size ? size : 1) - 1) >> GRANULE_SHIFT;

	while (from <= end) {
		unsigned int bit = from % WORD_BITS;
		uint64_t mask = ~UINT64_C(0) << bit;
		uintptr_t last = from - bit + WORD_BITS - 1;
		uintptr_t address = from << GRANULE_SHIFT;
		struct leaf *leaf = leaf_of(address);
		uint64_t wrong;

		if (last > end) {
			mask &= ~UINT64_C(0) >> (last - end);
			last = end;
		}
		wrong = act_on_word(&leaf->words[(address >> WORD_SHIFT) % LEAF_WORDS], mask,
				    action);
		if (wrong && action == CLAIM)
			fail("block %p of %zu bytes overlaps a live block near %#zx", mem, size,
			     (size_t)address + ((size_t)__builtin_ctzll(wrong) - bit) * 16);
		if (wrong && action == UNCLAIM)
			fail("live block %p of %zu bytes lost its claim near %#zx", mem, size,
			     (size_t)address);
		from = last + 1;
	}
}

void claim(const void *mem, size_t size)
{
	act(mem, size, CLAIM);
}

void unclaim(const void *mem, size_t size)
{
	act(mem, size, UNCLAIM);
}
