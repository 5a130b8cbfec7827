#!/bin/bash
# lua.sh LIBRARY - lua5.4: tables, strings, closures, coroutines and both garbage collectors
. "$(dirname "$0")/lib.sh"

need lua5.4 lua5.4

assert_loaded lua5.4 lua5.4 -
alike workload lua5.4 "$programs/workload.lua" "$(scaled 1)"
