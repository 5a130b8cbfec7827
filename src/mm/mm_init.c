/* SPDX-License-Identifier: MIT */
/*
 * mm_init.c - the one range of addresses and what lies where in it
 *
 *   base                              spans of the nodes, one after the other
 *   base + nodes * span               a gap of 4 MiB that is never mapped
 *   ...  + meta_span                  our own structures: sheaves, tasks, caches
 *   ...                               a gap
 *   ...  + pages * 64                 the memmap
 *
 * Nothing of it is mapped until it is used (accept.c), so the gaps and the unused parts fence
 * the metadata by themselves.  The page map lies wherever the system puts it and covers all
 * addresses from 0 to the end of the meta span, so that free() needs no base: the range is put
 * at low addresses, where that costs few MiB of address space and, being read-only zeros, no
 * memory.
 */
#include "base/check.h"
#include "mm/internal.h"
#include "mm/mm.h"
#include "platform/os.h"
#include "platform/vm.h"
#include <errno.h>

struct page_map page_map;
uintptr_t memmap_biased;
sparse struct pglist_data node_data[MAX_NUMNODES];
struct zone meta_zone;
struct topology topology;
static u32 topology_asked; /* atomic: the first to ask loads */
static bool topology_told; /* the answer has come; read by the only thread of a child */
bool mm_ready touched_first;

#define GAP (4 * MiB)
#define META_FRACTION 16

struct layout {
	u64 base, span, meta, meta_span, end;
};

static u64 wanted_span(const struct os_limits *limits)
{
	u64 limit = MIN(limits->address_space, limits->data), wanted = 4 * os_memory_bytes();

	/* A limit may be any number; one beyond what is wanted anyway is none. */
	wanted = CLAMP(wanted, 4 * (u64)GiB, 16384 * (u64)GiB);
	return roundup_pow_of_two(CLAMP(limit, 64 * (u64)MiB, wanted));
}

static struct layout make_layout(u64 base, u64 span)
{
	struct layout l = {.base = base, .span = span};

	l.meta = base + (u64)topology.nr_nodes * span + GAP;
	l.meta_span = CLAMP(span / META_FRACTION, 64 * MiB, META_SPAN_MAX);
	l.end = l.meta + l.meta_span;
	return l;
}

static size_t block_map_bytes(u64 nr_pages)
{
	return ALIGN_UP(DIV_ROUND_UP(nr_pages >> PAGEBLOCK_ORDER, 8), OS_PAGE);
}

static int init_zone(struct zone *zone, const char *name, int node, u64 start, u64 bytes)
{
	u64 nr = bytes >> PAGE_SHIFT;
	void *map = vm_map(block_map_bytes(nr)), *sections = map ? sections_map(nr) : NULL;

	if (!sections) {
		if (map)
			vm_unmap(map, block_map_bytes(nr));
		return -ENOMEM;
	}
	zone->name = name;
	zone->node = node;
	zone->lock = (struct spinlock)SPINLOCK_INIT(RANK_ZONE);
	zone->accept_lock = (struct spinlock)SPINLOCK_INIT(RANK_ACCEPT);
	zone->start_pfn = start >> PAGE_SHIFT;
	zone->accept_pfn = zone->commit_pfn = zone->start_pfn;
	zone->end_pfn = zone->start_pfn + nr;
	zone->sections = sections;
	zone->free_block_map = map;
	buddy_init_zone(zone);
	budget_init_zone(zone);
	return 0;
}

/*
 * Is memory to be bound to its node?  With one node there is nothing to choose; a binding of ours
 * would only take the place of the program's, which may be strict.  A filter that was there before
 * the program may end it for mbind(): what is made to run whole programs, as in the files of many
 * services, may leave out what sets resources.  Memory then lies where it is first touched, which
 * is the same in most cases.
 */
static bool binds_memory(void)
{
	return topology.has_memory & (topology.has_memory - 1) && !topology.placed &&
	       !os_began_locked_in();
}

