"""options.py - BUDDY_OPTIONS that make no sense are reported once each, and change nothing

    options.py LIBRARY HONEST_PROGRAM

A line begins with "libbuddy: option" and names what it is about; the program runs on.
"""
import os
import subprocess
import sys

BEGINNING = 'libbuddy: option'

# Options, then for each line wanted words that it contains.
CASES = (
    (None, ()),
    ('', ()),
    ('abort_on_error=off', ()),
    ('abort_on_error=on,hugepages=never', ()),
    ('nonsense=1', ('nonsense=1": no such option',)),
    ('nonsense', ('nonsense": no such option',)),
    ('hugepages=perhaps', ('hugepages',)),
    ('hugepages', ('hugepages": bad value',)),
    ('hugepages=', ('hugepages',)),
    ('abort_on_error=2', ('abort_on_error',)),
    ('abort_on_error=off,nonsense=1,hugepages=never', ('nonsense',)),
    ('nonsense=1,hugepages=perhaps,=,,x', ('nonsense', 'hugepages', '=', 'x')),
    ('ABORT_ON_ERROR=off', ('ABORT_ON_ERROR',)),
    ('abort_on_error=off=on', ('abort_on_error',)),
    ('reporting_delay_ms=99999999999999999999999999', ('reporting_delay_ms',)),
    ('reporting_delay_ms=-1', ('reporting_delay_ms',)),
    ('reporting_delay_ms=18446744073709551616', ('reporting_delay_ms',)),
    ('reporting_delay_ms=1x', ('reporting_delay_ms',)),
    ('n=' + 'o' * 100000, ('n=',)),
    ('o' * 100000, ('ooo',)),
    ('%s%n%s=%n', ('%s%n%s',)),
    ('two\nlines=1', ('two?lines',)),
    ('caf\u00e9=1', ('caf',)),
)


def run(library, program, options):
    environment = {k: v for k, v in os.environ.items() if k != 'BUDDY_OPTIONS'}
    environment['LD_PRELOAD'] = library
    if options is not None:
        environment['BUDDY_OPTIONS'] = options
    return subprocess.run([program], env=environment, timeout=100, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def faults(done, words):
    found = []
    lines = done.stderr.decode('utf-8', 'replace').splitlines()
    if done.returncode != 0 or b'lived on\n' not in done.stdout:
        found.append(f'the program ended with {done.returncode} and did not live on')
    # An empty item, as between two commas, may be passed over or reported.
    lines = [line for line in lines if not line.startswith(BEGINNING + ' ""')]
    if len(lines) != len(words):
        found.append(f'{len(lines)} lines on stderr, want {len(words)}')
    for line, word in zip(lines, words):
        if not line.startswith(BEGINNING):
            found.append(f'not about an option: {line[:200]!r}')
        elif word not in line[len(BEGINNING):]:
            found.append(f'does not name {word!r}: {line[:200]!r}')
        elif len(line) > 500:
            found.append(f'a line of {len(line)} characters')
    return found


def main():
    library, program = sys.argv[1:]
    failed = False
    for options, words in CASES:
        found = faults(run(library, program, options), words)
        shown = 'unset' if options is None else repr(options[:60])
        print(f'{shown}: {"; ".join(found) or "ok"}')
        failed |= bool(found)
    sys.exit(failed)


main()
