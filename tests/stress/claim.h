/*
 * claim.h - which addresses are handed out right now
 *
 * One bit per 16 bytes of address space.  A block's whole usable range is claimed when the heap
 * returns it and released before it is given back, so two live blocks that share a byte are
 * caught at the moment of the second allocation, whichever threads hold them.
 *
 * Lock-free and without any call to the heap: signal handlers claim too, and a forked child
 * inherits a copy that is right for it at every instruction.  All accesses are relaxed on
 * purpose: the map must not add an ordering between threads that the heap itself owes them,
 * or ThreadSanitizer could not see it missing.
 */
#ifndef BUDDY_TESTS_STRESS_CLAIM_H
#define BUDDY_TESTS_STRESS_CLAIM_H

#include <stddef.h>

/* Call once before any other. */
void claim_init(void);

/* Fails the program if a byte of [mem, mem + size) is claimed already. */
void claim(const void *mem, size_t size);

/* Fails the program if a byte of the range is not claimed. */
void unclaim(const void *mem, size_t size);

#endif
