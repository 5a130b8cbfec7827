/* SPDX-License-Identifier: MIT */
/*
 * geometry.c - sizes of classes, orders of slabs, capacities of sheaves
 *
 * Linux:  calculate_order(), sheaf capacities.  Differs: classes step four to a
 *         doubling up to 32 KiB; orders are looked for that waste a 32nd before those that waste
 *         a 16th; classes above 8 KiB may have slabs of up to 128 KiB, so that at most an eighth
 *         is wasted; slabs have colours, as mm/slab.c once gave them; a sheaf holds up to 32 KiB of
 *         objects, or 12 of them where these are no more than 128 KiB.
 */
#include "slab/internal.h"
#include "platform/os.h"

/*
 * 16, 32, ... 128, then four classes to each doubling: 160 192 224 256, 320 ... 32768.
 *
 * Two more are for a KiB and for a page with a header in front, which would waste a fifth of the
 * next class: without the second sqlite3 in memory, whose objects have 1032 and 4368 bytes,
 * took 1.29 times the memory of glibc.  For the first of them 28672 was given up: a byte of the
 * page map has no room for another class.
 *
 * Powers of two are naturally aligned, since slabs are and the stride is the size; see also
 * kmalloc_spread().
 */
#define KIB_AND_HEADER 1152u
#define KIB_AND_HEADER_CLASS 20u
#define PAGE_AND_HEADER 4608u
#define PAGE_AND_HEADER_CLASS 29u
#define LAST_CLASS (NR_KMALLOC_CLASSES - 1)

u32 kmalloc_class_size(unsigned int class)
{
	unsigned int group;

	if (class < 8)
		return 16 * (class + 1);
	if (class == KIB_AND_HEADER_CLASS)
		return KIB_AND_HEADER;
	if (class == PAGE_AND_HEADER_CLASS)
		return PAGE_AND_HEADER;
	if (class == LAST_CLASS)
		return KMALLOC_MAX_SIZE;
	class -= (class > KIB_AND_HEADER_CLASS) + (class > PAGE_AND_HEADER_CLASS);
	group = (class - 8) / 4;
	return (128u << group) + (32u << group) * ((class - 8) % 4 + 1);
}

unsigned int kmalloc_class(size_t size)
{
	unsigned int log, class;

	if (size <= 128)
		return size ? (unsigned int)(size - 1) / 16 : 0;
	log = ilog2(size - 1); /* at least 7: size is in (2^log, 2^(log + 1)] */
	/* Each of the two additional classes moves those above it up by one. */
	class = 8 + (log - 7) * 4;
	class += (unsigned int)((size - 1 - ((size_t)1 << log)) >> (log - 2));
	return MIN(class + (size > KIB_AND_HEADER) + (size > PAGE_AND_HEADER), LAST_CLASS);
}

#define SLUB_MAX_ORDER 3
#define LARGE_CLASS 8192
#define LARGE_MAX_ORDER 5

static noinline unsigned int slab_order(u32 size, unsigned int max_order, unsigned int fract,
					unsigned int min_objects)
{
	unsigned int order = 0;

	while (order < max_order && (PAGE_SIZE << order) < (size_t)size * min_objects)
		order++;
	for (; order <= max_order; order++) {
		size_t slab = PAGE_SIZE << order;

		if (slab >= size && slab % size <= slab / fract)
			break;
	}
	return order;
}

/* The smallest order that wastes little and holds many objects; else one that wastes more. */
static unsigned int calculate_order(u32 size)
{
	unsigned int max_order = size > LARGE_CLASS ? LARGE_MAX_ORDER : SLUB_MAX_ORDER;
	unsigned int min_objects = 4 * (fls64(os_nr_cpus()) + 1);
	unsigned int order;

	min_objects = MIN(min_objects, (unsigned int)((PAGE_SIZE << max_order) / size));
	for (unsigned int fract = 32; fract > 1; fract /= 2) {
		order = slab_order(size, max_order, fract, MAX(min_objects, 1u));
		if (order <= max_order)
			return order;
		order = slab_order(size, max_order, fract, 1);
		if (order <= max_order && fract <= 8)
			return order;
	}
	return fls64(DIV_ROUND_UP(size, PAGE_SIZE) - 1);
}

