/* SPDX-License-Identifier: MIT */
/*
 * containers.cc - the standard library's containers, each beside a shadow of what it must hold
 *
 * The shadow is a plain table that never allocates.  Four threads do the same at once and hand
 * their containers to each other.
 */
#include "check.h"
#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <queue>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

using std::size_t;

namespace
{
constexpr size_t KEYS = 2000;
constexpr size_t STEPS = 40000;

/* The value that belongs to a key: its length and every character follow from the version. */
std::string value_of(size_t key, unsigned version)
{
	size_t length = (key * 31 + version * 17) % 300;
	std::string s(length, 'a');

	for (size_t i = 0; i < length; i++)
		s[i] = static_cast<char>('a' + (key + version + i) % 26);
	return s;
}

/* Version of the value of each key; 0 where the map has none. */
typedef std::array<unsigned, KEYS> shadow;

template <typename Map> void check_map(const Map &m, const shadow &versions)
{
	size_t present = 0;

	for (size_t key = 0; key < KEYS; key++) {
		auto found = m.find(key);

		present += versions[key] != 0;
		if (!CHECK((found != m.end()) == (versions[key] != 0)))
			return;
		if (found != m.end() && !CHECK(found->second == value_of(key, versions[key])))
			return;
	}
	CHECK(m.size() == present);
}

template <typename Map> void churn_map(random_numbers &r, Map &m, shadow &versions)
{
	for (unsigned step = 1; step <= STEPS; step++) {
		size_t key = r.below(KEYS);

		switch (r.below(4)) {
		case 0:
			m.erase(key);
			versions[key] = 0;
			break;
		case 1:
			if (versions[key])
				CHECK(m[key] == value_of(key, versions[key]));
			break;
		default:
			m[key] = value_of(key, step);
			versions[key] = step;
		}
	}
	check_map(m, versions);
	Map copy(m);
	check_map(copy, versions);
	Map moved(std::move(copy));
	check_map(moved, versions);
	m.clear();
	m.swap(moved);
	check_map(m, versions);
}

void test_sequences(random_numbers &r)
{
	std::vector<unsigned> grown;
	std::deque<unsigned> queue;
	std::list<unsigned> list;
	std::forward_list<std::string> chain;
	std::vector<std::vector<unsigned>> nested(50);
	unsigned pushed = 0, popped = 0;

	for (unsigned i = 0; i < 200000; i++)
		grown.push_back(i * 3);
	for (unsigned i = 0; i < 200000; i++)
		if (!CHECK(grown[i] == i * 3))
			break;
	grown.resize(1000);
	grown.shrink_to_fit();
	CHECK(grown.size() == 1000 && grown[999] == 2997);

	for (unsigned i = 0; i < STEPS; i++) {
		if (r.below(5) < 3 || queue.empty())
			queue.push_back(pushed++);
		else if (CHECK(queue.front() == popped))
			queue.pop_front(), popped++;
	}
	CHECK(queue.size() == pushed - popped);

	for (unsigned i = 0; i < 5000; i++)
		i % 2 ? list.push_back(i) : list.push_front(i);
	list.sort();
	unsigned next = 0;
	for (unsigned v : list)
		CHECK(v == next++);
	list.remove_if([](unsigned v) { return v % 3 != 0; });
	CHECK(list.size() == 1667);

	for (unsigned i = 0; i < 500; i++)
		chain.push_front(value_of(i, i));
	for (unsigned i = 500; i-- > 0; chain.pop_front())
		CHECK(chain.front() == value_of(i, i));

	for (unsigned i = 0; i < 20000; i++) {
		std::vector<unsigned> &v = nested[r.below(nested.size())];

		v.push_back(static_cast<unsigned>(v.size()));
		if (r.below(400) == 0)
			std::vector<unsigned>().swap(v);
	}
	for (const std::vector<unsigned> &v : nested)
		for (unsigned i = 0; i < v.size(); i++)
			if (!CHECK(v[i] == i))
				break;
}

/* stable_sort and inplace_merge ask for a buffer with the nothrow form of new. */
void test_algorithms(random_numbers &r)
{
	std::vector<std::pair<unsigned, unsigned>> v;
	std::priority_queue<std::string> heap;
	std::multiset<unsigned> ordered;

	for (unsigned i = 0; i < 20000; i++)
		v.emplace_back(static_cast<unsigned>(r.below(100)), i);
	std::stable_sort(v.begin(), v.end(),
			 [](const auto &a, const auto &b) { return a.first < b.first; });
	CHECK(std::is_sorted(v.begin(), v.end()));
	std::inplace_merge(v.begin(), v.begin() + 7000, v.end());
	CHECK(std::is_sorted(v.begin(), v.end()));

	for (unsigned i = 0; i < 3000; i++) {
		heap.push(value_of(r.below(KEYS), i));
		ordered.insert(static_cast<unsigned>(r.below(500)));
	}
	std::string last = heap.top();
	for (; !heap.empty(); heap.pop()) {
		CHECK(!(last < heap.top()));
		last = heap.top();
	}
	CHECK(ordered.size() == 3000 && std::is_sorted(ordered.begin(), ordered.end()));
}

struct alignas(64) line {
	unsigned value;
};
struct alignas(4096) page {
	unsigned value;
};

template <typename T> void test_aligned_elements()
{
	std::vector<T> v;
	std::map<unsigned, T> m;

	for (unsigned i = 0; i < 300; i++) {
		v.push_back(T{i});
		m[i] = T{i};
	}
	for (unsigned i = 0; i < 300; i++) {
		CHECK(v[i].value == i && m[i].value == i);
		CHECK(reinterpret_cast<std::uintptr_t>(&v[i]) % alignof(T) == 0);
		CHECK(reinterpret_cast<std::uintptr_t>(&m[i]) % alignof(T) == 0);
	}
}

/* Memory resources call the sized and aligned forms directly. */
void test_resources(random_numbers &r)
{
	std::pmr::unsynchronized_pool_resource pool;
	std::pmr::monotonic_buffer_resource arena(&pool);
	std::pmr::map<unsigned, std::pmr::string> m(&pool);
	std::pmr::vector<std::pmr::string> v(&arena);

	for (unsigned i = 0; i < 3000; i++) {
		m[i % 700] = value_of(i % 700, i).c_str();
		v.emplace_back(value_of(i, 1).c_str());
		if (r.below(3) == 0)
			m.erase(static_cast<unsigned>(r.below(700)));
	}
	for (unsigned i = 0; i < 3000; i++)
		if (!CHECK(v[i] == value_of(i, 1).c_str()))
			break;
}

void test_owners()
{
	struct node {
		std::shared_ptr<node> next;
		std::weak_ptr<node> previous;
		std::array<unsigned, 50> payload;
	};
	std::shared_ptr<node> first = std::make_shared<node>(), at = first;
	std::vector<std::function<unsigned()>> functions;
	std::ostringstream text;
	unsigned n = 0;

	for (unsigned i = 0; i < 500; i++) {
		at->next = std::make_shared<node>();
		at->next->previous = at;
		at->payload.fill(i);
		at = at->next;
	}
	for (at = first; at->next; at = at->next, n++) {
		CHECK(at->payload[0] == n && at->payload[49] == n);
		CHECK(at->next->previous.lock() == at);
	}
	CHECK(n == 500);

	for (unsigned i = 0; i < 200; i++) {
		std::array<unsigned, 30> captured;

		captured.fill(i);
		functions.push_back([captured]() { return captured[0] + captured[29]; });
	}
	for (unsigned i = 0; i < 200; i++)
		CHECK(functions[i]() == 2 * i);

	for (unsigned i = 0; i < 20000; i++)
		text << i << ' ';
	CHECK(text.str().size() == 108890);
}

void everything(std::uint64_t seed)
{
	checks_are_about("containers");
	random_numbers r(seed);
	std::map<size_t, std::string> tree;
	std::unordered_map<size_t, std::string> table;
	shadow tree_versions = {}, table_versions = {};

	churn_map(r, tree, tree_versions);
	churn_map(r, table, table_versions);
	test_sequences(r);
	test_algorithms(r);
	test_aligned_elements<line>();
	test_aligned_elements<page>();
	test_resources(r);
	test_owners();
}

/* A queue of parcels that one thread packs and another unpacks and destroys. */
struct parcel {
	size_t key;
	unsigned version;
	std::unique_ptr<std::vector<std::string>> goods;
};

class exchange
{
      public:
	void put(parcel p)
	{
		std::lock_guard<std::mutex> hold(mutex);

		waiting.push(std::move(p));
		changed.notify_one();
	}
	parcel take()
	{
		std::unique_lock<std::mutex> hold(mutex);

		changed.wait(hold, [this]() { return !waiting.empty(); });
		parcel p = std::move(waiting.front());
		waiting.pop();
		return p;
	}

