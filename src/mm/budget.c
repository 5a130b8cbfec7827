/* SPDX-License-Identifier: MIT */
/*
 * budget.c - staying within a container's memory limit
 *
 * A freed block stays resident for a while, because it is likely to be used again.  In a control
 * group with a limit, or on a machine with little memory, the kernel cannot take that back, and
 * kills for it.  So each zone has a mark for its resident pages, and the direct mappings have one.
 *
 * A thread that has taken pages beyond the mark looks, before it touches them, at how much room the
 * group has left, gives free blocks back at once if that is little, and sets the mark anew, half of
 * the room further up.  It does not look before it takes the pages: what would be given back is
 * what there is to take, and that costs no room.  A mark falls with what goes back.
 *
 * The first look is at FIRST_LOOK, so that small programs read no files.  It is as much as each of
 * many small processes may keep: with 8 MiB, thirty that had each had 6 for a moment kept 220.
 * Without a limit the next look is when the heap has doubled, since a limit can be set later.  A
 * server that has run out of file descriptors cannot look: what was seen last has to do until it
 * can.
 *
 * What a process keeps free, others whose blocks are all in use cannot have: of twelve processes
 * that each took 20 MiB for a moment, one after the other, in a group of 100, eight were killed. So
 * in a group that is filling up each process keeps only a part of the room free, by its share of
 * what is used (slab/reclaim.c asks, where memory is freed).
 *
 * Linux:  plays the role of memory.high: whoever allocates reclaims.
 * Locks:  budget_lock, then zone->lock.
 */
#include "mm/internal.h"
#include "mm/mm.h"
#include "platform/os.h"

#define FIRST_LOOK (4 * MiB / PAGE_SIZE)
#define HEADROOM_MIN (1 * MiB)
#define HEADROOM_MAX (64 * MiB)

#define REVIVED 1 /* pages, or more */

static struct spinlock budget_lock = SPINLOCK_INIT(RANK_BUDGET);

bool mm_pressure; /* atomic */
u64 mm_spare_mark = NO_SPARE_MARK;

void budget_init_zone(struct zone *zone)
{
	zone->resident_mark = zone->metadata ? ~(u64)0 : FIRST_LOOK;
}

/* By @nr, whatever another thread sets it to meanwhile. */
static slowpath void take_from_mark(u64 *mark, u64 nr)
{
	u64 seen = READ_ONCE(*mark);

	while (!atomic_cmpxchg(mark, &seen, seen - MIN(seen, nr)))
		;
}

/*
 * @nr pages of @zone have gone back.  If they come again there is another look: others may have
 * taken the room.
 */
slowpath void budget_note_gone(struct zone *zone, u64 nr)
{
	if (!zone->metadata)
		take_from_mark(&zone->resident_mark, nr);
}

/* Bytes of direct mappings beyond which there has to be a look; racy. */
static size_t direct_mark = FIRST_LOOK * PAGE_SIZE;

static size_t direct_bytes(void)
{
	unsigned long count;
	size_t bytes;

	direct_totals(&count, &bytes);
	return bytes;
}

/*
 * @bytes of direct mappings have gone back.  As above, but only in a group with a limit: elsewhere
 * who maps and unmaps a block would look at every second one.
 */
slowpath void budget_note_unmapped(size_t bytes)
{
	if (READ_ONCE(mm_spare_mark) != NO_SPARE_MARK)
		take_from_mark(&direct_mark, bytes);
}

static void put_mark(u64 *mark, u64 to, bool only_lower)
{
	if (!only_lower || READ_ONCE(*mark) > to)
		WRITE_ONCE(*mark, to);
}

/*
 * All zones together, or the direct mappings, may grow by @nr pages before somebody looks again.
 * @only_lower: where they may not grow by less already.
 */
static void set_marks(u64 nr, bool only_lower)
{
	struct zone *zone;
	u64 zones = 0;

	for_each_populated_zone (zone)
		zones += !zone->metadata;
	for_each_populated_zone (zone)
		if (!zone->metadata)
			put_mark(&zone->resident_mark, zone_resident(zone) + nr / zones,
				 only_lower);
	put_mark(&direct_mark, direct_bytes() + (nr << PAGE_SHIFT), only_lower);
}

