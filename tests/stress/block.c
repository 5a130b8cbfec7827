/*
 * block.c - one live block of the shadow model
 */
#include "block.h"

#include "claim.h"
#include "heap.h"
#include "pattern.h"
#include "report.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { MIN_ALIGN = 16, OS_PAGE = 4096 };

static atomic_ulong made;

uint64_t blocks_made(void)
{
	return atomic_load_explicit(&made, memory_order_relaxed);
}

/* Whatever may be used belongs to the block, so the usable size is claimed, not only @size. */
static void claim_block(const struct block *block)
{
	size_t usable = heap.malloc_usable_size(block->mem);

	if (usable < block->size)
		fail("block %p: usable size %zu, asked for %zu", (void *)block->mem, usable,
		     block->size);
	claim(block->mem, usable);
}

static void unclaim_block(const struct block *block)
{
	unclaim(block->mem, heap.malloc_usable_size(block->mem));
}

static void fill(struct block *block, struct rng *rng)
{
	block->seed = rng_next(rng) ^ (uintptr_t)block->mem;
	pattern_fill(block->mem, block->size, block->seed);
}

/* Everything a new block must satisfy, whichever entry point made it. */
static void block_born(struct block *block, const char *entry, bool zeroed, struct rng *rng)
{
	size_t align = block->align > MIN_ALIGN ? block->align : MIN_ALIGN;

	if (!block->mem)
		fail("%s of %zu bytes aligned to %zu gave NULL, errno %d", entry, block->size,
		     block->align, errno);
	if ((uintptr_t)block->mem % align)
		fail("%s of %zu bytes gave %p, not aligned to %zu", entry, block->size,
		     (void *)block->mem, align);
	claim_block(block);
	if (zeroed) {
		size_t wrong = pattern_zero_check(block->mem, block->size);

		if (wrong != SIZE_MAX)
			fail("%s of %zu bytes gave %p with byte %zu not zero", entry, block->size,
			     (void *)block->mem, wrong);
	}
	fill(block, rng);
	atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
}

void block_malloc(struct block *block, size_t size, struct rng *rng)
{
	*block = (struct block){.size = size, .align = 1, .origin = BLOCK_MALLOC};
	block->mem = heap.malloc(size);
	block_born(block, "malloc", false, rng);
}

static void block_calloc(struct block *block, size_t size, struct rng *rng)
{
	size_t unit = size % 8 == 0 && rng_one_in(rng, 2) ? 8 : 1;

	*block = (struct block){.size = size, .align = 1, .origin = BLOCK_MALLOC};
	block->mem = heap.calloc(size / unit, unit);
	block_born(block, "calloc", true, rng);
}

static void block_from_realloc(struct block *block, size_t size, struct rng *rng)
{
	*block = (struct block){.size = size, .align = 1, .origin = BLOCK_MALLOC};
	block->mem =
		rng_one_in(rng, 2) ? heap.realloc(NULL, size) : heap.reallocarray(NULL, 1, size);
	block_born(block, "realloc(NULL)", false, rng);
}

static void block_new(struct block *block, size_t size, struct rng *rng)
{
	if (!heap.op_new || !heap.op_delete) {
		block_malloc(block, size, rng);
		return;
	}
	*block = (struct block){.size = size, .align = 1, .origin = BLOCK_NEW};
	block->mem = heap.op_new(size);
	block_born(block, "operator new", false, rng);
}

/* Mostly a cache line or a page, now and then up to a whole pageblock. */
static size_t random_align(struct rng *rng)
{
	if (rng_one_in(rng, 64))
		return (size_t)1 << (13 + rng_below(rng, 9));
	return (size_t)1 << (3 + rng_below(rng, 10));
}

static void block_posix_memalign(struct block *block, struct rng *rng)
{
	void *mem = NULL;
	int error = heap.posix_memalign(&mem, block->align, block->size);

	if (error)
		fail("posix_memalign of %zu bytes aligned to %zu gave error %d", block->size,
		     block->align, error);
	block->mem = mem;
	block_born(block, "posix_memalign", false, rng);
}

/* aligned_alloc wants a multiple of the alignment by the letter of C11. */
static void block_aligned_alloc(struct block *block, struct rng *rng)
{
	block->size = (block->size + block->align - 1) & ~(block->align - 1);
	block->origin = BLOCK_ALIGNED_ALLOC;
	block->mem = heap.aligned_alloc(block->align, block->size);
	block_born(block, "aligned_alloc", false, rng);
}

static void block_page_aligned(struct block *block, struct rng *rng)
{
	block->align = OS_PAGE;
	if (rng_one_in(rng, 2)) {
		block->mem = heap.valloc(block->size);
		block_born(block, "valloc", false, rng);
		return;
	}
	block->mem = heap.pvalloc(block->size);
	block_born(block, "pvalloc", false, rng);
}

