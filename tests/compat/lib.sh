# shellcheck shell=bash
#
# lib.sh - what the compat tests share: one workload, run with glibc's malloc and with ours
#
# A test is a bash script that gets the library's path as its first argument and sources this
# file.  It proves with assert_loaded() or assert_server_loaded() that the library is in the very
# program that is tested, then gives its workloads to alike(), which runs each of them twice and
# fails unless output, messages, exit status and files left behind are the same.
#
#	COMPAT_KEEP=1   keep the scratch folder and print its name
#	BUDDY_SOAK=1    bigger workloads; see scaled()

set -euo pipefail

if [ $# -lt 1 ] || [ ! -e "$1" ]; then
	echo "usage: $0 LIBRARY" >&2
	exit 2
fi

library=$(realpath "$1")
programs=$(realpath "$(dirname "${BASH_SOURCE[0]}")/programs")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/compat.XXXXXX")
verdict=

# Whatever the caller preloads, or tunes glibc with, must reach neither run; and a python or node
# from somebody's home would be another program than the one that the packages give.
unset LD_PRELOAD MALLOC_ARENA_MAX MALLOC_CHECK_ MALLOC_PERTURB_ GLIBC_TUNABLES
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C TZ=UTC HOME=$scratch/home
mkdir "$HOME"

# Ends what a workload that failed has left running: no other process works inside $scratch.
end_strays()
{
	local process tries found
	for ((tries = 0; tries < 10; tries++)); do
		found=''
		for process in /proc/[0-9]*; do
			if [[ $(readlink "$process/cwd") == "$scratch"/* ]]; then
				kill "-$1" "${process#/proc/}" 2>/dev/null || true
				found=yes
			fi
		done
		[ -n "$found" ] || return 0
		sleep 0.1
	done
}

finish()
{
	local status=$?
	end_strays TERM
	end_strays KILL
	if [ -n "${COMPAT_KEEP:-}" ]; then
		echo "kept: $scratch"
	else
		rm -rf "$scratch"
	fi
	if [ $status != 0 ] && [ -z "$verdict" ]; then
		echo "FAIL: ended with status $status"
	fi
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

fail()
{
	verdict="FAIL: $*"
	echo "$verdict"
	exit 1
}

skip()
{
	verdict="skipped: $*"
	echo "$verdict"
	exit 77
}

# need COMMAND PACKAGE - skip the test where COMMAND is missing
need()
{
	command -v "$1" >/dev/null || skip "no $1 (package $2)"
}

# scaled NUMBER - that many, or ten times as many in a soak
scaled()
{
	echo $(($1 * (${BUDDY_SOAK:-0} ? 10 : 1)))
}

# text LINES SEED - lines of words and numbers, the same ones on each machine
text()
{
	awk -v lines="$1" -v state="$2" '
	# The minimal standard generator: its products are exact in a double, so every awk agrees.
	function draw(below) {
		state = (state * 16807) % 2147483647
		return int(state / 7) % below
	}
	BEGIN {
		split("page slab sheaf barn zone node order buddy partial depot magazine " \
		      "watermark pageblock reclaim shrinker folio", word, " ")
		for (i = 0; i < lines; i++) {
			line = draw(100000)
			for (n = draw(12); n > 0; n--)
				line = line " " word[1 + draw(16)] (draw(3) ? "" : draw(1000))
			print line
		}
	}'
}

# Runs "$3..." in an empty folder with $2 preloaded, and files what came of it under $1.
run_once()
{
	local to=$1 preload=$2 status=0
	shift 2

	# Both runs happen under one path, so that a program may print where it is.
	mkdir "$scratch/here"
	set +e
	(
		set -e
		cd "$scratch/here"
		if [ -n "$preload" ]; then
			export LD_PRELOAD=$preload
		fi
		"$@"
	) <"${input:-/dev/null}" >"$to.stdout" 2>"$to.stderr"
	status=$?
	set -e
	echo "$status" >"$to.status"
	mv "$scratch/here" "$to.files"
}

# alike NAME COMMAND [ARGUMENT]... - COMMAND does the same with the library as with glibc
#
# COMMAND, a program or a function of the test, gets $input as standard input if that is set.
# What it does with glibc must succeed and leave a trace, for two failures or two silences would be
# alike as well.
#
# A program that is linked with an allocator of its own is no run with glibc: reference=libc.so.6
# puts glibc's malloc in front of that one.
alike()
{
	local name=$1 glibc=$scratch/$1.glibc ours=$scratch/$1.ours what
	shift

	run_once "$glibc" "${reference:-}" "$@"
	if [ "$(cat "$glibc.status")" != 0 ]; then
		tail -n 20 "$glibc.stdout" "$glibc.stderr"
		fail "$name: exit status $(cat "$glibc.status") already with glibc"
	fi
	if [ ! -s "$glibc.stdout" ] && [ -z "$(ls -A "$glibc.files")" ]; then
		fail "$name: printed nothing and left no file, so there is nothing to compare"
	fi

	run_once "$ours" "$library" "$@"
	if ! cmp -s "$glibc.status" "$ours.status"; then
		tail -n 20 "$ours.stdout" "$ours.stderr"
		fail "$name: exit status $(cat "$ours.status"), with glibc 0"
	fi
	for what in stdout stderr; do
		if ! cmp -s "$glibc.$what" "$ours.$what"; then
			diff -a "$glibc.$what" "$ours.$what" | cut -c 1-200 | head -n 20 || true
			fail "$name: another $what than with glibc"
		fi
	done
	if ! diff -r "$glibc.files" "$ours.files" >"$scratch/diff" 2>&1; then
		cut -c 1-200 "$scratch/diff" | head -n 20
		fail "$name: other files than with glibc"
	fi
	rm -rf "$glibc".* "$ours".*
	echo "ok: $name"
}

maps_library()
{
	grep -qF "/$(basename "$library")" "/proc/$1/maps" 2>/dev/null
}

# assert_loaded EXECUTABLE COMMAND [ARGUMENT]... - the library is inside EXECUTABLE
#
# Starts COMMAND with the library and leaves it waiting for its input, which must be read by a
# program whose file's name matches the pattern EXECUTABLE: COMMAND itself or one that it starts.
# The input's name tells that program from all others of the machine.
assert_loaded()
{
	local executable=$1 held=$scratch/held pid hold process found="" status=0
	shift

	mkfifo "$held"
	LD_PRELOAD=$library "$@" <"$held" >/dev/null 2>&1 &
	pid=$!
	exec {hold}>"$held"
	local -i until=SECONDS+20
	while [ -z "$found" ] && [ $SECONDS -lt $until ]; do
		kill -0 "$pid" 2>/dev/null || break
		for process in /proc/[0-9]*; do
			if [ "$process/fd/0" -ef "$held" ] &&
				[[ $(readlink "$process/exe") == */$executable ]] &&
				maps_library "${process#/proc/}"; then
				found=$process
				break
			fi
		done
		[ -n "$found" ] || sleep 0.05
	done
	if [ -z "$found" ]; then
		# Whatever still runs here waits for nothing that will come.
		kill "$pid" 2>/dev/null || { wait "$pid" || status=$?; }
		[ $status = 0 ] || fail "$executable: ended with status $status before any input"
		fail "$executable: runs without $library"
	fi
	exec {hold}>&-
	wait "$pid" || true
	rm "$held"
	echo "ok: $executable has the library"
}

# assert_server_loaded PID - the library is inside process PID where this run preloads it
assert_server_loaded()
{
	if [ "${LD_PRELOAD:-}" = "$library" ]; then
		maps_library "$1" || fail "process $1 runs without $library"
	fi
}

# serve LOG COMMAND [ARGUMENT]... - start a server and wait until the test's answers() succeeds
#
# Sets $port, for COMMAND to listen on, and $server, its process: COMMAND is a function that ends in
# exec, or the server itself.
serve()
{
	local log=$1 tries
	shift
	for ((tries = 0; tries < 5; tries++)); do
		port=$(free_port)
		"$@" </dev/null &
		server=$!
		until answers; do
			if ! kill -0 "$server" 2>/dev/null; then
				# Only a port that somebody took meanwhile deserves another try.
				grep -qs 'in use' "$log" && continue 2
				cat "$log" || true
				wait "$server"
			fi
			sleep 0.05
		done
		assert_server_loaded "$server"
		return
	done
	return 1
}

# free_port - a port of 127.0.0.1 that nobody listens on just now
free_port()
{
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		if ! (exec {probe}<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo $port
			return
		fi
	done
}
