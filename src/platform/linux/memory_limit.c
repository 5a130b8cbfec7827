/* SPDX-License-Identifier: MIT */
/*
 * memory_limit.c - the memory limit of the control group this process is in, or of a small machine
 *
 * Both versions: cgroup 1 (memory.limit_in_bytes) if the process is in one with a memory
 * controller, else cgroup 2 (memory.max and memory.high).  Every group up the tree counts.  In a
 * container the path that /proc tells may lead nowhere, and the root of the mount is the group
 * itself.
 */
#define _GNU_SOURCE
#include "base/fmt.h"
#include "base/math.h"
#include "platform/linux/syscall.h"
#include "platform/os.h"
#include <errno.h>
#include <string.h>

/*
 * Page cache counts as room, because the kernel drops it before it kills.  But it does not drop
 * what is in use all the time, as the program's own code: a 32nd of the limit is left for that.
 */
#define ACTIVE_KEPT 32

struct group_files {
	const char *mount;
	const char *limits[2];
	const char *usage;
	const char *inactive, *active; /* page cache of group and children: keys in memory.stat */
};

static const struct group_files version2 = {
	.mount = "/sys/fs/cgroup",
	.limits = {"memory.max", "memory.high"},
	.usage = "memory.current",
	.inactive = "inactive_file ",
	.active = "active_file ",
};

static const struct group_files version1 = {
	.mount = "/sys/fs/cgroup/memory",
	.limits = {"memory.limit_in_bytes", NULL},
	.usage = "memory.usage_in_bytes",
	.inactive = "total_inactive_file ",
	.active = "total_active_file ",
};

/* Not on the stack, which may be a signal handler's.  One caller of os_memory_room() at a time. */
sparse char limit_text[16384], limit_group[4096], limit_path[4096 + 64];
static int limit_error; /* why a file that may be there could not be read now; likewise */

/* Might the same call succeed later? */
static bool is_passing(long err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM || err == -EINTR;
}

static bool read_text(const char *name)
{
	long len = sys_read_file(name, limit_text, sizeof(limit_text) - 1);

	if (is_passing(len))
		limit_error = (int)len;
	limit_text[MAX(len, 0)] = 0;
	return len > 0;
}

/* What does not start with a digit ("max"), or is more than any machine has, is no limit. */
static u64 number(const char *s)
{
	u64 v = 0;

	while (*s == ' ')
		s++;
	if (*s < '0' || *s > '9')
		return OS_UNLIMITED;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (u64)(*s - '0'), &v))
			return OS_UNLIMITED;
	return v >= (u64)1 << 60 ? OS_UNLIMITED : v;
}

static bool read_group_file(const struct group_files *files, const char *name)
{
	struct fmt_buf b = {.buf = limit_path, .size = sizeof(limit_path)};

	fmt_print(&b, "%s%s/%s", files->mount, limit_group, name);
	return read_text(limit_path);
}

static u64 read_number(const struct group_files *files, const char *name)
{
	return read_group_file(files, name) ? number(limit_text) : OS_UNLIMITED;
}

/* NULL: there is none. */
static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : NULL;
}

/* What follows @key in the line of limit_text that starts with it; NULL if there is none. */
static const char *find_line(const char *key)
{
	size_t len = strlen(key);

	for (const char *line = limit_text; line; line = next_line(line))
		if (strncmp(line, key, len) == 0)
			return line + len;
	return NULL;
}

static u64 stat_bytes(const char *key)
{
	const char *value = find_line(key);

	return value ? number(value) : 0;
}

/* How much of the page cache the kernel would drop. */
static u64 cached_bytes(const struct group_files *files, u64 limit)
{
	u64 active, kept = limit / ACTIVE_KEPT;

	if (!read_group_file(files, "memory.stat"))
		return 0;
	active = stat_bytes(files->active);
	return stat_bytes(files->inactive) + active - MIN(active, kept);
}

/* Take the path that @line begins with, without slashes at its end, as the group. */
static bool take_group(const char *line)
{
	size_t len = strcspn(line, "\n");

	if (len >= sizeof(limit_group))
		return false;
	memcpy(limit_group, line, len);
	while (len && limit_group[len - 1] == '/')
		len--;
	limit_group[len] = 0;
	return true;
}

