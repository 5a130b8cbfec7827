"""symbols.py - what leaves the library is the list in symbols.txt, and what the headers declare"""
import re
import subprocess

import tree

DECLARED = re.compile(r'\b(buddy_\w+)\s*\(')


def exported(library):
    """Names in the dynamic symbol table; a version behind an @ would be a surprise too."""
    out = subprocess.run(['nm', '-D', '--defined-only', '-P', library], check=True,
                         capture_output=True, text=True).stdout
    return {line.split()[0] for line in out.splitlines() if line.split()}


def expected(path):
    with open(path, encoding='utf-8') as f:
        return {line.split('#')[0].strip() for line in f} - {''}


def declared(root):
    names = set()
    for path in tree.files(root, 'include/buddy', extensions=('.h',)):
        text = tree.without_comments(tree.read(root, path))
        # Definitions of macros, with the lines they go on in, declare nothing.
        text = re.sub(r'^\s*#.*?(?<!\\)$', '', text, flags=re.M | re.S)
        names |= set(DECLARED.findall(text))
    return names


def main():
    args = tree.arguments(('--library', 'libbuddy.so'), ('--list', 'symbols.txt'))
    problems = tree.Problems()
    have, want, public = exported(args.library), expected(args.list), declared(args.root)
    for name in sorted(have - want):
        problems.add('libbuddy.so', f'exports {name}, which is not in the list')
    for name in sorted(want - have):
        problems.add('libbuddy.so', f'does not export {name}')
    for name in sorted(public - have):
        problems.add('include/buddy', f'{name} is declared and not exported')
    for name in sorted({n for n in have if n.startswith('buddy_')} - public):
        problems.add('libbuddy.so', f'{name} is exported and not declared')
    problems.exit(len(have) if public else 0)


main()
