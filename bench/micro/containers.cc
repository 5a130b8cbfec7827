// SPDX-License-Identifier: MIT
/*
 * containers.cc - the containers of the C++ library, freed with sized delete
 *
 * Imitates application code in C++: growing vectors, nodes of maps and lists, short strings,
 * blocks of deques, shared pointers.  The containers tell the size when they free, which saves an
 * allocator that listens the look into its page map.
 */
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
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace
{

constexpr int exit_usage = 2;
constexpr int exit_damage = 3;

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

std::uint64_t argument(int argc, char **argv, const char *key, std::uint64_t otherwise)
{
	const std::size_t length = std::strlen(key);

	for (int i = 1; i < argc; i++) {
		if (std::strncmp(argv[i], key, length) == 0 && argv[i][length] == '=')
			return std::strtoull(argv[i] + length + 1, nullptr, 10);
	}
	return otherwise;
}

void refuse_unknown(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (std::strncmp(argv[i], "threads=", 8) != 0 &&
		    std::strncmp(argv[i], "work=", 5) != 0) {
			std::fprintf(stderr, "%s: bad argument '%s'; it takes threads=N work=N\n",
				     argv[0], argv[i]);
			std::exit(exit_usage);
		}
	}
}

} // namespace

int main(int argc, char **argv)
{
	refuse_unknown(argc, argv);
	const std::uint64_t threads = argument(argc, argv, "threads", 1);
	const std::uint64_t scaled = 30 * argument(argc, argv, "work", 100) / 100;
	const std::uint64_t rounds = scaled ? scaled : 1;
	std::vector<std::thread> crew;
	const double began = now();

	for (std::uint64_t i = 1; i < threads; i++)
		crew.emplace_back(work_through, rounds, i);
	work_through(rounds, 0);
	for (std::thread &thread : crew)
		thread.join();

	const double seconds = now() - began;
	const std::uint64_t ops = rounds * threads;

	std::printf("ops %" PRIu64 "\nseconds %.6f\nns_per_op %.3f\n", ops, seconds,
		    seconds * 1e9 / static_cast<double>(ops));
}
