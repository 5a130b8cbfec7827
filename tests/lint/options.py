"""options.py - the table of options in README.md is the table of options in the code"""
import re

import tree


def section(text, title):
    """The part of a page under a heading, up to the next of the same kind."""
    m = re.search(rf'^## {title}\n(.*?)(?=^## |\Z)', text, re.M | re.S)
    return m[1] if m else ''


def main():
    root = tree.arguments().root
    problems = tree.Problems()
    code = tree.without_comments(tree.read(root, 'src/malloc/options.c'))
    known = set(re.findall(r'\{\s*"(\w+)",\s*OPT_', code))
    told = set(re.findall(r'^\| `(\w+)` \|', section(tree.read(root, 'README.md'), 'Options'),
                          re.M))
    for name in sorted(known - told):
        problems.add('README.md', f'option {name} has no row under Options')
    for name in sorted(told - known):
        problems.add('README.md', f'option {name} does not exist')
    problems.exit(len(known))


main()
