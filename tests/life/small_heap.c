/*
 * small_heap.c - a program that builds and frees a heap of some 2 MiB a few times, and stops to be
 * measured
 */
#include <signal.h>
#include <stdlib.h>

#define OBJECTS 6000
#define ROUNDS 4

static char *object[OBJECTS];

static size_t size_of(int i)
{
	return 16 + (size_t)(i * 37 % 700);
}

int main(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < OBJECTS; i++) {
			object[i] = malloc(size_of(i));
			object[i][0] = 1;
		}
		/* Forwards and backwards in turns. */
		for (int i = 0; i < OBJECTS; i++)
			free(object[round % 2 ? OBJECTS - 1 - i : i]);
	}
	raise(SIGSTOP);
	return 0;
}
