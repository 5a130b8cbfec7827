"""Programs in process groups of their own, which end with all that they started."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Sequence


def end_group(process: subprocess.Popen) -> None:
    """End a program that was started in a session of its own, and whatever it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run(command: Sequence[str | Path], timeout: float, data: bytes | None = None,
        **options) -> subprocess.CompletedProcess:
    """subprocess.run() of a program with its output, whose whole group ends with it."""
    options |= {"stdin": subprocess.PIPE} if data is not None else {}
    outputs = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, start_new_session=True, **outputs | options) as process:
        try:
            out, err = process.communicate(data, timeout)
        except BaseException:
            end_group(process)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def run_tool(*command: str, **options) -> tuple[int, str]:
    """Run a tool that ends its own children when asked to; its exit status and what it said."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options) as process:
        try:
            said, _ = process.communicate()
        except BaseException:
            process.terminate()
            process.communicate()
            raise
    return process.returncode, said
