"""needed.py - libbuddy loads no library but the C library, and leans on no symbol of another

    needed.py LIBRARY
"""
import re
import shutil
import subprocess
import sys

SKIPPED = 77
ALLOWED = re.compile(r'libc\.so\.6|ld-linux[-\w]*\.so\.\d+')


def readelf(option, library):
    return subprocess.run(['readelf', '--wide', option, library], check=True,
                          stdout=subprocess.PIPE, encoding='utf-8').stdout


def needed(library):
    return re.findall(r'\(NEEDED\).*\[(.*)\]', readelf('--dynamic', library))


def strangers(library):
    """Symbols wanted of elsewhere: not weak, and not a version of the C library."""
    found = []
    for line in readelf('--dyn-syms', library).splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[4] == 'GLOBAL' and fields[6] == 'UND' \
                and '@GLIBC_' not in fields[7]:
            found.append(fields[7])
    return found


def main():
    library = sys.argv[1]
    if not shutil.which('readelf'):
        print('skipped: no readelf (package binutils)')
        sys.exit(SKIPPED)
    libraries = needed(library)
    print('NEEDED:', ' '.join(libraries) or 'none')
    faults = [f'needs {name}' for name in libraries if not ALLOWED.fullmatch(name)]
    faults += [f'needs the symbol {name}' for name in strangers(library)]
    if 'libc.so.6' not in libraries:
        faults.append('does not name libc.so.6: is this the library?')
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


main()
