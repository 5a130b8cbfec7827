"""self_test.py - every rule must fail when it is broken

A rule is tried on a copy of the tree with one thing wrong in it, and must name it.  The copy as
it is may already be wrong: what counts is that the breakage is reported and was not before.
"""
import os
import shutil
import subprocess
import sys
import tempfile

import tree

HERE = os.path.dirname(os.path.abspath(__file__))


class Copy:
    """A copy of what the rules read, under a temporary folder."""

    def __init__(self, root, folder):
        self.root = folder
        for name in tree.TOP_LEVEL:
            source = os.path.join(root, name)
            if name in ('src', 'include'):
                shutil.copytree(source, os.path.join(folder, name))
            elif name in ('tests', 'bench'):
                os.mkdir(os.path.join(folder, name))
            elif os.path.exists(source):
                shutil.copy(source, folder)

    def append(self, path, text):
        with open(os.path.join(self.root, path), 'a', encoding='utf-8') as f:
            f.write(text)

    def replace(self, path, old, new):
        text = tree.read(self.root, path)
        if old not in text:
            sys.exit(f'{path}: no "{old}" to break')
        with open(os.path.join(self.root, path), 'w', encoding='utf-8') as f:
            f.write(text.replace(old, new))

    def remove(self, path):
        os.remove(os.path.join(self.root, path))


# rule, how to break it, what must be said
IN_THE_TREE = [
    ('layers', lambda c: c.append('src/mm/pcp.c', '#include "slab/slab.h"\n'),
     'mm lies below slab'),
    ('layers', lambda c: c.append('src/base/list.h', '#include "sync/spinlock.h"\n'),
     'base lies below sync'),
    ('layers', lambda c: c.append('src/slab/barn.c', '#  include <unistd.h>\n'),
     'src/slab/barn.c'),
    ('layers', lambda c: c.append('src/sync/spinlock.c', '#include <sys/mman.h>\n'),
     'sys/mman.h: system headers'),
    ('layers', lambda c: c.append('src/mm/mm.h', '#include <pthread.h>\n'),
     'pthread.h: system headers'),
    ('layers', lambda c: c.append('src/mm/pcp.c', '#include "mm/buddy.c"\n'),
     'includes a source file'),
    ('layers', lambda c: c.append('src/mm/pcp.c', '#include "mmzone.h"\n'),
     'not a path from src'),
    ('layers', lambda c: c.append('src/mm/pcp.c', '#include "buddy/slab.h"\n'),
     'public header'),
    ('layers', lambda c: c.append('src/stray.c', ''), 'in no layer'),
    ('layers', lambda c: c.append('include/buddy/slab.h', '#include "gfp.h"\n'),
     'public headers include by <>'),
    ('headers', lambda c: c.replace('src/mm/mm.h', '#include "mm/mmzone.h"\n', ''),
     'src/mm/mm.h: does not compile alone with gcc'),
    ('headers', lambda c: c.append('src/base/list.h', 'struct no_guard {\n\tint x;\n};\n'),
     'redefinition'),
    ('headers', lambda c: c.append('src/base/math.h',
                                   '#if CONFIG_DEBUG_VM\nstruct undeclared f(nothing);\n#endif\n'),
     'CONFIG_DEBUG_VM=1'),
    ('headers', lambda c: c.append('include/buddy/gfp.h', 'int f(int class);\n'),
     'include/buddy/gfp.h: does not compile alone with g++'),
    ('top_level', lambda c: c.append('NEWS', ''), 'NEWS: does not belong'),
    ('top_level', lambda c: c.append('build-notes', ''), 'build-notes: does not belong'),
    ('top_level', lambda c: c.remove('LICENSE'), 'LICENSE: is missing'),
    ('options', lambda c: c.replace('src/malloc/options.c', '{"stats_at_exit"', '{"stats"'),
     'option stats has no row'),
    ('options', lambda c: c.replace('src/malloc/options.c', '{"stats_at_exit"', '{"stats"'),
     'option stats_at_exit does not exist'),
    ('text', lambda c: c.append('src/mm/pcp.c', 'int x; \n'), 'trailing whitespace'),
    ('text', lambda c: c.append('bench/x.py', '#' * 101 + '\n'), 'bench/x.py:1: 101 columns'),
    ('text', lambda c: c.append('tests/x.c', '\t' * 13 + '\n'), 'tests/x.c:1: 104 columns'),
    ('text', lambda c: c.append('include/x.h', 'int x;'), 'does not end with a newline'),
    ('symbols', lambda c: c.append('include/buddy/buddy.h', 'int buddy_promise(void);\n'),
     'buddy_promise is declared and not exported'),
    ('symbols', lambda c: c.replace('include/buddy/slab.h', 'void buddy_kfree(const void *p);',
                                    '/* buddy_kfree() */'),
     'buddy_kfree is exported and not declared'),
    ('symbols', lambda c: c.append('tests/symbols.txt', 'kmalloc\n'), 'does not export kmalloc'),
    ('symbols', lambda c: c.replace('tests/symbols.txt', '\nfree\n', '\n'),
     'exports free, which is not in the list'),
    ('symbols', lambda c: c.replace('tests/symbols.txt', '\nfree\n', '\n'),
     'libbuddy.a: free is in it, or in the list'),
]

