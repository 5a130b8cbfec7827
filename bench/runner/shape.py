"""Whether a value read from JSON has the parts that the runner goes by.

A shape is a type, a list with the shape of its items, or a dictionary with the shapes of the keys
that must be there, or with that of all values under `str`.
"""

from typing import Any

NUMBER = (int, float)
_NUMBERS_END = 1e300  # beyond are infinity, and whole numbers that are no float
_NAMES = {int: "a whole number", NUMBER: "a number", str: "a text", bool: "true or false"}


def fault(value: Any, shape: Any, where: str = "") -> str:
    """What does not fit, the first that is found; nothing if all does."""
    if isinstance(shape, list):
        return _fault_in_list(value, shape[0], where)
    if isinstance(shape, dict):
        return _fault_in_map(value, shape, where)
    fits = isinstance(value, shape) and (shape != NUMBER or abs(value) < _NUMBERS_END)
    return "" if fits else f"{where} is not {_NAMES[shape]}"


def _fault_in_list(value: Any, shape: Any, where: str) -> str:
    if not isinstance(value, list):
        return f"{where} is not a list"
    faults = (fault(item, shape, f"{where}[{n}]") for n, item in enumerate(value))
    return next(filter(None, faults), "")


def _fault_in_map(value: Any, shape: dict, where: str) -> str:
    if not isinstance(value, dict):
        return f"{where} is not a map"
    if str in shape:
        faults = (fault(item, shape[str], f"{where}.{key}") for key, item in value.items())
        return next(filter(None, faults), "")
    for key in shape:
        if key not in value:
            return f"{where or 'the file'} has no '{key}'"
    faults = (fault(value[key], part, f"{where}.{key}".lstrip("."))
              for key, part in shape.items())
    return next(filter(None, faults), "")
