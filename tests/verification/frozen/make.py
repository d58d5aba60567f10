"""Writes the frozen vectors beside this file, or with --check says whether they are what it would write.

Rounded values and codes come from ml_dtypes and numpy, MX blocks from gfloat, the other scales from ../recomputed.py;
nothing comes from vernier. Floats are C hex floats. A case is

    quantize NUMBER OPTIONS        the command
    < ...                          a row of its input
    > ...                          a row of what it prints
    = ...                          its scales, where the data decide them
"""

import hashlib
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))
try:
    import gfloat.block
    import gfloat.formats
    import ml_dtypes
    import numpy as np
except ImportError as missing:
    print(f"SKIPPED: needs {missing.name}")
    sys.exit(0)
import recomputed
from recomputed import GRIDS

SMALL = {"e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2, "e3m4": ml_dtypes.float8_e3m4, "e3m2": ml_dtypes.float6_e3m2fn,
         "e2m3": ml_dtypes.float6_e2m3fn, "e2m1": ml_dtypes.float4_e2m1fn}
MX = {"e2m1": gfloat.formats.format_info_mxfp4_e2m1, "e3m2": gfloat.formats.format_info_mxfp6_e3m2,
      "e2m3": gfloat.formats.format_info_mxfp6_e2m3, "e4m3": gfloat.formats.format_info_mxfp8_e4m3,
      "e5m2": gfloat.formats.format_info_mxfp8_e5m2}
MODES = {"e8m0": "floor", "e8m0-ceil": "ceil", "e8m0-even": "even", "e8m0-rceil": "rceil"}
FRACTION_BITS = {"e2m1": 1, "e4m3": 3}
F32 = np.float32


def hex_float(value):
    return re.sub(r"\.?0*p", "p", float(value).hex())


def lines(mark, rows):
    return [f"{mark} {' '.join(word if isinstance(word, str) else hex_float(word) for word in row)}" for row in np.atleast_2d(rows).tolist()]


def case(command, x, printed, scales=None):
    return [f"quantize {command}", *lines("<", x), *lines(">", printed), *([] if scales is None else lines("=", [np.ravel(scales)])), ""]


def cast(x, dtype):
    """x as ml_dtypes rounds it, where x lies within the format; beyond, the largest, but an infinity where there is one."""
    largest, infinity = ml_dtypes.finfo(dtype).max, F32(np.inf)
    with np.errstate(invalid="ignore", over="ignore"):
        has_infinity = np.isinf(infinity.astype(dtype).astype(F32))
        bounded = np.where(np.isinf(x) & has_infinity, x, np.clip(x, -F32(largest), F32(largest)))
        return bounded.astype(dtype)


