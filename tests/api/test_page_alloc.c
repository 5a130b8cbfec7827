/*
 * test_page_alloc.c - what <buddy/page_alloc.h> and <buddy/gfp.h> promise, call by call
 */
#include "bytes.h"
#include "child.h"
#include "seen.h"

#include <buddy/buddy.h>
#include <buddy/page_alloc.h>
#include <buddy/slab.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE BUDDY_PAGE_SIZE
#define ORDERS (BUDDY_MAX_PAGE_ORDER + 1)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The kernel's own values, from include/linux/gfp_types.h by way of its tracing output. */
_Static_assert(GFP_KERNEL == 0xcc0, "GFP_KERNEL");
_Static_assert(GFP_ATOMIC == 0x820, "GFP_ATOMIC");
_Static_assert(GFP_NOWAIT == 0x2800, "GFP_NOWAIT");
_Static_assert(GFP_NOIO == 0xc00, "GFP_NOIO");
_Static_assert(GFP_NOFS == 0xc40, "GFP_NOFS");
_Static_assert(GFP_USER == 0x100cc0, "GFP_USER");
_Static_assert(GFP_HIGHUSER_MOVABLE == 0x100cca, "GFP_HIGHUSER_MOVABLE");
_Static_assert(GFP_KERNEL_ACCOUNT == 0x400cc0, "GFP_KERNEL_ACCOUNT");
_Static_assert(GFP_TRANSHUGE_LIGHT == 0x1c20ca, "GFP_TRANSHUGE_LIGHT");
_Static_assert(__GFP_ZERO == 0x100 && __GFP_THISNODE == 0x200000, "GFP bits");

static uint64_t pages_out(void)
{
	struct buddy_stats st;

	buddy_stats(&st);
	return st.pages / PAGE;
}

/* ---- blocks ---- */

static void blocks_are_aligned_to_their_size_and_apart(void **state)
{
	uint64_t before = pages_out();

	(void)state;
	for (unsigned int order = 0; order < ORDERS; order++) {
		size_t size = PAGE << order;
		struct page *page[5];

		for (size_t i = 0; i < ARRAY_SIZE(page); i++) {
			page[i] = buddy_alloc_pages(GFP_KERNEL, order);
			assert_non_null(page[i]);
			assert_int_equal((uintptr_t)buddy_page_address(page[i]) % size, 0);
			memset(buddy_page_address(page[i]), (int)i, size);
		}
		assert_int_equal(pages_out() - before, ARRAY_SIZE(page) << order);
		for (size_t i = 0; i < ARRAY_SIZE(page); i++) {
			assert_true(all_bytes(buddy_page_address(page[i]), size,
					      (unsigned char)i));
			buddy_free_pages(page[i], order);
		}
	}
	assert_int_equal(pages_out(), before);
	assert_int_equal(buddy_verify(), 0);
}

static void address_and_descriptor_lead_to_each_other(void **state)
{
	struct page *page = buddy_alloc_pages(GFP_KERNEL, 3);
	char *mem = buddy_page_address(page), on_stack;

	(void)state;
	assert_ptr_equal(buddy_virt_to_page(mem), page);
	assert_ptr_equal(buddy_virt_to_page(mem + PAGE - 1), page);
	for (int i = 1; i < 8; i++)
		assert_ptr_equal(buddy_page_address(buddy_virt_to_page(mem + i * PAGE + 5)),
				 mem + i * PAGE);
	assert_int_equal(buddy_page_to_nid(page), buddy_node_of(mem));
	buddy_free_pages(page, 3);
	assert_null(buddy_virt_to_page(&on_stack));
	assert_null(buddy_virt_to_page(NULL));
	assert_null(buddy_page_address(NULL));
	assert_null(buddy_virt_to_page((void *)UINTPTR_MAX));
}

