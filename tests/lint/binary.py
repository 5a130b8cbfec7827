"""binary.py - what the library asks of the loader and of every process

Nothing but the C library is loaded with it; its static TLS fits into what the loader keeps for
libraries opened late; it stays once it is there, since threads end in it; whatever it takes
from the C++ library it can do without; the loader has few names to look up for it; and what
every program runs lies in the first 64 KiB, which the system maps at once.
"""
import re
import subprocess

import tree

ALLOWED = re.compile(r'libc\.so\.6|ld-linux-[\w-]+\.so\.\d+|ld-linux\.so\.\d+')
SONAME = 'libbuddy.so.0'
TLS_MAX = 64
WINDOW = 64 * 1024
LOOKUPS_MAX = 50  # 600 instructions each, of 130,000 that a program has which does nothing


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check_dynamic(problems, text):
    needed = re.findall(r'\(NEEDED\).*\[(.*)\]', text)
    soname = re.findall(r'\(SONAME\).*\[(.*)\]', text)
    flags = ' '.join(re.findall(r'\(FLAGS(?:_1)?\)(.*)', text))
    for name in needed:
        if not ALLOWED.fullmatch(name):
            problems.add('libbuddy.so', f'needs {name}')
    if soname != [SONAME]:
        problems.add('libbuddy.so', f'soname is {soname}, not {SONAME}')
    if 'NODELETE' not in flags:
        problems.add('libbuddy.so', 'is not linked with -z nodelete')
    if '(TEXTREL)' in text:
        problems.add('libbuddy.so', 'has relocations in its code')


def check_tls(problems, text):
    for line in text.splitlines():
        fields = line.split()
        # Type Offset VirtAddr PhysAddr FileSiz MemSiz
        if fields[:1] == ['TLS'] and int(fields[5], 16) > TLS_MAX:
            problems.add('libbuddy.so', f'has {int(fields[5], 16)} bytes of TLS, not {TLS_MAX}')


def check_undefined(problems, text):
    for line in text.splitlines():
        name, kind = line.split()[:2]
        if kind == 'U' and '@GLIBC_' not in name and '@LD_' not in name:
            problems.add('libbuddy.so', f'cannot do without {name}')


def check_lookups(problems, text):
    names = set(re.findall(r'_(?:GLOB_DAT|JUMP_SLOT?)\s+\w+\s+(\w+)', text))
    if not names:
        problems.add('libbuddy.so', 'seems to need no names: has readelf changed?')
    if len(names) > LOOKUPS_MAX:
        problems.add('libbuddy.so', f'{len(names)} names to look up, not {LOOKUPS_MAX}: '
                     + ' '.join(sorted(names)))


def check_layout(problems, text):
    """What src/libbuddy.lds puts apart; a linker that ignores it makes no .text.rare."""
    ends = {}
    for name, address, size in re.findall(
            r'\] (\.text\S*)\s+PROGBITS\s+(\w+) \w+ (\w+)', text):
        ends[name] = int(address, 16) + int(size, 16)
    if '.text.rare' in ends and ends['.text'] > WINDOW:
        problems.add('libbuddy.so', f'.text ends at {ends[".text"]}, beyond the first {WINDOW}')


def main():
    library = tree.arguments(('--library', 'libbuddy.so')).library
    problems = tree.Problems()
    dynamic = run('readelf', '-dW', library)
    check_dynamic(problems, dynamic)
    check_tls(problems, run('readelf', '-lW', library))
    check_layout(problems, run('readelf', '-SW', library))
    check_lookups(problems, run('readelf', '-rW', library))
    check_undefined(problems, run('nm', '-D', '--undefined-only', '-P', library))
    problems.exit(len(dynamic.splitlines()))


main()
