/*
 * test_slab.c - what <buddy/slab.h> promises, call by call
 */
#include "bytes.h"
#include "child.h"
#include "seen.h"

#include <buddy/buddy.h>
#include <buddy/slab.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define PAGE ((size_t)4096)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Of every kind: classes of both tables of the hit, exact pages, runs, and runs longer than what is
 * accepted at a time.
 */
static const size_t sizes[] = {1,	 8,	    16,	       100,	  1024,	   1025,
			       4096,	 10000,	    32 * KIB,  32769,	  100000,  MIB,
			       3 * MIB + 1, 4 * MIB, 9 * MIB,  40 * MIB};

/* ---- kmalloc ---- */

static void kmalloc_is_aligned_and_usable_as_a_whole(void **state)
{
	(void)state;
	for (size_t size = 1; size <= 3 * PAGE; size += size < 300 ? 1 : 61) {
		unsigned char *p = buddy_kmalloc(size, GFP_KERNEL);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_true(buddy_ksize(p) >= size);
		memset(p, 0xa5, buddy_ksize(p));
		buddy_kfree(p);
	}
	assert_int_equal(buddy_verify(), 0);
}

/* @nr blocks of @size bytes, all allocated at the same time, are aligned to @align. */
static void expect_aligned(size_t nr, size_t size, size_t align)
{
	void *p[64];

	for (size_t i = 0; i < nr; i++) {
		p[i] = buddy_kmalloc(size, GFP_KERNEL);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % align, 0);
	}
	for (size_t i = 0; i < nr; i++)
		buddy_kfree(p[i]);
}

static void kmalloc_is_aligned_to_what_divides_its_size_up_to_a_line(void **state)
{
	(void)state;
	for (size_t size = 32; size <= 64 * KIB; size += 32)
		expect_aligned(8, size, size % 64 ? 32 : 64);
}

static void kmalloc_of_a_power_of_two_is_aligned_to_itself(void **state)
{
	(void)state;
	for (size_t size = 16; size <= 64 * KIB; size *= 2)
		expect_aligned(64, size, size < PAGE ? size : PAGE);
}

static void zero_bytes_are_a_pointer_that_is_not_memory(void **state)
{
	void *p;

	(void)state;
	assert_ptr_equal(buddy_kmalloc(0, GFP_KERNEL), BUDDY_ZERO_SIZE_PTR);
	assert_ptr_equal(buddy_kzalloc(0, GFP_KERNEL), BUDDY_ZERO_SIZE_PTR);
	assert_ptr_equal(buddy_kcalloc(0, 8, GFP_KERNEL), BUDDY_ZERO_SIZE_PTR);
	assert_ptr_equal(buddy_kcalloc(8, 0, GFP_KERNEL), BUDDY_ZERO_SIZE_PTR);
	assert_ptr_equal(buddy_kmalloc_array(0, 8, GFP_KERNEL), BUDDY_ZERO_SIZE_PTR);
	assert_ptr_equal(buddy_kmalloc_node(0, GFP_KERNEL, -1), BUDDY_ZERO_SIZE_PTR);
	assert_ptr_equal(buddy_krealloc(NULL, 0, GFP_KERNEL), BUDDY_ZERO_SIZE_PTR);
	assert_int_equal(buddy_ksize(BUDDY_ZERO_SIZE_PTR), 0);
	assert_int_equal(buddy_ksize(NULL), 0);
	p = buddy_krealloc(BUDDY_ZERO_SIZE_PTR, 100, GFP_KERNEL);
	assert_true(buddy_ksize(p) >= 100);
	buddy_kfree(p);
	assert_true(BUDDY_ZERO_OR_NULL_PTR(BUDDY_ZERO_SIZE_PTR));
	assert_true(BUDDY_ZERO_OR_NULL_PTR(NULL));
	buddy_kfree(BUDDY_ZERO_SIZE_PTR);
	buddy_kfree(NULL);
}

static void too_much_is_null_and_errno_stays(void **state)
{
	(void)state;
	errno = 1234;
	assert_null(buddy_kmalloc(SIZE_MAX, GFP_KERNEL));
	assert_null(buddy_kmalloc((size_t)PTRDIFF_MAX + 1, GFP_KERNEL));
	assert_null(buddy_kmalloc(PTRDIFF_MAX, GFP_KERNEL));
	assert_null(buddy_kzalloc(SIZE_MAX - 4095, GFP_KERNEL));
	assert_null(buddy_kcalloc(SIZE_MAX / 2, 3, GFP_KERNEL));
	assert_null(buddy_kmalloc_array(SIZE_MAX, SIZE_MAX, GFP_KERNEL));
	assert_null(buddy_kmalloc_node(SIZE_MAX, GFP_KERNEL, 0));
	assert_null(buddy_krealloc(NULL, SIZE_MAX, GFP_KERNEL));
	assert_int_equal(errno, 1234);
}

static void no_call_touches_errno(void **state)
{
	struct kmem_cache *s = buddy_kmem_cache_create("errno", 64, 0, 0, NULL);
	void *p, *objs[300];

	(void)state;
	errno = 1234;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = buddy_kmalloc(sizes[i], GFP_KERNEL);
		p = buddy_krealloc(p, sizes[i] * 2, GFP_KERNEL);
		buddy_kfree(p);
	}
	assert_int_equal(buddy_kmem_cache_alloc_bulk(s, GFP_KERNEL, 300, objs), 300);
	buddy_kmem_cache_free_bulk(s, 300, objs);
	buddy_kmem_cache_shrink(s);
	buddy_kmem_cache_destroy(s);
	assert_int_equal(errno, 1234);
}

/* Dirty memory and free it, so that the next allocation gets used memory. */
static void recycle(size_t size)
{
	void *p[8];

	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = buddy_kmalloc(size, GFP_KERNEL);
		assert_non_null(p[i]);
		memset(p[i], 0xff, buddy_ksize(p[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		buddy_kfree(p[i]);
}

static void zeroed_memory_is_zero_also_when_recycled(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i];
		void *p[5];

		recycle(size);
		p[0] = buddy_kzalloc(size, GFP_KERNEL);
		p[1] = buddy_kmalloc(size, GFP_KERNEL | __GFP_ZERO);
		p[2] = buddy_kcalloc(size, 1, GFP_KERNEL);
		p[3] = buddy_kmalloc_node(size, GFP_KERNEL | __GFP_ZERO, 0);
		p[4] = buddy_krealloc(NULL, size, GFP_KERNEL | __GFP_ZERO);
		for (size_t k = 0; k < ARRAY_SIZE(p); k++) {
			assert_non_null(p[k]);
			assert_true(all_bytes(p[k], size, 0));
		}
		for (size_t k = 0; k < ARRAY_SIZE(p); k++)
			buddy_kfree(p[k]);
	}
}

static void allocations_without_reclaim_are_served(void **state)
{
	static const gfp_t flags[] = {GFP_ATOMIC, GFP_NOWAIT, 0, GFP_NOIO, GFP_NOFS, GFP_USER,
				      GFP_KERNEL_ACCOUNT, GFP_HIGHUSER_MOVABLE};

	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			void *p = buddy_kmalloc(sizes[i], flags[f]);

			assert_non_null(p);
			memset(p, 1, sizes[i]);
			buddy_kfree(p);
		}
	}
}