static void zeroed_pages_are_zero_also_when_recycled(void **state)
{
	(void)state;
	for (unsigned int order = 0; order < ORDERS; order++) {
		size_t size = PAGE << order;

		for (int round = 0; round < 3; round++) {
			void *mem = buddy_get_free_pages(GFP_KERNEL | __GFP_ZERO, order);

			assert_non_null(mem);
			assert_true(all_bytes(mem, size, 0));
			memset(mem, 0xff, size);
			buddy_free_pages_addr(mem, order);
		}
	}
	for (int round = 0; round < 3; round++) {
		void *mem = buddy_get_zeroed_page(GFP_KERNEL);

		assert_true(all_bytes(mem, PAGE, 0));
		memset(mem, 0xff, PAGE);
		buddy_free_pages_addr(mem, 0);
	}
}

static void every_kind_of_request_is_served(void **state)
{
	static const gfp_t flags[] = {0,	  GFP_ATOMIC,	      GFP_NOWAIT,
				      GFP_NOIO,	  GFP_HIGHUSER,	      GFP_HIGHUSER_MOVABLE,
				      GFP_KERNEL | __GFP_RECLAIMABLE, GFP_TRANSHUGE,
				      GFP_KERNEL | __GFP_NOFAIL,      GFP_KERNEL | __GFP_COMP};

	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
		for (unsigned int order = 0; order < ORDERS; order++) {
			struct page *page = buddy_alloc_pages(flags[f], order);

			assert_non_null(page);
			memset(buddy_page_address(page), 1, PAGE << order);
			buddy_free_pages(page, order);
		}
		buddy_free_pages_exact(buddy_alloc_pages_exact(3 * PAGE, flags[f]), 3 * PAGE);
	}
	assert_int_equal(buddy_verify(), 0);
}

/* Sums over the zones that a program's memory is in. */
static struct buddy_zone_stats all_zones(void)
{
	struct buddy_zone_stats z, sum = {0};

	for (int i = 0; buddy_zone_stats(i, &z) == 0; i++) {
		if (!strcmp(z.name, "Meta"))
			continue;
		sum.refills += z.refills;
		sum.accepted += z.accepted;
	}
	return sum;
}

