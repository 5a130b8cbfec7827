#!/bin/bash
# xz.sh LIBRARY - xz with four threads, there and back
. "$(dirname "$0")/lib.sh"

need xz xz-utils

text "$(scaled 70000)" 6 >"$scratch/text"
text=$scratch/text

packing()
{
	# Small blocks keep all threads busy on a small input.
	xz -T4 --block-size=512KiB -c "$text" >packed.xz
	xz -l --robot packed.xz | tail -n 1
	xz -T4 -t packed.xz
	xz -T4 -dc packed.xz | cmp - "$text"
	xz -T4 --block-size=1MiB -0 -C sha256 -c "$text" | sha256sum
	head -c 2000000 "$text" | xz -9e -T1 -c | sha256sum
	head -c 3000000 "$text" | xz --format=lzma -2 | xz --format=lzma -dc | sha256sum
	xz -T2 --delta=dist=4 --lzma2=preset=3,dict=256KiB -c "$text" | xz -dc | sha256sum
}

# Damaged input and a memory limit are refused with the same words and status.
refusing()
{
	xz -c "$text" >damaged.xz
	truncate -s -1000 damaged.xz
	xz -T4 -t damaged.xz || echo "status $?"
	xz -9 -M 8MiB --no-adjust -c "$text" || echo "status $?"
	rm damaged.xz
}

assert_loaded xz xz -c
alike packing packing
alike refusing refusing
