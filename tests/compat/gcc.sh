#!/bin/bash
# gcc.sh LIBRARY - gcc: a large generated C file to assembly, bit for bit, and a linked program
. "$(dirname "$0")/lib.sh"

need gcc gcc

# A file of $1 functions that differ in their numbers and in which earlier ones they call.
generate()
{
	awk -v functions="$1" '
	function draw(below) {
		state = (state * 16807) % 2147483647
		return int(state / 7) % below
	}
	function fill(line, f) {
		gsub(/@f/, f, line)
		while (match(line, /@(earlier|[0-9]+)/)) {
			below = substr(line, RSTART + 1, RLENGTH - 1)
			line = substr(line, 1, RSTART - 1) draw(below == "earlier" ? f : below) \
				substr(line, RSTART + RLENGTH)
		}
		return line
	}
	{ template[NR] = $0 }
	END {
		state = 5
		print "#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\n"
		print "int64_t f0(int64_t x, int64_t y)\n{\n\treturn x - y;\n}"
		for (f = 1; f <= functions; f++)
			for (n = 1; n <= NR; n++)
				print fill(template[n], f)
		print "\nint main(void)\n{\n\tint64_t sum = 0;\n"
		for (f = 1; f <= functions; f += 7)
			print "\tsum = f" f "(sum & 7, " draw(3) ");"
		print "\tprintf(\"%lld\\n\", (long long)(sum & 0xffff));\n\treturn 0;\n}"
	}' "$programs/function.c.in"
}
generate "$(scaled 300)" >"$scratch/large.c"
generate 30 >"$scratch/small.c"

assembly()
{
	gcc -O2 -g -S -o optimised.s "$scratch/large.c"
	gcc -O0 -fverbose-asm -S -o plain.s "$scratch/large.c"
	gcc -O3 -fdump-tree-optimized -S -o dumped.s "$scratch/small.c"
}

# The driver, the preprocessor, the assembler and the linker, beside the compiler.
program()
{
	# Where a temporary name would get into the output, a seed takes its place.
	gcc -O1 -pipe -frandom-seed=1 -o program "$scratch/small.c"
	./program
	gcc -E -dD -include stdio.h -x c /dev/null | sha256sum
	gcc -Os -g3 -c -frandom-seed=1 -o object.o "$scratch/small.c"
	ar rcsD library.a object.o
	objdump -d -S library.a | sha256sum
}

assert_loaded cc1 gcc -S -o /dev/null -x c -
alike assembly assembly
alike program program
