/* SPDX-License-Identifier: MIT */
/*
 * contract.c - runs every cell of the table in spec.c against the malloc of this process
 *
 *	contract [--expect NAME] [--only ENTRY] [--verbose]
 *
 * The subject is whatever library the symbol malloc comes from: the C library, or a library
 * that was preloaded.  --expect fails unless its file name begins with NAME, so that a preload
 * that silently did not happen cannot pass.  --only runs the cells of one entry point.  The exit
 * status is 1 if any cell disagrees with the table.
 */
#include "judge.h"
#include "values.h"
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SKIPPED 77	 /* exit status that meson knows */
#define SHOWN_OF_A_ROW 5 /* disagreements, unless --verbose */
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct tally {
	unsigned long cells, disagree, known, silent;
	unsigned long of_row;
};

static struct cell current; /* for the report of a crash */
static struct tally tally;
static bool subject_is_glibc;
static bool verbose;
static const char *only; /* the one entry point to run, or NULL for all */

static void print_line(struct text *t)
{
	fputs(t->buf, stdout);
	putchar('\n');
}

static void disagreement(const struct row *row, struct text *call_text, struct text *why)
{
	struct text line = {.len = 0};

	tally.disagree++;
	tally.of_row++;
	if (!verbose && tally.of_row > SHOWN_OF_A_ROW) {
		tally.silent++;
		return;
	}
	say(&line, "DISAGREES %s: %s [%s]", call_text->buf, why->buf, row->source);
	print_line(&line);
}

static void run_cell(const struct cell *c)
{
	const struct row *row = c->row;
	struct text call_text = {.len = 0}, why = {.len = 0}, why_known = {.len = 0};
	bool known = row->glibc_because && subject_is_glibc;

	current = *c;
	tally.cells++;
	if (run_against(c, &why, &row->want) &&
	    (!(row->want.promises & NO_LEAK) || grows_not(c, &why)))
		return;
	if (known && run_against(c, &why_known, &row->glibc)) {
		tally.known++;
		return;
	}
	say_call(&call_text, c);
	disagreement(row, &call_text, known ? &why_known : &why);
}

/*
 * Is this entry point the subject's?  One that a preloaded library lacks would be answered by
 * the C library, with blocks that the subject's free does not know.
 */
static bool entry_is_ours(const char *name)
{
	static const void *subject_base;
	Dl_info info;

	if (!subject_base && dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info))
		subject_base = info.dli_fbase;
	return dladdr(dlsym(RTLD_DEFAULT, name), &info) && info.dli_fbase == subject_base;
}

static void run_old_block(struct cell *c, const struct values *aligns, const struct values *sizes)
{
	struct pair pairs[MAX_SPLITS];
	/* A maker without an alignment would only repeat itself. */
	size_t n_aligns = c->by && !maker_takes_alignment(c->by) ? 1 : aligns->n;

	for (size_t a = 0; a < n_aligns; a++) {
		c->align = aligns->v[a];
		for (size_t s = 0; s < sizes->n; s++) {
			size_t n = split(c->row->split, sizes->v[s], pairs);

			for (size_t i = 0; i < n; i++) {
				c->count = pairs[i].count;
				c->size = pairs[i].size;
				run_cell(c);
			}
		}
	}
}

static void run_row(const struct row *row)
{
	static struct values olds, aligns, sizes;
	unsigned long known = tally.known, silent = tally.silent, cells = tally.cells;
	struct cell c = {.row = row};

	expand(&olds, row->old_size);
	expand(&aligns, row->align);
	expand(&sizes, row->size);
	tally.of_row = 0;
	for (unsigned int bit = 0; bit < NR_MAKERS; bit++) {
		c.by = row->old_by & (1u << bit);
		if (row->old_by ? !c.by || !entry_is_ours(maker_names[bit]) : bit > 0)
			continue;
		for (size_t o = 0; o < olds.n; o++) {
			c.old_size = olds.v[o];
			run_old_block(&c, &aligns, &sizes);
		}
	}
	if (tally.silent > silent)
		printf("DISAGREES %s: and %lu more cells of this row (--verbose shows them) [%s]\n",
		       entry_names[row->entry], tally.silent - silent, row->source);
	if (tally.known > known)
		printf("known     %s: %lu of %lu cells of [%s]: %s\n", entry_names[row->entry],
		       tally.known - known, tally.cells - cells, row->source, row->glibc_because);
	else if (subject_is_glibc && row->glibc_because)
		printf("note      %s: no longer different in [%s]: %s\n", entry_names[row->entry],
		       row->source, row->glibc_because);
}