# A library that breaks every rule of binary.py: source, flags, what must be said
IN_THE_LIBRARY = [
    ('__thread char a[65]; char *f(void) { return a; }', [], '65 bytes of TLS'),
    ('int a;', ['-Wl,-soname,libother.so.1'], "soname is ['libother.so.1']"),
    ('int a;', [], 'not linked with -z nodelete'),
    ('double cos(double); double f(double x) { return cos(x); }', ['-Wl,--no-as-needed', '-lm'],
     'needs libm'),
    ('__asm__(".skip 70000\\n.section .text.rare, \\"ax\\"\\n.skip 1");',
     ['-Wl,--unique=.text.rare'], 'beyond the first 65536'),
    ('void elsewhere(void); void f(void) { elsewhere(); }', [], 'cannot do without elsewhere'),
    (' '.join(f'void n{i}(void); void f{i}(void) {{ n{i}(); }}' for i in range(51)), [],
     'names to look up'),
    ('int a;', ['-nostdlib'], 'seems to need no names'),
]


def run(rule, root, library, archive, symbols):
    command = [sys.executable, os.path.join(HERE, rule + '.py'), '--root', root]
    if rule in ('symbols', 'binary'):
        command += ['--library', library]
    if rule == 'symbols':
        command += ['--archive', archive, '--list', symbols]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run_on_copy(rule, breakage, args):
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(args.root, folder)
        symbols = os.path.join(folder, 'tests/symbols.txt')
        shutil.copy(os.path.join(HERE, 'symbols.txt'), symbols)
        breakage(copy)
        return run(rule, folder, args.library, args.archive, symbols)


def try_library(source, flags, said):
    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(folder, 'broken.so')
        code = os.path.join(folder, 'broken.c')
        with open(code, 'w', encoding='utf-8') as f:
            f.write(source)
        subprocess.run(['gcc', '-shared', '-fPIC', '-ftls-model=initial-exec', '-o', library, code,
                        *flags], check=True)
        after = run('binary', folder, library, None, None)
        return said in after.stdout and after.returncode == 1


def main():
    args = tree.arguments(('--library', 'libbuddy.so'), ('--archive', 'libbuddy.a'))
    problems = tree.Problems()
    before = {rule: run_on_copy(rule, lambda copy: None, args).stdout
              for rule in {row[0] for row in IN_THE_TREE}}
    for rule, breakage, said in IN_THE_TREE:
        after = run_on_copy(rule, breakage, args)
        if said in before[rule] or said not in after.stdout or after.returncode != 1:
            problems.add(rule + '.py', f'did not say "{said}" when broken')
    for source, flags, said in IN_THE_LIBRARY:
        if not try_library(source, flags, said):
            problems.add('binary.py', f'did not say "{said}" when broken')
    problems.exit(len(IN_THE_TREE) + len(IN_THE_LIBRARY))


main()
