/*
 * child_counts.c - the totals of a forked child add up, wherever the parent's other thread was
 *
 *	child_counts pages|large
 *
 * At the fork a block may be on its way from one owner to another: on a list, on none, or counted
 * and not marked yet.  The child has to find it.
 * present = free + cached + slabs + large + pages (buddy.h).
 */
#include <buddy/buddy.h>
#include <buddy/page_alloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 400, ORDER = 3, BLOCKS = 16, SECONDS = 60 };

static void *churn_pages(void *unused)
{
	for (;;)
		buddy_free_pages_addr(buddy_get_free_pages(GFP_KERNEL, ORDER), ORDER);
	return unused;
}

static void *churn_large(void *unused)
{
	static void *block[BLOCKS];
	unsigned int random = 1;

	for (;;) {
		void **p = &block[(random = random * 1103515245 + 12345) >> 16 & (BLOCKS - 1)];

		free(*p);
		*p = malloc(40000 + (random >> 8) % 400000);
	}
	return unused;
}

static void be_child(void)
{
	struct buddy_stats st;

	alarm(SECONDS);
	/* A slow path, which puts the heap in order. */
	free(malloc(100000));
	buddy_stats(&st);
	if (st.present != st.free + st.cached + st.slabs + st.large + st.pages) {
		fprintf(stderr, "present %lu, the sum of its parts %lu\n",
			(unsigned long)st.present,
			(unsigned long)(st.free + st.cached + st.slabs + st.large + st.pages));
		_exit(1);
	}
	_exit(buddy_verify() ? 1 : 0);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int status;

	if (argc != 2 || (strcmp(argv[1], "pages") && strcmp(argv[1], "large"))) {
		fprintf(stderr, "usage: child_counts pages|large\n");
		return 2;
	}
	free(malloc(100));
	if (pthread_create(&thread, NULL, argv[1][0] == 'p' ? churn_pages : churn_large, NULL))
		return 1;
	usleep(20000);
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = fork();

		if (!child)
			be_child();
		if (waitpid(child, &status, 0) != child || status) {
			fprintf(stderr, "child %d of %d: status %x\n", i, CHILDREN,
				(unsigned int)status);
			_exit(1);
		}
	}
	_exit(0);
}
