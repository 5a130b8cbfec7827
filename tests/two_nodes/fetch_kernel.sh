#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch_kernel.sh DIRECTORY - print the path of a kernel that the emulator can boot
#
# Takes Debian's newest cloud kernel, which has all that is needed built in, out of its package:
# nothing is installed and only the kernel itself is kept, in DIRECTORY, where the next run finds
# it without the network.  TWO_NODES_KERNEL=FILE names another one.
#
# When no kernel can be had it prints why instead and exits with 77.
set -eu

skip()
{
	echo "skipped: $*"
	exit 77
}

cache=$1
meta=linux-image-cloud-amd64

if [ -n "${TWO_NODES_KERNEL:-}" ]; then
	echo "$TWO_NODES_KERNEL"
	exit 0
fi

mkdir -p "$cache"
cd "$cache"

# Two machines' tests may start at once: the second waits and finds what the first has fetched.
exec 9>lock
flock 9

for kernel in vmlinuz-*; do
	if [ -s "$kernel" ]; then
		echo "$PWD/$kernel"
		exit 0
	fi
done

for tool in apt-get apt-cache dpkg; do
	command -v $tool >/dev/null ||
		skip "no $tool to fetch a kernel with; TWO_NODES_KERNEL=FILE names one"
done
package=$(apt-cache depends $meta 2>/dev/null |
	sed -n 's/^ *Depends: \(linux-image-.*-cloud-amd64\)$/\1/p' | head -n 1)
[ -n "$package" ] || skip "no package $meta (is the package index up to date?)"

rm -rf unpack
mkdir unpack
trap 'rm -rf "$cache/unpack"' EXIT
(cd unpack && apt-get download -qq "$package" && dpkg -x ./*.deb .) >fetch.log 2>&1 ||
	skip "cannot fetch $package: $(tail -n 1 fetch.log)"

# The rename comes last, so that a cached kernel is always a whole one.
mv unpack/boot/vmlinuz-* . 2>>fetch.log || skip "$package holds no kernel"
for kernel in vmlinuz-*; do
	echo "$PWD/$kernel"
done