static void take_pages(gfp_t gfp)
{
	static struct page *page[2000];

	for (size_t i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = buddy_alloc_pages(gfp, 0);
		assert_non_null(page[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(page); i++)
		buddy_free_pages(page[i], 0);
}

/* A refill would have to wait for the zone's lock. */
static void a_request_that_may_not_wait_fills_no_page_set(void **state)
{
	uint64_t before = all_zones().refills;

	(void)state;
	take_pages(GFP_NOWAIT);
	take_pages(GFP_ATOMIC);
	take_pages(0);
	assert_int_equal(all_zones().refills, before);
	buddy_reclaim();
	take_pages(GFP_KERNEL);
	assert_true(all_zones().refills > before);
}

/* ---- memory that caches keep ---- */

enum { KEPT = 4000, MOST = 64 };

static void *exact_pages(gfp_t gfp)
{
	return buddy_alloc_pages_exact(4 << 20, gfp);
}

static void *large_kmalloc(gfp_t gfp)
{
	return buddy_kmalloc(4 << 20, gfp);
}

/* Return: how many empty slabs go back when @take takes so much that the zone has to grow. */
static uint64_t slabs_gone(void *(*take)(gfp_t), gfp_t gfp)
{
	struct kmem_cache *s = buddy_kmem_cache_create("kept", 2000, 0, 0, NULL);
	static void *objs[KEPT], *blocks[MOST];
	struct buddy_cache_stats before, after;
	uint64_t size;
	size_t nr = 0;

	buddy_reclaim();
	assert_int_equal(buddy_kmem_cache_alloc_bulk(s, GFP_KERNEL, KEPT, objs), KEPT);
	buddy_kmem_cache_free_bulk(s, KEPT, objs);
	assert_true(find_cache("kept", &before));
	assert_true(before.empty_slabs > 0);
	for (size = all_zones().accepted; all_zones().accepted == size && nr < MOST; nr++) {
		blocks[nr] = take(gfp);
		assert_non_null(blocks[nr]);
	}
	assert_true(nr < MOST);
	assert_true(find_cache("kept", &after));
	while (nr--) {
		if (take == exact_pages)
			buddy_free_pages_exact(blocks[nr], 4 << 20);
		else
			buddy_kfree(blocks[nr]);
	}
	buddy_kmem_cache_destroy(s);
	return before.slabs - after.slabs;
}

/* Looking for them would wait for locks.  Tried again in case a background pass took some back. */
static void expect_none_gone(void *(*take)(gfp_t), gfp_t gfp)
{
	int tries = 1;

	while (slabs_gone(take, gfp))
		assert_true(tries++ < 5);
}

static void a_request_that_may_not_wait_takes_nothing_back_from_caches(void **state)
{
	(void)state;
	expect_none_gone(exact_pages, GFP_NOWAIT);
	expect_none_gone(exact_pages, 0);
	expect_none_gone(large_kmalloc, GFP_NOWAIT);
	expect_none_gone(large_kmalloc, 0);
	assert_true(slabs_gone(exact_pages, GFP_KERNEL) > 0);
	assert_true(slabs_gone(large_kmalloc, GFP_KERNEL) > 0);
}

static void zones_without_memory_give_null(void **state)
{
	static const gfp_t flags[] = {GFP_DMA, GFP_DMA32, GFP_KERNEL | __GFP_DMA32};

	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
		assert_null(buddy_alloc_pages(flags[f], 0));
		assert_null(buddy_alloc_pages(flags[f], 10));
		assert_null(buddy_alloc_pages_node(0, flags[f], 0));
		assert_null(buddy_get_free_pages(flags[f], 1));
		assert_null(buddy_get_zeroed_page(flags[f]));
		assert_null(buddy_alloc_pages_exact(3 * PAGE, flags[f]));
		assert_null(buddy_alloc_pages_exact_node(0, 3 * PAGE, flags[f]));
	}
}

static void nodes_that_exist_serve(void **state)
{
	(void)state;
	for (int node = BUDDY_NUMA_NO_NODE; node < buddy_nr_nodes(); node++) {
		struct page *page = buddy_alloc_pages_node(node, GFP_KERNEL, 2);
		void *exact = buddy_alloc_pages_exact_node(node, 5 * PAGE, GFP_KERNEL);

		assert_non_null(page);
		assert_non_null(exact);
		assert_in_range(buddy_page_to_nid(page), 0, buddy_nr_nodes() - 1);
		buddy_free_pages(page, 2);
		buddy_free_pages_exact(exact, 5 * PAGE);
	}
}

static void no_call_touches_errno(void **state)
{
	(void)state;
	errno = 1234;
	buddy_free_pages(buddy_alloc_pages(GFP_KERNEL, 10), 10);
	buddy_free_pages_exact(buddy_alloc_pages_exact(30 << 20, GFP_KERNEL), 30 << 20);
	assert_null(buddy_alloc_pages_exact(SIZE_MAX, GFP_KERNEL));
	assert_null(buddy_alloc_pages_exact(PTRDIFF_MAX, GFP_KERNEL));
	assert_null(buddy_alloc_pages(GFP_DMA32, 0));
	assert_int_equal(errno, 1234);
}

/* ---- exact ---- */

static void exact_blocks_are_whole_pages_and_no_more(void **state)
{
	static const size_t sizes[] = {1,	 PAGE,	    PAGE + 1, 3 * PAGE, 5 * PAGE - 1,
				       33 * PAGE, 1 << 20, (4 << 20) + 1, 10 << 20, 70 << 20};
	uint64_t before = pages_out();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t pages = (sizes[i] + PAGE - 1) / PAGE;

		for (int round = 0; round < 2; round++) {
			char *mem = buddy_alloc_pages_exact(sizes[i], GFP_KERNEL | __GFP_ZERO);

			assert_non_null(mem);
			assert_int_equal((uintptr_t)mem % PAGE, 0);
			assert_int_equal(pages_out() - before, pages);
			assert_true(all_bytes(mem, pages * PAGE, 0));
			memset(mem, 0xff, pages * PAGE);
			buddy_free_pages_exact(mem, sizes[i]);
			assert_int_equal(pages_out(), before);
		}
	}
	assert_null(buddy_alloc_pages_exact(0, GFP_KERNEL));
	buddy_free_pages_exact(NULL, PAGE);
	assert_int_equal(buddy_verify(), 0);
}

/* ---- references ---- */

