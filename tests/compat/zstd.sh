#!/bin/bash
# zstd.sh LIBRARY - zstd with four threads, there and back, and its dictionary trainer
. "$(dirname "$0")/lib.sh"

need zstd zstd

text "$(scaled 150000)" 7 >"$scratch/text"
text=$scratch/text

packing()
{
	# Small jobs keep all threads busy on a small input.
	zstd -q -T4 -B1MiB -5 -c "$text" >packed.zst
	zstd -q -t packed.zst
	zstd -q -dc packed.zst | cmp - "$text"
	zstd -q -T4 -B512KiB -1 --rsyncable -c "$text" | sha256sum
	zstd -q -T2 -13 --long=24 -c "$text" | sha256sum
	head -c 1000000 "$text" | zstd -q -19 -c | sha256sum
	zstd -q --fast=5 -T4 -c "$text" | zstd -q -dc | sha256sum
}

training()
{
	split -l 20 -d -a 4 <(head -n 30000 "$text") sample-
	zstd -q --train -T4 --maxdict=16KB -o dictionary sample-*
	for sample in sample-000*; do
		zstd -q -D dictionary -c "$sample" | zstd -q -D dictionary -dc | cmp - "$sample"
	done
	zstd -q -c -D dictionary sample-* | sha256sum
	rm sample-*
}

assert_loaded zstd zstd -c
alike packing packing
alike training training
