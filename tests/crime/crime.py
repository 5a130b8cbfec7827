"""crime.py - runs one misuse of malloc under libbuddy and judges how it ended

    crime.py LIBRARY PROGRAM [OPTIONS]

The program says on stdout what must be reported ("expect CALLS ADDRESS").  By default it must
die by SIGABRT with one line on stderr,

    libbuddy: CALL(ADDRESS): what is wrong with it

and under abort_on_error=off the same line must come while the program lives on and exits 0.
Small objects are checked late, when a thread's cache is emptied or at the end of the process,
so that the program may have said more on stdout before it dies.
"""
import os
import re
import resource
import signal
import subprocess
import sys

SKIPPED = 77
REPORT = re.compile(r'libbuddy: (\w+)\((0x[0-9a-f]+)(?:, [^)]*)?\): \S.*')


def no_core_file():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(library, program, options=None):
    environment = {k: v for k, v in os.environ.items() if k != 'BUDDY_OPTIONS'}
    environment['LD_PRELOAD'] = library
    if options is not None:
        environment['BUDDY_OPTIONS'] = options
    return subprocess.run([program], env=environment, preexec_fn=no_core_file, timeout=100,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, encoding='utf-8', errors='replace', check=False)


def ending(code):
    return f'signal {signal.Signals(-code).name}' if code < 0 else f'exit status {code}'


def expected(stdout):
    """The program's own word for the report: names of calls, and the address."""
    match = re.search(r'^expect (\S+) (0x[0-9a-f]+)$', stdout, re.M)
    return (match[1].split('|'), int(match[2], 16)) if match else (None, None)


def report_faults(done):
    """What is wrong with stderr, which should hold the one report."""
    calls, address = expected(done.stdout)
    lines = done.stderr.splitlines()
    if calls is None:
        return ['the program did not say what to expect']
    faults = []
    if len(lines) != 1:
        faults.append(f'{len(lines)} lines on stderr, want 1')
    for line in lines:
        match = REPORT.fullmatch(line)
        if not match:
            faults.append(f'not a report: {line!r}')
        elif match[1] not in calls:
            faults.append(f'names {match[1]}, want {" or ".join(calls)}: {line!r}')
        elif int(match[2], 16) != address:
            faults.append(f'names {match[2]}, want {address:#x}: {line!r}')
    return faults


def judge(done, dies):
    faults = report_faults(done)
    if dies and done.returncode != -signal.SIGABRT:
        faults.append(f'ended with {ending(done.returncode)}, want SIGABRT')
    if not dies and done.returncode != 0:
        faults.append(f'ended with {ending(done.returncode)}, want exit status 0')
    if not dies and 'lived on\n' not in done.stdout:
        faults.append('did not live on: ' + repr(done.stdout))
    return faults


def main():
    library, program, *more = sys.argv[1:]
    failed = False
    for options, dies in ((more, True), (['abort_on_error=off', *more], False)):
        options = ','.join(options) or None
        done = run(library, program, options)
        if done.returncode == SKIPPED:
            print('skipped:', done.stdout.strip())
            sys.exit(SKIPPED)
        faults = judge(done, dies)
        print(f'{options or "default"}: {"; ".join(faults) or done.stderr.strip()}')
        failed |= bool(faults)
    sys.exit(failed)


main()
