#!/bin/bash
# python_threads.sh LIBRARY - CPython's own tests of threads, forks and child processes, and
# multiprocessing by fork from a process with threads
. "$(dirname "$0")/lib.sh"

need python3 python3
export PYTHONMALLOC=malloc PYTHONHASHSEED=0

assert_loaded 'python3*' python3 -
alike "pools that fork" python3 "$programs/fork_pool.py" "$(scaled 4)"

python3 -c 'import test.test_dict' 2>/dev/null ||
	skip "no tests for python3 (package libpython3.11-testsuite)"

# What has timeout in its name measures time, which a busy machine makes a lottery; the rest
# sleeps rather than works, so all of it may run at once.
alike "own test suite" "$programs/regrtest.sh" -j5 --ignore '*timeout*' \
	test_fork1 test_queue test_subprocess test_thread test_threading
