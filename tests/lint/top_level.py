"""top_level.py - the top of the tree holds what it should and nothing else"""
import os

import tree


def main():
    root = tree.arguments().root
    problems = tree.Problems()
    have = {name for name in os.listdir(root) if name[0] != '.' and
            not (name.startswith('build') and os.path.isdir(os.path.join(root, name)))}
    for name in sorted(have - tree.TOP_LEVEL):
        problems.add(name, 'does not belong on top')
    for name in sorted(tree.TOP_LEVEL - have):
        problems.add(name, 'is missing')
    problems.exit(len(have))


main()
