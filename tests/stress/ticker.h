/*
 * ticker.h - a timer whose signal interrupts one thread
 *
 * One shot at a time, armed anew by the handler with a delay of its choice: a handler slower
 * than a fixed period would leave the thread no time at all, and random delays reach every
 * instruction of what they interrupt.
 */
#ifndef BUDDY_TESTS_STRESS_TICKER_H
#define BUDDY_TESTS_STRESS_TICKER_H

#include <stdbool.h>
#include <time.h>

struct ticker {
	timer_t timer;
};

/* Installs the handler for the tickers of all threads; @on_stack as for sigaltstack. */
void ticker_handler(void (*handler)(int signal), bool on_stack);

/* Gives the calling thread a stack of its own for handlers. */
void ticker_alternate_stack(void);

/* Makes a ticker for the calling thread; it does not run before it is armed. */
void ticker_create(struct ticker *ticker);

/* One signal after @microseconds; usable in the handler. */
void ticker_arm(struct ticker *ticker, unsigned int microseconds);

/* No signal comes after this returns. */
void ticker_delete(struct ticker *ticker);

#endif
