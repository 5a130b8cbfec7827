/*
 * inside.h - internal functions of libbuddy for programs that are linked with life_inside
 */
#ifndef BUDDY_TESTS_LIFE_INSIDE_H
#define BUDDY_TESTS_LIFE_INSIDE_H

/* A pass as the background thread makes it, and the last one, when nothing has happened lately. */
void inside_pass(void);
void inside_rest(void);

#endif
