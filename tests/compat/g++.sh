#!/bin/bash
# g++.sh LIBRARY - g++: a generated file full of templates to assembly, bit for bit; and what it
# compiled, a program that lives on operator new and exceptions
. "$(dirname "$0")/lib.sh"

need g++ g++

# The classes go in front of the first function that uses all of them.
generate()
{
	local class
	sed '/^static void refused/,$d' "$programs/stl.cc"
	for ((class = 1; class <= $1; class++)); do
		sed "s/@c/$class/g" "$programs/stl_class.cc.in"
	done
	echo
	sed -n '/^static void refused/,$p' "$programs/stl.cc"
}
generate "$(scaled 10)" >"$scratch/large.cc"
generate 3 >"$scratch/small.cc"

assembly()
{
	g++ -std=c++17 -O1 -g -S -o optimised.s "$scratch/large.cc"
}

program()
{
	"$scratch/small"
	"$scratch/small"
}

assert_loaded cc1plus g++ -S -o /dev/null -x c++ -
alike assembly assembly
g++ -std=c++17 -O1 -pthread -o "$scratch/small" "$scratch/small.cc"
alike program program
