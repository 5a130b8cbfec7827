/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/*
 * options.c - BUDDY_OPTIONS="name=value,..." and buddy_option_set()
 *
 * One row for each option.  An unknown name or a bad value is reported on stderr and ignored; the
 * program goes on.
 */
#include "base/check.h"
#include "base/fmt.h"
#include "buddy/buddy.h"
#include "malloc/internal.h"
#include "platform/os.h"
#include <errno.h>
#include <string.h>

bool option_stats_at_exit;
bool option_deepbind;
void (*bug_start)(void) = options_parse_env;

enum option_type { OPT_BOOL, OPT_U32, OPT_SIZE, OPT_ENUM, OPT_CHECKS };

struct option {
	const char *name;
	enum option_type type;
	void *value;
	const char *help;
	u64 max;		  /* OPT_U32, OPT_SIZE */
	const char *const *names; /* OPT_ENUM: indexed by value; NULL-terminated */
};

static const char *const hugepage_names[] = {[HUGEPAGES_NEVER] = "never",
					     [HUGEPAGES_AUTO] = "auto",
					     [HUGEPAGES_ALWAYS] = "always",
					     NULL};

static const struct option options[] = {
	{"abort_on_error", OPT_BOOL, &bug_abort_on_error,
	 .help = "end the program when it corrupts the heap (on)"},
	{"background_threads", OPT_BOOL, &kswapd_enabled,
	 .help = "give memory back from a thread of our own (on); off: from slow paths"},
	{"deepbind", OPT_BOOL, &option_deepbind,
	 .help = "let libraries loaded with RTLD_DEEPBIND use the C library's malloc (off)"},
	{"hugepage_threshold", OPT_SIZE, &mm_hugepage_threshold,
	 .help = "bytes of heap below which huge pages are not asked for (32M)",
	 .max = (u64)1 << 46},
	{"hugepages", OPT_ENUM, &mm_hugepages, .help = "never, auto (by evidence) or always (auto)",
	 .names = hugepage_names},
	{"reporting_delay_ms", OPT_U32, &reporting_delay_ms,
	 .help = "how long a free block stays before it goes back to the system (1000)",
	 .max = 3600000},
	{"slab_debug", OPT_CHECKS, &slab_unchecked_last,
	 .help = "F: check every free at once; -: none (-)"},
	{"stats_at_exit", OPT_BOOL, &option_stats_at_exit,
	 .help = "print zones and slabs on stderr when the program ends (off)"},
};

static bool equals(const char *name, const char *text, size_t len)
{
	return !strncmp(name, text, len) && !name[len];
}

static bool parse_bool(const char *v, size_t n, bool *ret)
{
	if (equals("on", v, n) || equals("1", v, n) || equals("true", v, n) || equals("yes", v, n))
		*ret = true;
	else if (equals("off", v, n) || equals("0", v, n) || equals("false", v, n) ||
		 equals("no", v, n))
		*ret = false;
	else
		return false;
	return true;
}

/* Digits, and with @suffix perhaps K, M or G behind them. */
static bool parse_number(const char *v, size_t n, bool suffix, u64 *ret)
{
	u64 x = 0;
	size_t i = 0;

	for (; i < n && v[i] >= '0' && v[i] <= '9'; i++)
		if (__builtin_mul_overflow(x, 10, &x) ||
		    __builtin_add_overflow(x, (u64)(v[i] - '0'), &x))
			return false;
	if (!i)
		return false;
	if (suffix && i + 1 == n) {
		unsigned int shift = v[i] == 'K' || v[i] == 'k'	  ? 10
				     : v[i] == 'M' || v[i] == 'm' ? 20
				     : v[i] == 'G' || v[i] == 'g' ? 30
								  : 0;

		if (!shift || x > (~(u64)0 >> shift))
			return false;
		x <<= shift;
		i++;
	}
	*ret = x;
	return i == n;
}

static bool set_number(const struct option *o, const char *v, size_t n)
{
	u64 x;

	if (!parse_number(v, n, /* suffix= */ o->type == OPT_SIZE, &x) || x > o->max)
		return false;
	if (o->type == OPT_SIZE)
		*(size_t *)o->value = x;
	else
		*(u32 *)o->value = (u32)x;
	return true;
}