static const gfp_t without_memory[] = {GFP_DMA, GFP_DMA32, GFP_KERNEL | __GFP_DMA,
				       GFP_KERNEL | __GFP_DMA32};

static void kmalloc_from_zones_without_memory_is_null(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(without_memory); f++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			assert_null(buddy_kmalloc(sizes[i], without_memory[f]));
		assert_null(buddy_kmalloc_node(64, without_memory[f], 0));
	}
}

static void objects_from_zones_without_memory_are_null(void **state)
{
	struct kmem_cache *s = buddy_kmem_cache_create("dma", 64, 0, 0, NULL);
	void *obj;

	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(without_memory); f++) {
		assert_null(buddy_kmem_cache_alloc(s, without_memory[f]));
		assert_null(buddy_kmem_cache_alloc_node(s, without_memory[f], 0));
		assert_int_equal(buddy_kmem_cache_alloc_bulk(s, without_memory[f], 1, &obj), 0);
	}
	buddy_kmem_cache_destroy(s);
}

static void krealloc_keeps_contents_both_ways(void **state)
{
	(void)state;
	for (size_t from = 0; from < ARRAY_SIZE(sizes); from++) {
		for (size_t to = 0; to < ARRAY_SIZE(sizes); to++) {
			size_t kept = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
			unsigned char *p = buddy_kmalloc(sizes[from], GFP_KERNEL);

			assert_non_null(p);
			memset(p, 0x5a, sizes[from]);
			p = buddy_krealloc(p, sizes[to], GFP_KERNEL);
			assert_non_null(p);
			assert_true(buddy_ksize(p) >= sizes[to]);
			assert_true(all_bytes(p, kept, 0x5a));
			buddy_kfree(p);
		}
	}
}

static void krealloc_zeroes_beyond_the_old_usable_size(void **state)
{
	(void)state;
	for (size_t i = 0; i + 1 < ARRAY_SIZE(sizes); i++) {
		unsigned char *p = buddy_kmalloc(sizes[i], GFP_KERNEL);
		size_t usable = buddy_ksize(p), more = usable * 2 + 100;

		recycle(more);
		memset(p, 0x77, usable);
		p = buddy_krealloc(p, more, GFP_KERNEL | __GFP_ZERO);
		assert_non_null(p);
		assert_true(all_bytes(p, usable, 0x77));
		assert_true(all_bytes(p + usable, more - usable, 0));
		buddy_kfree(p);
	}
}

/* If all calls ask for zeroes, what a block grows by is zero, whether it moves or not. */
static void krealloc_grows_into_zeroes_of_what_was_zeroed(void **state)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_ZERO;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i] + 1, usable;
		unsigned char *p;

		recycle(size);
		p = buddy_kmalloc(size, gfp);
		assert_non_null(p);
		usable = buddy_ksize(p);
		memset(p, 0x77, size);
		p = buddy_krealloc(p, usable, gfp);
		assert_true(all_bytes(p + size, usable - size, 0));
		memset(p, 0x77, usable);
		p = buddy_krealloc(p, size, gfp);
		p = buddy_krealloc(p, usable, gfp);
		assert_true(all_bytes(p, size, 0x77));
		assert_true(all_bytes(p + size, usable - size, 0));
		p = buddy_krealloc(p, size, gfp);
		p = buddy_krealloc(p, usable * 2 + 100, gfp);
		assert_true(all_bytes(p, size, 0x77));
		assert_true(all_bytes(p + size, usable * 2 + 100 - size, 0));
		buddy_kfree(p);
	}
}

/* Like free(), ksize() and krealloc() take any block. */
static void an_object_of_a_cache_grows_into_memory_of_malloc(void **state)
{
	struct kmem_cache *s = buddy_kmem_cache_create("grown", 200, 0, 0, NULL);
	struct buddy_cache_stats st;
	unsigned char *p[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		p[i] = buddy_kmem_cache_alloc(s, GFP_KERNEL);
		memset(p[i], 0x5a, 200);
		assert_int_equal(buddy_ksize(p[i]), 200);
		assert_int_equal(malloc_usable_size(p[i]), 200);
	}
	assert_ptr_equal(buddy_krealloc(p[0], 200, GFP_KERNEL), p[0]);
	assert_ptr_equal(realloc(p[1], 200), p[1]);
	p[0] = buddy_krealloc(p[0], 201, GFP_KERNEL);
	p[1] = realloc(p[1], 201);
	for (int i = 0; i < 2; i++) {
		assert_true(all_bytes(p[i], 200, 0x5a));
		assert_true(malloc_usable_size(p[i]) > 200);
		buddy_kfree(p[i]);
	}
	p[0] = buddy_kmem_cache_alloc(s, GFP_KERNEL);
	assert_ptr_equal(buddy_krealloc(p[0], 0, GFP_KERNEL), BUDDY_ZERO_SIZE_PTR);
	assert_true(find_cache("grown", &st));
	assert_int_equal(st.active, st.cached);
	buddy_kmem_cache_destroy(s);
}

static void krealloc_that_fails_leaves_the_block(void **state)
{
	unsigned char *p = buddy_kmalloc(100, GFP_KERNEL);

	(void)state;
	memset(p, 0x42, 100);
	assert_null(buddy_krealloc(p, SIZE_MAX, GFP_KERNEL));
	assert_null(buddy_krealloc(p, MIB, GFP_DMA32));
	assert_true(all_bytes(p, 100, 0x42));
	assert_ptr_equal(buddy_krealloc(p, 0, GFP_KERNEL), BUDDY_ZERO_SIZE_PTR);
}

static void memory_of_malloc_and_kmalloc_is_the_same_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *p = malloc(sizes[i]), *q = buddy_kmalloc(sizes[i], GFP_KERNEL);

		assert_true(buddy_ksize(p) >= sizes[i]);
		buddy_kfree(p);
		free(q);
	}
	assert_int_equal(buddy_verify(), 0);
}