/* What the last look saw, and what was resident_bytes() then.  budget_lock. */
static u64 seen_limit = OS_UNLIMITED, seen_room, seen_resident;

/* Of the zones, and all of the direct mappings. */
static slowpath u64 resident_bytes(void)
{
	struct zone *zone;
	u64 pages = 0;

	for_each_populated_zone (zone)
		pages += zone_resident(zone);
	return (pages << PAGE_SHIFT) + direct_bytes();
}

/* What others in the group use, as the last look has it.  There is a limit; under budget_lock. */
static slowpath u64 used_by_others(void)
{
	return seen_limit - MIN(seen_room + seen_resident, seen_limit);
}

#define OTHERS_MS 1000

/* The most that they used in this second, as far as seen, and in the one before.  budget_lock. */
static u64 others_most[2], others_since_ms;

static slowpath void note_others(void)
{
	u64 now = os_clock_ms(), others = used_by_others();

	if (now - others_since_ms >= OTHERS_MS) {
		others_most[1] = others_most[0];
		others_most[0] = others;
		others_since_ms = now;
	}
	others_most[0] = MAX(others_most[0], others);
}

/*
 * The group's limit and the room that it leaves before @fresh pages, which count already, become
 * resident.  If they cannot be read now, they are what was seen last, corrected by how the heap has
 * changed since.  Under budget_lock.  Return: 0 or -errno; both are set in any case.
 */
static slowpath int look(u64 fresh, u64 *limit, u64 *room)
{
	u64 taken = resident_bytes(), now = taken - MIN(fresh << PAGE_SHIFT, taken);
	int err = os_memory_room(limit, room);

	if (!err) {
		if (seen_limit == OS_UNLIMITED && *limit != OS_UNLIMITED)
			WRITE_ONCE(mm_spare_mark, 0);
		seen_limit = *limit;
		seen_room = *room;
		seen_resident = now;
		if (*limit != OS_UNLIMITED)
			note_others();
		return 0;
	}
	*limit = seen_limit;
	*room = seen_room + seen_resident;
	*room = *limit == OS_UNLIMITED ? OS_UNLIMITED : *room - MIN(*room, now);
	return err;
}

/* What is left free for others in the group, and for what is not heap: stacks, page tables. */
static u64 headroom(u64 limit)
{
	return CLAMP(limit / 32, (u64)HEADROOM_MIN, (u64)HEADROOM_MAX);
}

/*
 * @fresh pages are about to be resident.  Make room for them, or tell the slab layer to
 * (mm_pressure). Under budget_lock.
 */
static void make_room(u64 fresh, u64 limit, u64 room)
{
	u64 spare = headroom(limit), want = (fresh << PAGE_SHIFT) + 2 * spare;
	struct zone *zone;

	if (room < want)
		for_each_populated_zone (zone)
			hugepage_stop(zone);
	while (room < want) {
		if (!page_reporting_pass(0, 0, DIV_ROUND_UP(want - room, PAGE_SIZE))) {
			WRITE_ONCE(mm_pressure, true);
			break;
		}
		/* Ask again: of what was given back some may never have been touched. */
		(void)look(fresh, &limit, &room);
	}
	set_marks(MAX((room - MIN(want, room)) / 2, spare / 4) >> PAGE_SHIFT,
		  /* only_lower= */ false);
}

/* Much went back, and the mark allows too much now: the next request has to look. */
slowpath void budget_look_again(void)
{
	spin_lock(&budget_lock);
	set_marks(0, /* only_lower= */ false);
	spin_unlock(&budget_lock);
}

/* In a forked child, whose other threads are gone. */
slowpath void budget_settle(void)
{
	spin_settle(&budget_lock);
}

/* @now: what has passed its mark, in pages.  Under budget_lock. */
static slowpath void look_and_make_room(u64 fresh, u64 now)
{
	u64 limit, room;
	int err = look(fresh, &limit, &room);

	if (limit != OS_UNLIMITED)
		make_room(fresh, limit, room);
	else if (err)
		set_marks(FIRST_LOOK, /* only_lower= */ false);
	else
		set_marks(MAX(now, FIRST_LOOK), /* only_lower= */ false);
}

