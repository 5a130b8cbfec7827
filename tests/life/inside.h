/*
 * inside.h - what a program that is linked with life_inside can call of libbuddy's own
 */
#ifndef BUDDY_TESTS_LIFE_INSIDE_H
#define BUDDY_TESTS_LIFE_INSIDE_H

/* One pass of the background thread, and what it makes when nothing has happened for a while. */
void inside_pass(void);
void inside_rest(void);

#endif
