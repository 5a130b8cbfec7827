/* SPDX-License-Identifier: MIT */
/*
 * accomplice.c - a second thread that frees what it is told to
 *
 * It is started before the crime and waits in read(), so that nothing is allocated between the
 * first free and the second: the memory could get a new owner, whom the second would rob.
 */
#include "crime.h"
#include <pthread.h>
#include <unistd.h>

static int orders[2], answers[2];
static pthread_t thread;

static void *obey(void *unused)
{
	void *p;

	(void)unused;
	while (read(orders[0], &p, sizeof(p)) == sizeof(p)) {
		crime_free(p);
		if (write(answers[1], "", 1) != 1)
			break;
	}
	return NULL;
}

void accomplice_start(void)
{
	if (pipe(orders) || pipe(answers) || pthread_create(&thread, NULL, obey, NULL))
		skip("no second thread to be had");
}

void accomplice_free(void *p)
{
	char byte;

	if (write(orders[1], &p, sizeof(p)) != sizeof(p) || read(answers[0], &byte, 1) != 1)
		_exit(2);
}

void accomplice_end(void)
{
	close(orders[1]);
	pthread_join(thread, NULL);
}
