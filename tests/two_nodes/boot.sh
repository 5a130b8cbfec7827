#!/bin/sh
# SPDX-License-Identifier: MIT
#
# boot.sh - run the two_nodes tests inside an emulated machine
#
#	boot.sh --machine FILE --build DIRECTORY [--library FILE]... --program FILE... [--skip WHY]
#
#	--machine   one of machines/*.conf: memory, CPUs, nodes, swap and the scenarios to run
#	--build     where to work: DIRECTORY/kernel caches the kernel, DIRECTORY/<machine> holds
#	            the initramfs and the log of the last run; nothing is written elsewhere
#	--library   put into the guest's library folder; libbuddy.so is what is tested, and
#	            without it the programs run on the C library's malloc
#	--program   put into the guest's /bin
#	--skip      do nothing but say why: the build system knows what it could not build
#
# TWO_NODES_SCENARIOS="spill views" runs these instead of the machine's own list, and
# TWO_NODES_SECONDS (240) bounds the guest's life.
#
# Prints what the guest prints and exits with its verdict: 0 all passed, 1 not, and 77 with a word
# where the emulator, a tool or the kernel cannot be had.
set -eu

here=$(cd "$(dirname "$0")" && pwd)

skip()
{
	echo "skipped: $*"
	exit 77
}

die()
{
	echo "boot.sh: $*" >&2
	exit 1
}

newline='
'
machine=
build=
libraries= # one a line, as paths may hold spaces
programs=  # likewise
while [ $# -gt 0 ]; do
	[ $# -ge 2 ] || die "$1 wants a value"
	case $1 in
	--machine) machine=$2 ;;
	--build) build=$2 ;;
	--library) libraries=$libraries$(realpath "$2")$newline ;;
	--program) programs=$programs$(realpath "$2")$newline ;;
	--skip) skip "$2" ;;
	*) die "unknown argument '$1'" ;;
	esac
	shift 2
done
if [ -z "$machine" ] || [ -z "$build" ] || [ -z "$programs" ]; then
	die "--machine, --build and --program are needed"
fi

# What the machine's file sets.
memory=
cpus=
nodes=
swap=
scenarios=
# shellcheck source=machines/pair.conf
. "$(realpath "$machine")"
scenarios=${TWO_NODES_SCENARIOS:-$scenarios}

[ "$(uname -m)" = x86_64 ] || skip "the emulated machine is an x86_64 one"
PATH=$PATH:/usr/sbin:/sbin
for need in qemu-system-x86_64:qemu-system-x86 busybox:busybox-static cpio:cpio numactl:numactl \
	readelf:binutils; do
	command -v "${need%%:*}" >/dev/null || skip "no ${need%%:*} (package ${need#*:})"
done

mkdir -p "$build"
build=$(realpath "$build")
kernel=$("$here/fetch_kernel.sh" "$build/kernel") || {
	status=$?
	echo "$kernel"
	exit $status
}

work=$build/$(basename "$machine" .conf)
mkdir -p "$work"
exec 8>"$work.lock"
flock -n 8 || die "another run is using $work"
rm -rf "$work"
root=$work/root
mkdir -p "$root/bin" "$root/lib" "$root/scenarios" "$root/proc" "$root/sys" "$root/dev" \
	"$root/tmp"

# The guest's file system: one shell, the programs, and each library they need at the very path
# that the loader here found it at.
cp "$here/guest/init" "$root/init"
chmod +x "$root/init"
for scenario in $scenarios; do
	cp "$here/guest/scenarios/$scenario.sh" "$root/scenarios/"
done
echo "$scenarios" >"$root/scenarios/list"
programs=$programs$(command -v busybox)$newline$(command -v numactl)$newline
printf '%s' "$programs" | while read -r program; do
	cp "$program" "$root/bin/"
done
printf '%s' "$libraries" | while read -r library; do
	# The name that others link it by, and the one of the build, should these differ.
	soname=$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]$/\1/p')
	file=$(basename "$library")
	cp "$library" "$root/lib/$file"
	[ -z "$soname" ] || [ "$soname" = "$file" ] || ln -s "$file" "$root/lib/$soname"
	case $file in
	libbuddy.so*) [ -e "$root/lib/libbuddy.so" ] || ln -s "$file" "$root/lib/libbuddy.so" ;;
	esac
done
printf '%s' "$programs$libraries" | while read -r file; do
	ldd "$file" 2>/dev/null | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p'
done | sort -u | while read -r needed; do
	case $needed in
	*/libbuddy*) continue ;;
	esac
	mkdir -p "$root$(dirname "$needed")"
	cp -L "$needed" "$root$needed"
done
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initrd.gz"
rm -rf "$root"

# The one kind of disk that the kernel has built in; the guest sees /dev/nvme0n1.
disk=
if [ -n "$swap" ]; then
	truncate -s "$swap" "$work/swap"
	cd "$work"
	disk='-drive if=none,id=swap,format=raw,cache=unsafe,file=swap'
	disk="$disk -device nvme,serial=swap,drive=swap"
fi

# Emulation is asked for by name: a /dev/kvm inside a virtual machine may hang the guest.  Page
# migration by access (numa_balancing) is off because it would move pages while they are asked for.
# shellcheck disable=SC2086  # $nodes and $disk are lists of words
set -- -accel tcg -m "$memory" -smp "$cpus" $nodes $disk \
	-kernel "$kernel" -initrd "$work/initrd.gz" \
	-append "console=ttyS0 quiet panic=-1 numa_balancing=disable cgroup_no_v1=all psi=1" \
	-display none -monitor none -serial stdio -no-reboot -nodefaults
{
	printf qemu-system-x86_64
	printf " '%s'" "$@"
	echo
} >"$work/command"

# In the foreground, so that whoever ends this script's process group ends the emulator too.
timeout --foreground "${TWO_NODES_SECONDS:-240}" qemu-system-x86_64 "$@" </dev/null 2>&1 |
	tr -d '\r' | tee "$work/console.log"

verdict=$(sed -n 's/^two_nodes: verdict //p' "$work/console.log" | tail -n 1)
case $verdict in
pass) exit 0 ;;
fail) exit 1 ;;
*) die "the guest gave no verdict: it crashed, hung or ran out of time ($work/console.log)" ;;
esac