/**
 * budget_slow - @zone has passed its mark, by @fresh pages that are not resident yet
 *
 * Gives back what is free in any zone; what lies in sheaves and empty slabs is the slab layer's,
 * which is told by mm_pressure.
 */
slowpath void budget_slow(const struct zone *zone, u64 fresh)
{
	/* Waits: a thread that passed by while another looks could take any number of pages. */
	spin_lock(&budget_lock);
	/* Another thread may just have looked. */
	if (zone_resident(zone) > READ_ONCE(zone->resident_mark))
		look_and_make_room(fresh, zone_resident(zone));
	spin_unlock(&budget_lock);
}

/**
 * budget_direct - direct mappings have become @fresh bytes more, which are not resident yet
 *
 * The same look as budget_slow()'s.  The caller may wait, and holds no lock.
 */
slowpath void budget_direct(size_t fresh)
{
	if (direct_bytes() <= READ_ONCE(direct_mark))
		return;
	spin_lock(&budget_lock);
	if (direct_bytes() > READ_ONCE(direct_mark))
		look_and_make_room(fresh >> PAGE_SHIFT, direct_bytes() >> PAGE_SHIFT);
	spin_unlock(&budget_lock);
}

/**
 * budget_revived_slow - objects were taken whose pages may have gone back, and come again
 *
 * The same look as budget_slow()'s, for slabs that were punched.  The caller may wait.
 */
slowpath void budget_revived_slow(const struct zone *zone)
{
	budget_check(zone, REVIVED);
}

#define NOTABLE_PART 64

/*
 * Are @nr pages something to know more of, for the room that was seen last?  Where there is plenty,
 * who frees a buffer that is used in part is not to fault it in again each time.  Racy.
 */
slowpath bool budget_is_notable(u64 nr)
{
	return READ_ONCE(mm_spare_mark) != NO_SPARE_MARK &&
	       nr << PAGE_SHIFT >= READ_ONCE(seen_room) / NOTABLE_PART;
}

/* ---- what may stay free ---- */

/* Racy. */
set_apart u64 mm_spare_pages(void)
{
	struct zone *zone;
	u64 pages = 0;

	for_each_populated_zone (zone) {
		u64 free = READ_ONCE(zone->nr_free_pages);

		pages += zone->metadata ? 0 : free - MIN(READ_ONCE(zone->nr_zero_pages), free);
	}
	return pages;
}

#define SPARE_STEP_MIN (512 * KiB)
#define SPARE_STEP_MAX (2 * MiB)

/*
 * How much more may become free before somebody looks again: a look is some 50 us.  Under
 * budget_lock.
 */
static slowpath u64 spare_step(void)
{
	return CLAMP(seen_limit / 128, (u64)SPARE_STEP_MIN, (u64)SPARE_STEP_MAX) >> PAGE_SHIFT;
}

#define SOON_MS 1000

/*
 * Of spare pages that went back last: when, or when it was last seen that they had been taken
 * again; how many bytes; and what was left resident.  budget_lock.
 */
static u64 gave_ms, gave_bytes, left_bytes;

/* Was half of what went back soon taken again?  Says nothing if that was next to nothing. */
static slowpath bool is_taken_again(void)
{
	u64 now = os_clock_ms();
	bool again = now - gave_ms < SOON_MS && gave_bytes >= SPARE_STEP_MIN &&
		     resident_bytes() >= left_bytes + gave_bytes / 2;

	if (again)
		gave_ms = now;
	return again;
}

/*
 * Bytes of @spare that may stay: all, for a process that is all but alone.  A third of the limit is
 * for whoever comes first; of what is used beyond it each may keep as much as a quarter of the
 * room, by its share.
 *
 * A process that soon takes again what it gave back (@at_work) may keep half of what would be free
 * without that, but for the headroom, if the others use again as much as they did.  It would fault
 * in all of it each time: two threads that take 16 MiB and free them, by turns, beside a neighbour
 * that has 30 of 60 MiB, had 24,000 to 61,000 page faults instead of 3700, and took twice as long.
 */
