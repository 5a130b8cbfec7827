/* SPDX-License-Identifier: MIT */
/*
 * main.cc - C++ on top of the malloc of this process
 *
 *	cxx [--operators-from NAME] [--malloc-from NAME] [--seed N]
 *
 * The two names are beginnings of the file names that operator new and malloc must come from,
 * so that a preload which silently did not happen cannot pass.
 */
#include "check.h"
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <new>
#include <unistd.h>

static std::atomic<unsigned long> checks, failures;

static thread_local struct {
	const char *subject;
	std::size_t size, alignment;
} about;

void checks_are_about(const char *subject, std::size_t size, std::size_t alignment)
{
	about = {subject, size, alignment};
}

bool check_that(bool good, const char *what, const char *file, int line)
{
	checks++;
	if (!good && ++failures <= 40)
		std::printf("%s:%d: %s, size %zu, alignment %zu: not so: %s\n", file, line,
			    about.subject, about.size, about.alignment, what);
	return good;
}

std::size_t resident_bytes()
{
	unsigned long total, resident = 0;
	std::FILE *f = std::fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (std::fscanf(f, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	std::fclose(f);
	return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

bool operators_are_libstdcxx = true;

static const char *const operators[] = {
	"_Znwm",
	"_Znam",
	"_ZnwmRKSt9nothrow_t",
	"_ZnamRKSt9nothrow_t",
	"_ZnwmSt11align_val_t",
	"_ZnamSt11align_val_t",
	"_ZnwmSt11align_val_tRKSt9nothrow_t",
	"_ZnamSt11align_val_tRKSt9nothrow_t",
	"_ZdlPv",
	"_ZdaPv",
	"_ZdlPvm",
	"_ZdaPvm",
	"_ZdlPvRKSt9nothrow_t",
	"_ZdaPvRKSt9nothrow_t",
	"_ZdlPvSt11align_val_t",
	"_ZdaPvSt11align_val_t",
	"_ZdlPvmSt11align_val_t",
	"_ZdaPvmSt11align_val_t",
	"_ZdlPvSt11align_val_tRKSt9nothrow_t",
	"_ZdaPvSt11align_val_tRKSt9nothrow_t",
};

static void check_origin(const char *symbol, const char *expected)
{
	Dl_info info = {};
	void *found = dlsym(RTLD_DEFAULT, symbol);
	const char *name = "nowhere", *slash;

	if (found && dladdr(found, &info) && info.dli_fname)
		name = info.dli_fname;
	slash = std::strrchr(name, '/');
	name = slash ? slash + 1 : name;
	checks_are_about(symbol);
	if (!CHECK(std::strncmp(name, expected, std::strlen(expected)) == 0))
		std::printf("%s comes from %s, not from %s\n", symbol, name, expected);
}

static void check_operators(const char *expected)
{
	for (const char *symbol : operators)
		check_origin(symbol, expected);
	operators_are_libstdcxx = !std::strncmp(expected, "libstdc++", 9);
}

static int usage()
{
	std::fprintf(stderr,
		     "usage: cxx [--operators-from NAME] [--malloc-from NAME] [--seed N]\n");
	return 2;
}

int main(int argc, char **argv)
{
	std::uint64_t seed = 20260701;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!std::strcmp(argv[i], "--operators-from"))
			check_operators(argv[i + 1]);
		else if (!std::strcmp(argv[i], "--malloc-from"))
			check_origin("malloc", argv[i + 1]);
		else if (!std::strcmp(argv[i], "--seed"))
			seed = std::strtoull(argv[i + 1], nullptr, 0);
		else
			return usage();
	}
	if (argc % 2 == 0)
		return usage();
	std::printf("cxx: seed %llu\n", static_cast<unsigned long long>(seed));
	test_operators();
	test_new_handler();
	test_containers(seed);
	test_exceptions();
	std::printf("cxx: %lu checks, %lu failed\n", checks.load(), failures.load());
	return failures != 0;
}
