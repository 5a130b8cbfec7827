#!/bin/sh
#
# example.sh - both examples, built outside our build as a user would, and run
here=$(dirname "$0")
. "$here/install.sh"

for cc in $(compilers); do
	for name in example example_kernel; do
		# Unquoted: flags are words.
		$cc -std=c17 -Wall -Wextra -Wpedantic -Werror "$here/$name.c" \
			$(pkg-config --cflags --libs libbuddy) -o "$scratch/$name"
		LD_LIBRARY_PATH=$lib "$scratch/$name" >"$scratch/$name.out" ||
			fail "$name, built by $cc, ended with $?"
		diff -u "$here/example.expected" "$scratch/$name.out" ||
			fail "$name, built by $cc, says something else"
		echo "$name built by $cc: ok"
	done
done
