/*
 * one_object.c - a program that holds one object and waits to be looked at
 */
#include <signal.h>
#include <stdlib.h>

int main(void)
{
	char *volatile object = malloc(100);

	object[0] = 1;
	raise(SIGSTOP);
	free(object);
	return 0;
}
