#!/bin/bash
# stress_ng.sh LIBRARY - stress-ng: random blocks up to 32 MiB, given back by malloc_trim() now and
# then, and large structures of small ones, all checked
. "$(dirname "$0")/lib.sh"

need stress-ng stress-ng

# It reads no input, so it is looked at while it runs.
assert_runs_with_library()
{
	local tries

	for ((tries = 0; tries < 500; tries++)); do
		maps_library "$1" && return
		sleep 0.02
	done
	fail "stress-ng runs without $library"
}

# Its messages name times and processes, and its exit status may be 0 after what it calls a failure.
stressing()
{
	local status=0

	stress-ng --verify --timeout 60 --temp-path . "$@" >log 2>&1 &
	[ "${LD_PRELOAD:-}" != "$library" ] || assert_runs_with_library $!
	wait $! || status=$?
	grep -aE 'fail:|warn:|libbuddy:' log && status=1
	rm log
	echo "$* $status"
	return $status
}

ops=$(scaled 60000)

alike blocks stressing --malloc 2 --malloc-bytes 64M --malloc-ops "$ops"
alike blocks_of_threads stressing --malloc 2 --malloc-bytes 64M --malloc-pthreads 3 \
	--malloc-ops "$ops"
alike trees stressing --tree 2 --tree-size 50000 --tree-ops 2
alike structures stressing --tsearch 1 --tsearch-ops 10 --hsearch 1 --hsearch-ops 20 \
	--list 1 --list-ops 20
alike forks stressing --fork 2 --fork-ops 2000 --zlib 1 --zlib-ops 20
