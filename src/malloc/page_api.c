/* SPDX-License-Identifier: MIT */
/*
 * page_api.c - buddy_alloc_pages() and its family
 *
 * Linux:  alloc_pages(), __free_pages(), alloc_pages_exact().
 */
#include "base/check.h"
#include "buddy/page_alloc.h"
#include "malloc/internal.h"
#include <string.h>

static_assert(BUDDY_PAGE_SIZE == PAGE_SIZE && BUDDY_MAX_PAGE_ORDER == MAX_PAGE_ORDER &&
		      BUDDY_NUMA_NO_NODE == NUMA_NO_NODE,
	      "page_alloc.h says the same as mm");

static bool bad_request(const char *call, int node, unsigned int order)
{
	if (order <= MAX_PAGE_ORDER)
		return bad_node(call, node);
	bug_warn("%s(): order %u is above %u", call, order, MAX_PAGE_ORDER);
	return true;
}

/* @page, just taken, becomes a block of the program, with one reference. */
static void hand_out(struct page *page, unsigned int order, gfp_t gfp)
{
	bool was_zero = page_is_zero(page);

	WRITE_ONCE(page->refcount, 1);
	page_set_state(page, page_state(PAGE_ALLOC, order, 0));
	page_map_set(page_to_pfn(page), 1, MAP_PAGES);
	atomic_add(&api_pages, 1ul << order);
	if ((gfp & __GFP_ZERO) && !was_zero)
		memset(page_address(page), 0, PAGE_SIZE << order);
}

static struct page *alloc_named(const char *call, int node, gfp_t gfp, unsigned int order)
{
	struct page *page = NULL;
	struct slow slow;

	if (!slow_enter(&slow))
		return NULL;
	if (!bad_request(call, node, order)) {
		struct page_request rq = {.gfp = gfp,
					  .nid = request_node(&slow, gfp, node),
					  .nowait = slow.nested || !(gfp & __GFP_DIRECT_RECLAIM),
					  .task = slow_mm(&slow)};

		page = alloc_pages_request(&rq, order);
	}
	if (page)
		hand_out(page, order, gfp);
	slow_leave(&slow);
	kswapd_after_alloc(&slow, !(gfp & __GFP_DIRECT_RECLAIM));
	return page;
}

BUDDY_API struct page *buddy_alloc_pages_node(int node, gfp_t gfp, unsigned int order)
{
	return alloc_named("buddy_alloc_pages_node", node, gfp, order);
}

BUDDY_API struct page *buddy_alloc_pages(gfp_t gfp, unsigned int order)
{
	return alloc_named("buddy_alloc_pages", NUMA_NO_NODE, gfp, order);
}

/* The program may take anything for a descriptor, an address too. */
static bool is_descriptor(const struct page *page)
{
	const void *addr = page_address(page);

	return mm_has_page(addr) && virt_to_page(addr) == page;
}

static slowpath void bad_page(const char *call, const struct page *page, const char *what)
{
	bug_report("%s(%p): %s", call, is_descriptor(page) ? page_address(page) : page, what);
}

BUDDY_API void buddy_get_page(struct page *page)
{
	if (likely(is_descriptor(page) && page_type(page) == PAGE_ALLOC))
		atomic_add(&page->refcount, 1);
	else
		bad_page("buddy_get_page", page, "not the first page of a live block");
}

/*
 * The block is marked as in this thread's hands first: a forked child frees what lost threads had
 * in theirs.
 */
static void free_block(struct page *page, unsigned int order, struct slow *slow)
{
	page_set_owned(page, order, 0);
	page_map_set(page_to_pfn(page), 1, MAP_NONE);
	atomic_sub(&api_pages, 1ul << order);
	free_pages_request(page, order, slow_mm(slow), slow->nested);
}

/*
 * The tail of a block, all pages but the first, is freed or about to be.  A bit in the word of the
 * reference count, so that holders who let go at the same time agree on who frees what.  Whoever
 * frees the tail keeps a reference until that is done, so nobody has to wait for it, which a signal
 * handler could not.
 */
#define REF_TAIL_FREED (1u << 31)

/* Others still hold the first page: it stays as a block of order 0, and the rest is freed. */
static void free_tail(struct page *page, unsigned int order, struct slow *slow)
{
	for (unsigned int o = order; o-- > 0;)
		page_set_owned(page + ((size_t)1 << o), o, 0);
	/* Release pairs with buddy_free_pages(): after REF_TAIL_FREED. */
	store_release(&page->state, page_state(PAGE_ALLOC, 0, 0));
	barrier();
	atomic_sub(&api_pages, (1ul << order) - 1);
	for (unsigned int o = order; o-- > 0;)
		free_pages_request(page + ((size_t)1 << o), o, slow_mm(slow), slow->nested);
}

/* Return: whether the caller has to free the tail, before it drops its reference. */
static bool claim_tail(struct page *page, unsigned int order)
{
	u32 old = READ_ONCE(page->refcount);

	while (order && old != 1 && !(old & REF_TAIL_FREED))
		if (atomic_cmpxchg(&page->refcount, &old, old | REF_TAIL_FREED))
			return true;
	return false;
}

static void drop_reference(struct page *page, unsigned int order, struct slow *slow)
{
	u32 old;

	if (claim_tail(page, order))
		free_tail(page, order, slow);
	/* Pairs with itself: what each holder did to the block comes before it is freed. */
	old = __atomic_fetch_sub(&page->refcount, 1, __ATOMIC_ACQ_REL);
	if ((old & ~REF_TAIL_FREED) == 1)
		free_block(page, old & REF_TAIL_FREED ? 0 : order, slow);
}