static int init_zones(const struct layout *l)
{
	u64 share = os_memory_bytes() / (u64)MAX(__builtin_popcount(topology.has_memory), 1);
	int err = init_zone(&meta_zone, "Meta", 0, l->meta, l->meta_span);
	bool bind = binds_memory();

	if (err)
		return err;
	meta_zone.metadata = true;
	budget_init_zone(&meta_zone);
	meta_zone.managed_pages = l->meta_span >> PAGE_SHIFT;
	setup_zone_wmarks(&meta_zone);
	for (int n = 0; n < topology.nr_nodes; n++) {
		struct zone *zone = &node_data[n].zones[ZONE_NORMAL];
		u64 bytes = topology.bytes[n] ? topology.bytes[n] : share;

		if (!(topology.has_memory >> n & 1))
			continue;
		err = init_zone(zone, "Normal", n, l->base + (u64)n * l->span, l->span);
		if (err)
			return err;
		zone->bind = bind;
		zone->managed_pages = MIN(bytes, l->span) >> PAGE_SHIFT;
		setup_zone_wmarks(zone);
	}
	return 0;
}

static slowpath void drop_zones(void)
{
	struct zone *zone;

	for_each_populated_zone (zone) {
		vm_unmap(zone->free_block_map, block_map_bytes(zone->end_pfn - zone->start_pfn));
		sections_unmap(zone->sections, zone->end_pfn - zone->start_pfn);
		if (zone->commit_pfn > zone->start_pfn) {
			u64 nr = zone->commit_pfn - zone->start_pfn;

			vm_unmap(pfn_to_addr(zone->start_pfn), nr << PAGE_SHIFT);
			vm_unmap(pfn_to_page(zone->start_pfn), nr * sizeof(struct page));
		}
		*zone = (struct zone){0};
	}
}

/* Settle at @base.  Return: 0, or -errno with nothing left behind. */
static int try_base(u64 base, u64 span)
{
	struct layout l = make_layout(base, span);
	u64 map_bytes = ALIGN_UP(l.end >> PAGE_SHIFT, OS_PAGE);
	u8 *map = vm_map_zero_view(NULL, map_bytes);
	int err;

	/* Some emulators map low addresses first: ask for a place above everything. */
	if (map && (uintptr_t)map < l.end) {
		vm_unmap(map, map_bytes);
		map = vm_map_zero_view((void *)(l.end + l.end / 4), map_bytes);
	}
	if (!map)
		return -ENOMEM;
	/* The word that disabled cursors point behind must lie above every sheaf. */
	err = (uintptr_t)map < l.end ? -EEXIST : 0;
	page_map.bytes = map;
	memmap_biased = l.end + GAP - (base >> PAGE_SHIFT) * sizeof(struct page);
	if (!err)
		err = init_zones(&l);
	if (!err && !(accept_memory(&meta_zone, 1) &&
		      accept_memory(&node_data[mm_nearest_node(0)].zones[ZONE_NORMAL], 1)))
		err = -ENOMEM;
	if (err) {
		drop_zones();
		vm_unmap(map, map_bytes);
		page_map.bytes = NULL;
		return err;
	}
	/* Pairs with page_map_get(). */
	store_release(&page_map.nr, l.end >> PAGE_SHIFT);
	return 0;
}

static int choose_base(void)
{
	/* The later ones are for address spaces where a sanitizer or an emulator has the first. */
	static const u64 bases[] = {64, 512, 4096, 20480, 32768, 65536}; /* GiB */
	struct os_limits limits;
	u64 span, random = os_random();
	int err = -ENOMEM;

	os_get_limits(&limits);
	for (span = wanted_span(&limits); span >= 64 * MiB; span /= 8) {
		if (limits.address_space != OS_UNLIMITED) {
			/* The page map counts too, and is shorter the lower the range lies. */
			err = try_base(8 * GiB + (random % 1024) * GAP, span);
			if (!err)
				return 0;
		}
		for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
			u64 base = bases[i] * GiB + (random % 16384) * GAP;

			err = try_base(base, span);
			if (!err)
				return 0;
		}
	}
	return err;
}