static void kmalloc_node_serves_nodes_that_exist(void **state)
{
	(void)state;
	for (int node = -1; node < buddy_nr_nodes(); node++) {
		void *p = buddy_kmalloc_node(100, GFP_KERNEL, node);

		assert_non_null(p);
		buddy_kfree(p);
	}
	if (buddy_nr_nodes() == 1) {
		void *p = buddy_kmalloc_node(5000, GFP_KERNEL | __GFP_THISNODE, 0);

		assert_non_null(p);
		assert_int_equal(buddy_node_of(p), 0);
		buddy_kfree(p);
	}
}

static void kmalloc_on_no_node(void)
{
	child_check(!buddy_kmalloc_node(100, GFP_KERNEL, 1 << 20));
}

static void kmalloc_on_negative_node(void)
{
	child_check(!buddy_kmalloc_node(100, GFP_KERNEL, -2));
}

static void kmalloc_large_on_no_node(void)
{
	child_check(!buddy_kmalloc_node(MIB, GFP_KERNEL, buddy_nr_nodes()));
}

static void kmalloc_node_names_a_node_that_does_not_exist(void **state)
{
	(void)state;
	assert_warning(kmalloc_on_no_node, "buddy_kmalloc_node(): node 1048576 does not exist");
	assert_warning(kmalloc_on_negative_node, "node -2");
	assert_warning(kmalloc_large_on_no_node, "buddy_kmalloc_node(): node");
}

static char not_heap[64];

static void kfree_foreign(void)
{
	buddy_kfree(not_heap + 16);
}

static void kfree_interior(void)
{
	char *p = buddy_kmalloc(200, GFP_KERNEL);

	buddy_kfree(p + 16);
	/* Reported at the latest when the sheaf goes back to the slabs. */
	buddy_reclaim();
	buddy_kfree(p);
}

static void kfree_large_twice(void)
{
	void *p = buddy_kmalloc(MIB, GFP_KERNEL);

	buddy_kfree(p);
	buddy_kfree(p);
}

/* A block with a mapping of its own: none in the heap is aligned like this. */
static char *a_mapping(void)
{
	char *p = aligned_alloc(256 * (size_t)MIB, 4 * MIB);

	child_check(p && buddy_node_of(p) == -EINVAL);
	return p;
}

static void kfree_mapping_twice(void)
{
	void *p = a_mapping();

	buddy_kfree(p);
	buddy_kfree(p);
}

static void kfree_in_mapping(void)
{
	char *p = a_mapping();

	buddy_kfree(p + MIB);
	p[0] = 1;
	buddy_kfree(p);
}

static void kfree_twice(void)
{
	void *p = buddy_kmalloc(200, GFP_KERNEL);

	buddy_kfree(p);
	buddy_kfree(p);
	buddy_reclaim();
}

static void ksize_foreign(void)
{
	child_check(buddy_ksize(not_heap) == 0);
}

static void kfree_reports_what_is_not_ours(void **state)
{
	(void)state;
	assert_error(kfree_foreign, "not allocated by libbuddy");
	assert_error(ksize_foreign, "buddy_ksize(");
}

static void kfree_reports_a_pointer_into_the_middle(void **state)
{
	(void)state;
	assert_error(kfree_interior, "into the middle");
	assert_error(kfree_in_mapping, "into the middle");
}

static void kfree_reports_a_double_free(void **state)
{
	(void)state;
	assert_error(kfree_large_twice, "freed already");
	assert_error(kfree_mapping_twice, "freed already");
	assert_error(kfree_twice, "double free");
}

/* ---- caches: creation ---- */

static void create_without_name(void)
{
	child_check(!buddy_kmem_cache_create(NULL, 64, 0, 0, NULL));
}

static void create_with_empty_name(void)
{
	child_check(!buddy_kmem_cache_create("", 64, 0, 0, NULL));
}

static void create_of_no_size(void)
{
	child_check(!buddy_kmem_cache_create("x", 0, 0, 0, NULL));
}

static void create_of_huge_size(void)
{
	child_check(!buddy_kmem_cache_create("x", MIB + 1, 0, 0, NULL));
}

static void create_of_wrapping_size(void)
{
	child_check(!buddy_kmem_cache_create("x", ((size_t)1 << 32) + 64, 0, 0, NULL));
}

static void create_with_odd_align(void)
{
	child_check(!buddy_kmem_cache_create("x", 64, 24, 0, NULL));
}

static void create_with_huge_align(void)
{
	child_check(!buddy_kmem_cache_create("x", 64, 2 * PAGE, 0, NULL));
}

static void create_with_unknown_flag(void)
{
	child_check(!buddy_kmem_cache_create("x", 64, 0, 1, NULL));
}

static void create_with_names_that_are_no_line(void)
{
	char name[1000];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	name[1] = '\n';
	name[2] = '\033';
	child_check(!buddy_kmem_cache_create(name, 0, 0, 0, NULL));
}

static void create_names_the_wrong_argument(void **state)
{
	(void)state;
	assert_warning(create_without_name, "buddy_kmem_cache_create(NULL): name");
	assert_warning(create_with_empty_name, ": name");
	assert_warning(create_of_no_size, "(x): size");
	assert_warning(create_of_huge_size, "(x): size");
	assert_warning(create_of_wrapping_size, "(x): size");
	assert_warning(create_with_odd_align, "(x): align");
	assert_warning(create_with_huge_align, "(x): align");
	assert_warning(create_with_unknown_flag, "(x): flags");
	assert_warning(create_with_names_that_are_no_line,
		       "(n??nnnnnnnnnnnnnnnnnnnnnnnnnnnn): size");
}

static void create_or_panic(void)
{
	buddy_kmem_cache_create("x", 0, 0, SLAB_PANIC, NULL);
}

static void slab_panic_ends_the_program(void **state)
{
	struct outcome o;
	struct kmem_cache *s;

	(void)state;
	in_child(&o, /* abort_on_error= */ false, create_or_panic);
	assert_false(o.status == 0);
	assert_non_null(strstr(o.text, "SLAB_PANIC"));
	s = buddy_kmem_cache_create("calm", 64, 0, SLAB_PANIC, NULL);
	assert_non_null(s);
	buddy_kmem_cache_destroy(s);
}

