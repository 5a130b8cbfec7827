/*
 * ticker.c - a timer whose signal interrupts one thread
 */
#include "ticker.h"

#include "report.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TICK_SIGNAL = SIGUSR1, ALTERNATE_STACK = 256 << 10 };

void ticker_handler(void (*handler)(int signal), bool on_stack)
{
	struct sigaction action = {.sa_handler = handler,
				   .sa_flags = SA_RESTART | (on_stack ? SA_ONSTACK : 0)};

	sigemptyset(&action.sa_mask);
	if (sigaction(TICK_SIGNAL, &action, NULL) != 0)
		fail("cannot install a handler");
}

void ticker_alternate_stack(void)
{
	stack_t stack = {.ss_size = ALTERNATE_STACK};

	stack.ss_sp = mmap(NULL, ALTERNATE_STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) != 0)
		fail("cannot set an alternate stack");
}

/* The field has a public name only since glibc 2.39. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

void ticker_create(struct ticker *ticker)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = TICK_SIGNAL};

	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &ticker->timer) != 0)
		fail("cannot create a timer");
}

void ticker_arm(struct ticker *ticker, unsigned int microseconds)
{
	struct itimerspec spec = {.it_value.tv_nsec = (long)microseconds * 1000};

	timer_settime(ticker->timer, 0, &spec, NULL);
}

void ticker_delete(struct ticker *ticker)
{
	sigset_t tick;

	/* Blocked first: a handler that runs now could arm the timer once more. */
	sigemptyset(&tick);
	sigaddset(&tick, TICK_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &tick, NULL);
	timer_delete(ticker->timer);
	while (sigtimedwait(&tick, NULL, &(struct timespec){0}) == TICK_SIGNAL)
		continue;
	pthread_sigmask(SIG_UNBLOCK, &tick, NULL);
}
