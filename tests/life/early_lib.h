/*
 * early_lib.h - a library whose constructor uses malloc before libbuddy's own has run
 */
#ifndef BUDDY_TESTS_EARLY_LIB_H
#define BUDDY_TESTS_EARLY_LIB_H

enum { EARLY_LIB_SIZE = 3000, EARLY_LIB_KEY = 77 };

/* The block that the constructor made; the caller owns it. */
char *early_lib_block(void);

#endif