static void objects_are_aligned_and_apart(void **state)
{
	static const size_t object_sizes[] = {1, 7, 16, 24, 33, 100, 500, 1000, 4000, 5000, 70000};

	(void)state;
	for (size_t align = 1; align <= PAGE; align *= 2) {
		for (size_t i = 0; i < ARRAY_SIZE(object_sizes); i++) {
			size_t size = object_sizes[i];
			struct kmem_cache *s =
				buddy_kmem_cache_create("align", size, align, 0, NULL);
			unsigned char *obj[40];

			assert_non_null(s);
			assert_int_equal(buddy_kmem_cache_size(s), size);
			for (size_t k = 0; k < ARRAY_SIZE(obj); k++) {
				obj[k] = buddy_kmem_cache_alloc(s, GFP_KERNEL);
				assert_non_null(obj[k]);
				assert_int_equal((uintptr_t)obj[k] % (align < 8 ? 8 : align), 0);
				memset(obj[k], (int)k, size);
			}
			for (size_t k = 0; k < ARRAY_SIZE(obj); k++) {
				assert_true(all_bytes(obj[k], size, (unsigned char)k));
				buddy_kmem_cache_free(s, obj[k]);
			}
			buddy_kmem_cache_destroy(s);
		}
	}
	assert_int_equal(buddy_verify(), 0);
}

/* As in the kernel: if several fit into a line, none lies on two lines. */
static void hwcache_align_gives_small_objects_part_of_a_line(void **state)
{
	static const struct {
		size_t size, takes;
	} cases[] = {{32, 32}, {20, 32}, {16, 16}, {9, 16}, {5, 8}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kmem_cache *s = buddy_kmem_cache_create("parts", cases[i].size, 0,
							       SLAB_HWCACHE_ALIGN, NULL);
		struct buddy_cache_stats st;

		assert_true(find_cache("parts", &st));
		assert_in_range(st.size, cases[i].takes, cases[i].takes < 16 ? 16 : cases[i].takes);
		buddy_kmem_cache_destroy(s);
	}
}

static void hwcache_align_puts_objects_on_lines(void **state)
{
	static const size_t object_sizes[] = {33, 64, 65, 100, 500};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(object_sizes); i++) {
		struct kmem_cache *s = buddy_kmem_cache_create("lines", object_sizes[i], 0,
							       SLAB_HWCACHE_ALIGN, NULL);
		void *a = buddy_kmem_cache_alloc(s, GFP_KERNEL);
		void *b = buddy_kmem_cache_alloc(s, GFP_KERNEL);

		assert_int_equal((uintptr_t)a % 64, 0);
		assert_int_equal((uintptr_t)b % 64, 0);
		buddy_kmem_cache_free(s, a);
		buddy_kmem_cache_free(s, b);
		buddy_kmem_cache_destroy(s);
	}
}

static void names_are_copied_and_cut_off(void **state)
{
	char name[] = "a name that goes on beyond what a report has room for";
	struct kmem_cache *s = buddy_kmem_cache_create(name, 64, 0, SLAB_NO_MERGE, NULL);
	struct buddy_cache_stats st;

	(void)state;
	assert_non_null(s);
	name[0] = 'x';
	assert_true(find_cache("a name that goes on beyond what", &st));
	assert_int_equal(st.object_size, 64);
	buddy_kmem_cache_destroy(s);
	assert_false(find_cache("a name that goes on beyond what", &st));
}

static void objects_up_to_the_largest_size(void **state)
{
	static const size_t object_sizes[] = {32 * KIB + 1, 128 * KIB, 600 * KIB, MIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(object_sizes); i++) {
		struct kmem_cache *s =
			buddy_kmem_cache_create("large", object_sizes[i], 0, SLAB_ACCOUNT, NULL);
		unsigned char *obj[10];

		for (size_t k = 0; k < ARRAY_SIZE(obj); k++) {
			obj[k] = buddy_kmem_cache_alloc(s, GFP_KERNEL);
			assert_non_null(obj[k]);
			memset(obj[k], (int)k + 1, object_sizes[i]);
		}
		for (size_t k = 0; k < ARRAY_SIZE(obj); k++) {
			assert_true(all_bytes(obj[k], object_sizes[i], (unsigned char)(k + 1)));
			buddy_kmem_cache_free(s, obj[k]);
		}
		buddy_kmem_cache_destroy(s);
	}
}

/* A cache whose number is too large for threads to have sheaves works from its slabs. */
static void many_caches_at_once(void **state)
{
	enum { CACHES = 16500 };
	struct kmem_cache **s = calloc(CACHES, sizeof(*s));
	void **obj = calloc(CACHES, sizeof(*obj));

	(void)state;
	for (int i = 0; i < CACHES; i++) {
		s[i] = buddy_kmem_cache_create("many", 256, 0, 0, NULL);
		assert_non_null(s[i]);
	}
	for (int i = 0; i < CACHES; i += 97)
		obj[i] = buddy_kmem_cache_alloc(s[i], GFP_KERNEL);
	obj[CACHES - 1] = buddy_kmem_cache_alloc(s[CACHES - 1], GFP_KERNEL);
	assert_non_null(obj[CACHES - 1]);
	for (int i = CACHES - 1; i >= 0; i--) {
		buddy_kmem_cache_free(s[i], obj[i]);
		buddy_kmem_cache_destroy(s[i]);
	}
	free(s);
	free(obj);
	assert_int_equal(buddy_verify(), 0);
}

/* ---- caches: objects ---- */

struct made {
	uint64_t magic;
	void *other; /* memory that the constructor allocated, once */
	uint64_t rest[6];
};

#define MAGIC UINT64_C(0x600dc0de600dc0de)

static unsigned int times_made;

static void make(void *object)
{
	struct made *m = object;

	memset(m, 0, sizeof(*m));
	m->magic = MAGIC;
	times_made++;
}

static void constructed_objects_stay_constructed(void **state)
{
	struct kmem_cache *s = buddy_kmem_cache_create("made", sizeof(struct made), 0, 0, make);
	static struct made *obj[2000];
	struct buddy_cache_stats st;

	(void)state;
	times_made = 0;
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(obj); i++) {
			obj[i] = buddy_kmem_cache_alloc(s, round & 1 ? GFP_ATOMIC : GFP_KERNEL);
			assert_non_null(obj[i]);
			assert_int_equal(obj[i]->magic, MAGIC);
			assert_true(all_bytes(obj[i]->rest, sizeof(obj[i]->rest), 0));
			obj[i]->rest[0] = i + 1;
		}
		for (size_t i = 0; i < ARRAY_SIZE(obj); i++) {
			assert_int_equal(obj[i]->rest[0], i + 1);
			obj[i]->rest[0] = 0;
			buddy_kmem_cache_free(s, obj[i]);
		}
	}
	assert_true(find_cache("made", &st));
	/* Called once for each object of each slab that was made. */
	assert_true(times_made >= st.objects);
	assert_int_equal(times_made % st.objects_per_slab, 0);
	/* One at a time: only a pass that gives the slab back has the next one made. */
	times_made = 0;
	for (size_t i = 0; i < 5 * ARRAY_SIZE(obj); i++) {
		obj[0] = buddy_kmem_cache_alloc(s, GFP_KERNEL);
		assert_int_equal(obj[0]->magic, MAGIC);
		buddy_kmem_cache_free(s, obj[0]);
	}
	assert_true(times_made < ARRAY_SIZE(obj));
	buddy_kmem_cache_destroy(s);
}

