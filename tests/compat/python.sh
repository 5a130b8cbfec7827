#!/bin/bash
# python.sh LIBRARY - parts of CPython's own test suite, with each object from malloc
. "$(dirname "$0")/lib.sh"

need python3 python3
python3 -c 'import test.test_dict' 2>/dev/null ||
	skip "no tests for python3 (package libpython3.11-testsuite)"

# Python's own small object allocator would hide ours.
export PYTHONMALLOC=malloc PYTHONHASHSEED=0

modules=(
	test_array test_bytes test_collections test_copy test_csv test_ctypes test_decimal
	test_deque test_dict test_gc test_generators test_itertools test_json test_list test_long
	test_memoryview test_mmap test_pickle test_re test_set test_struct test_unicode
	test_xml_etree test_zlib
)
if [ -n "${BUDDY_SOAK:-}" ]; then
	modules+=(
		test_ast test_buffer test_bz2 test_compile test_hashlib test_io test_lzma
		test_weakref
	)
fi

assert_loaded 'python3*' python3 -
alike "own test suite" "$programs/regrtest.sh" -j2 "${modules[@]}"