def code_words(rounded):
    digits = -(-ml_dtypes.finfo(rounded.dtype).bits // 4)
    return [f"0x{code:0{digits}x}" for code in rounded.view(np.uint16 if rounded.itemsize == 2 else np.uint8).tolist()]


def casts():
    for name, dtype in {**SMALL, "bf16": ml_dtypes.bfloat16, "fp16": np.float16}.items():
        bits = ml_dtypes.finfo(dtype).bits
        with np.errstate(invalid="ignore"):
            every = np.arange(2**bits, dtype=np.uint16 if bits > 8 else np.uint8).view(dtype).astype(np.float64)
        grid = np.unique(every[np.isfinite(every)])
        if bits > 8:  # both ends, both sides of the smallest normal value, and a few between
            middle = len(grid) // 2
            normal = int(np.searchsorted(grid, float(ml_dtypes.finfo(dtype).smallest_normal)))
            grid = np.concatenate([grid[part:part + 6] for part in (0, middle - 3, normal - 3, middle + 5000, len(grid) - 6)])
            x = np.unique(np.concatenate([recomputed.deciding_inputs(grid[part:part + 6]) for part in range(0, 30, 6)]))
        else:
            x = np.unique(recomputed.deciding_inputs(grid if bits < 8 else grid[grid >= 0]))
        numbers = np.concatenate([x, -x[-9:], [-0.0, 0.0, np.inf, -np.inf, 1e-45, -1e-45, 3.4028234663852886e38]]).astype(F32)
        options = "" if bits > 8 else " --scale 1"
        yield case(name + options, numbers, cast(numbers, dtype).astype(F32))
        yield case(name + options + " --codes", numbers, code_words(cast(numbers, dtype)))
        yield case(name + options, [np.nan, 1], [np.nan, 1])


def matrix(rows, columns, seed):
    """Multiplicative hashes, cubed so that sizes differ: the same with every numpy."""
    uniform = (np.arange(rows * columns) + 1000 * seed) * 2654435761 % 2**32 / 2**31 - 1
    x = (9 * uniform**3).astype(F32).reshape(rows, columns)
    x[1] = 0
    x[1, ::2] = -0.0
    x[2, :3] = [2.0**-149, -(2.0**-149), 2.0**-130]
    return x


def scaled(command, x, grouped, scale, grid):
    return case(command, x, recomputed.scaled(grouped, scale, grid).reshape(np.shape(x)), scale)


def integers():
    x = matrix(5, 12, 1)
    for name in ("int2", "int4", "int8", "int16", "sint4", "ternary"):
        grid = GRIDS[name]
        for granularity, rows in (("tensor", x.reshape(1, -1)), ("channel", x), ("block4", x.reshape(-1, 4))):
            yield scaled(f"{name}/{granularity}", x, rows, recomputed.scale_absmax(rows, grid), grid)
        for one in (0.1, -3e38, 0.0, 2.0**-149):
            number = F32([[one]])
            yield scaled(name, number, number, recomputed.scale_absmax(number, grid), grid)
        ties = np.unique(recomputed.deciding_inputs(np.arange(-9.0, 10)))
        yield case(f"{name} --scale 1", ties, grid.rounded(ties))
        if name != "int16":
            yield case(f"{name} --scale 1 --codes", ties, [str(int(q)) for q in grid.rounded(ties)])
    spoiled = F32([[1, 2, np.inf, 4], [7, -3.5, np.nan, 1], [1, 2, 3, -7]])
    scale = F32([np.inf, 1, 1])
    expected = F32([[np.nan] * 4, [7, -4, np.nan, 1], [1, 2, 3, -7]])
    yield case("int4/channel", spoiled, expected, scale)


def blocks():
    x = matrix(3, 80, 2) * np.exp2([[0], [0], [30]]).astype(F32)
    parts = [x[:, :32], x[:, 32:64], x[:, 64:]]
    for name, info in MX.items():  # gfloat
        groups = [part[row].astype(np.float64) for row in range(3) for part in parts]
        rounded = [gfloat.block.quantize_block(info, group, gfloat.block.compute_scale_amax) for group in groups]
        scales = [float(gfloat.block.compute_scale_amax(info.etype.emax, group)) for group in groups]
        yield case(f"{name}/block32:e8m0", x, np.concatenate(rounded).reshape(3, 80), scales)
    groups = x[:, :48].reshape(-1, 16)
    for name, fraction_bits in FRACTION_BITS.items():
        for spelling, mode in MODES.items():
            scale = recomputed.scale_e8m0(groups, GRIDS[name], fraction_bits, mode)
            yield scaled(f"{name}/block16:{spelling}", x[:, :48], groups, scale, GRIDS[name])
    for part in (x, x[:2], x[1:2]):
        groups = part.reshape(-1, 16)
        yield scaled("e2m1/block16:e4m3", part, groups, recomputed.scale_nvfp4(groups), GRIDS["e2m1"])
    for name in SMALL:
        yield scaled(f"{name}/channel", x, x, recomputed.scale_absmax(x, GRIDS[name]), GRIDS[name])


def made():
    head = "# Made by make.py with the libraries of ../requirements.txt. Not to be edited."
    texts = {f"{family.__name__}.txt": "\n".join([head, "", *(line for one in family() for line in one)]).rstrip("\n") + "\n"
             for family in (casts, integers, blocks)}
    texts["SHA256SUMS"] = "".join(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in texts.items())
    return texts


if "--check" in sys.argv:
    differing = [name for name, text in made().items() if (FOLDER / name).read_text() != text]
    print("\n".join(f"{name} is not what make.py writes" for name in differing) or "the frozen vectors are what make.py writes")
    sys.exit(bool(differing))
for name, text in made().items():
    (FOLDER / name).write_text(text)
