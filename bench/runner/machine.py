"""What the numbers were measured on."""

import os
import platform
from pathlib import Path
from typing import Any


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, IndexError):
        return ""


def _field(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0))


def describe() -> dict[str, Any]:
    """The facts of this machine that change results."""
    return {
        "system": _os_name(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": cores(),
        "memory_kib": int((_field("/proc/meminfo", "MemTotal") or "0").split()[0]),
        "huge_pages": _first_line("/sys/kernel/mm/transparent_hugepage/enabled"),
        "governor": _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "load_at_start": os.getloadavg()[0],
        "libc": " ".join(platform.libc_ver()),
    }


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def same_machine(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two descriptions could be of one machine."""
    keys = ("kernel", "architecture", "processor", "cores", "memory_kib")
    return all(one.get(key) == other.get(key) for key in keys)
