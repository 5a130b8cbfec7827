// stl.cc - what the classes of stl_class.cc.in stand between: uses(), which they enter, and main()
#include <algorithm>
#include <array>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <numeric>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

// Two hundred classes, each with a table of its own.
template <int N> struct chain : chain<N - 1> {
	std::array<int, N> a{};
};
template <> struct chain<0> {
	virtual ~chain() = default;
};
static chain<200> links;

// Bigger than malloc's own alignment, so that the aligned operator new is called.
struct alignas(256) wide {
	std::array<char, 300> content{};
};

static std::vector<std::function<std::size_t(int)>> &uses()
{
	static std::vector<std::function<std::size_t(int)>> all;
	return all;
}

static bool enter(std::function<std::size_t(int)> use)
{
	uses().push_back(std::move(use));
	return true;
}

static void refused()
{
	try {
		std::vector<char> huge(std::size_t(1) << 62);
	} catch (const std::bad_alloc &error) {
		std::cout << error.what() << "\n";
	}
	char *none = new (std::nothrow) char[std::size_t(1) << 62];
	std::cout << (none == nullptr) << "\n";
	delete[] none;
}

static void matched()
{
	std::string text;
	for (int i = 0; i < 2000; i++)
		text += std::to_string(i * i) + (i % 9 ? " " : "; ");
	const std::regex number("([0-9]+)6 ");
	std::cout << std::distance(std::sregex_iterator(text.begin(), text.end(), number),
				   std::sregex_iterator())
		  << "\n";
}

int main()
{
	std::vector<std::size_t> sums(uses().size());
	std::vector<std::thread> threads;
	for (std::size_t t = 0; t < 4; t++)
		threads.emplace_back([&sums, t] {
			for (std::size_t use = t; use < sums.size(); use += 4)
				sums[use] = uses()[use](4000);
		});
	for (auto &thread : threads)
		thread.join();
	for (auto sum : sums)
		std::cout << sum << "\n";

	std::vector<std::unique_ptr<wide>> aligned;
	for (int i = 0; i < 1000; i++)
		aligned.push_back(std::make_unique<wide>());
	std::cout << std::count_if(aligned.begin(), aligned.end(), [](auto &one) {
		return reinterpret_cast<std::size_t>(one.get()) % alignof(wide) == 0;
	}) << "\n";

	matched();
	refused();
	return static_cast<int>(links.a.size() - 200);
}
