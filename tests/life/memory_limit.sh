#!/bin/sh
# memory_limit.sh LIBRARY PROGRAM ARGUMENTS - PROGRAM within the memory limit of a control group of
# its own
#
# In one group after the other: with the C library's malloc, which shows that the limit can be
# lived with, then with LIBRARY preloaded.  The kernel kills who exceeds the limit.  Needs to make
# groups below the one this shell is in: root, and cgroup files that can be written.
library=$1
shift
# Of meson: the C library's malloc would touch what a program leaves untouched.
unset MALLOC_PERTURB_

# The loader goes on without what it cannot preload, and the C library's malloc would pass.
LD_TRACE_LOADED_OBJECTS=1 LD_PRELOAD=$library "$1" | grep -qF "$library" || {
	echo "$1 would run without $library" >&2
	exit 1
}

if own=$(grep -E '^[0-9]+:memory:' /proc/self/cgroup); then
	parent=/sys/fs/cgroup/memory${own#*:memory:}
	limit=memory.limit_in_bytes
else
	own=$(grep '^0::' /proc/self/cgroup) || own=0::/
	parent=/sys/fs/cgroup${own#0::}
	limit=memory.max
fi
group=${parent%/}/libbuddy-test-$$

skip() {
	rmdir "$group" 2>/dev/null
	echo "skipped: cannot make a control group with a memory limit: $1"
	exit 77
}
mkdir "$group" 2>/dev/null || skip "$parent is not ours"
echo 64M 2>/dev/null >"$group/$limit" || skip "no memory controller in $parent"
# Where there is swap the kernel would use it before it kills.
if [ "$limit" = memory.max ]; then
	echo 0 >"$group/memory.swap.max"
else
	echo 64M >"$group/memory.memsw.limit_in_bytes"
fi 2>/dev/null

status=0
for preload in "" "$library"; do
	(
		read -r pid _ </proc/self/stat
		echo "$pid" >"$group/cgroup.procs" || exit 77
		LD_PRELOAD=$preload exec "$@"
	)
	case $? in
	0) ;;
	77) skip "no process may enter $group" ;;
	*) echo "status $? under a limit of 64 MiB, preloaded: $preload" >&2; status=1 ;;
	esac
done
rmdir "$group"
exit $status