static void block_aligned(struct block *block, size_t size, struct rng *rng)
{
	*block = (struct block){.size = size, .align = random_align(rng), .origin = BLOCK_MEMALIGN};
	switch (rng_below(rng, heap.op_new_aligned ? 6 : 5)) {
	case 0:
		block->mem = heap.memalign(block->align, size);
		block_born(block, "memalign", false, rng);
		break;
	case 1:
	case 2:
		block_posix_memalign(block, rng);
		break;
	case 3:
		block_aligned_alloc(block, rng);
		break;
	case 4:
		block_page_aligned(block, rng);
		break;
	default:
		block->origin = BLOCK_NEW_ALIGNED;
		block->mem = heap.op_new_aligned(size, block->align);
		block_born(block, "aligned operator new", false, rng);
		break;
	}
}

void block_alloc(struct block *block, size_t size, struct rng *rng)
{
	uint32_t choice = rng_below(rng, 100);

	if (choice < 60)
		block_malloc(block, size, rng);
	else if (choice < 75)
		block_calloc(block, size, rng);
	else if (choice < 80)
		block_from_realloc(block, size, rng);
	else if (choice < 90)
		block_new(block, size, rng);
	else
		block_aligned(block, size, rng);
}

static void check_up_to(const struct block *block, size_t limit)
{
	size_t wrong = pattern_check(block->mem, block->size, limit, block->seed);

	if (wrong != SIZE_MAX)
		fail("live block %p of %zu bytes changed at offset %zu (origin %d, align %zu)",
		     (void *)block->mem, block->size, wrong, (int)block->origin, block->align);
}

void block_check(const struct block *block)
{
	check_up_to(block, block->size);
}

void block_realloc(struct block *block, size_t size, struct rng *rng)
{
	size_t unit = size % 4 == 0 ? 4 : 1;
	struct block old = *block;

	/* Released before the call: once realloc has freed it, another thread may get it. */
	unclaim_block(block);
	*block = (struct block){.size = size, .align = 1, .origin = BLOCK_MALLOC};
	if (rng_one_in(rng, 4))
		block->mem = heap.reallocarray(old.mem, size / unit, unit);
	else
		block->mem = heap.realloc(old.mem, size);
	if (!block->mem)
		fail("realloc of %p from %zu to %zu bytes gave NULL, errno %d", (void *)old.mem,
		     old.size, size, errno);

	/* What realloc kept is checked where it lies now, before the new pattern covers it. */
	old.mem = block->mem;
	check_up_to(&old, size < old.size ? size : old.size);
	block_born(block, "realloc", false, rng);
}

static void free_aligned_block(const struct block *block, struct rng *rng)
{
	if (heap.free_aligned_sized && rng_one_in(rng, 2))
		heap.free_aligned_sized(block->mem, block->align, block->size);
	else
		heap.free(block->mem);
}

/* realloc to nothing frees, as glibc does it; a heap that returns a block gets it back. */
static void free_by_realloc(const struct block *block)
{
	void *mem = heap.realloc(block->mem, 0);

	if (mem && heap.is_buddy)
		fail("realloc(%p, 0) did not give NULL", (void *)block->mem);
	heap.free(mem);
}

static void free_plain_block(const struct block *block, struct rng *rng)
{
	uint32_t choice = rng_below(rng, 32);

	if (choice == 0)
		free_by_realloc(block);
	else if (choice < 8 && heap.free_sized)
		heap.free_sized(block->mem, block->size);
	else
		heap.free(block->mem);
}

void block_free(struct block *block, struct rng *rng)
{
	struct block old = *block;

	block_check(block);
	unclaim_block(block);
	block->mem = NULL;
	errno = E2BIG;
	switch (old.origin) {
	case BLOCK_MALLOC:
		free_plain_block(&old, rng);
		break;
	case BLOCK_ALIGNED_ALLOC:
		free_aligned_block(&old, rng);
		break;
	case BLOCK_MEMALIGN:
		heap.free(old.mem);
		break;
	case BLOCK_NEW:
		if (heap.op_delete_sized && rng_one_in(rng, 2))
			heap.op_delete_sized(old.mem, old.size);
		else
			heap.op_delete(old.mem);
		break;
	case BLOCK_NEW_ALIGNED:
		heap.op_delete_aligned(old.mem, old.align);
		break;
	}
	if (errno != E2BIG)
		fail("free of %p changed errno to %d", (void *)old.mem, errno);
}

/* Uniform over the logarithm, so that every power of two of the range is as likely. */
static size_t log_uniform(struct rng *rng, unsigned int low_order, unsigned int high_order)
{
	unsigned int order = low_order + rng_below(rng, high_order - low_order);

	return ((size_t)1 << order) + rng_below(rng, 1u << order);
}

size_t block_random_size(struct rng *rng)
{
	uint32_t permille = rng_below(rng, 1000);

	if (permille < 5)
		return 0;
	if (permille < 450)
		return 1 + rng_below(rng, 64);
	if (permille < 750)
		return log_uniform(rng, 6, 9);
	if (permille < 890)
		return log_uniform(rng, 9, 12);
	if (permille < 960)
		return log_uniform(rng, 12, 15);
	if (permille < 990)
		return log_uniform(rng, 15, 18);
	if (permille < 999)
		return log_uniform(rng, 18, 21);
	return log_uniform(rng, 21, 26);
}
