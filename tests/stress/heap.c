/*
 * heap.c - finding the heap under test, and the questions asked of it as a whole
 */
#include "heap.h"

#include "report.h"
#include "sanitizer.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef STRESS_LINKED
/* A strong reference, so that the linker keeps libbuddy although all else goes by dlsym. */
int buddy_verify(void);
int (*volatile stress_keeps_libbuddy)(void) = buddy_verify;
#endif

struct heap heap;

/* The object that holds libbuddy, or RTLD_DEFAULT when another malloc serves the program. */
static void *heap_handle(void)
{
	void *verify = dlsym(RTLD_DEFAULT, "buddy_verify");
	void *handle;
	Dl_info info;

	if (!verify || !dladdr(verify, &info))
		return RTLD_DEFAULT;
	heap.is_buddy = true;
	handle = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
	return handle ? handle : RTLD_DEFAULT;
}

/* ISO C has no cast from void * to a function; POSIX promises the bytes are the same. */
static void find(void *handle, const char *name, void *slot)
{
	void *symbol = dlsym(handle, name);

	memcpy(slot, &symbol, sizeof(symbol));
}

static void find_required(void *handle, const char *name, void *slot)
{
	void *symbol;

	find(handle, name, slot);
	memcpy(&symbol, slot, sizeof(symbol));
	if (!symbol)
		fail("no %s in the heap under test", name);
}

/*
 * With a sanitizer the program has a malloc of its own, its runtime's.  Then libbuddy's operators
 * take from that, and its reallocarray() calls that one's realloc(), as the C library's would.
 */
static bool program_has_own_malloc(void)
{
	void *(*first)(size_t);

	find(RTLD_DEFAULT, "malloc", &first);
	return first != heap.malloc;
}

static void *reallocarray_of_heap(void *mem, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return heap.realloc(mem, bytes);
}

static void find_cxx(void *handle)
{
	find(handle, "_Znwm", &heap.op_new);
	find(handle, "_ZnwmSt11align_val_t", &heap.op_new_aligned);
	find(handle, "_ZdlPv", &heap.op_delete);
	find(handle, "_ZdlPvm", &heap.op_delete_sized);
	find(handle, "_ZdlPvSt11align_val_t", &heap.op_delete_aligned);
}

void heap_find(void)
{
	void *handle = heap_handle();

	if (!heap.is_buddy && !getenv("STRESS_ANY_HEAP"))
		fail("libbuddy is not loaded (STRESS_ANY_HEAP=1 to test another malloc)");
	find_required(handle, "malloc", &heap.malloc);
	find_required(handle, "calloc", &heap.calloc);
	find_required(handle, "realloc", &heap.realloc);
	find_required(handle, "reallocarray", &heap.reallocarray);
	find_required(handle, "aligned_alloc", &heap.aligned_alloc);
	find_required(handle, "memalign", &heap.memalign);
	find_required(handle, "posix_memalign", &heap.posix_memalign);
	find_required(handle, "valloc", &heap.valloc);
	find_required(handle, "pvalloc", &heap.pvalloc);
	find_required(handle, "malloc_usable_size", &heap.malloc_usable_size);
	find_required(handle, "free", &heap.free);
	find(handle, "free_sized", &heap.free_sized);
	find(handle, "free_aligned_sized", &heap.free_aligned_sized);
	find(handle, "malloc_trim", &heap.malloc_trim);
	find(handle, "mallinfo2", &heap.mallinfo2);
	find(handle, "buddy_verify", &heap.verify);
	if (program_has_own_malloc())
		heap.reallocarray = reallocarray_of_heap;
	else if (heap.is_buddy)
		find_cxx(handle);
}

void heap_verify(const char *where)
{
	int violations = heap.verify ? heap.verify() : 0;

	if (violations)
		fail("buddy_verify() found %d violations %s", violations, where);
}

size_t heap_live_bytes(void)
{
	struct mallinfo2 info;

	if (!heap.mallinfo2)
		return 0;
	info = heap.mallinfo2();
	/* glibc counts mapped blocks apart. */
	return info.uordblks + (heap.is_buddy ? 0 : info.hblkhd);
}

/*
 * From smaps_rollup, since the counters behind /proc/self/statm are summed per CPU and may
 * be off by megabytes on a large machine.
 */
size_t resident_bytes(void)
{
	char text[256];
	size_t kib = 0;
	ssize_t length;
	char *rss;
	int fd;

	fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	rss = strstr(text, "Rss:");
	if (rss)
		sscanf(rss, "Rss: %zu", &kib);
	return kib << 10;
}

struct heap_level heap_level(void)
{
	return (struct heap_level){.live = heap_live_bytes(), .resident = resident_bytes()};
}

#define RESIDENT_TOLERANCE ((size_t)32 << 20)

struct heap_level heap_check_growth(struct heap_level first)
{
	struct heap_level now = heap_level();

	if (heap.is_buddy && now.live > first.live + LIVE_TOLERANCE)
		fail("live bytes grow: %zu after the first round, now %zu", first.live, now.live);
	if (heap.is_buddy && can_measure_memory &&
	    now.resident > first.resident + RESIDENT_TOLERANCE)
		fail("resident memory grows: %zu after the first round, now %zu", first.resident,
		     now.resident);
	return now;
}

bool soaking(void)
{
	const char *soak = getenv("BUDDY_SOAK");

	return soak && *soak && strcmp(soak, "0") != 0;
}