static void make_with_memory_from_elsewhere(void *object)
{
	struct made *m = object;

	make(m);
	m->other = buddy_kmalloc(100, GFP_KERNEL);
	if (m->other)
		buddy_kfree(m->other);
	m->other = NULL;
}

static void constructors_may_allocate_elsewhere(void **state)
{
	struct kmem_cache *s = buddy_kmem_cache_create("nested", sizeof(struct made), 0, 0,
						       make_with_memory_from_elsewhere);
	void *objs[500];

	(void)state;
	assert_int_equal(buddy_kmem_cache_alloc_bulk(s, GFP_KERNEL, 500, objs), 500);
	buddy_kmem_cache_free_bulk(s, 500, objs);
	buddy_kmem_cache_destroy(s);
	assert_int_equal(buddy_verify(), 0);
}

static void zalloc_of_a_constructed_cache(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("made", sizeof(struct made), 0, 0, make);
	struct made *m = buddy_kmem_cache_zalloc(s, GFP_KERNEL);

	child_check(m && m->magic == MAGIC);
	buddy_kmem_cache_free(s, m);
}

static void bulk_zero_of_a_constructed_cache(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("made", sizeof(struct made), 0, 0, make);
	struct made *m[1];

	child_check(buddy_kmem_cache_alloc_bulk(s, GFP_KERNEL | __GFP_ZERO, 1, (void **)m) == 1);
	child_check(m[0]->magic == MAGIC);
	buddy_kmem_cache_free(s, m[0]);
}

static void zalloc_does_not_undo_a_constructor(void **state)
{
	(void)state;
	assert_warning(zalloc_of_a_constructed_cache, "__GFP_ZERO");
}

static void bulk_zeroing_does_not_undo_a_constructor(void **state)
{
	(void)state;
	assert_warning(bulk_zero_of_a_constructed_cache, "__GFP_ZERO");
}

static void zeroed_objects_are_zero_also_when_recycled(void **state)
{
	struct kmem_cache *s = buddy_kmem_cache_create("zero", 200, 0, 0, NULL);
	void *objs[300];

	(void)state;
	for (int round = 0; round < 3; round++) {
		assert_int_equal(buddy_kmem_cache_alloc_bulk(s, GFP_KERNEL | __GFP_ZERO, 300,
							     objs),
				 300);
		for (int i = 0; i < 300; i++) {
			assert_true(all_bytes(objs[i], 200, 0));
			memset(objs[i], 0xff, 200);
		}
		buddy_kmem_cache_free_bulk(s, 300, objs);
		objs[0] = buddy_kmem_cache_zalloc(s, GFP_KERNEL);
		objs[1] = buddy_kmem_cache_alloc_node(s, GFP_KERNEL | __GFP_ZERO, 0);
		assert_true(all_bytes(objs[0], 200, 0));
		assert_true(all_bytes(objs[1], 200, 0));
		memset(objs[0], 0xff, 200);
		memset(objs[1], 0xff, 200);
		buddy_kmem_cache_free_bulk(NULL, 2, objs);
	}
	buddy_kmem_cache_destroy(s);
}

static void bulk_is_all_or_nothing(void **state)
{
	struct kmem_cache *s = buddy_kmem_cache_create("bulk", 48, 16, 0, NULL);
	static void *objs[5000];
	struct buddy_cache_stats st;

	(void)state;
	assert_int_equal(buddy_kmem_cache_alloc_bulk(s, GFP_KERNEL, 0, objs), 0);
	assert_int_equal(buddy_kmem_cache_alloc_bulk(s, GFP_KERNEL, 5000, objs), 5000);
	for (size_t i = 0; i < 5000; i++)
		*(size_t *)objs[i] = i;
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(*(size_t *)objs[i], i);
	assert_true(find_cache("bulk", &st));
	assert_int_equal(st.active - st.cached, 5000);
	buddy_kmem_cache_free_bulk(s, 5000, objs);
	assert_true(find_cache("bulk", &st));
	assert_int_equal(st.active, st.cached);
	buddy_kmem_cache_free_bulk(s, 0, NULL);
	buddy_kmem_cache_destroy(s);
}

static void bulk_free_without_a_cache_takes_any_object(void **state)
{
	struct kmem_cache *a = buddy_kmem_cache_create("a", 40, 0, 0, NULL);
	struct kmem_cache *b = buddy_kmem_cache_create("b", 900, 0, 0, NULL);
	void *objs[4] = {buddy_kmem_cache_alloc(a, GFP_KERNEL), buddy_kmalloc(MIB, GFP_KERNEL),
			 buddy_kmem_cache_alloc(b, GFP_KERNEL), buddy_kmalloc(10, GFP_KERNEL)};

	(void)state;
	buddy_kmem_cache_free_bulk(NULL, 4, objs);
	buddy_kmem_cache_destroy(a); /* would report objects in use */
	buddy_kmem_cache_destroy(b);
	assert_int_equal(buddy_verify(), 0);
}

static void cache_node_serves_nodes_that_exist(void **state)
{
	struct kmem_cache *s = buddy_kmem_cache_create("node", 64, 0, 0, NULL);

	(void)state;
	for (int node = -1; node < buddy_nr_nodes(); node++) {
		void *obj = buddy_kmem_cache_alloc_node(s, GFP_KERNEL, node);

		assert_non_null(obj);
		buddy_kmem_cache_free(s, obj);
	}
	buddy_kmem_cache_destroy(s);
}

static void cache_alloc_on_no_node(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("node", 64, 0, 0, NULL);

	child_check(!buddy_kmem_cache_alloc_node(s, GFP_KERNEL, buddy_nr_nodes() + 7));
}

static void cache_alloc_names_a_node_that_does_not_exist(void **state)
{
	(void)state;
	assert_warning(cache_alloc_on_no_node, "buddy_kmem_cache_alloc_node(node): node");
}

