/* SPDX-License-Identifier: MIT */
/*
 * everywhere.c - the same on every CPU of the machine
 */
#include "everywhere.h"

#include <pthread.h>

#include "report.h"

struct job {
	pthread_t thread;
	int cpu;
	void (*run)(int cpu);
};

static void *run_job(void *arg)
{
	struct job *job = arg;

	pin_to_cpu(job->cpu);
	job->run(job->cpu);
	return NULL;
}

void run_everywhere(const struct machine *machine, void (*run)(int cpu))
{
	struct job jobs[MAX_CPUS];

	for (int cpu = 0; cpu < machine->nr_cpus; cpu++) {
		jobs[cpu] = (struct job){.cpu = cpu, .run = run};
		if (pthread_create(&jobs[cpu].thread, NULL, run_job, &jobs[cpu]))
			die("cannot start a thread");
	}
	for (int cpu = 0; cpu < machine->nr_cpus; cpu++)
		pthread_join(jobs[cpu].thread, NULL);
}
