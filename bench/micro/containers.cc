// SPDX-License-Identifier: MIT
/*
 * containers.cc - the containers of the C++ library, freed with sized delete
 *
 * Imitates application code in C++: growing vectors, nodes of maps and lists, short strings,
 * blocks of deques, shared pointers.  The containers tell the size when they free, which saves an
 * allocator that listens the look into its page map.
 */
#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <sched.h>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unordered_map>
#include <vector>

namespace
{

constexpr int exit_usage = 2;
constexpr int exit_damage = 3;
constexpr std::uint64_t most_threads = 256; // as BENCH_MAX_THREADS of bench.h

class Random
{
      public:
	explicit Random(std::uint64_t seed) : state((seed + 1) * 0x9e3779b97f4a7c15U)
	{
	}

	std::uint32_t below(std::uint32_t bound)
	{
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		return static_cast<std::uint32_t>((((state * 0x2545f4914f6cdd1dU) >> 32) * bound) >>
						  32);
	}

      private:
	std::uint64_t state;
};

struct Record {
	std::uint32_t key;
	std::string name;
	std::vector<std::uint32_t> values;
};

void insist(bool holds, const char *what)
{
	if (holds)
		return;
	std::fprintf(stderr, "check failed: %s\n", what);
	std::exit(exit_damage);
}

std::string name_of(std::uint32_t key)
{
	return "record-" + std::to_string(key) + std::string(key % 40, 'x');
}

void use_maps(Random &random)
{
	std::map<std::uint32_t, std::string> tree;
	std::unordered_map<std::string, std::uint32_t> table;

	for (int i = 0; i < 20000; i++) {
		const std::uint32_t key = random.below(8000);

		if (random.below(3) == 0) {
			table.erase(name_of(key));
			tree.erase(key);
		} else {
			tree[key] = name_of(key);
			table[name_of(key)] = key;
		}
	}
	insist(tree.size() == table.size(), "the maps differ");
	for (const auto &[key, name] : tree)
		insist(table.at(name) == key, "a map lost a value");
}

void use_sequences(Random &random)
{
	std::list<std::uint32_t> numbers;
	std::deque<std::unique_ptr<Record>> queue;
	std::uint64_t in = 0, out = 0;

	for (std::uint32_t i = 0; i < 20000; i++) {
		auto record = std::make_unique<Record>(Record{i, name_of(i), {}});

		for (std::uint32_t n = random.below(12); n > 0; n--)
			record->values.push_back(i);
		in += record->values.size();
		numbers.push_back(i);
		queue.push_back(std::move(record));
		if (queue.size() > 500) {
			for (const std::uint32_t value : queue.front()->values)
				out += value == queue.front()->key ? 1 : 0;
			queue.pop_front();
			numbers.pop_front();
		}
	}
	for (const auto &record : queue)
		out += record->values.size();
	insist(in == out && numbers.size() == queue.size(), "a queue lost a value");
}

void use_shared(Random &random)
{
	std::vector<std::shared_ptr<Record>> places(2000);

	for (std::uint32_t i = 0; i < 20000; i++) {
		auto &place = places[random.below(2000)];

		if (random.below(2) == 0)
			place = std::make_shared<Record>(Record{i, name_of(i), {i}});
		else
			place = places[random.below(2000)];
	}
	for (const auto &place : places)
		insist(!place || place->name == name_of(place->key), "a record changed");
}

void work_through(std::uint64_t rounds, std::uint64_t seed)
{
	Random random(seed);

	for (std::uint64_t i = 0; i < rounds; i++) {
		use_maps(random);
		use_sequences(random);
		use_shared(random);
	}
}

double now()
{
	std::timespec t{};

	clock_gettime(CLOCK_MONOTONIC, &t);
	return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double cpu_seconds()
{
	struct rusage use {
	};

	getrusage(RUSAGE_SELF, &use);
	return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
}

std::uint64_t cores()
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return 1;
	return static_cast<std::uint64_t>(CPU_COUNT(&allowed));
}

/* A number from 1; 0 where the word is none. */
std::uint64_t number(const char *word)
{
	char *end;
	const std::uint64_t value = std::strtoull(word, &end, 10);

	return *end == '\0' ? value : 0;
}

std::uint64_t argument(int argc, char **argv, const char *key, std::uint64_t otherwise)
{
	const std::size_t length = std::strlen(key);

	for (int i = 1; i < argc; i++) {
		if (std::strncmp(argv[i], key, length) == 0 && argv[i][length] == '=')
			return number(argv[i] + length + 1);
	}
	return otherwise;
}

void refuse_unknown(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *const value = std::strchr(argv[i], '=');

		if ((std::strncmp(argv[i], "threads=", 8) != 0 &&
		     std::strncmp(argv[i], "work=", 5) != 0) ||
		    number(value + 1) == 0) {
			std::fprintf(stderr, "%s: bad argument '%s'; it takes threads=N work=N\n",
				     argv[0], argv[i]);
			std::exit(exit_usage);
		}
	}
}

std::uint64_t threads_asked_for(int argc, char **argv)
{
	const std::uint64_t threads = argument(argc, argv, "threads", 1);

	if (threads > most_threads) {
		std::fprintf(stderr, "%s: threads=%" PRIu64 ": at most %" PRIu64 "\n", argv[0],
			     threads, most_threads);
		std::exit(exit_usage);
	}
	return threads;
}

} // namespace

int main(int argc, char **argv)
{
	refuse_unknown(argc, argv);
	const std::uint64_t threads = threads_asked_for(argc, argv);
	const std::uint64_t scaled = 30 * argument(argc, argv, "work", 100) / 100;
	const std::uint64_t rounds = scaled ? scaled : 1;
	std::vector<std::thread> crew;
	const double cpu = cpu_seconds(), began = now();

	for (std::uint64_t i = 1; i < threads; i++)
		crew.emplace_back(work_through, rounds, i);
	work_through(rounds, 0);
	for (std::thread &thread : crew)
		thread.join();

	const double seconds = now() - began;
	const std::uint64_t ops = rounds * threads;
	const double ns_per_op = seconds * 1e9 / static_cast<double>(ops);

	/* The lines of bench_print_span(), which says what they mean. */
	std::printf("ops %" PRIu64 "\nseconds %.6f\ncpu_seconds %.6f\n", ops, seconds,
		    cpu_seconds() - cpu);
	std::printf("ns_per_op %.3f\ncore_ns_per_op %.3f\n", ns_per_op,
		    ns_per_op * static_cast<double>(std::min(threads, cores())));
}
