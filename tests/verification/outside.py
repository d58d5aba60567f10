"""What the tests against outside libraries share: the program's answers as arrays.

Their command line is `TEST.py PROGRAM`. A test prints SKIPPED where a library or the program is missing.
"""

import importlib
import json
import pathlib
import subprocess
import sys

PROGRAM = sys.argv.pop(1)


def skip(needed):
    print(f"SKIPPED: needs {needed}")
    sys.exit(0)


def library(name):
    try:
        return importlib.import_module(name)
    except ImportError as missing:
        skip(missing.name)


np = library("numpy")
if not pathlib.Path(PROGRAM).exists():
    skip(PROGRAM)


def formats():
    """The facts of every format, by name."""
    listed = json.loads(subprocess.check_output([PROGRAM, "formats", "--json"]))
    return {row["name"]: row for row in listed["formats"]}


def printed(number, x, *options):
    """What `vernier quantize` prints for a matrix, or for a vector as one row."""
    text = "\n".join(" ".join(map(float.hex, row)) for row in np.atleast_2d(x).astype(np.float64).tolist()) + "\n"
    done = subprocess.run([PROGRAM, "quantize", number, *options], input=text, capture_output=True, text=True)
    assert done.returncode == 0, f"quantize {number}: {done.stderr}"
    return done.stdout


def values(number, x, *options):
    return np.array([float.fromhex(word) for word in printed(number, x, *options).split()], np.float32).reshape(np.shape(x))


def codes(number, x):
    """The codes of raw values on a float format's own grid."""
    return np.array([int(word, 16) for word in printed(number, x, "--scale", "1", "--codes").split()])


def scales(number, x):
    return np.array(json.loads(printed(number, x, "--json"))["scales"], np.float32)


def first_difference(x, got, expected):
    """A sentence on the first element whose bits differ; empty where none do. Every NaN is alike."""
    got, expected = np.asarray(got, np.float32), np.asarray(expected, np.float32)
    same = (got.view(np.int32) == expected.view(np.int32)) | (np.isnan(got) & np.isnan(expected))
    if same.all():
        return ""
    at = tuple(np.argwhere(~same)[0])
    return f"{(~same).sum()} differ; first {float(x[at]).hex()} -> {float(got[at]).hex()}, expected {float(expected[at]).hex()}"