static void the_last_reference_frees(void **state)
{
	uint64_t before = pages_out();
	struct page *page = buddy_alloc_pages(GFP_KERNEL, 0);

	(void)state;
	memset(buddy_page_address(page), 0x61, PAGE);
	buddy_get_page(page);
	buddy_get_page(page);
	buddy_free_pages(page, 0);
	buddy_free_pages(page, 0);
	assert_int_equal(pages_out(), before + 1);
	assert_true(all_bytes(buddy_page_address(page), PAGE, 0x61));
	buddy_free_pages(page, 0);
	assert_int_equal(pages_out(), before);
}

static void *use_a_page(void *arg)
{
	uint64_t before = pages_out();
	struct page *page = buddy_alloc_pages(GFP_KERNEL, 0);

	buddy_free_pages(page, 0);
	return pages_out() == before ? arg : NULL;
}

static void a_block_has_one_reference_whichever_thread_takes_it(void **state)
{
	pthread_t thread;
	void *ret;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&thread, NULL, use_a_page, state), 0);
		assert_int_equal(pthread_join(thread, &ret), 0);
		assert_ptr_equal(ret, state);
	}
}

/* Pages that the totals do not account for. */
static uint64_t pages_lost(void)
{
	struct buddy_stats st;

	buddy_stats(&st);
	return (st.present - st.free - st.cached - st.slabs - st.large - st.pages) / PAGE;
}

static void a_held_block_keeps_its_first_page_only(void **state)
{
	uint64_t before = pages_out(), lost = pages_lost();

	(void)state;
	for (unsigned int order = 1; order < ORDERS; order++) {
		/* The holder may free the one page that it has, or name the order that it knows. */
		for (unsigned int last = 0; last <= order; last += order) {
			struct page *page = buddy_alloc_pages(GFP_KERNEL, order);

			memset(buddy_page_address(page), 0x62, PAGE);
			buddy_get_page(page);
			buddy_free_pages(page, order);
			assert_int_equal(pages_out(), before + 1);
			assert_int_equal(pages_lost(), lost);
			assert_int_equal(buddy_verify(), 0);
			assert_true(all_bytes(buddy_page_address(page), PAGE, 0x62));
			buddy_free_pages(page, last);
			assert_int_equal(pages_out(), before);
		}
	}
	assert_int_equal(buddy_verify(), 0);
}

enum { RACES = 150000, RACE_ORDER = 3 };

static struct page *raced;
static atomic_int arrived;

/* Two threads meet for the @n-th time, and go on closer together than after a lock that sleeps. */
static void meet(int n)
{
	atomic_fetch_add(&arrived, 1);
	for (int spins = 0; atomic_load(&arrived) < 2 * n; spins++)
		if (spins > 2000)
			sched_yield();
}

static void *free_in_races(void *arg)
{
	(void)arg;
	for (int i = 0; i < RACES; i++) {
		meet(2 * i + 1);
		buddy_free_pages(raced, RACE_ORDER);
		meet(2 * i + 2);
	}
	return NULL;
}

/* Both holders drop their references at the same moment, each with the order that it knows. */
static void two_holders_race(void)
{
	pthread_t other;
	uint64_t before = pages_out();

	child_check(pthread_create(&other, NULL, free_in_races, NULL) == 0);
	for (int i = 0; i < RACES; i++) {
		raced = buddy_alloc_pages(GFP_KERNEL, RACE_ORDER);
		buddy_get_page(raced);
		meet(2 * i + 1);
		buddy_free_pages(raced, RACE_ORDER);
		meet(2 * i + 2);
		child_check(pages_out() == before);
	}
	pthread_join(other, NULL);
}

static void references_may_be_dropped_at_the_same_time(void **state)
{
	(void)state;
	assert_silent(two_holders_race);
}

/* ---- misuse ---- */

static void order_too_large(void)
{
	child_check(!buddy_alloc_pages(GFP_KERNEL, BUDDY_MAX_PAGE_ORDER + 1));
}

static void order_absurd(void)
{
	child_check(!buddy_get_free_pages(GFP_KERNEL, ~0u));
}

static void node_beyond_the_last(void)
{
	child_check(!buddy_alloc_pages_node(buddy_nr_nodes(), GFP_KERNEL, 0));
}

