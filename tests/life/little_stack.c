/*
 * little_stack.c - malloc and its relatives take less than a page of stack
 *
 * Threads of PTHREAD_STACK_MIN have three pages beside what the C library puts there, and
 * coroutines may have one or two.  Each step runs on a stack of its own, which is painted first.
 * Run with LD_BIND_NOW.
 */
#include "life.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { STACK = 256 << 10, PAINT = 0xa5, MOST = 4096, BLOCKS = 3000 };

static void *(*volatile get)(size_t) = malloc;
static void *(*volatile get_zeroed)(size_t, size_t) = calloc;
static void *(*volatile get_aligned)(size_t, size_t) = memalign;
static void *(*volatile resize)(void *, size_t) = realloc;
static void (*volatile put)(void *) = free;
static int (*volatile trim)(size_t) = malloc_trim;
static struct mallinfo2 (*volatile info)(void) = mallinfo2;

static ucontext_t here, there;
static unsigned char *stack;
static void *blocks[BLOCKS];

static void nothing(void)
{
}

static void take_and_give(size_t size, int nr)
{
	for (int i = 0; i < nr; i++)
		blocks[i] = get(size);
	for (int i = 0; i < nr; i++)
		put(blocks[i]);
}

static void small(void)
{
	take_and_give(300, BLOCKS);
	take_and_give(9000, BLOCKS / 2);
}

static void large(void)
{
	take_and_give(100000, BLOCKS / 4);
	take_and_give(3 << 20, 20);
	put(get_zeroed(1, 64 << 20));
}

static void aligned(void)
{
	put(get_aligned(64, 100));
	put(get_aligned(1 << 20, 100));
	put(get_aligned(128 << 20, 100));
}

static void resized(void)
{
	char *p = get(33 << 20), *wall = get(100000);

	p[0] = 1;
	p = resize(p, 100 << 20);
	p = resize(p, 300 << 20);
	p = resize(p, 1000);
	put(wall);
	put(p);
}

static void looked_at(void)
{
	(void)info();
	(void)trim(0);
}

static size_t stack_used(void (*step)(void))
{
	size_t untouched = 0;

	memset(stack, PAINT, STACK);
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = STACK;
	there.uc_link = &here;
	makecontext(&there, step, 0);
	swapcontext(&here, &there);
	while (untouched < STACK && stack[untouched] == PAINT)
		untouched++;
	return STACK - untouched;
}

int main(void)
{
	static const struct {
		const char *name;
		void (*step)(void);
	} steps[] = {
		{"small blocks", small}, {"large blocks", large},   {"aligned blocks", aligned},
		{"realloc()", resized},	 {"statistics", looked_at},
	};
	size_t frame, used;

	require_libbuddy();
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(stack != MAP_FAILED, "no stack");
	frame = stack_used(nothing);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		used = stack_used(steps[i].step) - frame;
		CHECK(used < MOST, "%s: %zu bytes of stack", steps[i].name, used);
	}
	return 0;
}
