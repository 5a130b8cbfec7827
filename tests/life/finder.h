/*
 * finder.h - a library that loads others from beside itself
 */
#ifndef BUDDY_TESTS_FINDER_H
#define BUDDY_TESTS_FINDER_H

/* dlopen(@name, @mode), called by this library. */
void *finder_find(const char *name, int mode);

#endif
