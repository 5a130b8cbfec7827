#!/bin/bash
# regrtest.sh ARGUMENT... - run parts of CPython's test suite and print the outcome of each test
#
# Only the outcomes are printed, in the order of their names: the suite's own report is full of
# durations and loads, and is shown for a failure alone.
set -eu

# The runner names the worker's folder by its pid; here no two runs may differ.
export TMPDIR=$PWD
status=0
python3 -m test -q --timeout 100 --junit-xml "$PWD/outcome.xml" "$@" >report 2>&1 || status=$?
[ $status = 0 ] || cat report

python3 - <<'PYTHON'
import xml.etree.ElementTree

for case in sorted(
    (case.get("name"), case.get("status"), case.get("result"), *(part.tag for part in case))
    for case in xml.etree.ElementTree.parse("outcome.xml").iter("testcase")
):
    print(*case)
PYTHON

rm -rf report outcome.xml test_python_* ./*-cover
exit $status
