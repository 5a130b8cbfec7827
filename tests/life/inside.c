/*
 * inside.c - libbuddy with access to functions that no program can call
 */
#include "inside.h"

#include "slab/internal.h"
#include "slab/slab.h"

BUDDY_API void inside_pass(void)
{
	(void)slab_reclaim(/* all= */ false);
}

BUDDY_API void inside_rest(void)
{
	slab_reclaim_rest();
}