static void node_below_the_first(void)
{
	child_check(!buddy_alloc_pages_node(-2, GFP_KERNEL, 0));
}

static void exact_node_beyond_the_last(void)
{
	child_check(!buddy_alloc_pages_exact_node(1000, PAGE, GFP_KERNEL));
}

static void requests_name_the_wrong_argument(void **state)
{
	(void)state;
	assert_warning(order_too_large, "order 11");
	assert_warning(order_absurd, "order 4294967295");
	assert_warning(node_beyond_the_last, "buddy_alloc_pages_node(): node");
	assert_warning(node_below_the_first, "node -2");
	assert_warning(exact_node_beyond_the_last, "buddy_alloc_pages_exact_node(): node 1000");
}

static void free_nothing(void)
{
	buddy_free_pages(NULL, 3);
	buddy_free_pages_addr(NULL, 3);
	buddy_free_pages_exact(NULL, 12345);
}

static void nothing_is_ignored(void **state)
{
	(void)state;
	assert_silent(free_nothing);
}

static void free_with_larger_order(void)
{
	struct page *page = buddy_alloc_pages(GFP_KERNEL, 2);

	buddy_free_pages(page, 3);
	buddy_free_pages(page, 2);
}

static void free_with_smaller_order(void)
{
	struct page *page = buddy_alloc_pages(GFP_KERNEL, 2);

	buddy_free_pages(page, 0);
	buddy_free_pages(page, 2);
}

static void free_single_page_with_order(void)
{
	struct page *page = buddy_alloc_pages(GFP_KERNEL, 0);

	buddy_free_pages(page, 1);
	buddy_free_pages(page, 0);
}

static void the_wrong_order_is_reported(void **state)
{
	(void)state;
	assert_error(free_with_larger_order, "order 3, but it was allocated with 2");
	assert_error(free_with_smaller_order, "order 0, but it was allocated with 2");
}

static void the_wrong_order_of_a_single_page_is_reported(void **state)
{
	(void)state;
	assert_error(free_single_page_with_order, "order 1, but it was allocated with 0");
}

static void free_page_twice(void)
{
	struct page *page = buddy_alloc_pages(GFP_KERNEL, 0);

	buddy_free_pages(page, 0);
	buddy_free_pages(page, 0);
}

static void free_block_twice(void)
{
	struct page *page = buddy_alloc_pages(GFP_KERNEL, 7);

	buddy_free_pages(page, 7);
	buddy_free_pages(page, 7);
}

static void free_address_twice(void)
{
	void *mem = buddy_get_free_pages(GFP_KERNEL, 5);

	buddy_free_pages_addr(mem, 5);
	buddy_free_pages_addr(mem, 5);
}

static void free_exact_twice(void)
{
	void *mem = buddy_alloc_pages_exact(5 * PAGE, GFP_KERNEL);

	buddy_free_pages_exact(mem, 5 * PAGE);
	buddy_free_pages_exact(mem, 5 * PAGE);
}

static void a_double_free_is_reported(void **state)
{
	(void)state;
	assert_error(free_page_twice, "buddy_free_pages(");
	assert_error(free_block_twice, "not a live block");
	assert_error(free_address_twice, "buddy_free_pages_addr(");
	assert_error(free_exact_twice, "buddy_free_pages_exact(");
}

static void free_second_page(void)
{
	struct page *page = buddy_alloc_pages(GFP_KERNEL, 3);

	buddy_free_pages(buddy_virt_to_page((char *)buddy_page_address(page) + PAGE), 0);
	buddy_free_pages(page, 3);
}

static void free_odd_address(void)
{
	char *mem = buddy_get_free_pages(GFP_KERNEL, 1);

	buddy_free_pages_addr(mem + 16, 1);
	buddy_free_pages_addr(mem, 1);
}

static void free_odd_address_exact(void)
{
	char *mem = buddy_alloc_pages_exact(3 * PAGE, GFP_KERNEL);

	buddy_free_pages_exact(mem + 16, 3 * PAGE);
	buddy_free_pages_exact(mem, 3 * PAGE);
}

static void free_pages_of_malloc(void)
{
	void *p = malloc(1 << 20);

	buddy_free_pages_addr(p, 8);
	free(p);
}