/* ---- caches: misuse ---- */

static void free_to_wrong_cache(void)
{
	struct kmem_cache *a = buddy_kmem_cache_create("one", 64, 0, 0, NULL);
	struct kmem_cache *b = buddy_kmem_cache_create("other", 64, 0, 0, NULL);
	char *obj = buddy_kmem_cache_alloc(a, GFP_KERNEL);

	memset(obj, 0x31, 64);
	buddy_kmem_cache_free(b, obj);
	/* The object is unharmed, and can still be freed into its own cache. */
	child_check(all_bytes(obj, 64, 0x31));
	buddy_kmem_cache_free(a, obj);
	buddy_kmem_cache_destroy(a);
	buddy_kmem_cache_destroy(b);
}

static void free_of_malloc_memory(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("one", 64, 0, 0, NULL);
	void *p = buddy_kmalloc(64, GFP_KERNEL);

	buddy_kmem_cache_free(s, p);
	buddy_kfree(p);
	buddy_kmem_cache_destroy(s);
}

static void free_to_no_cache(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("one", 64, 0, 0, NULL);
	void *obj = buddy_kmem_cache_alloc(s, GFP_KERNEL);

	buddy_kmem_cache_free(NULL, obj);
	buddy_kmem_cache_free(s, obj);
	buddy_kmem_cache_destroy(s);
}

static void free_of_interior(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("one", 64, 0, 0, NULL);
	char *obj = buddy_kmem_cache_alloc(s, GFP_KERNEL);

	buddy_kmem_cache_free(s, obj + 8);
	buddy_kmem_cache_free(s, obj);
	buddy_kmem_cache_destroy(s);
}

static void free_of_foreign(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("one", 64, 0, 0, NULL);

	buddy_kmem_cache_free(s, not_heap);
	buddy_kmem_cache_destroy(s);
}

static void free_twice(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("one", 64, 0, 0, NULL);
	void *obj = buddy_kmem_cache_alloc(s, GFP_KERNEL);

	buddy_kmem_cache_free(s, obj);
	buddy_kmem_cache_free(s, obj);
	/* Reported at the latest when the sheaf goes back to the slabs. */
	buddy_kmem_cache_destroy(s);
}

static void free_twice_checked(void)
{
	struct kmem_cache *s;
	void *obj;

	child_check(buddy_option_set("slab_debug", "F") == 0);
	s = buddy_kmem_cache_create("one", 64, 0, 0, NULL);
	obj = buddy_kmem_cache_alloc(s, GFP_KERNEL);
	buddy_kmem_cache_free(s, obj);
	buddy_kmem_cache_free(s, obj);
	child_check(buddy_kmem_cache_alloc(s, GFP_KERNEL) !=
		    buddy_kmem_cache_alloc(s, GFP_KERNEL));
}

/* A child of in_child() would end with _exit(), which checks nothing. */
static void free_twice_and_exit(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("one", 64, 0, 0, NULL);
	void *objs[5];

	buddy_kmem_cache_alloc_bulk(s, GFP_KERNEL, 5, objs);
	buddy_kmem_cache_free_bulk(s, 5, objs);
	buddy_kmem_cache_free(s, objs[2]);
	exit(0);
}

static void free_of_a_mapping(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("one", 64, 0, 0, NULL);
	char *p = a_mapping();

	p[0] = 1;
	buddy_kmem_cache_free(s, p);
	child_check(p[0] == 1);
	free(p);
	buddy_kmem_cache_destroy(s);
}

static void free_of_a_large_block(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("one", 64, 0, 0, NULL);
	void *p = buddy_kmalloc(MIB, GFP_KERNEL);

	buddy_kmem_cache_free(s, p);
	buddy_kfree(p);
	buddy_kmem_cache_destroy(s);
}

static void bulk_without_objects(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("one", 64, 0, 0, NULL);

	child_check(!buddy_kmem_cache_alloc_bulk(s, GFP_KERNEL, 3, NULL));
	buddy_kmem_cache_destroy(s);
}

static void bulk_free_without_objects(void)
{
	buddy_kmem_cache_free_bulk(NULL, 3, NULL);
}

static void bulk_free_to_wrong_cache(void)
{
	struct kmem_cache *one = buddy_kmem_cache_create("one", 64, 0, 0, NULL);
	struct kmem_cache *other = buddy_kmem_cache_create("other", 64, 0, 0, NULL);
	void *objs[] = {buddy_kmem_cache_alloc(other, GFP_KERNEL), NULL,
			buddy_kmem_cache_alloc(one, GFP_KERNEL),
			buddy_kmem_cache_alloc(other, GFP_KERNEL)};

	/* The others are freed all the same. */
	buddy_kmem_cache_free_bulk(other, 4, objs);
	buddy_kmem_cache_free(one, objs[2]);
	buddy_kmem_cache_destroy(one);
	buddy_kmem_cache_destroy(other);
}

static void krealloc_of_foreign(void)
{
	child_check(!buddy_krealloc(not_heap, 100, GFP_KERNEL));
}

static void bulk_calls_and_krealloc_name_what_is_wrong(void **state)
{
	(void)state;
	assert_warning(bulk_without_objects, "buddy_kmem_cache_alloc_bulk(): objs is NULL");
	assert_warning(bulk_free_without_objects, "buddy_kmem_cache_free_bulk(): objs is NULL");
	assert_error(bulk_free_to_wrong_cache, "buddy_kmem_cache_free_bulk(other, ");
	assert_error(krealloc_of_foreign, "buddy_krealloc(");
}

static void wrong_frees_are_reported(void **state)
{
	(void)state;
	assert_error(free_to_wrong_cache, "object of cache one");
	assert_error(free_of_malloc_memory, "object of cache malloc-64");
	assert_error(free_to_no_cache, "buddy_kmem_cache_free(NULL, ");
	assert_error(free_of_interior, "into the middle of an object of one");
	assert_error(free_of_foreign, "buddy_kmem_cache_free(");
	assert_error(free_twice, "double free of an object of one");
	assert_error(free_twice_checked, "double free of an object of one");
	assert_error(free_twice_and_exit, "double free of an object of one");
	assert_error(free_of_a_mapping, "not an object of a cache");
	assert_error(free_of_a_large_block, "not an object of a cache");
}

static struct kmem_cache *unused_cache;

static void destroy_unused(void *object)
{
	(void)object;
	if (unused_cache)
		buddy_kmem_cache_destroy(unused_cache);
	unused_cache = NULL;
}