BUDDY_API void buddy_free_pages(struct page *page, unsigned int order)
{
	u32 state = PAGE_NONE, refs = 0;
	struct slow slow;

	if (!page)
		return;
	/* In this order: who sees the state that another holder left sees REF_TAIL_FREED too. */
	if (is_descriptor(page))
		state = load_acquire(&page->state); /* pairs with free_tail() */
	if (state_type(state) == PAGE_ALLOC)
		refs = READ_ONCE(page->refcount);
	if (!(refs & ~REF_TAIL_FREED)) {
		bad_page("buddy_free_pages", page, "not a live block of pages");
		return;
	}
	/* Once the tail is freed, nothing tells the order any more. */
	if (!(refs & REF_TAIL_FREED) && state_order(state) != order) {
		bug_report("buddy_free_pages(%p): order %u, but it was allocated with %u",
			   page_address(page), order, state_order(state));
		return;
	}
	slow_enter_anyway(&slow);
	drop_reference(page, order, &slow);
	slow_leave(&slow);
	kswapd_freed(&slow);
}

BUDDY_API void *buddy_get_free_pages(gfp_t gfp, unsigned int order)
{
	struct page *page =
		alloc_named("buddy_get_free_pages", NUMA_NO_NODE, gfp & ~__GFP_HIGHMEM, order);

	return page ? page_address(page) : NULL;
}

BUDDY_API void *buddy_get_zeroed_page(gfp_t gfp)
{
	return buddy_get_free_pages(gfp | __GFP_ZERO, 0);
}

BUDDY_API void buddy_free_pages_addr(void *addr, unsigned int order)
{
	if (!addr)
		return;
	if (page_map_get(addr) != MAP_PAGES || ((uintptr_t)addr & (PAGE_SIZE - 1)))
		bug_report("buddy_free_pages_addr(%p): not a live block of pages", addr);
	else
		buddy_free_pages(virt_to_page(addr), order);
}

BUDDY_API void *buddy_alloc_pages_exact_node(int node, size_t size, gfp_t gfp)
{
	u64 nr = DIV_ROUND_UP((u64)size, PAGE_SIZE);
	struct page *head = NULL;
	struct slow slow;
	bool zero = false;

	if (!size || size > PTRDIFF_MAX || !slow_enter(&slow))
		return NULL;
	if (!bad_request("buddy_alloc_pages_exact_node", node, 0)) {
		struct page_request rq = {.gfp = gfp,
					  .nid = request_node(&slow, gfp, node),
					  .nowait = slow.nested || !(gfp & __GFP_DIRECT_RECLAIM)};

		head = large_alloc(&rq, nr, 1, &zero);
	}
	if (head) {
		page_set_state(head, page_state(PAGE_EXACT, 0, 0));
		page_map_set(page_to_pfn(head), 1, MAP_PAGES);
		atomic_add(&api_pages, nr);
		if ((gfp & __GFP_ZERO) && !zero)
			clear_block(page_address(head), nr << PAGE_SHIFT);
	}
	slow_leave(&slow);
	kswapd_after_alloc(&slow, !(gfp & __GFP_DIRECT_RECLAIM));
	return head ? page_address(head) : NULL;
}

BUDDY_API void *buddy_alloc_pages_exact(size_t size, gfp_t gfp)
{
	return buddy_alloc_pages_exact_node(NUMA_NO_NODE, size, gfp);
}

BUDDY_API void buddy_free_pages_exact(void *addr, size_t size)
{
	u32 live = page_state(PAGE_EXACT, 0, 0);
	struct slow slow;
	struct page *head;
	u64 nr;

	if (!addr)
		return;
	head = virt_to_page(addr);
	if (page_map_get(addr) != MAP_PAGES || ((uintptr_t)addr & (PAGE_SIZE - 1)) ||
	    page_type(head) != PAGE_EXACT) {
		bug_report("buddy_free_pages_exact(%p, %zu): not a live block of exact pages", addr,
			   size);
		return;
	}
	if (head->nr_pages != DIV_ROUND_UP((u64)size, PAGE_SIZE)) {
		bug_report("buddy_free_pages_exact(%p, %zu): it has %lu pages", addr, size,
			   (unsigned long)head->nr_pages);
		return;
	}
	slow_enter_anyway(&slow);
	nr = head->nr_pages;
	/* Of two frees at the same time one wins, and the other is reported. */
	if (!atomic_cmpxchg(&head->state, &live, page_state(PAGE_EXACT, 0, PG_TRANSIT))) {
		slow_leave(&slow);
		bug_report("buddy_free_pages_exact(%p, %zu): freed already", addr, size);
		return;
	}
	large_free(head, NULL, slow.nested);
	atomic_sub(&api_pages, nr);
	slow_leave(&slow);
	kswapd_freed(&slow);
}

BUDDY_API void *buddy_page_address(const struct page *page)
{
	return page ? page_address(page) : NULL;
}

BUDDY_API struct page *buddy_virt_to_page(const void *addr)
{
	return mm_has_page(addr) ? virt_to_page(addr) : NULL;
}

BUDDY_API int buddy_page_to_nid(const struct page *page)
{
	return page_to_nid(page);
}
