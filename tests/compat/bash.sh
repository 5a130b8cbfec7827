#!/bin/bash
# bash.sh LIBRARY - bash: strings, arrays, expansions, subshells, jobs, traps
. "$(dirname "$0")/lib.sh"

assert_loaded bash bash
alike "workload" bash "$programs/workload.bash" "$(scaled 300)"