static void destroy_in_constructor(void)
{
	struct kmem_cache *unused = buddy_kmem_cache_create("unused", 64, 0, 0, NULL);
	struct kmem_cache *s = buddy_kmem_cache_create("one", 64, 0, 0, destroy_unused);
	void *obj;

	unused_cache = unused;
	obj = buddy_kmem_cache_alloc(s, GFP_KERNEL);
	child_check(obj && !unused_cache);
	buddy_kmem_cache_free(s, obj);
	buddy_kmem_cache_destroy(s);
	obj = buddy_kmem_cache_alloc(unused, GFP_KERNEL);
	child_check(obj);
	buddy_kmem_cache_free(unused, obj);
	buddy_kmem_cache_destroy(unused);
}

static void a_cache_stays_that_is_destroyed_in_a_constructor(void **state)
{
	(void)state;
	assert_warning(destroy_in_constructor, "the cache stays");
}

static void destroy_twice(void)
{
	struct kmem_cache *a = buddy_kmem_cache_create("one", 64, 0, 0, NULL);
	struct kmem_cache *b = buddy_kmem_cache_create("other", 64, 0, 0, NULL);
	struct buddy_cache_stats st;

	buddy_kmem_cache_destroy(a);
	buddy_kmem_cache_destroy(b);
	buddy_kmem_cache_destroy(a);
	child_check(!find_cache("one", &st) && !find_cache("other", &st));
}

static void a_cache_is_destroyed_once(void **state)
{
	(void)state;
	assert_error(destroy_twice, "not a cache, or destroyed already");
}

static void destroy_in_use(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("busy", 64, 0, 0, NULL);
	char *obj = buddy_kmem_cache_alloc(s, GFP_KERNEL);

	memset(obj, 0x11, 64);
	buddy_kmem_cache_destroy(s);
	/* The cache stays, and with it the object. */
	child_check(all_bytes(obj, 64, 0x11));
	child_check(buddy_kmem_cache_size(s) == 64);
	buddy_kmem_cache_free(s, obj);
	buddy_kmem_cache_destroy(s);
}

static void destroy_reports_objects_in_use(void **state)
{
	(void)state;
	assert_error(destroy_in_use, "kmem_cache_destroy(busy): 1 object");
}

static void alloc_from_no_cache(void)
{
	child_check(!buddy_kmem_cache_alloc(NULL, GFP_KERNEL));
}

static void bulk_from_no_cache(void)
{
	void *obj;

	child_check(buddy_kmem_cache_alloc_bulk(NULL, GFP_KERNEL, 1, &obj) == 0);
}

static void shrink_of_no_cache(void)
{
	buddy_kmem_cache_shrink(NULL);
}

static void size_of_no_cache(void)
{
	child_check(buddy_kmem_cache_size(NULL) == 0);
}

static void nothing_at_all(void)
{
	struct kmem_cache *s = buddy_kmem_cache_create("nothing", 64, 0, 0, NULL);
	void *nothing[2] = {NULL, NULL};

	buddy_kmem_cache_free(s, NULL);
	buddy_kmem_cache_free_bulk(s, 2, nothing);
	buddy_kmem_cache_free_bulk(NULL, 2, nothing);
	buddy_kmem_cache_destroy(s);
	buddy_kmem_cache_destroy(NULL);
}

static void null_objects_are_ignored(void **state)
{
	(void)state;
	assert_silent(nothing_at_all);
}

static void a_missing_cache_is_named(void **state)
{
	(void)state;
	assert_warning(alloc_from_no_cache, "cache is NULL");
	assert_warning(shrink_of_no_cache, "cache is NULL");
}

static void a_missing_cache_is_named_by_bulk_calls(void **state)
{
	(void)state;
	assert_warning(bulk_from_no_cache, "cache is NULL");
}

static void a_missing_cache_is_named_by_size(void **state)
{
	(void)state;
	assert_warning(size_of_no_cache, "cache is NULL");
}

static void shrink_gives_back_what_holds_no_object(void **state)
{
	struct kmem_cache *s = buddy_kmem_cache_create("shrink", 1000, 0, 0, NULL);
	static void *objs[3000];
	struct buddy_cache_stats st;

	(void)state;
	assert_int_equal(buddy_kmem_cache_alloc_bulk(s, GFP_KERNEL, 3000, objs), 3000);
	buddy_kmem_cache_free_bulk(s, 2999, objs + 1);
	assert_int_not_equal(buddy_kmem_cache_shrink(s), 0);
	assert_true(find_cache("shrink", &st));
	assert_int_equal(st.slabs, 1);
	assert_int_equal(st.active, 1);
	assert_int_equal(st.cached, 0);
	buddy_kmem_cache_free(s, objs[0]);
	assert_int_equal(buddy_kmem_cache_shrink(s), 0);
	assert_true(find_cache("shrink", &st));
	assert_int_equal(st.slabs, 0);
	buddy_kmem_cache_destroy(s);
}

static void *(*alloc)(void);

static void grow(void)
{
	child_starts_background(alloc);
}

static void *alloc_small(void)
{
	return malloc(1000);
}

static void *alloc_large(void)
{
	return malloc(100000);
}

static void *alloc_object(void)
{
	static struct kmem_cache *cache;

	if (!cache)
		cache = buddy_kmem_cache_create("growing", 1000, 0, 0, NULL);
	return buddy_kmem_cache_alloc(cache, GFP_KERNEL);
}

static void a_large_heap_of_any_kind_starts_the_background_thread(void **state)
{
	void *(*const kinds[])(void) = {alloc_small, alloc_large, alloc_object};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		alloc = kinds[i];
		assert_silent(grow);
	}
}

/* Only a mapping of its own could be this large, and that may lie on any node. */
static void what_is_to_be_of_a_node_is_no_mapping_of_its_own(void **state)
{
	(void)state;
	assert_null(buddy_kmalloc_node((size_t)1 << 40, GFP_KERNEL | __GFP_THISNODE, 0));
}

enum { PAIRS = 20000 };

static uint64_t slow_calls(void)
{
	struct buddy_stats st;

	buddy_stats(&st);
	return st.slow_allocs + st.slow_frees;
}

/* The slow paths taken by PAIRS times an allocation and a free; @s: NULL for malloc. */
static uint64_t slow_calls_of_pairs(struct kmem_cache *s, gfp_t gfp)
{
	uint64_t before = slow_calls();

	for (int i = 0; i < PAIRS; i++) {
		unsigned char *volatile p = s ? buddy_kmem_cache_alloc(s, gfp) : malloc(64);

		assert_non_null(p);
		*p = 0xff;
		if (s)
			buddy_kmem_cache_free(s, p);
		else
			free(p);
	}
	return slow_calls() - before;
}

