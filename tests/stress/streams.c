/*
 * streams.c - threads that hold stdio's locks and want memory
 */
#include "streams.h"

#include "report.h"
#include "supervise.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES = 200, WORDS = 300 };

static pthread_t threads[STREAM_THREADS];
static atomic_bool stop;
static unsigned int counter_base;

static void write_lines(FILE *stream)
{
	for (int i = 0; i < LINES; i++) {
		for (int word = 0; word < i * WORDS / LINES; word++)
			fputs("word ", stream);
		fputc('\n', stream);
	}
}

/* Long lines: getline reallocs its buffer again and again with the stream locked. */
static void read_lines(void)
{
	FILE *stream = tmpfile();
	size_t capacity = 0;
	char *line = NULL;
	int lines = 0;

	if (!stream)
		fail("cannot open a temporary file");
	write_lines(stream);
	rewind(stream);
	while (getline(&line, &capacity, stream) > 0) {
		if (++lines % 16 == 0) {
			free(line);
			line = NULL;
			capacity = 0;
		}
	}
	free(line);
	fclose(stream);
	if (lines != LINES)
		fail("read %d lines, wrote %d", lines, LINES);
}

/* A stream in memory grows its buffer by malloc inside every flush. */
static void write_memory(void)
{
	size_t length = 0;
	char *text = NULL;
	FILE *stream = open_memstream(&text, &length);

	if (!stream)
		fail("cannot open a stream in memory");
	write_lines(stream);
	fclose(stream);
	free(text);
}

/* Opening and closing works on the list of streams, fflush(NULL) locks it and each stream. */
static void flush_all(void)
{
	for (int i = 0; i < 20; i++) {
		FILE *stream = fopen("/dev/null", "w");

		if (!stream)
			fail("cannot open /dev/null");
		fprintf(stream, "%*d\n", 100 * i, i);
		fflush(NULL);
		fclose(stream);
	}
}

static void *stream_main(void *argument)
{
	unsigned int number = (unsigned int)(uintptr_t)argument;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		switch (number % 3) {
		case 0:
			read_lines();
			break;
		case 1:
			write_memory();
			break;
		default:
			flush_all();
			break;
		}
		progress(counter_base + number);
	}
	progress_done(counter_base + number);
	return NULL;
}

void streams_start(unsigned int first_counter)
{
	counter_base = first_counter;
	atomic_store(&stop, false);
	for (uintptr_t i = 0; i < STREAM_THREADS; i++)
		if (pthread_create(&threads[i], NULL, stream_main, (void *)i) != 0)
			fail("cannot start a stream thread");
}

void streams_stop(void)
{
	atomic_store(&stop, true);
	for (int i = 0; i < STREAM_THREADS; i++)
		pthread_join(threads[i], NULL);
}

void streams_use_own(void)
{
	FILE *stream = fopen("/dev/null", "w");

	if (!stream)
		fail("a child cannot open /dev/null");
	fprintf(stream, "%*d\n", 5000, 1);
	fclose(stream);
	write_memory();
}