static void free_exact_of_malloc(void)
{
	void *p = malloc(1 << 20);

	buddy_free_pages_exact(p, 1 << 20);
	free(p);
}

static void free_foreign(void)
{
	static _Alignas(4096) char mine[4096];

	buddy_free_pages_addr(mine, 0);
}

static void free_foreign_exact(void)
{
	static _Alignas(4096) char mine[4096];

	buddy_free_pages_exact(mine, 4096);
}

static void free_address_as_descriptor(void)
{
	buddy_free_pages((struct page *)PAGE, 0);
}

/* Memory that reads as the descriptor of a live page would: its type is 3, and it has one user. */
static void free_what_looks_like_a_descriptor(void)
{
	uint32_t *mem = buddy_get_zeroed_page(GFP_KERNEL);

	mem[0] = 3;
	mem[1] = 1;
	buddy_free_pages((struct page *)mem, 0);
	buddy_free_pages_addr(mem, 0);
}

static void free_between_descriptors(void)
{
	struct page *page = buddy_alloc_pages(GFP_KERNEL, 0);

	buddy_free_pages((struct page *)((char *)page + 8), 0);
	buddy_free_pages(page, 0);
}

static void what_is_not_a_descriptor_is_reported(void **state)
{
	(void)state;
	assert_error(free_address_as_descriptor, "buddy_free_pages(0x1000): not a live block");
	assert_error(free_what_looks_like_a_descriptor, "not a live block");
	assert_error(free_between_descriptors, "not a live block");
}

static void what_is_not_a_block_is_reported(void **state)
{
	(void)state;
	assert_error(free_second_page, "not a live block");
	assert_error(free_odd_address, "not a live block");
	assert_error(free_pages_of_malloc, "not a live block");
	assert_error(free_exact_of_malloc, "not a live block");
	assert_error(free_foreign, "not a live block");
}

static void refer_to_a_slab(void)
{
	void *p = buddy_kmalloc(64, GFP_KERNEL);

	buddy_get_page(buddy_virt_to_page(p));
	buddy_kfree(p);
}

static void refer_to_a_freed_block(void)
{
	struct page *page = buddy_alloc_pages(GFP_KERNEL, 0);

	buddy_free_pages(page, 0);
	buddy_get_page(page);
}

static void refer_to_nothing(void)
{
	buddy_get_page(NULL);
}

static void refer_to_an_address(void)
{
	buddy_get_page((struct page *)PAGE);
}

static void references_are_to_live_blocks(void **state)
{
	(void)state;
	assert_error(refer_to_a_slab, "buddy_get_page(");
	assert_error(refer_to_a_freed_block, "buddy_get_page(");
	assert_error(refer_to_nothing, "buddy_get_page(");
	assert_error(refer_to_an_address, "buddy_get_page(0x1000)");
}

static void memory_that_is_not_in_use_yet_has_no_descriptor(void **state)
{
	char *mem = buddy_get_free_pages(GFP_KERNEL, 0);

	(void)state;
	assert_non_null(buddy_virt_to_page(mem));
	assert_null(buddy_virt_to_page(mem + ((size_t)1 << 30)));
	buddy_free_pages_addr(mem, 0);
}

static void bad_orders(void)
{
	child_check(!buddy_alloc_pages(GFP_KERNEL, 11));
}

static void bad_order_of_free_pages(void)
{
	child_check(!buddy_get_free_pages(GFP_KERNEL, 11));
}

static void the_call_that_was_made_is_named(void **state)
{
	(void)state;
	assert_warning(bad_orders, "buddy_alloc_pages(): order 11");
	assert_warning(bad_order_of_free_pages, "buddy_get_free_pages(): order 11");
}

static void what_is_not_an_exact_block_is_reported(void **state)
{
	(void)state;
	assert_error(free_odd_address_exact, "not a live block of exact pages");
	assert_error(free_foreign_exact, "buddy_free_pages_exact(");
}

static void free_exact_with_wrong_size(void)
{
	void *mem = buddy_alloc_pages_exact(5 * PAGE, GFP_KERNEL);

	buddy_free_pages_exact(mem, 6 * PAGE);
	buddy_free_pages_exact(mem, 5 * PAGE);
}

