"""What the golden scripts share: trees of arrays to JSON with compact, exact numbers.

Made with Python 3.11, numpy 2.4.6.

A float is written with the fewest digits that give the same float64 back (a float32 is widened to
float64 first, so it comes back exactly), a whole number without its ".0". JSON has no NaN and no
infinities: they are the strings "NaN", "Infinity" and "-Infinity", which Number() reads.
"""

import importlib.metadata
import json
import math
import pathlib
import platform

import numpy as np


def plain(value):
    """Nested dicts and lists of numbers, booleans and strings, from anything array-like."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return number(value)
    return plain(np.asarray(value).tolist())


def number(value):
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    negative_zero = value == 0 and math.copysign(1, value) < 0
    return int(value) if value.is_integer() and abs(value) < 1e15 and not negative_zero else value


def write(script, name, content, packages):
    """Writes the file NAME beside the script: a line per top-level key, and per case of a list."""
    script = pathlib.Path(script)
    versions = {"python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in packages}
    compact = lambda value: json.dumps(value, separators=(",", ":"), allow_nan=False)
    lines = []
    for key, value in plain({"script": script.name, "versions": versions} | content).items():
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            text = "[\n" + ",\n".join(compact(item) for item in value) + "\n]"
        else:
            text = compact(value)
        lines.append(f"{compact(key)}:{text}")
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (script.parent / name).write_text(text)
    print(f"{name}: {len(text)} bytes")
