"""symbols.py - what leaves the libraries is in symbols.txt, and what the headers declare"""
import re
import subprocess

import tree

SHARED_ONLY = {'dlopen'}
DECLARED = re.compile(r'\b(buddy_\w+)\s*\(')


def names(*nm):
    out = subprocess.run(['nm', '--defined-only', '-P', *nm], check=True, capture_output=True,
                         text=True).stdout
    # A line with one word names a member of an archive.
    return {line.split()[0] for line in out.splitlines() if len(line.split()) > 1}


def exported(library):
    """Names in the dynamic symbol table; a version behind an @ would be a surprise too."""
    return names('-D', library)


def linkable(archive):
    """Names that a program linked with the archive shares with it."""
    return names('-g', archive)


def expected(path):
    with open(path, encoding='utf-8') as f:
        return {line.split('#')[0].strip() for line in f} - {''}


def declared(root):
    found = set()
    for path in tree.files(root, 'include/buddy', extensions=('.h',)):
        text = tree.without_comments(tree.read(root, path))
        # Definitions of macros, with the lines they go on in, declare nothing.
        text = re.sub(r'^\s*#.*?(?<!\\)$', '', text, flags=re.M | re.S)
        found |= set(DECLARED.findall(text))
    return found


def main():
    args = tree.arguments(('--library', 'libbuddy.so'), ('--archive', 'libbuddy.a'),
                          ('--list', 'symbols.txt'))
    problems = tree.Problems()
    have, want, public = exported(args.library), expected(args.list), declared(args.root)
    for name in sorted(have - want):
        problems.add('libbuddy.so', f'exports {name}, which is not in the list')
    for name in sorted(want - have):
        problems.add('libbuddy.so', f'does not export {name}')
    for name in sorted(linkable(args.archive) ^ (want - SHARED_ONLY)):
        problems.add('libbuddy.a', f'{name} is in it, or in the list, but not in both')
    for name in sorted(public - have):
        problems.add('include/buddy', f'{name} is declared and not exported')
    for name in sorted({n for n in have if n.startswith('buddy_')} - public):
        problems.add('libbuddy.so', f'{name} is exported and not declared')
    problems.exit(len(have) if public else 0)


main()
