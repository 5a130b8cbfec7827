"""g++ on a large C++ file."""

from pathlib import Path

from macro.program import OneCommand, digest
from runner.execute import Command
from runner.packages import Need

STRUCTS = 20

_HEAD = """\
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N> struct Chain {
	Chain<N - 1> rest;
	int at(int i) const { return i == N ? N : rest.at(i); }
};
template <> struct Chain<0> { int at(int) const { return 0; } };
"""

_STRUCT = """
struct Shape{n} {{
	std::map<std::string, std::vector<int>> groups;
	std::unordered_map<int, std::shared_ptr<Shape{n}>> children;
	std::variant<int, double, std::string> value;
	Chain<{depth}> chain;
	bool operator<(const Shape{n} &other) const {{ return value < other.value; }}
}};

int walk{n}(std::vector<Shape{n}> &shapes, int key)
{{
	std::sort(shapes.begin(), shapes.end());
	std::function<int(const Shape{n} &)> count = [&](const Shape{n} &shape) {{
		int sum = shape.chain.at(key);
		for (const auto &[name, numbers] : shape.groups)
			sum += std::accumulate(numbers.begin(), numbers.end(),
					       static_cast<int>(name.size()));
		for (const auto &[id, child] : shape.children)
			sum += id + count(*child);
		auto held_size = [](const auto &held) {{ return static_cast<int>(sizeof(held)); }};
		return sum + std::visit(held_size, shape.value);
	}};
	return std::transform_reduce(shapes.begin(), shapes.end(), 0, std::plus<>(), count);
}}
"""


class Gcc(OneCommand):
    """The C++ compiler with templates and the optimizer at work."""

    name = "gcc"
    title = "g++ -O1 of a large C++ file"
    estimate = 5.0
    needs = (Need("g++", command="g++"),)

    def make_inputs(self, folder: Path) -> None:
        text = _HEAD + "".join(_STRUCT.format(n=n, depth=20 + n) for n in range(STRUCTS))
        (folder / "shapes.cc").write_text(text, encoding="utf-8")

    def command(self, folder: Path) -> Command:
        return ["g++", "-std=c++17", "-O1", "-frandom-seed=1", "-c", "shapes.cc",
                "-o", "shapes.o"]

    def output(self, folder: Path, stdout: Path) -> str:
        return digest(stdout, folder / "shapes.o")
