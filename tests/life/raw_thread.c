/*
 * raw_thread.c - threads made by a bare clone(), while malloc_trim() takes back what they hold
 *
 * The C library has made their thread-local storage, but has not registered them with the kernel.
 */
#include "life.h"
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define STEPS 1500000
#define CELLS 512
#define STACK ((size_t)256 << 10)

#if defined(__x86_64__)

extern void *_dl_allocate_tls(void *);

struct cell {
	struct cell *self;
	uintptr_t tag;
};

static volatile int alive[THREADS]; /* cleared by the kernel */
static volatile unsigned int damaged;

/* Calls nothing of the C library but malloc: the thread is not one of its own. */
static int churn(void *arg)
{
	static struct cell *cells[THREADS][CELLS];
	uintptr_t id = (uintptr_t)arg;
	unsigned int random = (unsigned int)id;

	for (int n = 0; n < STEPS; n++) {
		struct cell **cell;

		random = random * 1103515245 + 12345;
		cell = &cells[id][random >> 16 & (CELLS - 1)];
		if (*cell) {
			damaged += (*cell)->self != *cell || (*cell)->tag != (id ^ (uintptr_t)cell);
			(*cell)->self = NULL;
			free(*cell);
		}
		*cell = malloc(sizeof(**cell) + (random >> 8) % 200);
		(*cell)->self = *cell;
		(*cell)->tag = id ^ (uintptr_t)cell;
	}
	return 0;
}

/* The head of a thread's control block, as the x86-64 ABI and the C library want it. */
struct tcb {
	void *self, *dtv, *thread;
	uintptr_t reserved[2], canary, pointer_guard;
};

static uintptr_t own_word(unsigned int offset)
{
	uintptr_t word;

	__asm__("mov %%fs:(%1), %0" : "=r"(word) : "r"((uintptr_t)offset));
	return word;
}

static void start(uintptr_t id)
{
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
		    CLONE_SYSVSEM | CLONE_SETTLS | CLONE_CHILD_CLEARTID;
	struct tcb *tcb = _dl_allocate_tls(NULL);
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(tcb && stack != MAP_FAILED, "no memory for a thread");
	tcb->self = tcb->thread = tcb;
	tcb->canary = own_word(offsetof(struct tcb, canary));
	tcb->pointer_guard = own_word(offsetof(struct tcb, pointer_guard));
	alive[id] = 1;
	CHECK(clone(churn, stack + STACK, flags, (void *)id, NULL, tcb, &alive[id]) > 0,
	      "no thread");
}

static void trim_while_alive(const volatile int *tid)
{
	const struct timespec wait = {.tv_nsec = 2000000};
	int now;

	while ((now = *tid)) {
		malloc_trim(0);
		syscall(SYS_futex, tid, FUTEX_WAIT, now, &wait, NULL, 0);
	}
}

static void *nothing(void *arg)
{
	return arg;
}

int main(void)
{
	pthread_t thread;

	require_libbuddy();
	alarm(100);
	/* From now on the C library knows that there may be several threads. */
	CHECK(!pthread_create(&thread, NULL, nothing, NULL), "no thread");
	pthread_join(thread, NULL);
	for (uintptr_t id = 0; id < THREADS; id++)
		start(id);
	for (int id = 0; id < THREADS; id++)
		trim_while_alive(&alive[id]);
	CHECK(!damaged, "%u cells changed", damaged);
	verify("after threads that nobody registered");
	return 0;
}

#else

int main(void)
{
	skip("knows only the thread blocks of x86-64");
}

#endif
