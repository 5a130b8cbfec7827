/* SPDX-License-Identifier: MIT */
/*
 * sheaves.c - is every sheaf that was made where somebody can find it?
 *
 * slab_verify() cannot ask that of a program at work, whose threads have some in their hands.  Here
 * nobody is in a slow path when it is asked.
 */
#include "sim.h"
#include "mm/internal.h"
#include "slab/internal.h"
#include "slab/pcs.h"

/* Those of the slab that begins at @slab. */
static int count_made(const struct page *slab)
{
	bool of_sheaves = false;
	int made = 0;

	for (unsigned int k = 0; k < NR_SHEAF_KINDS; k++)
		of_sheaves |= slab->cache == sheaf_cache(k);
	for (unsigned int i = 0; of_sheaves && i < slab->objects; i++)
		made += is_out(slab, i);
	return made;
}

static int count_all_made(void)
{
	int made = 0;

	for (u64 pfn = meta_zone.start_pfn; pfn < meta_zone.accept_pfn;) {
		const struct page *page = pfn_to_page(pfn);

		if (page_type(page) == PAGE_SLAB)
			made += count_made(page);
		pfn += page_block_pages(page);
	}
	return made;
}

static int count_in_barns(void)
{
	const struct kmem_cache_node *n;
	const struct kmem_cache *s;
	int found = 0;

	list_for_each_entry (s, &slab_caches, list)
		for_each_kmem_cache_node (s, i, n)
			for (unsigned int b = 0; n->barn && b < nr_barns; b++)
				found += n->barn[b].nr_full + n->barn[b].nr_empty;
	return found;
}

static int count_in_tasks(void)
{
	int found = 0;

	for (struct task *t = all_tasks; t; t = t->next)
		for_each_row (t, row)
			for (unsigned int i = 0; i < row.nr; i++)
				found += !!row.pcs[i].main + !!row.pcs[i].spare;
	return found;
}

int sim_lost_sheaves(void)
{
	return count_all_made() - count_in_barns() - count_in_tasks();
}
