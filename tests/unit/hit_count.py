#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How many instructions malloc and free execute when they hit.

Counts along the straight line from the symbol to its first ret, no taken branch, in the
disassembly of libbuddy.so, and fails if the two together are above the limit.
"""
import re
import shutil
import subprocess
import sys

LIMIT = 30
SKIPPED = 77


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def address_of(objdump, library, symbol):
    for line in output_of(objdump, "-T", library).splitlines():
        fields = line.split()
        if fields and fields[-1] == symbol and ".text" in fields:
            return int(fields[0], 16)
    sys.exit(f"{library} exports no {symbol}")


def hit(objdump, library, symbol):
    """The instructions of `symbol` up to and with its first ret."""
    # By address: a name that has aliases may be shown under another one.
    start = address_of(objdump, library, symbol)
    text = output_of(objdump, "-d", "--no-show-raw-insn", f"--start-address={start}",
                     f"--stop-address={start + 512}", library)
    lines = []
    for line in text.splitlines():
        m = re.match(r"\s*[0-9a-f]+:\s+(.*)", line)
        if not m:
            continue
        lines.append(m.group(1).strip())
        mnemonic = lines[-1].split()[0]
        if mnemonic in ("ret", "retq", "repz"):
            return lines
        if mnemonic in ("call", "callq"):
            sys.exit(f"{symbol} calls on its hit path: {lines[-1]}")
        if mnemonic in ("jmp", "jmpq"):
            sys.exit(f"{symbol} leaves its straight line: {lines[-1]}")
        if lines[-1].startswith("lock ") or mnemonic.startswith("xchg"):
            sys.exit(f"{symbol} has an atomic instruction on its hit path: {lines[-1]}")
    sys.exit(f"no ret found in {symbol}")


def main():
    library = sys.argv[1]
    objdump = shutil.which("objdump")
    if not objdump:
        print("skipped: no objdump")
        return SKIPPED
    counts = {symbol: len(hit(objdump, library, symbol)) for symbol in ("malloc", "free")}
    total = sum(counts.values())
    for symbol, n in counts.items():
        print(f"{symbol}: {n} instructions")
    print(f"together: {total}, at most {LIMIT}")
    return 0 if total <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
