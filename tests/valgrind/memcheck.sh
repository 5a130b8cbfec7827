#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a test program under memcheck.  A test runs each case in a child, which memcheck follows;
# what it finds there ends the child with a status that fails the case.
set -u

command -v valgrind >/dev/null || {
	echo "skipped: no valgrind"
	exit 77
}
exec timeout 170 valgrind --quiet --error-exitcode=99 --leak-check=no "$1"