/* The path in "4:hugetlb,memory:/path"; NULL if memory is not among the controllers. */
static const char *path_of_memory(const char *line)
{
	static const char name[] = "memory";
	const char *at = line + strcspn(line, ":\n");

	while (*at == ':' || *at == ',') {
		size_t len = strcspn(++at, ",:\n");

		if (len == sizeof(name) - 1 && !strncmp(at, name, len)) {
			at += strcspn(at, ":\n");
			return *at == ':' ? at + 1 : NULL;
		}
		at += len;
		if (*at == ':')
			break;
	}
	return NULL;
}

/* Find the group in /proc/self/cgroup: a line "4:memory:/path" or "0::/path". */
static const struct group_files *find_group(void)
{
	const char *line = limit_text, *path;

	if (!read_text("/proc/self/cgroup"))
		return NULL;
	for (; line; line = next_line(line)) {
		path = path_of_memory(line);
		if (path)
			return take_group(path) ? &version1 : NULL;
	}
	line = find_line("0::");
	return line && take_group(line) ? &version2 : NULL;
}

/* False: it is the root already. */
static bool go_to_parent(void)
{
	size_t len = strlen(limit_group);

	while (len && limit_group[len] != '/')
		len--;
	if (limit_group[len] != '/')
		return false;
	limit_group[len] = 0;
	return true;
}

/* Lower *@limit and *@room to what the group at limit_group leaves. */
static void look_at_group(const struct group_files *files, u64 *limit, u64 *room)
{
	u64 own = OS_UNLIMITED, used, cached, free;

	for (int i = 0; i < 2 && files->limits[i]; i++) {
		u64 next = read_number(files, files->limits[i]);

		own = MIN(own, next);
	}
	if (own == OS_UNLIMITED)
		return;
	used = read_number(files, files->usage);
	if (used == OS_UNLIMITED)
		return;
	free = own - MIN(used, own);
	if (free < own / 4 && free < *room) {
		/* Only now: the kernel has to sum up what is in this file when it is read. */
		cached = cached_bytes(files, own);
		free = own - MIN(used - MIN(cached, used), own);
	}
	*limit = MIN(*limit, own);
	*room = MIN(*room, free);
}

/* A line of /proc/meminfo: "MemTotal:         61560 kB". */
static u64 meminfo_bytes(const char *key)
{
	const char *value = find_line(key);

	return value ? number(value) * KiB : 0;
}

/*
 * Where memory is little, that of the machine is a limit as well: the kernel kills for it as in a
 * group.  With 69 MiB free, a program that had 53 in blocks of 2 to 60 KB was killed, and was not
 * with the C library; with this it has up to 55.  On other machines what stays free for a second
 * decides about no program's life, and a look reads one file less.
 *
 * Swap is no room: it would be filled with free blocks, written there and read again.  With 85 MiB
 * free and 128 of swap, a program that had 45 in blocks of 50 to 60 KB, kept one in eight, and took
 * 45 in blocks of 0.5 to 1 MB, three times over, wrote 69 MiB; it writes nothing since, and hardly
 * did with the C library.
 *
 * MemAvailable counts caches that are in use, 7 of 41 MiB on a machine that had 34 to give.
 */
#define LITTLE_MEMORY (512 * MiB)

static void look_at_machine(u64 *limit, u64 *room)
{
	u64 own, active, free;

	if (os_ram_bytes() > LITTLE_MEMORY || !read_text("/proc/meminfo"))
		return;
	own = meminfo_bytes("MemTotal:");
	active = meminfo_bytes("Active(file):");
	free = meminfo_bytes("MemFree:") + meminfo_bytes("Inactive(file):") + active -
	       MIN(active, own / ACTIVE_KEPT);
	if (!own)
		return; /* not the file that it should be */
	*limit = MIN(*limit, own);
	*room = MIN(*room, MIN(free, own));
}

int os_memory_room(u64 *ret_limit, u64 *ret_room)
{
	const struct group_files *files;
	bool more;

	limit_error = 0;
	*ret_limit = *ret_room = OS_UNLIMITED;
	files = find_group();
	for (more = files; more && !limit_error; more = go_to_parent())
		look_at_group(files, ret_limit, ret_room);
	if (!limit_error)
		look_at_machine(ret_limit, ret_room);
	return limit_error;
}
