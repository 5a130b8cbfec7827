/*
 * one_object.c - a program that holds one object and stops, to be measured
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