static void free_block_as_exact(void)
{
	void *mem = buddy_get_free_pages(GFP_KERNEL, 2);

	buddy_free_pages_exact(mem, 4 * PAGE);
	buddy_free_pages_addr(mem, 2);
}

static void free_exact_as_block(void)
{
	void *mem = buddy_alloc_pages_exact(4 * PAGE, GFP_KERNEL);

	buddy_free_pages_addr(mem, 2);
	buddy_free_pages_exact(mem, 4 * PAGE);
}

static void free_pages_by_free(void)
{
	void *mem = buddy_get_free_pages(GFP_KERNEL, 2);

	free(mem);
	buddy_free_pages_addr(mem, 2);
}

static void resize_pages(void)
{
	void *mem = buddy_alloc_pages_exact(5 * PAGE, GFP_KERNEL);

	child_check(!realloc(mem, 6 * PAGE));
	buddy_free_pages_exact(mem, 5 * PAGE);
}

static void blocks_are_freed_by_the_call_of_their_kind(void **state)
{
	(void)state;
	assert_error(free_exact_with_wrong_size, "it has 5 pages");
	assert_error(free_block_as_exact, "buddy_free_pages_exact(");
	assert_error(free_exact_as_block, "buddy_free_pages(");
	assert_error(free_pages_by_free, "free(");
	assert_error(free_pages_by_free, "pages of the page API");
	assert_error(resize_pages, "realloc(");
	assert_error(resize_pages, "pages of the page API");
}

static void *alloc_pages(void)
{
	return buddy_alloc_pages(GFP_KERNEL, BUDDY_MAX_PAGE_ORDER);
}

static void grow_by_pages(void)
{
	child_starts_background(alloc_pages);
}

static void *alloc_exact(void)
{
	return buddy_alloc_pages_exact(1 << 20, GFP_KERNEL);
}

static void grow_by_exact_pages(void)
{
	child_starts_background(alloc_exact);
}

/* A program may use nothing else, and its heap is to go back as well. */
static void pages_start_the_background_thread(void **state)
{
	(void)state;
	assert_silent(grow_by_pages);
	assert_silent(grow_by_exact_pages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_aligned_to_their_size_and_apart),
		cmocka_unit_test(address_and_descriptor_lead_to_each_other),
		cmocka_unit_test(zeroed_pages_are_zero_also_when_recycled),
		cmocka_unit_test(every_kind_of_request_is_served),
		cmocka_unit_test(a_request_that_may_not_wait_fills_no_page_set),
		cmocka_unit_test(a_request_that_may_not_wait_takes_nothing_back_from_caches),
		cmocka_unit_test(zones_without_memory_give_null),
		cmocka_unit_test(nodes_that_exist_serve),
		cmocka_unit_test(no_call_touches_errno),
		cmocka_unit_test(exact_blocks_are_whole_pages_and_no_more),
		cmocka_unit_test(the_last_reference_frees),
		cmocka_unit_test(a_block_has_one_reference_whichever_thread_takes_it),
		cmocka_unit_test(a_held_block_keeps_its_first_page_only),
		cmocka_unit_test(references_may_be_dropped_at_the_same_time),
		cmocka_unit_test(requests_name_the_wrong_argument),
		cmocka_unit_test(nothing_is_ignored),
		cmocka_unit_test(the_wrong_order_is_reported),
		cmocka_unit_test(the_wrong_order_of_a_single_page_is_reported),
		cmocka_unit_test(a_double_free_is_reported),
		cmocka_unit_test(what_is_not_a_descriptor_is_reported),
		cmocka_unit_test(what_is_not_a_block_is_reported),
		cmocka_unit_test(what_is_not_an_exact_block_is_reported),
		cmocka_unit_test(references_are_to_live_blocks),
		cmocka_unit_test(memory_that_is_not_in_use_yet_has_no_descriptor),
		cmocka_unit_test(the_call_that_was_made_is_named),
		cmocka_unit_test(blocks_are_freed_by_the_call_of_their_kind),
		cmocka_unit_test(pages_start_the_background_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
