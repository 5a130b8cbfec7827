/* SPDX-License-Identifier: MIT */
#ifndef BUDDY_TESTS_CONTRACT_SPEC_H
#define BUDDY_TESTS_CONTRACT_SPEC_H
/*
 * spec.h - the words in which spec.c states the contract
 *
 * A row is one sentence of the contract: an entry point, the sets its arguments come from, and
 * what must happen.  The engine (contract.c) makes one cell of every combination.  A query is
 * one call of the entry points that hand out no memory.
 */
#include <stdbool.h>
#include <stddef.h>

enum entry {
	E_MALLOC,
	E_CALLOC,
	E_REALLOC,
	E_REALLOCARRAY,
	E_ALIGNED_ALLOC,
	E_MEMALIGN,
	E_POSIX_MEMALIGN,
	E_VALLOC,
	E_PVALLOC,
	E_MALLOC_USABLE_SIZE,
	E_FREE,
	E_FREE_SIZED,
	E_FREE_ALIGNED_SIZED,
	NR_ENTRIES,
};

/* A stretch of argument values; a set is an array of them that ends with EDGE_END. */
enum edge_kind {
	EDGE_END,
	EDGE_RANGE,   /* first, first + step, ... not above last */
	EDGE_POWERS,  /* the powers of two in [first, last] */
	EDGE_CLASSES, /* powers of two and the quarters between, each with both neighbours */
	EDGE_USABLE,  /* what malloc_usable_size says of each class in [first, last], +-1 */
	EDGE_ODD,     /* neighbours of the powers, 3 * 2^k and 5 * 2^k: never a power of two */
};

struct edge {
	enum edge_kind kind;
	size_t first, last, step;
};

/* How a size becomes the two factors that calloc and reallocarray take. */
enum split {
	SPLIT_NONE,    /* the call takes one size */
	SPLIT_EXACT,   /* every split with small factors: (1,v) (v,1) (v/2,2) (16,v/16) ... */
	SPLIT_WRAP,    /* v times the smallest factors that pass SIZE_MAX */
	SPLIT_NOTHING, /* (0,v) and (v,0) */
};

/* Who made the block that the call is given. */
enum maker {
	BY_NOBODY = 0, /* the call gets NULL, or takes no block */
	BY_MALLOC = 1 << 0,
	BY_CALLOC = 1 << 1,
	BY_REALLOC = 1 << 2,
	BY_REALLOCARRAY = 1 << 3,
	BY_ALIGNED_ALLOC = 1 << 4,
	BY_MEMALIGN = 1 << 5,
	BY_POSIX_MEMALIGN = 1 << 6,
	BY_VALLOC = 1 << 7,
	BY_PVALLOC = 1 << 8,
	NR_MAKERS = 9,
	BY_PLAIN = BY_MALLOC | BY_CALLOC | BY_REALLOC | BY_REALLOCARRAY,
	BY_ALIGNED = BY_ALIGNED_ALLOC | BY_MEMALIGN | BY_POSIX_MEMALIGN,
	BY_ANY = (1 << NR_MAKERS) - 1,
};

enum result {
	GIVES_BLOCK,
	REFUSES,       /* NULL, or the error code of posix_memalign */
	MAY_REFUSE,    /* either of the two; what the machine has decides */
	GIVES_NOTHING, /* a void call: the block handed in is gone */
	FREES,	       /* realloc(p, 0): NULL, not an error, the block handed in is gone */
	MEASURES,      /* malloc_usable_size: at least what was asked for, all of it writable */
};

/* Promises of a block beside "as many usable bytes as asked, overlapping no other block". */
enum promise {
	ALIGNED_16 = 1 << 0,  /* for any type with fundamental alignment */
	ALIGNED_ARG = 1 << 1, /* to the alignment asked for */
	ALIGNED_UP = 1 << 2,  /* to the next power of two of what was asked for */
	ALIGNED_PAGE = 1 << 3,
	WHOLE_PAGES = 1 << 4,	/* usable up to the end of the last page */
	ZEROED = 1 << 5,	/* also when the memory was used before */
	CONTENTS_KEPT = 1 << 6, /* of the block handed in, all of its usable bytes that fit */
	/* Promises of a call that gives no block. */
	OLD_BLOCK_KEPT = 1 << 7, /* it is alive and unchanged */
	POINTER_KEPT = 1 << 8,	 /* posix_memalign leaves *memptr alone */
	/* Promises of either. */
	ERRNO_KEPT = 1 << 9,
	NO_LEAK = 1 << 10, /* repeating the cell does not make the process grow */
};

/* Values of an error that are no errno. */
enum {
	ANY_ERROR = -1, /* EINVAL or ENOMEM: the call has two reasons and may name either */
};

struct outcome {
	enum result result;
	int error; /* errno, or the return value of posix_memalign */
	unsigned int promises;
};

struct row {
	enum entry entry;
	unsigned int old_by; /* enum maker, one cell for each bit */
	const struct edge *old_size;
	const struct edge *align; /* of the call, or of the block handed in */
	const struct edge *size;
	enum split split;
	struct outcome want;
	const char *source; /* who says so */
	/* Where glibc 2.36 does otherwise, and why; applies to no other allocator. */
	const char *glibc_because;
	struct outcome glibc;
};

struct query {
	const char *text;  /* the call as a C programmer writes it */
	const char *needs; /* the entry point looked up before the call */
	long (*ask)(long a, long b);
	long a, b;
	long low, high; /* the answer lies in [low, high] */
	const char *source;
	const char *glibc_because;
	long glibc_low, glibc_high;
};

extern const struct row contract_rows[];
extern const size_t nr_contract_rows;
extern const struct query contract_queries[];
extern const size_t nr_contract_queries;

/* queries.c: the questions.  Answers that are no number of the call itself are said there. */
#define ERRNO_CHANGED (-1000000L) /* the call changed errno, which nothing allows it to */

long ask_mallopt(long param, long value);
long ask_perturb_is_kept(long value, long size);
long ask_malloc_trim(long pad, long unused);
long ask_trim_gives_back(long bytes, long unused);
long ask_usable_size_of_null(long unused, long unused2);
long ask_free_of_null(long unused, long unused2);
long ask_free_sized_of_null(long size, long unused);
long ask_free_aligned_sized_of_null(long alignment, long size);
long ask_mallinfo2_adds_up(long unused, long unused2);
long ask_mallinfo2_sees(long blocks, long size);
long ask_mallinfo_is_mallinfo2(long unused, long unused2);
long ask_malloc_info(long options, long unused);
long ask_malloc_info_is_xml(long unused, long unused2);
long ask_malloc_info_has_totals(long unused, long unused2);
long ask_malloc_stats(long unused, long unused2);

/* judge.c: resident memory of this process in bytes, 0 when the system does not tell. */
size_t resident_bytes(void);

#endif
