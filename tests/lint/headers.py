"""headers.py - every header compiles alone and twice, public ones as C++ too"""
import os
import shutil
import subprocess
import sys
import tempfile

import tree

STRICT = ['-Wall', '-Wextra', '-Werror', '-Wundef', '-fsyntax-only']


def compile_alone(command, folder, header, extension):
    """Return: what the compiler says, empty if all is well."""
    stub = os.path.join(folder, 'stub' + extension)
    with open(stub, 'w', encoding='utf-8') as f:
        # The second time finds a missing guard; a file without a declaration is not C.
        f.write(f'#include <{header}>\n#include <{header}>\nint stub;\n')
    done = subprocess.run(command + [stub], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ''


def commands(root, public):
    """The ways to compile a header: (description, command, extension of the stub)."""
    include = ['-I' + os.path.join(root, 'include')]
    if not public:
        include.append('-I' + os.path.join(root, 'src'))
    for compiler in filter(shutil.which, ('gcc', 'clang')):
        for debug in () if public else ('0', '1'):
            yield (f'{compiler}, CONFIG_DEBUG_VM={debug}',
                   [compiler, '-std=c17', f'-DCONFIG_DEBUG_VM={debug}'] + STRICT + include, '.c')
        if public:
            # As a program would: nothing defined, nothing of src in reach.
            yield compiler, [compiler, '-std=c17', '-pedantic'] + STRICT + include, '.c'
    for compiler in filter(shutil.which, ('g++', 'clang++')):
        if public:
            yield compiler, [compiler, '-std=c++17'] + STRICT + include, '.cc'


def main():
    root = tree.arguments().root
    problems = tree.Problems()
    looked_at = 0
    for name in ('gcc', 'clang', 'g++', 'clang++'):
        if not shutil.which(name):
            print(f'without {name}, which is not installed')
    if not shutil.which('gcc') and not shutil.which('clang'):
        sys.exit(tree.SKIP)
    with tempfile.TemporaryDirectory() as folder:
        for path in tree.files(root, 'include', 'src', extensions=('.h',)):
            top, header = path.split('/', 1)
            looked_at += 1
            for how, command, extension in commands(root, top == 'include'):
                said = compile_alone(command, folder, header, extension)
                if said:
                    problems.add(path, f'does not compile alone with {how}\n{said}')
    problems.exit(looked_at)


main()