static slowpath u64 spare_share(u64 spare, u64 limit, u64 room, bool at_work)
{
	u64 used = limit - MIN(room, limit), busy = used - MIN(spare, used);
	u64 mine = resident_bytes() + 1;
	u64 first = limit / 3 - MIN(busy, limit / 3);
	u64 sixteenths = used * 16 / mine; /* of what this process has: 16 where it has all */
	u64 taken = mine + MAX(others_most[0], others_most[1]);
	u64 half = (limit - MIN(taken, limit) + spare) / 2;

	if (used <= mine + limit / 8)
		return spare + room / 4;
	if (at_work)
		first = MAX(first, half - MIN(headroom(limit), half));
	return MAX(first, room / 4 / MAX(sixteenths, 16) * 16);
}

/**
 * budget_excess - how many of @spare pages, free and resident, are to go back?
 * @looked_after: the background thread runs, which gives the others back once they lie idle
 *
 * Looks at the group.  The caller may wait.  Return: pages; REPORT_ALL for all that can be found,
 * which may be more, unless they are soon taken again.
 */
slowpath u64 budget_excess(u64 spare, bool looked_after)
{
	u64 limit, room, share, excess = 0, mark = NO_SPARE_MARK;
	bool at_work;

	spin_lock(&budget_lock);
	(void)look(0, &limit, &room);
	if (limit != OS_UNLIMITED) {
		at_work = looked_after && is_taken_again();
		share = spare_share(spare << PAGE_SHIFT, limit, room, at_work) >> PAGE_SHIFT;
		mark = spare + MAX((share - MIN(spare, share)) / 2, spare_step());
		if (spare > share) {
			excess = at_work ? spare - share : REPORT_ALL;
			mark = share + spare_step();
		}
	}
	WRITE_ONCE(mm_spare_mark, mark);
	spin_unlock(&budget_lock);
	return excess;
}

/*
 * Of what was too much @given pages have gone back, and @spare are there still.  Those that could
 * not go are not to be looked at each time.
 */
slowpath void budget_note_spare(u64 given, u64 spare)
{
	spin_lock(&budget_lock);
	gave_ms = os_clock_ms();
	gave_bytes = given << PAGE_SHIFT;
	left_bytes = resident_bytes();
	WRITE_ONCE(mm_spare_mark, MAX(READ_ONCE(mm_spare_mark), spare + spare_step()));
	spin_unlock(&budget_lock);
}

/*
 * Marks of a time when there was more room, or no limit, say nothing of the room that is left now:
 * they are to be no further up than half of it, as after a look.  A heap of 89 MiB, all but 5 of it
 * free in pieces of 60 KiB, took the next 20 without giving any of that back, and was killed, in a
 * group that had meanwhile been given a limit of 109.  Under budget_lock.
 */
static slowpath void lower_marks(u64 room)
{
	set_marks(room / 2 >> PAGE_SHIFT, /* only_lower= */ true);
}

/*
 * How much more others use than at the last tick.  What this process takes itself it looks at
 * before.  Under budget_lock.
 */
static slowpath u64 taken_by_others(void)
{
	static u64 at_last_tick = ~(u64)0;
	u64 others = used_by_others(), before = MIN(at_last_tick, others);

	at_last_tick = others;
	return others - before;
}

/**
 * budget_tight - is the group about to reach its limit?
 *
 * For the background thread, at each tick: other processes use the group up too, and a limit may
 * come later.  Others may take twice as much until the next tick as since the last one: in a group
 * of 100 MiB a program that had all but 4 of 79 free was killed when a neighbour took 60 within two
 * to four seconds, since there was room at one tick and none at the next.
 */
slowpath bool budget_tight(void)
{
	u64 limit, room;
	bool tight = false;

	spin_lock(&budget_lock);
	(void)look(0, &limit, &room);
	if (limit != OS_UNLIMITED) {
		tight = room < headroom(limit) + 2 * taken_by_others();
		lower_marks(room);
	}
	spin_unlock(&budget_lock);
	return tight;
}