/* Some hits are preempted, and a sixteenth of those takes the slow path. */
static void what_a_thread_has_at_hand_of_a_cache_is_taken_and_left_by_hits(void **state)
{
	struct kmem_cache *s = buddy_kmem_cache_create("hits", 64, 0, 0, NULL);
	uint64_t before;

	(void)state;
	if (slow_calls_of_pairs(NULL, 0) > PAIRS / 10)
		skip(); /* no restartable sequences here */
	assert_true(slow_calls_of_pairs(s, GFP_KERNEL) < PAIRS / 10);
	assert_true(slow_calls_of_pairs(s, GFP_NOWAIT) < PAIRS / 10);
	before = slow_calls();
	for (int i = 0; i < PAIRS; i++) {
		unsigned char *p = buddy_kmem_cache_zalloc(s, GFP_KERNEL);

		assert_true(all_bytes(p, 64, 0));
		memset(p, 0xff, 64);
		buddy_kmem_cache_free(s, p);
	}
	assert_true(slow_calls() - before < PAIRS / 10);
	assert_int_equal(buddy_verify(), 0);
	buddy_kmem_cache_destroy(s);
}

enum { FIRST_SIZE = 16, SIZES = 20 };

static void *one_of_each_size(void *slow)
{
	void *blocks[SIZES];
	uint64_t before = slow_calls();

	for (int i = 0; i < SIZES; i++)
		assert_non_null(blocks[i] = malloc(FIRST_SIZE * (size_t)(i + 1)));
	for (int i = 0; i < SIZES; i++)
		free(blocks[i]);
	*(uint64_t *)slow = slow_calls() - before;
	return NULL;
}

static uint64_t slow_calls_of_thread(void)
{
	uint64_t slow;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, one_of_each_size, &slow), 0);
	pthread_join(thread, NULL);
	return slow;
}

/*
 * The first one comes in for each size.  The next one has its block as soon as the system says that
 * the first one is gone, which may be a little after the join.
 */
static void a_thread_that_follows_another_has_hits_at_once(void **state)
{
	uint64_t slow = 0;

	(void)state;
	if (slow_calls_of_pairs(NULL, 0) > PAIRS / 10)
		skip(); /* no restartable sequences here */
	assert_true(slow_calls_of_thread() > SIZES / 2);
	for (int tries = 0; tries < 100; tries++) {
		usleep(1000);
		slow = slow_calls_of_thread();
		if (slow < SIZES / 4)
			return;
	}
	fail_msg("%d allocations took %llu slow calls", SIZES, (unsigned long long)slow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_that_follows_another_has_hits_at_once),
		cmocka_unit_test(kmalloc_is_aligned_and_usable_as_a_whole),
		cmocka_unit_test(what_a_thread_has_at_hand_of_a_cache_is_taken_and_left_by_hits),
		cmocka_unit_test(kmalloc_is_aligned_to_what_divides_its_size_up_to_a_line),
		cmocka_unit_test(kmalloc_of_a_power_of_two_is_aligned_to_itself),
		cmocka_unit_test(zero_bytes_are_a_pointer_that_is_not_memory),
		cmocka_unit_test(too_much_is_null_and_errno_stays),
		cmocka_unit_test(no_call_touches_errno),
		cmocka_unit_test(zeroed_memory_is_zero_also_when_recycled),
		cmocka_unit_test(allocations_without_reclaim_are_served),
		cmocka_unit_test(kmalloc_from_zones_without_memory_is_null),
		cmocka_unit_test(objects_from_zones_without_memory_are_null),
		cmocka_unit_test(krealloc_keeps_contents_both_ways),
		cmocka_unit_test(krealloc_zeroes_beyond_the_old_usable_size),
		cmocka_unit_test(krealloc_grows_into_zeroes_of_what_was_zeroed),
		cmocka_unit_test(an_object_of_a_cache_grows_into_memory_of_malloc),
		cmocka_unit_test(krealloc_that_fails_leaves_the_block),
		cmocka_unit_test(memory_of_malloc_and_kmalloc_is_the_same_memory),
		cmocka_unit_test(kmalloc_node_serves_nodes_that_exist),
		cmocka_unit_test(kmalloc_node_names_a_node_that_does_not_exist),
		cmocka_unit_test(kfree_reports_what_is_not_ours),
		cmocka_unit_test(kfree_reports_a_pointer_into_the_middle),
		cmocka_unit_test(kfree_reports_a_double_free),
		cmocka_unit_test(create_names_the_wrong_argument),
		cmocka_unit_test(slab_panic_ends_the_program),
		cmocka_unit_test(objects_are_aligned_and_apart),
		cmocka_unit_test(hwcache_align_puts_objects_on_lines),
		cmocka_unit_test(hwcache_align_gives_small_objects_part_of_a_line),
		cmocka_unit_test(names_are_copied_and_cut_off),
		cmocka_unit_test(objects_up_to_the_largest_size),
		cmocka_unit_test(many_caches_at_once),
		cmocka_unit_test(constructed_objects_stay_constructed),
		cmocka_unit_test(constructors_may_allocate_elsewhere),
		cmocka_unit_test(zalloc_does_not_undo_a_constructor),
		cmocka_unit_test(bulk_zeroing_does_not_undo_a_constructor),
		cmocka_unit_test(zeroed_objects_are_zero_also_when_recycled),
		cmocka_unit_test(bulk_is_all_or_nothing),
		cmocka_unit_test(bulk_free_without_a_cache_takes_any_object),
		cmocka_unit_test(cache_node_serves_nodes_that_exist),
		cmocka_unit_test(cache_alloc_names_a_node_that_does_not_exist),
		cmocka_unit_test(a_cache_stays_that_is_destroyed_in_a_constructor),
		cmocka_unit_test(wrong_frees_are_reported),
		cmocka_unit_test(bulk_calls_and_krealloc_name_what_is_wrong),
		cmocka_unit_test(a_cache_is_destroyed_once),
		cmocka_unit_test(destroy_reports_objects_in_use),
		cmocka_unit_test(null_objects_are_ignored),
		cmocka_unit_test(a_missing_cache_is_named),
		cmocka_unit_test(a_missing_cache_is_named_by_bulk_calls),
		cmocka_unit_test(a_missing_cache_is_named_by_size),
		cmocka_unit_test(shrink_gives_back_what_holds_no_object),
		cmocka_unit_test(a_large_heap_of_any_kind_starts_the_background_thread),
		cmocka_unit_test(what_is_to_be_of_a_node_is_no_mapping_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
