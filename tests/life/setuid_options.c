/*
 * setuid_options.c - BUDDY_OPTIONS is ignored in a setuid program
 *
 * Linked with libbuddy, since the loader ignores a preload there.  The program runs with an unknown
 * option, which must give one line on stderr; then a copy of it with the setuid bit is run by
 * nobody, and must say nothing.  Needs root, and a directory that honours setuid.
 */
#include "life.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, NOT_SECURE = 3 };

#define OPTIONS "no_such_option=1"

/* The program that is started: uses malloc, and checks that AT_SECURE is as expected. */
static int inside(bool secure)
{
	require_libbuddy();
	for (int i = 0; i < 1000; i++)
		free(keep(malloc((size_t)i * 100)));
	if (secure && !getauxval(AT_SECURE))
		return NOT_SECURE;
	return 0;
}

/* Copy the program into @directory as a setuid program.  Return: false if that cannot be. */
static bool copy_setuid(const char *from, const char *directory, char *path, size_t size)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	struct stat status;
	bool copied;

	snprintf(path, size, "%s/buddy-setuid-XXXXXX", directory);
	out = mkstemp(path);
	if (in < 0 || out < 0)
		return false;
	copied = fstat(in, &status) == 0 &&
		 sendfile(out, in, NULL, (size_t)status.st_size) == status.st_size &&
		 fchmod(out, 04755) == 0;
	close(in);
	close(out);
	return copied;
}

static void try_directories(const char *program)
{
	static const char *const directories[] = {"/var/tmp", "/tmp", "/run", "."};

	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
		char path[256], text[1000];
		int status;

		if (!copy_setuid(program, directories[i], path, sizeof(path)))
			continue;
		status = run_heard(path, "secure", OPTIONS, NOBODY, text, sizeof(text));
		unlink(path);
		if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_SECURE)
			continue;
		CHECK(status == 0, "the setuid copy ended with status %#x: %s",
		      (unsigned int)status, text);
		CHECK(text[0] == '\0', "a setuid program read BUDDY_OPTIONS: %s", text);
		return;
	}
	skip("no directory where setuid has an effect");
}

int main(int argc, char **argv)
{
	char text[1000];
	int status;

	if (argc > 1)
		return inside(strcmp(argv[1], "secure") == 0);
	if (geteuid() != 0)
		skip("a setuid program can be made by root only");

	/* Without this half, the other would pass with a library that never says anything. */
	status = run_heard(argv[0], "plain", OPTIONS, 0, text, sizeof(text));
	CHECK(status == 0, "the program ended with status %#x: %s", (unsigned int)status, text);
	CHECK(strstr(text, "no_such_option") || getenv("LIFE_ANY_HEAP"),
	      "no word about an unknown option, only: \"%s\"", text);
	CHECK(!strchr(text, '\n') || strchr(text, '\n') == strrchr(text, '\n'),
	      "more than one line about one unknown option: \"%s\"", text);
	try_directories(argv[0]);
	return 0;
}
