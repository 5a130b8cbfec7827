/*
 * streams.h - threads that hold stdio's locks and want memory
 *
 * fork takes stdio's list lock after the handlers of pthread_atfork have run.  A thread inside
 * getline or fflush(NULL) holds a stream's lock, perhaps the list's, and waits for malloc: an
 * allocator that locks itself in its handler deadlocks against such a thread.
 */
#ifndef BUDDY_TESTS_STRESS_STREAMS_H
#define BUDDY_TESTS_STRESS_STREAMS_H

enum { STREAM_THREADS = 3 };

/* Starts the threads; they use the progress counters from @first_counter on. */
void streams_start(unsigned int first_counter);
void streams_stop(void);

/* A short use of a stream of one's own, as a forked child may do it. */
void streams_use_own(void);

#endif