/* Giving back 4 KiB would take the rest of a larger page along. */
static slowpath int refuse_page_size(void)
{
	static bool said;

	if (!said)
		bug_warn("no memory: pages of this system have %lu bytes, not %lu",
			 (unsigned long)os_page_bytes(), (unsigned long)OS_PAGE);
	said = true;
	return -ENOSYS;
}

int mm_init(void)
{
	int err;

	if (mm_ready)
		return 0;
	if (os_page_bytes() != OS_PAGE)
		return refuse_page_size();
	topology_probe(&topology);
	for (int n = 1; n < MAX_NUMNODES; n++)
		topology.rank[n] =
			(u8)(topology.rank[n - 1] + (topology.has_memory >> (n - 1) & 1));
	build_zonelists();
	err = choose_base();
	/* Pairs with mm_is_ready(). */
	if (!err)
		store_release(&mm_ready, true);
	return err;
}

static slowpath void update_topology(const struct topology *t)
{
	for (int a = 0; a < topology.nr_nodes; a++)
		for (int b = 0; b < topology.nr_nodes; b++)
			WRITE_ONCE(topology.distance[a][b], t->distance[a][b]);
	for (int n = 0; n < topology.nr_nodes; n++) {
		struct zone *zone = &node_data[n].zones[ZONE_NORMAL];

		if (!zone->end_pfn || !t->bytes[n])
			continue;
		topology.bytes[n] = t->bytes[n];
		WRITE_ONCE(zone->managed_pages,
			   MIN(t->bytes[n] >> PAGE_SHIFT, zone->end_pfn - zone->start_pfn));
		setup_zone_wmarks(zone);
	}
	topology.has_cpu = t->has_cpu;
	build_zonelists();
}

/**
 * mm_load_topology - ask the topology module for what topology_probe() does not tell
 *
 * Once; allocates.  Called by the background thread, or by a call that asks for distances.
 */
slowpath void mm_load_topology(void)
{
	struct topology t = topology;

	if (atomic_xchg(&topology_asked, 1) || topology_load(&t))
		return;
	update_topology(&t);
	topology_told = true;
}

/* In a forked child: a thread that was asking did not come along. */
void mm_forget_load_topology(void)
{
	if (!topology_told)
		topology_asked = 0;
}

void mm_task_init(struct mm_task *task, u32 id)
{
	task->id = id;
	WRITE_ONCE(task->tid, os_thread_id());
	task->node_check = 0;
	task->cpu = -1;
	task->leaving = false;
}

#define NODE_CHECK_EVERY 16 /* slow paths, where nothing tells the CPU for free */

/* The node with memory nearest to where this thread runs; looked up when the CPU has changed. */
int mm_local_node(struct mm_task *task)
{
	int hint;

	if (topology.nr_nodes <= 1)
		return 0;
	hint = os_cpu_hint();
	if (hint >= 0 ? hint == task->cpu : task->node_check-- != 0)
		return task->node;
	task->node_check = NODE_CHECK_EVERY;
	task->cpu = hint;
	return mm_nearest_node((int)os_node());
}

static bool is_accepted(const struct zone *zone, u64 pfn)
{
	return pfn >= zone->start_pfn && pfn < READ_ONCE(zone->accept_pfn);
}

static bool is_hole(u64 pfn)
{
	return page_type(pfn_to_page(ALIGN_DOWN(pfn, MAX_ORDER_NR_PAGES))) == PAGE_HOLE;
}

/* Beyond what is accepted, and in holes, something of the program's may lie. */
bool mm_owns(const void *addr)
{
	u64 pfn = addr_to_pfn(addr);
	struct zone *zone;

	for_each_populated_zone (zone)
		if (is_accepted(zone, pfn))
			return !is_hole(pfn);
	return false;
}

set_apart bool mm_has_page(const void *addr)
{
	u64 pfn = addr_to_pfn(addr);
	struct zone *zone;

	for_each_populated_zone (zone)
		if (!zone->metadata && is_accepted(zone, pfn))
			return true;
	return false;
}
