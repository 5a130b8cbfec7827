"""tree.py - the files of the repository, and how a rule says what breaks it"""
import argparse
import os
import re
import sys

LAYERS = ('base', 'platform', 'sync', 'mm', 'slab', 'malloc', 'observe')
C_SOURCES = ('.c', '.h', '.S', '.cc')
TOP_LEVEL = {'src', 'include', 'tests', 'bench', 'meson.build', 'meson_options.txt', 'LICENSE',
             'README.md'}
SKIP = 77


class Problems:
    """What a rule found; every line names the file, so that an editor can jump there."""

    def __init__(self):
        self.lines = []

    def add(self, where, what):
        self.lines.append(f'{where}: {what}')

    def exit(self, looked_at):
        """A rule that looked at nothing has checked nothing."""
        if not looked_at:
            self.add('lint', 'nothing found to look at')
        for line in self.lines:
            print(line)
        print(f'{looked_at} looked at, {len(self.lines)} problems')
        sys.exit(1 if self.lines else 0)


def arguments(*more):
    """--root, and what the rule needs besides."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--root', required=True, help='top of the source tree')
    for name, text in more:
        parser.add_argument(name, required=True, help=text)
    return parser.parse_args()


def files(root, *folders, extensions=None):
    """Paths relative to root, sorted, without what builds and interpreters leave behind."""
    found = []
    for folder in folders:
        for path, subfolders, names in os.walk(os.path.join(root, folder)):
            subfolders[:] = [d for d in subfolders if d[0] != '.' and d != '__pycache__']
            found += [os.path.relpath(os.path.join(path, name), root) for name in names
                      if name[0] != '.' and (not extensions or name.endswith(extensions))]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as f:
        return f.read()


def without_comments(text):
    """C without comments, line numbers kept."""
    return re.sub(r'/\*.*?\*/|//[^\n]*', lambda m: '\n' * m[0].count('\n'), text, flags=re.S)