      private:
	std::mutex mutex;
	std::condition_variable changed;
	std::queue<parcel> waiting;
};

constexpr unsigned PARCELS = 3000;

void pack(exchange &x, std::uint64_t seed)
{
	random_numbers r(seed);

	for (unsigned i = 0; i < PARCELS; i++) {
		parcel p = {r.below(KEYS), i, std::make_unique<std::vector<std::string>>()};

		for (unsigned g = 0; g < 10; g++)
			p.goods->push_back(value_of(p.key, i + g));
		x.put(std::move(p));
	}
}

void unpack(exchange &x)
{
	checks_are_about("containers of another thread");
	for (unsigned i = 0; i < PARCELS; i++) {
		parcel p = x.take();

		CHECK(p.goods->size() == 10);
		for (unsigned g = 0; g < 10; g++)
			CHECK((*p.goods)[g] == value_of(p.key, p.version + g));
	}
}
} // namespace

void test_containers(std::uint64_t seed)
{
	std::vector<std::thread> threads;
	std::array<exchange, 2> exchanges;

	everything(seed);
	for (unsigned i = 0; i < 4; i++)
		threads.emplace_back(everything, seed + i + 1);
	for (std::thread &t : threads)
		t.join();
	threads.clear();
	for (unsigned i = 0; i < exchanges.size(); i++) {
		threads.emplace_back(pack, std::ref(exchanges[i]), seed + i);
		threads.emplace_back(unpack, std::ref(exchanges[i]));
	}
	for (std::thread &t : threads)
		t.join();
}