static void run_query(const struct query *q)
{
	long answer;

	tally.cells++;
	answer = q->ask(q->a, q->b);
	if (answer >= q->low && answer <= q->high)
		return;
	if (subject_is_glibc && q->glibc_because && answer >= q->glibc_low &&
	    answer <= q->glibc_high) {
		tally.known++;
		printf("known     %s: %ld [%s]: %s\n", q->text, answer, q->source,
		       q->glibc_because);
		return;
	}
	tally.disagree++;
	if (answer == ERRNO_CHANGED)
		printf("DISAGREES %s: errno changed [%s]\n", q->text, q->source);
	else if (q->low == q->high)
		printf("DISAGREES %s: got %ld, want %ld [%s]\n", q->text, answer, q->low,
		       q->source);
	else
		printf("DISAGREES %s: got %ld, want %ld to %ld [%s]\n", q->text, answer, q->low,
		       q->high, q->source);
}

/* The program ends here in any case, so stdio is as good as anything to say which cell it was. */
static void crashed(int sig)
{
	struct text call_text = {.len = 0}, line = {.len = 0};

	signal(sig, SIG_DFL);
	if (current.row)
		say_call(&call_text, &current);
	say(&line, "DISAGREES %s: killed by signal %d\n", call_text.buf, sig);
	fflush(stdout);
	if (write(STDOUT_FILENO, line.buf, line.len) < 0)
		_exit(2);
	_exit(1);
}

static const char *subject_name(void)
{
	Dl_info info;
	const char *slash;

	if (!dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info) || !info.dli_fname)
		return "unknown";
	slash = strrchr(info.dli_fname, '/');
	return slash ? slash + 1 : info.dli_fname;
}

/*
 * Says so, once for each name, if the subject lacks an entry point.  glibc may lack the two that
 * C23 added; the library under test may lack none.
 */
static bool entry_is_missing(const char *name, const char *subject)
{
	static const char *said[64];
	static size_t n_said;
	bool optional = !strcmp(name, "free_sized") || !strcmp(name, "free_aligned_sized");

	if (entry_is_ours(name))
		return false;
	for (size_t i = 0; i < n_said; i++)
		if (!strcmp(said[i], name))
			return true;
	if (n_said < ARRAY_SIZE(said))
		said[n_said++] = name;
	if (subject_is_glibc && optional) {
		printf("skipped   %s: %s does not have it yet\n", name, subject);
	} else {
		printf("DISAGREES %s: %s does not have it\n", name, subject);
		tally.disagree++;
	}
	return true;
}

static bool chosen(const char *name, const char *subject)
{
	return (!only || !strcmp(only, name)) && !entry_is_missing(name, subject);
}

static void run_table(const char *subject)
{
	for (size_t i = 0; i < nr_contract_rows; i++)
		if (chosen(entry_names[contract_rows[i].entry], subject))
			run_row(&contract_rows[i]);
	current.row = NULL;
	for (size_t i = 0; i < nr_contract_queries; i++)
		if (chosen(contract_queries[i].needs, subject))
			run_query(&contract_queries[i]);
}

static bool glibc_fills_blocks(void)
{
	const char *perturb = getenv("MALLOC_PERTURB_");

	return perturb && strtol(perturb, NULL, 10) != 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: contract [--expect NAME] [--only ENTRY] [--verbose]\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *subject = subject_name(), *expect = NULL;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--verbose"))
			verbose = true;
		else if (!strcmp(argv[i], "--expect") && i + 1 < argc)
			expect = argv[++i];
		else if (!strcmp(argv[i], "--only") && i + 1 < argc)
			only = argv[++i];
		else
			return usage();
	}
	if (expect && strncmp(subject, expect, strlen(expect)) != 0) {
		printf("contract: malloc comes from %s, not from %s\n", subject, expect);
		return 1;
	}
	subject_is_glibc = !strncmp(subject, "libc.so", 7);
	if (subject_is_glibc && glibc_fills_blocks()) {
		printf("contract: skipped: MALLOC_PERTURB_ makes glibc touch blocks of "
		       "terabytes\n");
		return SKIPPED;
	}
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	setvbuf(stdout, NULL, _IOLBF, 0); /* what was found must survive a kill */
	find_optional_entries();
	signal(SIGSEGV, crashed);
	signal(SIGBUS, crashed);
	signal(SIGABRT, crashed);
	run_table(subject);
	printf("contract: %s: %lu cells checked, %lu disagree, %lu known differences\n", subject,
	       tally.cells, tally.disagree, tally.known);
	return tally.disagree != 0;
}
