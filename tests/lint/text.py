"""text.py - lines end where they end, and not beyond column 100

A table in prose cannot be broken, so the pages (.md) are free in their width, and so are the
style sheet and the scripts that real programs are given to run.
"""
import os

import tree

COLUMNS = 100
FREE_WIDTH = ('.md', '.css', '.js', '.pl')
TAB = 8


def check_line(problems, path, number, line):
    where = f'{path}:{number}'
    if line != line.rstrip():
        problems.add(where, 'trailing whitespace')
    width = len(line.expandtabs(TAB))
    if width > COLUMNS and not path.endswith(FREE_WIDTH):
        problems.add(where, f'{width} columns')


def main():
    root = tree.arguments().root
    problems = tree.Problems()
    paths = tree.files(root, 'src', 'include', 'tests', 'bench')
    for path in paths:
        with open(os.path.join(root, path), 'rb') as f:
            data = f.read()
        if b'\0' in data:
            continue
        if data and not data.endswith(b'\n'):
            problems.add(path, 'does not end with a newline')
        for number, line in enumerate(data.decode('utf-8').split('\n'), 1):
            check_line(problems, path, number, line)
    problems.exit(len(paths))


main()
