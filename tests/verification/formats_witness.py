"""Compares `vernier formats` and `vernier quantize` with ml_dtypes: every finite value, and the codes of many numbers.

Usage: formats_witness.py PROGRAM. Prints SKIPPED where ml_dtypes is not installed or the program is not built.
"""

import json
import pathlib
import subprocess
import sys

program = sys.argv[1]
try:
    import ml_dtypes
    import numpy as np
except ImportError as missing:
    print(f"SKIPPED: needs {missing.name}")
    sys.exit(0)
if not pathlib.Path(program).exists():
    print(f"SKIPPED: needs {program}")
    sys.exit(0)

WITNESSES = {
    "e4m3": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
    "e3m4": ml_dtypes.float8_e3m4,
    "e3m2": ml_dtypes.float6_e3m2fn,
    "e2m3": ml_dtypes.float6_e2m3fn,
    "e2m1": ml_dtypes.float4_e2m1fn,
    "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16,
}


def all_values(dtype, bits):
    codes = np.arange(2**bits, dtype=np.uint16 if bits > 8 else np.uint8)
    with np.errstate(invalid="ignore"):  # signalling NaNs among the codes
        return codes, codes.view(dtype).astype(np.float64)


def inputs(dtype, bits):
    """Every value in range, every tie, and points beside them, as fp32."""
    values = np.unique(all_values(dtype, bits)[1])
    values = values[np.isfinite(values)]
    ties = (values[1:] + values[:-1]) / 2
    middle = np.concatenate([values, ties]).astype(np.float32)
    beside = np.concatenate([np.nextafter(middle, np.float32(np.inf)), np.nextafter(middle, np.float32(-np.inf))])
    beside = beside[np.abs(beside) <= values.max()]
    return np.concatenate([middle, beside])


def codes_of(name, x):
    text = "\n".join(float(v).hex() for v in x) + "\n"
    done = subprocess.run([program, "quantize", name, "--scale", "1", "--codes"], input=text, capture_output=True, text=True, check=True)
    return np.array([int(line, 16) for line in done.stdout.split()])


problems = []
facts = {row["name"]: row for row in json.loads(subprocess.check_output([program, "formats", "--json"]))["formats"]}
for name, dtype in WITNESSES.items():
    row = facts[name]
    info = ml_dtypes.finfo(dtype)
    _, values = all_values(dtype, row["bits"])
    finite = np.unique(values[np.isfinite(values)])
    found = {
        "max": float(info.max) == row["max"],
        "min_normal": float(info.smallest_normal) == row["min_normal"],
        "min_subnormal": float(info.smallest_subnormal) == row["min_subnormal"],
        "has_inf": bool(np.isinf(values).any()) == row["has_inf"],
        "has_nan": bool(np.isnan(values).any()) == row["has_nan"],
        "values": row["values"] is None or np.array_equal(finite, np.array(row["values"])),
    }
    problems += [f"{name}: {key} differs" for key, same in found.items() if not same]
    x = inputs(dtype, row["bits"])
    expected = x.astype(dtype).view(np.uint16 if row["bits"] > 8 else np.uint8)
    wrong = np.flatnonzero(codes_of(name, x) != expected)
    problems += [f"{name}: {len(wrong)} codes differ, first at {x[wrong[0]]!r}"] if len(wrong) else []

print("\n".join(problems) or f"{len(WITNESSES)} formats agree with ml_dtypes {ml_dtypes.__version__}")
sys.exit(bool(problems))