static slowpath bool set_value(const struct option *o, const char *v, size_t n)
{
	switch (o->type) {
	case OPT_BOOL:
		return parse_bool(v, n, o->value);
	case OPT_ENUM:
		for (int i = 0; o->names[i]; i++) {
			if (!equals(o->names[i], v, n))
				continue;
			*(enum hugepage_mode *)o->value = (enum hugepage_mode)i;
			return true;
		}
		return false;
	case OPT_CHECKS:
		if (!equals("F", v, n) && !equals("-", v, n))
			return false;
		WRITE_ONCE(*(u8 *)o->value, equals("F", v, n) ? 0 : MAP_CLASS_LAST);
		return true;
	default:
		return set_number(o, v, n);
	}
}

static const struct option *find_option(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (equals(options[i].name, name, len))
			return &options[i];
	return NULL;
}

/* "name=value".  Return: 0, -ENOENT or -EINVAL. */
static int set_option(const char *name, size_t name_len, const char *value, size_t value_len)
{
	const struct option *o = find_option(name, name_len);

	if (!o)
		return -ENOENT;
	return set_value(o, value, value_len) ? 0 : -EINVAL;
}

static void report(const char *text, size_t len, int err)
{
	char copy[80];

	len = MIN(len, sizeof(copy) - 1);
	memcpy(copy, text, len);
	copy[len] = 0;
	if (err == -ENOENT)
		bug_warn("option \"%s\": no such option, ignored", copy);
	else
		bug_warn("option \"%s\": bad value or out of range, ignored", copy);
}

static void parse_one(const char *text, size_t len)
{
	size_t name_len = strcspn(text, "=,");
	int err = -ENOENT;

	if (text[name_len] == '=')
		err = set_option(text, name_len, text + name_len + 1, len - name_len - 1);
	else if (find_option(text, len))
		err = -EINVAL;
	if (err)
		report(text, len, err);
}

static slowpath void parse(const char *text)
{
	while (*text) {
		size_t len;

		/* Skip blanks and commas before an option. */
		while (*text == ' ' || *text == ',')
			text++;
		len = strcspn(text, ",");
		if (len)
			parse_one(text, len);
		text += len;
	}
}

/* Also sets where reports go, since this is the first code that may have to make one. */
void options_parse_env(void)
{
	static bool parsed; /* racy: whoever parses at the same time has the same result */
	const char *text;

	bug_ops.write = os_write_err;
	bug_ops.abort = os_abort;

	/* Without an environment it is too early: library_constructor() calls again. */
	if (parsed || !os_have_environment())
		return;
	parsed = true;
	text = os_getenv("BUDDY_OPTIONS");
	if (text)
		parse(text);
}

BUDDY_API slowpath int buddy_option_set(const char *name, const char *value)
{
	int err;

	if (!name || !value) {
		bug_warn("buddy_option_set(): %s is NULL", name ? "value" : "name");
		return -EINVAL;
	}
	/* First the environment, so that the program has the last word. */
	options_parse_env();
	err = set_option(name, strlen(name), value, strlen(value));
	if (err)
		bug_warn("buddy_option_set(\"%.80s\", \"%.80s\"): %s", name, value,
			 err == -ENOENT ? "no such option" : "bad value or out of range");
	return err;
}

static void print_value(const struct option *o, struct fmt_buf *b)
{
	switch (o->type) {
	case OPT_BOOL:
		fmt_print(b, "%s", *(bool *)o->value ? "on" : "off");
		break;
	case OPT_ENUM:
		fmt_print(b, "%s", o->names[*(enum hugepage_mode *)o->value]);
		break;
	case OPT_CHECKS:
		fmt_print(b, "%s", *(u8 *)o->value ? "-" : "F");
		break;
	case OPT_SIZE:
		fmt_print(b, "%lu", *(size_t *)o->value);
		break;
	default:
		fmt_print(b, "%u", *(u32 *)o->value);
	}
}

BUDDY_API slowpath int buddy_option_get(const char *name, char *buf, size_t size)
{
	const struct option *o = name ? find_option(name, strlen(name)) : NULL;
	char text[24];
	struct fmt_buf b = {.buf = text, .size = sizeof(text)};
	size_t fits;

	if (!o)
		return -ENOENT;
	if (!buf || !size)
		return -EINVAL;
	options_parse_env();
	print_value(o, &b);
	fits = MIN(b.len, size - 1);
	memcpy(buf, text, fits);
	buf[fits] = 0;
	return (int)b.len;
}

BUDDY_API slowpath const char *buddy_option_help(size_t index, const char **ret_name)
{
	if (index >= ARRAY_SIZE(options))
		return NULL;
	if (ret_name)
		*ret_name = options[index].name;
	return options[index].help;
}
