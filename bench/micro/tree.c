/* SPDX-License-Identifier: MIT */
/*
 * tree.c - trees of nodes and strings, taken down by a deep recursion
 *
 * Imitates parsers and documents: nodes of one size and strings of many are allocated in turn,
 * neighbours in time are neighbours in the tree, and the whole is freed in another order than it
 * was built.  Locality decides: building reads old nodes, taking down reads all of them.
 *
 * Beside the tree a chain as deep as a long list is built and freed by the same recursion.
 */
#include "bench.h"

enum {
	NODES = 100000,
	CHAIN = 20000,
	LONGEST_TEXT = 64,
};

struct node {
	struct node *left, *right;
	char *text;
	uint32_t key, len;
};

static uint64_t rounds;

/* A string made the way programs make them: a scratch copy, then one of the right length. */
static char *make_text(uint32_t key, uint32_t *len)
{
	char scratch[LONGEST_TEXT + 16];
	int prefix = snprintf(scratch, sizeof(scratch), "node-%" PRIu32 "-", key);
	uint32_t total = (uint32_t)prefix + key % (LONGEST_TEXT - 16);

	memset(scratch + prefix, 'a' + (int)(key % 26), total - (uint32_t)prefix);
	scratch[total] = '\0';
	*len = total;
	char *text = bench_hide(strdup(scratch));

	if (!text)
		bench_no_memory(total);
	return text;
}

static struct node *make_node(uint32_t key)
{
	struct node *node = bench_hide(malloc(sizeof(*node)));

	if (!node)
		bench_no_memory(sizeof(*node));
	*node = (struct node){.key = key};
	node->text = make_text(key, &node->len);
	return node;
}

static void insert(struct node **at, uint32_t key)
{
	while (*at)
		at = key < (*at)->key ? &(*at)->left : &(*at)->right;
	*at = make_node(key);
}

/* The recursion is the point here, and its depth is bounded by CHAIN. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static uint64_t take_down(struct node *node)
{
	if (!node)
		return 0;
	uint64_t count = 1 + take_down(node->left) + take_down(node->right);

	if (strlen(node->text) != node->len || strncmp(node->text, "node-", 5) != 0)
		bench_damage("the text changed", node->text, node->len);
	free(node->text);
	free(node);
	return count;
}

static struct node *make_chain(uint32_t len)
{
	struct node *chain = NULL;

	for (uint32_t i = 0; i < len; i++) {
		struct node *node = make_node(i);

		node->right = chain;
		chain = node;
	}
	return chain;
}

static void tree_work(unsigned int id, void *shared)
{
	struct bench_rng rng = bench_rng_seed(id);

	(void)shared;
	for (uint64_t i = 0; i < rounds; i++) {
		struct node *root = NULL;

		for (uint32_t n = 0; n < NODES; n++)
			insert(&root, (uint32_t)(bench_rng_next(&rng) >> 40));
		uint64_t count = take_down(root) + take_down(make_chain(CHAIN));

		if (count != NODES + CHAIN)
			bench_damage("nodes were lost", NULL, count);
	}
}

int main(int argc, char **argv)
{
	struct bench_load load = bench_parse_load(argc, argv, 1);

	rounds = bench_scaled(4, load.work);
	struct bench_span span = bench_crew((unsigned int)load.threads, tree_work, NULL);

	bench_print_span(span, rounds * (NODES + CHAIN) * load.threads, (unsigned int)load.threads);
}
