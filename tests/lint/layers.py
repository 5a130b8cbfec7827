"""layers.py - a folder of src includes itself and folders below it, and the system is platform's

The order of LAYERS is the order of the layers.  Public headers are the face of malloc and
observe; below them only the flags have a use.
"""
import re

import tree

# What freestanding C has, and two headers that are declarations only.
ANYWHERE = {'assert.h', 'limits.h', 'stdalign.h', 'stdarg.h', 'stdbool.h', 'stddef.h', 'stdint.h',
            'errno.h', 'string.h'}
# The C and C++ library's own interfaces, which these layers implement.
C_LIBRARY = {'cstddef', 'malloc.h', 'new', 'stdio.h', 'stdlib.h'}
IMPLEMENTS_C_LIBRARY = ('malloc', 'observe')
PUBLIC = {'mm': ('buddy/gfp.h',), 'slab': ('buddy/gfp.h',), 'malloc': ('buddy/',),
          'observe': ('buddy/',)}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def why_not(layer, quote, name):
    """What is wrong with this include in that layer, or None."""
    first = name.split('/')[0]
    if name.endswith(('.c', '.cc', '.S')):
        return 'includes a source file'
    if first == 'buddy':
        return None if name.startswith(PUBLIC.get(layer, ('-',))) else 'public header'
    if quote == '"':
        if first not in tree.LAYERS or '/' not in name or '..' in name:
            return 'not a path from src'
        if tree.LAYERS.index(first) > tree.LAYERS.index(layer):
            return f'{layer} lies below {first}'
        return None
    if layer == 'platform' or name in ANYWHERE:
        return None
    if layer in IMPLEMENTS_C_LIBRARY and name in C_LIBRARY:
        return None
    return 'system headers are for platform'


def main():
    root = tree.arguments().root
    problems = tree.Problems()
    sources = tree.files(root, 'src', extensions=tree.C_SOURCES)
    for path in sources:
        layer = path.split('/')[1]
        if layer not in tree.LAYERS:
            problems.add(path, 'in no layer')
            continue
        text = tree.without_comments(tree.read(root, path))
        for m in INCLUDE.finditer(text):
            wrong = why_not(layer, m[1], m[2])
            if wrong:
                problems.add(f'{path}:{text.count(chr(10), 0, m.start(2)) + 1}',
                             f'include of {m[2]}: {wrong}')
    for path in tree.files(root, 'include', 'tests', 'bench', extensions=tree.C_SOURCES):
        for m in INCLUDE.finditer(tree.without_comments(tree.read(root, path))):
            if m[2].endswith(('.c', '.cc')):
                problems.add(path, f'includes a source file, {m[2]}')
            if path.startswith('include/') and m[1] == '"':
                problems.add(path, f'public headers include by <>, not "{m[2]}"')
    problems.exit(len(sources))


main()