#define SHEAF_BYTES (32 * KiB)
#define SHEAF_SMALLEST 12 /* objects that even the smallest kind has room for */
#define SHEAF_BYTES_MAX (128 * KiB)
#define BARN_BYTES (256 * KiB)
#define BARN_EXTRA_BYTES (64 * MiB)	 /* of all barns of a node; one may keep a quarter */
#define BARN_EXTRA_BYTES_SMALL (4 * MiB) /* where a slot is more than an eighth of its object */

/*
 * 32 KiB of objects, but of large ones as many as go into the smallest sheaf, up to 128 KiB: with 2
 * in a sheaf every other call went to the barn, and random churn of 1 to 32 KiB took 1.3 times as
 * long with one thread and 1.7 times with two.  With 16 KiB reverse took 1.1 times as long, random
 * churn of 8 to 1000 bytes 1.06 times; with 64 KiB a row takes as long and 1 % more memory.
 */
static size_t sheaf_objects(u32 size)
{
	size_t nr = MAX(SHEAF_BYTES / size, MIN((size_t)SHEAF_SMALLEST, SHEAF_BYTES_MAX / size));

	/* The last few slots are not worth an array of twice the length. */
	for (unsigned int kind = 0; kind < NR_SHEAF_KINDS; kind++) {
		size_t fits = sheaf_kind_capacity(kind);

		if (fits < nr && fits >= nr * 7 / 8)
			return fits;
	}
	return nr;
}

#define COLOURS_MAX 64 /* lines of a page */

/*
 * The objects of neighbouring slabs begin at different lines, as far as a slab leaves lines over,
 * as in the kernel's SLAB once.  Most strides are an even number of lines, so without this the
 * first words of all objects, which programs touch most, would share half of the sets of a CPU's
 * caches or fewer.  Of 5000 blocks of 8 to 1000 bytes, 2.7 times as many as on average lay at the
 * first line of a page, and random churn of them took 1.03 times as long, 1.09 with 16 threads on
 * two CPUs.  Powers of two leave nothing over.
 */
static void set_colours(struct kmem_cache *s)
{
	size_t left_over = (PAGE_SIZE << s->order) - (size_t)s->objects * s->size;
	size_t colours = MIN(left_over / CACHE_LINE + 1, COLOURS_MAX);

	s->colour_mask = s->align > CACHE_LINE ? 0 : (u8)((1u << ilog2(colours)) - 1);
}

static noinline void set_stride(struct kmem_cache *s, u32 size)
{
	s->size = size;
	s->reciprocal = (u32)DIV_ROUND_UP((u64)1 << 32, size);
	set_colours(s);
}

/* Everything that follows from size and alignment. */
void cache_geometry(struct kmem_cache *s)
{
	size_t slab;

	s->order = (u8)calculate_order(s->size);
	slab = PAGE_SIZE << s->order;
	s->objects = (u16)MIN(slab / s->size, SLAB_OBJECTS_MAX);
	set_stride(s, s->size);
	s->bucket_mul = (u32)DIV_ROUND_UP((u64)NR_PARTIAL_BUCKETS << BUCKET_SHIFT, s->objects + 1u);
	s->line_group = s->size == 16 || s->size == 48 ? 4 : s->size == 32 ? 2 : 1;
	s->capacity = (u8)CLAMP(sheaf_objects(s->size), 2, 252);
	s->max_full = (u32)CLAMP(BARN_BYTES / ((size_t)s->capacity * s->size), 1, 64);
	s->max_extra = (u32)((s->size < 64 ? BARN_EXTRA_BYTES_SMALL : BARN_EXTRA_BYTES) /
			     MAX(nr_barns, 4u) / ((size_t)s->capacity * s->size));
}

#define SPREAD_ABOVE 2048u /* bytes */

/*
 * What a slab of @s leaves over goes between its objects, a line for each, if it is enough for
 * that. Otherwise they would all begin at the same offset in a page, or at one of few, and copies
 * between such objects are slow, see large_offset(): to put one character before a string of 20,000
 * took python3 5.8 us, and 0.4 since.  Powers of two leave nothing over.
 */
void kmalloc_spread(struct kmem_cache *s)
{
	u32 spread = s->size + CACHE_LINE;

	if (s->size > SPREAD_ABOVE && (PAGE_SIZE << s->order) / spread >= s->objects)
		set_stride(s, spread);
}
